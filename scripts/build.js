/** Builds `dist/`: the compiler's output for src and converters, and bundles for pages without a bundler. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleBrowser } from './bundle-browser.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const GUARD = '__rewriteRelativeImportExtension';
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(join(root, 'dist'), { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { cwd: root, stdio: 'inherit' });

// TypeScript wraps every import of a computed path in a guard function that bundlers warn about. Ours need none.
for (const name of readdirSync(join(root, 'dist'), { recursive: true })) {
  if (!name.endsWith('.js')) continue;
  const file = join(root, 'dist', name);
  const text = readFileSync(file, 'utf8');
  if (!text.includes(GUARD)) continue;
  const plain = text
    .replace(new RegExp(`var ${GUARD} = [^]*?\\n};\\n`), '')
    .replaceAll(new RegExp(`${GUARD}\\(([^()]*)\\)`, 'g'), '$1');
  if (plain.includes(GUARD)) throw new Error(`${file}: unexpected use of ${GUARD}`);
  writeFileSync(file, plain);
}

const command = join(root, 'dist/src/cli/main.js');
if (existsSync(command)) chmodSync(command, 0o755);

await bundleBrowser(join(root, 'dist/browser'));
// For bundlers too, the worker's script is a single file, so that they have nothing to split or resolve in it; so is the integer
// code, so that no bundler moves what it shares with the rest out of the rest.
for (const [from, to] of [
  ['dist/browser/aligner-worker.js', 'dist/src/browser/aligner-worker.js'],
  ['dist/browser/integer-compiler.js', 'dist/src/engine/compiler/integers/integer-compiler.js'],
  ['src/browser/integer-compiler-source.d.ts', 'dist/src/browser/integer-compiler-source.d.ts'],
  ['src/browser/face-refiner-source.d.ts', 'dist/src/browser/face-refiner-source.d.ts'],
  ['src/browser/aligner-worker-source.d.ts', 'dist/src/browser/aligner-worker-source.d.ts'],
]) {
  copyFileSync(join(root, from), join(root, to));
}
// The text of each of these scripts is packed once: these modules only re-export it.
for (const [name, text] of [
  ['aligner-worker-source.js', 'alignerWorkerSource'],
  ['integer-compiler-source.js', 'integerCompilerSource'],
  ['face-refiner-source.js', 'faceRefinerSource'],
]) {
  writeFileSync(join(root, 'dist/src/browser', name), `export { ${text} } from '../../browser/${name}';\n`);
}
