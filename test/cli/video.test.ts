import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger, WebIO } from '@gltf-transform/core';
import { beforeAll, describe, expect, test } from '@jest/globals';
import validator from 'gltf-validator';
import * as v from 'valibot';
import { interleave, readTracking } from '../../development/reference.ts';
import { startTddfa } from '../../development/tddfa-process.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { blackFrame, cutPortrait, scene } from '../../development/video-scene.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import { writeImage } from '../../src/image-files/write-image.ts';
import { createFaceAligner, createFaceRefiner, createFaceTracker } from '../../src/node.ts';
import { DRAWINGS } from '../../src/results/drawings.ts';
import { FoundFace } from '../../src/results/found-face.ts';
import { type VideoFrameEntry, videoFrameSchema } from '../../src/results/video-document.ts';
import type { AlignedFace } from '../../src/types.ts';
import { readVideo } from '../../src/video-files/read-video.ts';
import { expectClose } from '../support/expect-close.ts';
import { describeWithFfmpeg } from '../support/ffmpeg.ts';
import { runCliWithFileLimit } from '../support/file-size-limit.ts';
import { type CliResult, type CliTestOptions, runCli } from '../support/run-cli.ts';
import { describeWithShared, repositoryRoot, sharedPath } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** Lines of JSON, each of which is what the schema says. */
const parse = (text: string): VideoFrameEntry[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => v.parse(videoFrameSchema, JSON.parse(line)));

/** Px; 0.0007 was measured. */
const LANDMARK_MAX_ABS = 0.002;

