/**
 * `npm run mutate -- ROOM`: changes the code of a room (`engine`, `models`, `geometry`, `video`) in one place at a time and
 * reports which changes its tests notice. A change that none of them notices is a gap in the tests, or in the code: see
 * CONTRIBUTING.md.
 *
 * A whole room has thousands of mutants, so it takes a sample. For each mutant, the changed file and a test are bundled and run by
 * Jest's own parts, since starting Jest itself would take longer than most tests. Stryker was not tried.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join, posix, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Argument, Command } from 'commander';
import { build } from 'esbuild';
import { countFrom } from '../development/parse-count.ts';
import { repositoryRoot } from '../development/paths.ts';
import { randomNumbers } from '../development/random.ts';
import { type Mutant, mutantsOf } from './mutants.ts';
import { UNTELLABLE } from './mutate-untellable.ts';

const ROOMS = ['engine', 'models', 'geometry', 'video'] as const;
/** A test may take this many times as long as it takes without a change, and at least this much CPU time, before the change
 * counts as found. */
const SLOWDOWN = 4;
const SHORTEST_LIMIT_SECONDS = 30;
/** It may wait this many times as long for a processor that others use. */
const WAITING = 5;
/** For a test that has not been run before. */
const FIRST_LIMIT_SECONDS = 600;

const command = new Command('mutate')
  .addArgument(new Argument('<room>').choices(ROOMS))
  .option('--count <count>', 'mutants in the sample', countFrom(0), 80)
  .option('--seed <number>', 'which sample', countFrom(0), 1)
  .option(
    '--nearest <count>',
    'test files to try per mutant, starting with those that import its file most directly',
    countFrom(0),
    5,
  )
  .option('--only <numbers>', 'numbers of mutants within the sample, such as 3,17')
  .parse();
const [room] = command.processedArgs as [(typeof ROOMS)[number]];
const { count, seed, nearest, only } = command.opts<{ count: number; seed: number; nearest: number; only?: string }>();

const BACKENDS = ['wasm', 'cpu', 'webgl', 'webgpu', 'tensorflow'];
/** How a backend's entry is imported by name: a bundle contains it instead of having it alongside. */
const ENTRY_IMPORT = /import\([^()]*\bentry\)/;
const ENTRIES = BACKENDS.map((name) => `${name}: () => import('../backends/${name}.ts')`);

async function filesBelow(folder: string, ending: string): Promise<string[]> {
  const entries = await readdir(join(repositoryRoot, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(repositoryRoot, join(entry.parentPath, entry.name)))
    .sort();
}

/** Imports of files of this repository, found in their text alone. */
async function importsOf(path: string): Promise<string[]> {
  // What a test writes for another program may look like an import.
  const text = await readFile(join(repositoryRoot, path), 'utf8').catch(() => '');
  const specifiers = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) => match[1]);
  if (ENTRY_IMPORT.test(text)) specifiers.push(...BACKENDS.map((name) => `../backends/${name}.ts`));
  return specifiers
    .map((specifier) => posix.join(posix.dirname(path), specifier))
    .filter((name) => name.endsWith('.ts'));
}

/** The tests that import a file, directly or not: the room's own first; of those, the nearest; of those, the ones that import
 * least. */
async function testsByFile(tests: readonly string[]): Promise<(file: string) => string[]> {
  const known = new Map<string, Promise<string[]>>();
  const imports = (path: string): Promise<string[]> => {
    const found = known.get(path) ?? importsOf(path);
    known.set(path, found);
    return found;
  };
  const distances = new Map<string, Map<string, number>>();
  for (const test of tests) {
    const seen = new Map([[test, 0]]);
    for (const path of seen.keys()) {
      for (const next of await imports(path)) if (!seen.has(next)) seen.set(next, (seen.get(path) ?? 0) + 1);
    }
    distances.set(test, seen);
  }
  const distance = (test: string, file: string): number | undefined => distances.get(test)?.get(file);
  const sizeOf = (test: string): number => distances.get(test)?.size ?? 0;
  const isOfRoom = (test: string): boolean => test.startsWith(`test/${room}/`);
  return (file) =>
    tests
      .filter((test) => distance(test, file) !== undefined)
      .sort(
        (a, b) =>
          Number(isOfRoom(b)) - Number(isOfRoom(a)) ||
          (distance(a, file) ?? 0) - (distance(b, file) ?? 0) ||
          sizeOf(a) - sizeOf(b),
      );
}

type Outcome = 'passed' | 'failed' | 'timed out';

/** Inside the repository, so that packages are found. */
const folder = join(repositoryRoot, 'node_modules', `.mutate-${process.pid}`);
await mkdir(folder, { recursive: true });

/** Bundles a test. @param changed - replacement text for one file. */
async function bundleTest(test: string, changed?: { readonly path: string; readonly text: string }): Promise<string> {
  const outfile = join(folder, 'test.mjs');
  const contents = `import './test/support/relaxed-simd.ts'; import './${test}';
    import { runDeclaredTests } from './scripts/light-jest.ts'; await runDeclaredTests();`;
  await build({
    stdin: { contents, resolveDir: repositoryRoot },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    // Tests are imported for what they do, which `sideEffects: false` of the package does not expect.
    ignoreAnnotations: true,
    alias: { '@jest/globals': join(repositoryRoot, 'scripts/light-jest.ts') },
    logLevel: 'error',
    plugins: [
      {
        name: 'sources',
        setup({ onLoad }) {
          onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            const isChanged = path === (changed && join(repositoryRoot, changed.path));
            const source = isChanged && changed ? changed.text : await readFile(path, 'utf8');
            const text = source.replace(ENTRY_IMPORT, `({ ${ENTRIES.join(', ')} })[name]()`);
            // Files are looked up next to the source, not next to the bundle.
            const url = JSON.stringify(pathToFileURL(path).href);
            return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
          });
        },
      },
    ],
  });
  return outfile;
}

