/** Makes the backend `tensorflow` known to the program, in Node: import it for that, its package installed. */
import * as core from '@tensorflow/tfjs-core';
import { registerTfjsBackend } from '../engine/tfjs.ts';
import { importNativeBackend } from '../engine/tfjs-native.ts';

await importNativeBackend(core);
registerTfjsBackend('tensorflow', {});
