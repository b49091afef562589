/** Bundles the benchmark (it is TypeScript) beside itself and runs it. Options: `npm run bench -- --help`. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { build } from 'esbuild';

// Node 20 knows relaxed SIMD, but only when asked to.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');

const outdir = fileURLToPath(new URL('.build/', import.meta.url));
await build({
  entryPoints: ['main.ts', '../src/bench/cold-start.ts'].map((path) => fileURLToPath(new URL(path, import.meta.url))),
  entryNames: '[name]',
  outdir,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
await import(pathToFileURL(`${outdir}main.js`).href);
