/** Import this module to register the backend `webgl`; its packages must be installed. */
import * as backendPackage from '@tensorflow/tfjs-backend-webgl';
import { registerTfjsBackend } from '../engine/tfjs.ts';

registerTfjsBackend('webgl', backendPackage);
