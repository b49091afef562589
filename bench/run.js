/** Bundles the benchmark (it is TypeScript) beside itself and runs it. Options: `npm run bench -- --help`. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { build } from 'esbuild';

// Node 20 knows relaxed SIMD, but only when asked to.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');

const root = new URL('../', import.meta.url);
const outdir = fileURLToPath(new URL('bench/.build/', root));
// Side by side as in src/: the engine looks for a backend's entry in the folder next to its own.
const entries = {
  'engine/main': 'bench/main.ts',
  'engine/cold-start': 'src/bench/cold-start.ts',
  'backends/wasm': 'src/backends/wasm.ts',
  'backends/cpu': 'src/backends/cpu.ts',
  'backends/tensorflow': 'src/backends/tensorflow.ts',
};
await build({
  entryPoints: Object.entries(entries).map(([out, path]) => ({ in: fileURLToPath(new URL(path, root)), out })),
  chunkNames: 'engine/[name]-[hash]',
  outdir,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
await import(pathToFileURL(`${outdir}engine/main.js`).href);
