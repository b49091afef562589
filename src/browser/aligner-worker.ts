/** The script of the module worker of `createFaceAlignerWorker`. */
import { serveAligner } from '../workers/serve-aligner.ts';
import type { OwnerMessage, WorkerMessage } from '../workers/worker-protocol.ts';

/** Members of a worker's global scope; the page's has different types. */
interface WorkerScope {
  postMessage(message: WorkerMessage, transfer?: readonly ArrayBuffer[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<OwnerMessage>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;

serveAligner({
  post: (message, transfer) => scope.postMessage(message, transfer),
  listen: (onMessage) => scope.addEventListener('message', ({ data }) => onMessage(data)),
});
