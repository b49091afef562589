/** Commands that write files: into a folder that there is not yet, one that nothing can be written to, and through a file. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { fixturePath } from '../../development/formula.ts';
import { writeCommandInputs } from '../support/command-inputs.ts';
import { describeWithFfmpeg } from '../support/ffmpeg.ts';
import { formulaPack } from '../support/formula-pack.ts';
import { runCli } from '../support/run-cli.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();
/** A file system in which nobody makes folders, not even the administrator. */
const SYSTEM = '/sys';
let pack = '';

beforeAll(async () => {
  pack = await formulaPack();
  writeCommandInputs(at);
  writeFileSync(at('file'), 'x');
});

/** A command, and the file or folder that it writes, in a folder. */
type Writer = readonly [name: string, written: string, args: (path: string) => readonly string[]];

const align = (...flags: readonly string[]) => ['align', at('photos/a.png'), '--boxes', at('boxes.json'), ...flags];
const evaluate = (...flags: readonly string[]) => [
  ...['eval', '--data', at('photos'), '--annotations', at('marks.json'), ...flags],
];

const WRITERS: readonly Writer[] = [
  ['align --draw', 'out', (path) => align('--draw', 'landmarks', '--out', path)],
  ['align --mesh', 'out', (path) => align('--mesh', 'obj', '--out', path)],
  ['align --json', 'a.json', (path) => align('--json', path)],
  ['align --jsonl', 'a.jsonl', (path) => align('--jsonl', path)],
  ['align --csv', 'a.csv', (path) => align('--csv', path)],
  ['align --coco', 'a.json', (path) => align('--coco', path)],
  ['align --pts', 'points', (path) => align('--pts', path)],
  ['video --json', 'a.jsonl', (path) => ['video', at('photos'), '--json', path]],
  ['video --out, a folder', 'frames/', (path) => ['video', at('photos'), '--out', path]],
  ['eval --json', 'a.json', (path) => evaluate('--json', path)],
  ['eval --plot', 'a.svg', (path) => evaluate('--plot', path)],
  [
    'convert',
    'converted',
    (path) => [
      ...['convert', fixturePath('checkpoints', 'ema.pth.gz'), '--mean-std', fixturePath('checkpoints', 'row.mat')],
      ...['--no-base', '--out', path],
    ],
  ],
  [
    'quantize',
    'quantized',
    (path) => ['quantize', pack, '--calibrate', at('photos'), '--only', 'mb025', '--out', path],
  ],
  ['bench --json', 'a.json', (path) => ['bench', '--only', 'priors', '--json', path]],
];

const FILMS: readonly Writer[] = [['video --out', 'a.mp4', (path) => ['video', at('photos'), '--out', path]]];
const PULLS: readonly Writer[] = [
  [
    'weights pull --out',
    'pulled',
    (path) => [
      ...['weights', 'pull', '--accept-licence', '--from', sharedPath('upstream'), '--only', 'faceboxes'],
      ...['--out', path],
    ],
  ],
];

function tests(writers: readonly Writer[]): void {
  test.each(writers)('%s', async (_name, written, args) => {
    const env = { TDDFA_WEIGHTS: pack, TDDFA_CACHE: at('cache') };
    const fresh = at('made', 'folder');
    const { status, stderr } = await runCli(args(join(fresh, written)), { env });
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('tddfa:')]);
    expect(readdirSync(fresh)).toEqual([basename(written)]);
    rmSync(at('made'), { recursive: true });

    for (const [folder, reason] of [
      [join(SYSTEM, 'tddfa'), 'permission denied'],
      [at('file'), 'a part of the path is a file, not a folder'],
    ] as const) {
      const path = join(folder, written);
      const refused = await runCli(args(path), { env });
      expect(refused.status).toBe(1);
      // Or a file in the folder that was named.
      expect(refused.stderr).toMatch(new RegExp(`(^|\\n)tddfa: [^\\n]*${folder}[^\\n]*: ${reason}\\n`));
      expect(existsSync(join(SYSTEM, 'tddfa'))).toBe(false);
    }
  });
}

describe('makes the folder, or names what it cannot write:', () => {
  tests(WRITERS);
});
describeWithFfmpeg('a film:', () => tests(FILMS));
describeWithShared("the original's weights:", () => tests(PULLS));
