/** Import this module in Node to register the backend `tensorflow`; its package must be installed. */
import * as core from '@tensorflow/tfjs-core';
import { registerTfjsBackend } from '../engine/tfjs.ts';
import { importNativeBackend } from '../engine/tfjs-native.ts';

await importNativeBackend(core);
registerTfjsBackend('tensorflow', {});
