/** Makes the backend `cpu` known to the program: import it for that, its packages installed. */
import * as backendPackage from '@tensorflow/tfjs-backend-cpu';
import { registerTfjsBackend } from '../engine/tfjs.ts';

registerTfjsBackend('cpu', backendPackage);
