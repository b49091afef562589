/** Import this module to register the backend `webgpu`; its packages must be installed. */
import * as backendPackage from '@tensorflow/tfjs-backend-webgpu';
import { registerTfjsBackend } from '../engine/tfjs.ts';

registerTfjsBackend('webgpu', backendPackage);