describe('tddfa video, used wrongly', () => {
  const inFolder = useTemporaryFolder();

  test.each([
    ['--draw needs --out', ['a.mp4', '--draw', 'boxes'], /--draw: needs --out/],
    [
      'an unknown drawing',
      ['a.mp4', '--out', 'b.mp4', '--draw', 'hats'],
      /--draw: there is no 'hats'; choose from landmarks/,
    ],
    ['a range that is none', ['a.mp4', '--start', '5', '--end', '4'], /--end: expected at least --start \(5\), got 4/],
    ['a frame that is no number', ['a.mp4', '--start', 'x'], /expected a whole number of at least 0, got 'x'/],
    ['a mesh that no film has', ['a.mp4', '--mesh', 'obj'], /--mesh.*Allowed choices are glb/],
    ['an unknown mode', ['a.mp4', '--mode', 'best'], /Allowed choices are robust, upstream/],
    ['a frame rate of a video', ['a.mp4', '--frame-rate', '25'], /--frame-rate: only for pictures/],
  ])('%s', async (_, args, words) => {
    const { status, stdout, stderr } = await runCli(['video', ...args]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(words);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test.each([
    ['a file that is not there', ['nowhere.mp4'], /nowhere\.mp4: no such file/],
    ['a folder without pictures', ['.'], /there are no pictures in this folder/],
    ['a pattern without files', ['%05d.png'], /no file matches this pattern/],
  ])('%s', async (_, [input = ''], words) => {
    const { status, stdout, stderr } = await runCli(['video', inFolder(input)]);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(words);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('tddfa video with the open pack', () => {
  const inFolder = useTemporaryFolder();

  test('draws depth and PNCC as on a photo, on black where asked', async () => {
    const photo = join(repositoryRoot, 'examples', 'astronaut.png');
    await mkdir(inFolder('still'));
    await copyFile(photo, inFolder('still', '0.png'));
    const image = await readImage(photo);
    const aligner = await createFaceAligner();
    try {
      for (const kind of ['depth', 'pncc'] as const) {
        const out = ['--out', inFolder(kind), '--json', inFolder(`${kind}.jsonl`)];
        const looks = ['--draw', kind, '--background', 'black', '--smoothing', 'none'];
        expect(await runCli(['video', inFolder('still'), ...out, ...looks])).toMatchObject({ status: 0, stderr: '' });
        const { faces } = v.parse(videoFrameSchema, JSON.parse(await readFile(inFolder(`${kind}.jsonl`), 'utf8')));
        const found = faces.map(
          ({ roiBox, params }) => new FoundFace(aligner, { roiBox, params: Float32Array.from(params) }),
        );
        const expected = DRAWINGS[kind].draw(image, found, aligner, { background: 'black' });
        const frame = await readImage(inFolder(kind, '000000.png'));
        expect(found).toHaveLength(1);
        expect(Buffer.from(frame.data).equals(Buffer.from(expected.data))).toBe(true);
      }
    } finally {
      aligner.dispose();
    }
  });

  describeWithFfmpeg('from pipes, and cut off', () => {
    function makeFilm(name: string, args: readonly string[]): string {
      const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=25', '-pix_fmt', 'yuv420p'];
      const made = spawnSync('ffmpeg', ['-v', 'error', '-y', ...source, ...args, inFolder(name)], { encoding: 'utf8' });
      if (made.status !== 0) throw new Error(made.stderr);
      return inFolder(name);
    }

    test('a named pipe and stdin are films, called as they were given', async () => {
      const pipe = inFolder('pipe');
      spawnSync('mkfifo', [pipe]);
      for (const film of [
        makeFilm('piped.mp4', ['-frames:v', '10']),
        makeFilm('piped.gif', ['-frames:v', '10', '-pix_fmt', 'rgb8']),
        makeFilm('piped.png', ['-frames:v', '10', '-f', 'apng', '-pix_fmt', 'rgb24']),
        makeFilm('piped.webp', ['-frames:v', '10', '-lossless', '0', '-quality', '50', '-compression_level', '0']),
      ]) {
        const writer = spawn('sh', ['-c', 'cat "$0" > "$1"', film, pipe]);
        const written = new Promise((resolve) => writer.on('exit', resolve));
        const throughPipe = await runCli(['video', pipe]);
        expect(await written).toBe(0);
        expect(throughPipe).toMatchObject({ status: 0, stderr: '' });
        const { stdout } = await runCli(['video', film, '--json', '-']);
        const count = parse(stdout).length;
        // The encoder of WebP joins what is nearly the same.
        expect(count).toBeGreaterThanOrEqual(film.endsWith('webp') ? 2 : 10);
        expect(throughPipe.stdout).toContain(`${pipe}  64x48  ${count} frames`);
        const throughStdin = await runCli(['video', '-'], { stdin: await readFile(film) });
        expect(throughStdin).toMatchObject({ status: 0, stderr: '' });
        expect(throughStdin.stdout).toContain(`stdin  64x48  ${count} frames`);
      }
      const list = await runCli(['video', '-'], { stdin: Buffer.from('#EXTM3U\nfilm.ts\n') });
      expect(list).toEqual({
        status: 1,
        stdout: '',
        stderr: 'tddfa: stdin: this is an HLS or M3U playlist, not a video; nothing it refers to is opened\n',
      });
    });

    test('waiting for a pipe that nobody writes to can be ended', async () => {
      const pipe = inFolder('silent-pipe');
      spawnSync('mkfifo', [pipe]);
      const ended = await runCli(['video', pipe], { signal: AbortSignal.timeout(200) });
      expect(ended.status).not.toBe(0);
    });

    test('a film that ends early keeps its frames, and ends with a line and status 1', async () => {
      const film = makeFilm('early.mp4', ['-frames:v', '100', '-movflags', '+faststart']);
      await truncate(film, Math.round((await readFile(film)).length * 0.6));
      const lines = inFolder('early.jsonl');
      const { status, stderr } = await runCli(['video', film, '--json', lines]);
      expect(status).toBe(1);
      const [, count] =
        /: the video ends early, after (\d+) of 100 frames[^\n]*; .*early\.jsonl ends there\n$/.exec(stderr) ?? [];
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(Number(count)).toBeGreaterThan(0);
      expect(parse(await readFile(lines, 'utf8'))).toHaveLength(Number(count));
    });
  });

  test('refuses what is no overlay', async () => {
    const args = ['video', inFolder('still'), '--out', inFolder('none'), '--draw', 'frontal'];
    expect(await runCli(args)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--draw: there is no 'frontal'; /),
    });
  });

  test('--refine acts and looks as an aligner that refines does, in a film as in a photo', async () => {
    const photo = join(repositoryRoot, 'examples', 'astronaut.png');
    await mkdir(inFolder('looked'));
    for (const name of ['0.png', '1.png']) await copyFile(photo, inFolder('looked', name));
    type Acting = Pick<VideoFrameEntry['faces'][number], 'expressions' | 'gaze'>;
    // JSON has nine digits of each number, which are the same float32.
    const exact = (acting: Acting): Acting =>
      JSON.parse(JSON.stringify(acting), (_, value) => (typeof value === 'number' ? Math.fround(value) : value));
    const acts = ({ expressions, gaze }: Acting): Acting => exact({ expressions, gaze });
    const printed = async (args: readonly string[]): Promise<Acting[]> => {
      const { status, stdout, stderr } = await runCli(args);
      expect([status, stderr]).toEqual([0, '']);
      const lines = args[0] === 'video' ? parse(stdout) : JSON.parse(stdout).images;
      return lines.flatMap(({ faces }: { faces: readonly Acting[] }) => faces.map(acts));
    };
    const image = await readImage(photo);
    const aligner = await createFaceAligner({ refine: createFaceRefiner });
    try {
      const shown = (face: AlignedFace): Acting =>
        exact({ expressions: aligner.expressions(face), gaze: aligner.gaze(face) });
      const inPhoto = await printed(['align', photo, '--json', '-', '--refine']);
      expect(inPhoto).toHaveLength(1);
      expect(inPhoto).toEqual((await aligner.align(image, await aligner.detect(image))).map(shown));

      const tracker = createFaceTracker(aligner, { smoothing: 'none' });
      const followed = [await tracker.next(image, 0), await tracker.next(image, 40)].flat();
      const film = ['video', inFolder('looked'), '--smoothing', 'none', '--json', '-'];
      expect(followed).toHaveLength(2);
      expect(await printed([...film, '--refine'])).toEqual(followed.map(shown));

      const [plain] = await printed(['align', photo, '--json', '-']);
      expect(Object.keys(plain?.expressions ?? {})).toHaveLength(52);
      expect(plain?.expressions).not.toEqual(inPhoto[0]?.expressions);
      expect(plain?.gaze).not.toEqual(inPhoto[0]?.gaze);
    } finally {
      aligner.dispose();
    }
  });

  test('writes the faces of a film as meshes that move, beside the video or here', async () => {
    const photo = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
    const portrait = cutPortrait(photo, { xMin: 170, yMin: 50, xMax: 280, yMax: 190 }, 150);
    await mkdir(inFolder('walk'));
    for (let frame = 0; frame < 6; frame++) {
      const picture = scene(320, 240, [{ portrait, x: 100 + 10 * frame, y: 120 }]);
      await writeImage(inFolder('walk', `${frame}.png`), picture);
    }
    const out = ['--out', inFolder('drawn', '%03d.png'), '--json', inFolder('walk.jsonl')];
    const { status, stdout, stderr } = await runCli(['video', inFolder('walk'), ...out, '--mesh', 'glb']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const path = inFolder('drawn', 'walk.glb');
    expect(stdout).toContain(`  wrote ${path}\n`);
    const bytes = new Uint8Array(await readFile(path));
    expect((await validator.validateBytes(bytes)).issues).toMatchObject({ numErrors: 0, numWarnings: 0 });
    const root = (await new WebIO().setLogger(new Logger(Logger.Verbosity.SILENT)).readBinary(bytes)).getRoot();
    const [animation] = root.listAnimations();
    const values = (property: string): number[] => {
      const channel = animation?.listChannels().find((one) => one.getTargetPath() === property);
      return [...(channel?.getSampler()?.getOutput()?.getArray() ?? [])];
    };
    const lines = (await readFile(inFolder('walk.jsonl'), 'utf8')).trim().split('\n');
    const faces = lines.map((line) => v.parse(videoFrameSchema, JSON.parse(line)).faces[0]);
    const targets: string[] = root.listMeshes()[0]?.getExtras().targetNames as string[];
    expect(values('weights')).toHaveLength(6 * targets.length);
    const jaw = targets.indexOf('jawOpen');
    for (const [i, face] of faces.entries()) {
      expect(values('weights')[i * targets.length + jaw]).toBeCloseTo(face?.expressions?.jawOpen ?? NaN, 3);
    }
    // The face walks to the right, 50 px of which 110 are its width.
    const places = values('translation');
    expect(places[15] - (places[0] ?? NaN)).toBeGreaterThan(0.03);
    expect(places[15] - (places[0] ?? NaN)).toBeLessThan(0.12);
  });

  test('a film without a face gives no mesh, and says so', async () => {
    await mkdir(inFolder('empty'));
    await writeImage(inFolder('empty', '0.png'), blackFrame(160, 120));
    const args = ['--mesh', 'glb', '--out', inFolder('nothing'), '--json', inFolder('empty.jsonl')];
    const { status, stderr } = await runCli(['video', inFolder('empty'), ...args]);
    expect([status, stderr]).toEqual([
      1,
      `tddfa: ${inFolder('empty')}: no face found, so ${inFolder('nothing', 'empty.glb')} was not written\n`,
    ]);
    expect(existsSync(inFolder('nothing', 'empty.glb'))).toBe(false);
    expect((await readFile(inFolder('empty.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(1);
  });
});

describeWithShared('tddfa video', () => {
  const inFolder = useTemporaryFolder();
  let pack: string;
  const photos: string[] = [];

  beforeAll(async () => {
    pack = await upstreamPack();
    await mkdir(inFolder('frames'));
    const portrait = await readImage(sharedPath('photos', 'JianzhuGuo.jpg'));
    for (let i = 0; i < 4; i++) {
      photos.push(inFolder('frames', `${i + 8}.png`));
      await writeImage(photos[i] ?? '', portrait);
    }
  });

  const video = (args: readonly string[], options: CliTestOptions = {}): Promise<CliResult> =>
    runCli(['video', '--weights', pack, ...args], options);

  test('pictures in, pictures and JSON out, without ffmpeg', async () => {
    const out = inFolder('drawn');
    const { status, stdout, stderr } = await video(
      [
        inFolder('frames'),
        '--out',
        out,
        '--json',
        inFolder('frames.jsonl'),
        '--draw',
        'landmarks,pose,boxes',
        '--frame-rate',
        '10',
      ],
      { env: { TDDFA_FFMPEG: inFolder('nowhere') } },
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /frames {2}413x551 {2}4 frames, [\d.]+ a second {2}1 face\n {2}wrote .*drawn\n {2}wrote .*frames\.jsonl\n$/,
    );
    expect((await readdir(out)).sort()).toEqual([0, 1, 2, 3].map((i) => `00000${i}.png`));
    const drawn = await readImage(inFolder('drawn', '000003.png'));
    const photo = await readImage(photos[0] ?? '');
    expect([drawn.width, drawn.height]).toEqual([photo.width, photo.height]);
    expect(Buffer.from(drawn.data).equals(Buffer.from(photo.data))).toBe(false);
    const lines = parse(await readFile(inFolder('frames.jsonl'), 'utf8'));
    expect(
      lines.map(({ frame, timeMs, faces }) => [frame, timeMs, ...faces.map(({ id, how }) => `${id} ${how}`)]),
    ).toEqual([
      [0, 0, '0 detect+refine'],
      [1, 100, '0 track'],
      [2, 200, '0 track'],
      [3, 300, '0 track'],
    ]);
  });

  test('patterns and lists of pictures, and a range of them', async () => {
    const range = ['--start', '1', '--end', '2', '--json', '-'];
    const results = [await video([inFolder('frames', '%d.png'), ...range]), await video([...photos, ...range])];
    for (const { status, stdout } of results) {
      expect(status).toBe(0);
      expect(parse(stdout).map(({ frame, timeMs }) => [frame, timeMs])).toEqual([
        [1, 40],
        [2, 80],
      ]);
    }
    const numbered = await video([...photos, '--start', '2', '--out', inFolder('numbered', 'f%03d.png')]);
    expect(numbered.status).toBe(0);
    expect((await readdir(inFolder('numbered'))).sort()).toEqual(['f002.png', 'f003.png']);
  });

  test('one picture for many frames is refused', async () => {
    const { status, stderr } = await video([...photos, '--out', inFolder('one.png')]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('is one picture for many frames')]);
  });

  test('a picture that is damaged ends it, and leaves no half JSON', async () => {
    await mkdir(inFolder('damaged'));
    await writeImage(inFolder('damaged', '1.png'), await readImage(photos[0] ?? ''));
    await writeFile(inFolder('damaged', '2.png'), 'no picture');
    const { status, stderr } = await video([inFolder('damaged'), '--json', inFolder('damaged.jsonl')]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tddfa: .*2\.png: this is not a picture that can be read[^\n]*\n$/);
    expect((await readdir(inFolder())).filter((name) => name.startsWith('damaged.jsonl'))).toEqual([]);
  });

  test('shows frames per second and the time left on a terminal', async () => {
    const { status, stderr } = await video([...photos, '--json', '-'], { isTTY: true });
    expect(status).toBe(0);
    expect(stderr).toMatch(/frames\/s, \d+:\d\d left/);
  });

  describeWithFfmpeg('with ffmpeg', () => {
    const film = sharedPath('photos', 'obama.mp4');

    /** The film's first five frames, by the original's rule. */
    let upstreamLines: readonly VideoFrameEntry[];
    beforeAll(async () => {
      const { status, stdout } = await video([film, '--mode', 'upstream', '--end', '4', '--json', '-']);
      expect(status).toBe(0);
      upstreamLines = parse(stdout);
    });

    test('mode upstream is what the original does', () => {
      expect(upstreamLines).toHaveLength(5);
      const { frames } = readTracking();
      for (const { frame, timeMs, faces } of upstreamLines) {
        expect(timeMs).toBe(40 * frame);
        expect(faces.map(({ how }) => how)).toEqual([frames[frame]?.how]);
        const expected = interleave(frames[frame]?.landmarks ?? []);
        expectClose((faces[0]?.landmarks ?? []).flat(), expected, { maxAbs: LANDMARK_MAX_ABS });
      }
    });

    test('the mean smooths landmarks over frames before and after', async () => {
      const range = ['--mode', 'upstream', '--end', '3', '--json', '-'];
      const raw = upstreamLines;
      const smooth = parse((await video([film, ...range, '--smoothing', 'mean', '--frames-after', '2'])).stdout);
      expect(smooth.map(({ frame }) => frame)).toEqual([0, 1, 2, 3]);
      const xOf = (lines: readonly VideoFrameEntry[], k: number): number =>
        lines[Math.max(0, Math.min(3, k))]?.faces[0]?.landmarks?.[30]?.[0] ?? Number.NaN;
      for (let k = 0; k < 4; k++) {
        const mean = (xOf(raw, k - 1) + xOf(raw, k) + xOf(raw, k + 1) + xOf(raw, k + 2)) / 4;
        expect(xOf(smooth, k)).toBeCloseTo(mean, 3);
      }
    });

    test('draws a video, with the rate and the sound of the original', async () => {
      const out = inFolder('drawn.mp4');
      const args = [film, '--start', '10', '--end', '13', '--out', out, '--draw', 'render,points', '--lock-identity'];
      const { status, stdout, stderr } = await video(args);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/1280x720 {2}4 frames/);
      const source = await readVideo(out);
      expect(source).toMatchObject({ exactFrameRate: '25/1', frameCount: 4, audioCodec: 'aac' });
      const silent = await video([film, '--end', '1', '--out', inFolder('silent.mp4'), '--no-audio']);
      expect(silent.status).toBe(0);
      expect((await readVideo(inFolder('silent.mp4'))).hasAudio).toBe(false);
    });

    test('frames that come irregularly keep their times, in the film too', async () => {
      const irregular = inFolder('irregular.mp4');
      const slow = ['-vf', "setpts='(3*N+mod(N,3))/75/TB'", '-vsync', 'passthrough', '-enc_time_base', '1/1000'];
      const made = spawnSync('ffmpeg', ['-v', 'error', '-i', film, '-frames:v', '8', '-an', ...slow, irregular]);
      expect(made.status).toBe(0);
      const out = inFolder('irregular-drawn.mp4');
      const lines = inFolder('irregular.jsonl');
      const { status } = await video([irregular, '--start', '1', '--out', out, '--json', lines]);
      expect(status).toBe(0);
      const times = parse(await readFile(lines, 'utf8')).map(({ frame, timeMs }) => [frame, Math.round(timeMs)]);
      expect(times).toEqual([1, 2, 3, 4, 5, 6, 7].map((i) => [i, Math.round(((3 * i + (i % 3)) * 1000) / 75)]));
      const drawn = await readVideo(out);
      const seconds = (drawn.frameCount ?? 0) / drawn.frameRate;
      expect(Math.abs(seconds - (22 - 4) / 75 - 1 / drawn.frameRate)).toBeLessThan(1.01 / drawn.frameRate);
    });

    test.each([
      ['two interrupts end it at once and leave nothing', ['SIGINT', 'SIGTERM'], []],
      ['SIGTERM finishes it as Ctrl-C does', ['SIGTERM'], ['a.jsonl', 'a.mp4']],
    ] as const)('%s', async (_, signals, left) => {
      const folder = inFolder(`signals-${signals.length}`);
      await mkdir(folder);
      const args = [film, '--out', join(folder, 'a.mp4'), '--json', join(folder, 'a.jsonl'), '--weights', pack];
      const { child, ended } = startTddfa(['video', ...args]);
      while (!unfinished(folder)) await new Promise((resolve) => setTimeout(resolve, 10));
      for (const signal of signals) child.kill(signal);
      expect((await ended).status).toBe(130);
      expect((await readdir(folder)).sort()).toEqual(left);
    });

    test('an interrupt finishes the video with what there is', async () => {
      const folder = inFolder('interrupted');
      await mkdir(folder);
      const controller = new AbortController();
      // Frames are on their way as soon as the unfinished file is there.
      const watch = setInterval(() => {
        if (existsSync(inFolder('interrupted', 'lines.jsonl')) || unfinished(folder)) controller.abort();
      }, 20);
      try {
        const { status, stderr } = await video(
          [film, '--out', inFolder('interrupted', 'part.mp4'), '--json', inFolder('interrupted', 'lines.jsonl')],
          { signal: controller.signal },
        );
        expect(status).toBe(130);
        const count = Number(/^tddfa: interrupted after (\d+) frames; .* and .* end there\n$/.exec(stderr)?.[1]);
        expect(count).toBeGreaterThan(0);
        expect(count).toBeLessThan(55);
        expect((await readdir(folder)).sort()).toEqual(['lines.jsonl', 'part.mp4']);
        expect(parse(await readFile(inFolder('interrupted', 'lines.jsonl'), 'utf8'))).toHaveLength(count);
        expect((await readVideo(inFolder('interrupted', 'part.mp4'))).frameCount).toBe(count);
      } finally {
        clearInterval(watch);
      }
    });

    test('a film that is cut short, or has no such frame, is one line of error and no file', async () => {
      const cut = inFolder('cut.mp4');
      expect(
        spawnSync('ffmpeg', ['-v', 'error', '-i', film, '-c', 'copy', '-movflags', '+faststart', cut]).status,
      ).toBe(0);
      await truncate(cut, 300_000);
      await mkdir(inFolder('empty'));
      for (const [args, words] of [
        [[cut], /cut\.mp4: /],
        [[film, '--start', '900'], /obama\.mp4: there are no frames in this range/],
      ] as const) {
        const { status, stderr } = await video([
          ...args,
          ...['--out', inFolder('empty', 'a.mp4'), '--json', inFolder('empty', 'a.jsonl')],
        ]);
        expect(status).toBe(1);
        expect(stderr).toMatch(words);
        expect(stderr.trim().split('\n')).toHaveLength(1);
        expect(await readdir(inFolder('empty'))).toEqual([]);
      }
    });

    test('ffmpeg that is missing is one line', async () => {
      const { status, stderr } = await video([film], { env: { TDDFA_FFMPEG: inFolder('nowhere') } });
      expect(status).toBe(1);
      expect(stderr).toMatch(/^tddfa: .*obama\.mp4: ffprobe is required for videos but was not found.*\n$/);
    });

    test('a disk that fills is one line, and leaves nothing', async () => {
      const folder = inFolder('disk');
      await mkdir(folder);
      for (const args of [
        ['--end', '20', '--out', join(folder, 'a.mkv')],
        ['--end', '9', '--out', join(folder, '%d.png')],
        ['--end', '90', '--json', join(folder, 'a.jsonl')],
      ]) {
        const { status, stderr } = runCliWithFileLimit(64, ['video', film, '--weights', pack, ...args]);
        expect(status).toBe(1);
        expect(stderr).toMatch(/^tddfa: [^\n]*the file is too large for the system\n$/);
        expect(await readdir(folder)).toEqual([]);
      }
    });
  });
});

/** Whether a folder holds a file that is being written. */
function unfinished(folder: string): boolean {
  return readdirSync(folder).some((name) => name.includes('.tmp'));
}
