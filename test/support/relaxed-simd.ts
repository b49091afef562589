/** Node 20 supports relaxed SIMD only behind a flag; with it, tests run both forms of the compiled kernels there too. */
import { setFlagsFromString } from 'node:v8';

if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
