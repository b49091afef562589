/** Readers that go, signals, programs that hang, and two commands at once: each in real processes. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { fixturePath } from '../../development/formula.ts';
import { startTddfa, tddfaCommand } from '../../development/tddfa-process.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { VideoFileError } from '../../src/errors.ts';
import { readVideo } from '../../src/video-files/read-video.ts';
import { writeVideo } from '../../src/video-files/write-video.ts';
import { describeWithFfmpeg } from '../support/ffmpeg.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const PHOTO = join(repositoryRoot, 'examples', 'astronaut.png');
const environment = { ...process.env, NODE_OPTIONS: '' };

/** Runs a line of shell in which `tddfa` is the command. */
function shell(line: string): { status: number | null; stderr: string } {
  const script = `tddfa() { ${tddfaCommand()
    .map((word) => `'${word}'`)
    .join(' ')} "$@"; }; ${line}`;
  const { status, stderr } = spawnSync('bash', ['-c', script], {
    cwd: repositoryRoot,
    env: environment,
    encoding: 'utf8',
  });
  return { status, stderr };
}

describeWithFfmpeg('a reader that goes', () => {
  test('takes no film along', async () => {
    const film = temporary('film.mp4');
    const frames = Array.from({ length: 6 }, () => PHOTO).join(' ');
    const { status, stderr } = shell(
      `tddfa video ${frames} --out ${film} --json - | head -c 10 >&2; exit \${PIPESTATUS[0]}`,
    );
    expect([status, stderr.slice(0, 10)]).toEqual([0, expect.stringMatching(/^\{"/)]);
    expect((await readVideo(film)).frameCount).toBe(6);
  });

  test('an encoder that hangs is ended, and so is one that never ends', async () => {
    const folder = temporary('hanging');
    mkdirSync(folder);
    for (const [name, script] of [
      ['ffmpeg', 'case "$*" in *-encoders*) echo libx264;; *) exec sleep 1000;; esac'],
      ['ffprobe', 'exec sleep 1000'],
    ] as const) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(folder, name), 0o755);
    }
    const sink = writeVideo(temporary('never.mp4'), { frameRate: 25, ffmpegFolder: folder, idleTimeoutMs: 1000 });
    // More than a pipe holds.
    const frame = { width: 1000, height: 1000, data: new Uint8Array(4_000_000) };
    const writing = sink.write(frame);
    await expect(writing).rejects.toThrow(VideoFileError);
    await expect(writing).rejects.toThrow('never.mp4: ffmpeg did nothing for 1 s and was terminated');
    await sink.abort();
    expect(existsSync(temporary('never.mp4'))).toBe(false);
    const probing = readVideo(temporary('film.mp4'), { ffmpegFolder: folder, idleTimeoutMs: 500 });
    await expect(probing).rejects.toThrow('ffprobe did nothing for 0.5 s and was terminated');
  });
});

describe('signals', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends align in a line, without a file', async (signal) => {
    const folder = temporary(signal);
    mkdirSync(folder);
    const photos = Array.from({ length: 200 }, () => PHOTO);
    const { child, ended } = startTddfa([
      'align',
      ...photos,
      '--out',
      folder,
      '--draw',
      'render',
      '--json',
      join(folder, 'a.json'),
    ]);
    const watch = setInterval(() => {
      if (readdirSync(folder).length === 0) return;
      // A second one would end it at once.
      clearInterval(watch);
      child.kill(signal);
    }, 20);
    const { status, stderr } = await ended;
    clearInterval(watch);
    expect([status, stderr]).toEqual([130, 'tddfa: interrupted\n']);
    expect(readdirSync(folder).filter((name) => !/^astronaut(-\d+)?\.render\.png$/.test(name))).toEqual([]);
  });
});

describe('two at once', () => {
  test('no pack loses the model that another process adds', async () => {
    const out = temporary('both', 'pack');
    const convert = (name: string) =>
      startTddfa([
        ...['convert', fixturePath('checkpoints', 'ema.pth.gz'), '--mean-std', fixturePath('checkpoints', 'row.mat')],
        ...['--name', name, '--out', out, '--no-base'],
      ]).ended;
    const results = await Promise.all(['one', 'two', 'three'].map(convert));
    expect(results.map(({ status }) => status)).toEqual([0, 0, 0]);
    const pack = await openPack(fileWeights(out));
    await pack.verify();
    expect(
      pack
        .modelsOf('regressor')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['one', 'three', 'two']);
    expect(readdirSync(temporary('both'))).toEqual(['pack']);
  });
});

describe('where nothing can be written', () => {
  test.each(['align', 'convert'])('%s names the path', async (command) => {
    writeFileSync(temporary('file'), 'x');
    const args =
      command === 'align'
        ? ['align', PHOTO, '--json', temporary('file', 'a.json')]
        : [
            'convert',
            fixturePath('checkpoints', 'ema.pth.gz'),
            '--mean-std',
            fixturePath('checkpoints', 'row.mat'),
            '--out',
            temporary('file', 'pack'),
          ];
    const { status, stderr } = await startTddfa(args).ended;
    expect(status).toBe(1);
    expect(stderr).toContain(`tddfa: cannot write ${args.at(-1)}: a part of the path is a file, not a folder\n`);
  });
});
