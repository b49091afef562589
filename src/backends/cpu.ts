/** Import this module to register the backend `cpu`; its packages must be installed. */
import * as backendPackage from '@tensorflow/tfjs-backend-cpu';
import { registerTfjsBackend } from '../engine/tfjs.ts';

registerTfjsBackend('cpu', backendPackage);
