/** Import this module to register the backend `wasm`; its packages must be installed. */
import * as backendPackage from '@tensorflow/tfjs-backend-wasm';
import { registerTfjsBackend } from '../engine/tfjs.ts';

registerTfjsBackend('wasm', backendPackage);
