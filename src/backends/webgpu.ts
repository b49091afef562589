/** Makes the backend `webgpu` known to the program: import it for that, its packages installed. */
import * as backendPackage from '@tensorflow/tfjs-backend-webgpu';
import { registerTfjsBackend } from '../engine/tfjs.ts';

registerTfjsBackend('webgpu', backendPackage);