/** @param limitSeconds - CPU time, whatever else the machine does, after which the test is stopped. */
function runBundle(path: string, limitSeconds: number): Promise<{ outcome: Outcome; output: string }> {
  const run = `ulimit -t ${Math.ceil(limitSeconds)}; exec "$0" --disable-warning=ExperimentalWarning "$1"`;
  const child = spawn('sh', ['-c', run, process.execPath, path], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    // A test that waits for ever uses no CPU time.
    const timer = setTimeout(() => child.kill('SIGKILL'), limitSeconds * WAITING * 1000);
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve({ outcome: code === 0 ? 'passed' : code === null ? 'timed out' : 'failed', output });
    });
  });
}

const files = await filesBelow(`src/${room}`, '.ts');
// Tests of the converters' output and of converted networks are there.
const testsOf = await testsByFile([
  ...(await filesBelow(`test/${room}`, '.test.ts')),
  ...(await filesBelow('test/converters', '.test.ts')),
]);
const sources = new Map<string, string>();
for (const path of files) sources.set(path, await readFile(join(repositoryRoot, path), 'utf8'));
const all = [...sources].flatMap(([path, source]) => mutantsOf(path, source));
const random = randomNumbers(seed);
const sample = all
  .map((mutant) => ({ mutant, order: random() }))
  .sort((a, b) => a.order - b.order)
  .slice(0, count)
  .map(({ mutant }, number) => ({ mutant, number }));
const numbers = only?.split(',').map(Number);
const runs = sample.filter(({ number }) => numbers === undefined || numbers.includes(number));
console.log(`${room}: ${runs.length} of ${all.length} mutants in ${files.length} files, seed ${seed}`);

/** Seconds that each test takes without a change; undefined if it fails in a bundle. */
const durations = new Map<string, number | undefined>();

async function durationOf(test: string): Promise<number | undefined> {
  if (!durations.has(test)) {
    const start = performance.now();
    const { outcome, output } = await runBundle(await bundleTest(test), FIRST_LIMIT_SECONDS);
    durations.set(test, outcome === 'passed' ? (performance.now() - start) / 1000 : undefined);
    if (outcome !== 'passed') console.log(`skipping ${test}, which ${outcome} without a change:\n${output}`);
  }
  return durations.get(test);
}

/** The first test that notices a change, and how; undefined if none does. */
async function findKiller(mutant: Mutant): Promise<string | undefined> {
  const chosen: { readonly test: string; readonly duration: number }[] = [];
  for (const test of testsOf(mutant.path)) {
    if (chosen.length === nearest) break;
    const duration = await durationOf(test);
    if (duration !== undefined) chosen.push({ test, duration });
  }
  // A test that takes a second may save running one that takes a minute.
  chosen.sort((a, b) => a.duration - b.duration);
  for (const { test, duration } of chosen) {
    const bundle = await bundleTest(test, mutant).catch(() => undefined);
    if (bundle === undefined) return 'the bundler';
    const { outcome } = await runBundle(bundle, Math.max(SHORTEST_LIMIT_SECONDS, SLOWDOWN * duration));
    if (outcome !== 'passed') return outcome === 'failed' ? test : `${test}, which does not finish`;
  }
  return undefined;
}

/** Why no test can detect a change, if that is known. */
function reasonOf({ path, lineBefore, lineAfter }: Mutant): string | undefined {
  return UNTELLABLE.find(
    (entry) => entry.path === path && entry.line === lineBefore && (entry.changed ?? lineAfter) === lineAfter,
  )?.reason;
}

for (const { path, line } of UNTELLABLE) {
  const lines = sources
    .get(path)
    ?.split('\n')
    .map((text) => text.trim());
  if (path.startsWith(`src/${room}/`) && lines?.includes(line) !== true)
    console.log(`outdated entry: ${path} has no line: ${line}`);
}

const survivors: string[] = [];
const untellable: string[] = [];
try {
  for (const { mutant, number } of runs) {
    const { path, line, before, after } = mutant;
    const what = `#${number} ${path}:${line} ${before} -> ${after}`;
    const reason = reasonOf(mutant);
    const killer = await findKiller(mutant);
    if (killer === undefined)
      (reason === undefined ? survivors : untellable).push(reason ? `${what}: ${reason}` : what);
    console.log(`${what}: ${killer === undefined ? `survived${reason ? ` (${reason})` : ''}` : `killed by ${killer}`}`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const killed = runs.length - survivors.length - untellable.length;
const percent = (count: number): string => `${((100 * killed) / Math.max(1, count)).toFixed(0)} %`;
console.log(
  `\n${room}: ${killed} of ${runs.length} killed, ${untellable.length} undetectable, ${survivors.length} survived: ` +
    `${percent(runs.length)} of all, ${percent(runs.length - untellable.length)} of the detectable ones`,
);
for (const one of untellable) console.log(`  undetectable: ${one}`);
for (const survivor of survivors) console.log(`  survived: ${survivor}`);
