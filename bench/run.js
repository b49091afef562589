/** Bundles the benchmark (it is TypeScript) beside itself and runs it. Options: `npm run bench -- --help`. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { build } from 'esbuild';

// Node 20 knows relaxed SIMD, but only when asked to.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');

const outdir = fileURLToPath(new URL('.build/', import.meta.url));
await build({
  entryPoints: ['main', 'cold-start'].map((name) => fileURLToPath(new URL(`${name}.ts`, import.meta.url))),
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
await import(pathToFileURL(`${outdir}main.mjs`).href);
