/**
 * `npm run release -- VERSION [--dry-run]`: sets the version, dates the changelog, packs, tries the tarball in an empty project,
 * lists its dependencies (CycloneDX), commits and tags. It pushes and publishes nothing, but prints the commands that do.
 *
 * VERSION is `major`, `minor`, `patch` or a version such as 0.2.0. With --dry-run everything happens in a temporary clone.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { billOfMaterials, productionPackages, readLockfile } from './lockfile.ts';
import { datedChangelog, nextVersion, placeholdersIn } from './release-text.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** Maximum size of the tarball, bytes. */
const MAX_TARBALL_BYTES = 9_000_000;

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

function run(folder: string, command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
    shell: process.platform === 'win32' && command === 'npm',
  }).trim();
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** A clone of the last commit, with the dependencies installed here. */
function cloneInto(folder: string): string {
  const clone = join(folder, 'clone');
  run(ROOT, 'git', 'clone', '--quiet', '--local', ROOT, clone);
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'), 'junction');
  for (const [key, fallback] of [
    ['user.name', 'tddfa release'],
    ['user.email', 'release@localhost'],
  ] as const) {
    const value = run(ROOT, 'git', 'config', '--default', fallback, '--get', key);
    run(clone, 'git', 'config', key, value);
  }
  return clone;
}

/**
 * Unpacks the tarball into an empty project with only the declared dependencies, and runs the command and the library.
 * @throws Error if either fails.
 */
function smokeTest(tarball: string, { name, version, dependencies }: Manifest, folder: string): void {
  const project = join(folder, 'project');
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, name), { recursive: true });
  run(project, 'tar', '-xzf', tarball, '-C', join(modules, name), '--strip-components=1');
  for (const dependency of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, dependency)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', dependency), join(modules, dependency), 'junction');
  }
  cpSync(join(ROOT, 'examples/astronaut.png'), join(project, 'astronaut.png'));
  const command = join(modules, name, 'dist/src/cli/main.js');
  const printed = run(project, process.execPath, command, '--version');
  if (printed !== version) throw new Error(`the command reports version ${printed} instead of ${version}`);
  const { images } = JSON.parse(run(project, process.execPath, command, 'align', 'astronaut.png', '--json', '-')) as {
    readonly images: readonly { readonly faces: readonly unknown[] }[];
  };
  if (images[0]?.faces.length !== 1) throw new Error('the command does not find the face of astronaut.png');
  writeFileSync(
    join(project, 'try.mjs'),
    `import { createFaceAligner, readImage } from '${name}/node';
import { faceMesh } from '${name}/geometry';
const aligner = await createFaceAligner();
const image = await readImage('astronaut.png');
const [face] = await aligner.align(image, await aligner.detect(image));
process.stdout.write(String(faceMesh(image, face, aligner).mesh.positions.length));
aligner.dispose();
`,
  );
  if (!(Number(run(project, process.execPath, 'try.mjs')) > 0)) throw new Error('the library makes no mesh');
}

function release(step: string, isDryRun: boolean): void {
  const temporary = mkdtempSync(join(tmpdir(), 'tddfa-release-'));
  try {
    if (!isDryRun && run(ROOT, 'git', 'status', '--porcelain') !== '') {
      throw new Error('there are uncommitted changes');
    }
    const folder = isDryRun ? cloneInto(temporary) : ROOT;
    const placeholders = placeholdersIn(readFileSync(join(folder, 'package.json'), 'utf8'));
    if (placeholders.length > 0) {
      const words = `package.json has placeholders: ${placeholders.join(', ')}`;
      if (!isDryRun) throw new Error(words);
      console.warn(`release: ${words}`);
    }

    const version = nextVersion(readManifest(folder).version, step);
    const changelog = join(folder, 'CHANGELOG.md');
    const today = new Date().toISOString().slice(0, 10);
    writeFileSync(changelog, datedChangelog(readFileSync(changelog, 'utf8'), version, today));
    run(folder, 'npm', 'version', version, '--no-git-tag-version', '--allow-same-version', '--ignore-scripts');

    run(folder, 'npm', 'run', 'build');
    const packed = run(folder, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', temporary);
    const [{ filename }] = JSON.parse(packed) as [{ readonly filename: string }];
    const tarball = join(temporary, filename);
    const { size } = statSync(tarball);
    if (size > MAX_TARBALL_BYTES) throw new Error(`${filename} has ${size} bytes, more than ${MAX_TARBALL_BYTES}`);
    smokeTest(tarball, readManifest(folder), temporary);
    const bill = `${filename.replace(/\.tgz$/, '')}.cdx.json`;
    const installed = productionPackages(readLockfile(readFileSync(join(folder, 'package-lock.json'), 'utf8')));
    const { name } = readManifest(folder);
    writeFileSync(join(temporary, bill), `${JSON.stringify(billOfMaterials(name, version, installed), null, 2)}\n`);

    run(folder, 'git', 'add', 'CHANGELOG.md', 'package.json', 'package-lock.json');
    run(folder, 'git', 'commit', '--quiet', '--message', `Version ${version}`);
    run(folder, 'git', 'tag', '--annotate', `v${version}`, '--message', `Version ${version}`);
    console.log(`${filename}: ${(size / 1e6).toFixed(2)} MB, works in an empty project; tag v${version}`);
    if (isDryRun) return;
    for (const made of [filename, bill]) cpSync(join(temporary, made), resolve(ROOT, made));
    console.log(`Now: attach ${bill} to the release; git push --follow-tags && npm publish ${filename}`);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'dry-run': { type: 'boolean' } } });
const [step] = positionals;
if (step === undefined || positionals.length > 1) {
  console.error('release: expected a version: npm run release -- major|minor|patch|X.Y.Z [--dry-run]');
  process.exit(2);
}
try {
  release(step, values['dry-run'] === true);
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
