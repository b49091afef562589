/**
 * `npm run fuzz:guards`: removes limits, one at a time and in a copy, and expects the fuzzer to notice within a minute. If it does
 * not notice that a limit is gone, it does not test that limit. Exits with 1 if there is such a limit. `-- pam` tries only the
 * limits of one parser.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Guard {
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly target: string;
}

const GUARDS: readonly Guard[] = [
  {
    what: 'layers that depend on themselves',
    file: 'src/engine/compiler/parse.ts',
    from: "if (state.get(name) === 'open')",
    to: 'if (state.size < 0)',
    target: 'layers-compiled',
  },
  {
    what: 'values that are described in a word',
    file: 'src/engine/weights/json-shape.ts',
    from: 'describeValue(value)',
    to: 'JSON.stringify(value)',
    target: 'pack',
  },
  {
    what: 'size of a picture',
    file: 'src/image-files/decode-image.ts',
    from: 'if (!(width * height <= maxPixels)) {',
    to: 'if (width < 0) {',
    target: 'bmp',
  },
  {
    what: 'control characters in errors',
    file: 'src/errors.ts',
    from: String.raw`.replace(/\p{Cc}+/gu, '\ufffd')`,
    to: '',
    target: 'pickle',
  },
  {
    what: 'header of a PAM picture',
    file: 'src/video-files/pam-splitter.ts',
    from: 'if (!(width * height <= MAX_FRAME_PIXELS)) {',
    to: 'if (width < 0) {',
    target: 'pam',
  },
  {
    what: 'names of part files in a queue',
    file: 'src/queue/picture-job.ts',
    from: String.raw`v.pipe(v.string(), v.regex(/^[\w-]+\.part\.jsonl$/))`,
    to: 'v.string()',
    target: 'redis-jobs',
  },
];

const root = fileURLToPath(new URL('../', import.meta.url));
const FOLDERS = ['converters', 'development', 'fuzz', 'src', 'test', 'package.json', 'tsconfig.json', 'weights'];

const only = process.argv[2] ?? '';
let unnoticed = 0;
for (const { what, file, from, to, target } of GUARDS.filter((guard) => guard.target === only || only === '')) {
  const copy = mkdtempSync(join(tmpdir(), 'tddfa-guards-'));
  for (const name of FOLDERS) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction');
  const text = readFileSync(join(copy, file), 'utf8');
  if (!text.includes(from)) throw new Error(`${file} does not contain '${from}'`);
  writeFileSync(join(copy, file), text.replace(from, to));
  const start = performance.now();
  const limits = ['--minutes', '1', '--failures', '1', '--hang', '20'];
  const args = ['--import', 'tsx', 'fuzz/main.ts', '--only', target, ...limits];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8' });
  const seconds = Math.round((performance.now() - start) / 1000);
  if (status === 1) console.log(`${what}: noticed after ${seconds} s: ${stdout.split('\n')[1]?.slice(0, 160)}`);
  else {
    console.log(`${what}: NOT noticed: ${stdout.trim()}`);
    unnoticed++;
  }
  rmSync(copy, { recursive: true, force: true });
}
process.exitCode = unnoticed > 0 ? 1 : 0;
