/** Makes the backend `wasm` known to the program: import it for that, its packages installed. */
import * as backendPackage from '@tensorflow/tfjs-backend-wasm';
import { registerTfjsBackend } from '../engine/tfjs.ts';

registerTfjsBackend('wasm', backendPackage);
