import { WorkerFailedError } from '../errors.ts';
import type { WorkerPort } from '../workers/worker-port.ts';

/** The page's end of a browser worker. */
export function browserWorkerPort<Sent, Received>(worker: Worker): WorkerPort<Sent, Received> {
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    terminate: () => worker.terminate(),
    keepAlive: () => {},
    listen(onMessage, onFailure) {
      worker.onmessage = ({ data }: MessageEvent<Received>) => onMessage(data);
      worker.onmessageerror = () => onFailure(new WorkerFailedError('sent a message that cannot be read'));
      worker.onerror = (event) => {
        event.preventDefault();
        // If the script itself cannot be loaded, browsers give no reason.
        const reason = event.message || 'its script cannot be loaded (is it on this site, and allowed by worker-src?)';
        onFailure(new WorkerFailedError(`failed: ${reason}`));
      };
    },
  };
}
