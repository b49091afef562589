/** Script of the threads of `createFaceAlignerPool`. */
import { parentPort } from 'node:worker_threads';
import { decodeImage } from '../image-files/decode-image.ts';
import { serveAligner } from '../workers/serve-aligner.ts';

if (parentPort === null) throw new Error('this script is for the threads of a pool');
const port = parentPort;

serveAligner(
  {
    post: (message, transfer = []) => port.postMessage(message, [...transfer]),
    listen: (onMessage) => port.on('message', onMessage),
  },
  { decodeImage },
);
