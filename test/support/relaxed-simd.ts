/** Node 20 knows relaxed SIMD, but only when asked to: so tests run both forms of the compiled kernels there too. */
import { setFlagsFromString } from 'node:v8';

if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
