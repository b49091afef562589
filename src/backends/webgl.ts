/** Makes the backend `webgl` known to the program: import it for that, its packages installed. */
import * as backendPackage from '@tensorflow/tfjs-backend-webgl';
import { registerTfjsBackend } from '../engine/tfjs.ts';

registerTfjsBackend('webgl', backendPackage);
