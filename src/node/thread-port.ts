import type { Worker } from 'node:worker_threads';
import { WorkerFailedError } from '../errors.ts';
import type { WorkerPort } from '../workers/worker-port.ts';

/** The owner's end of a thread of Node. */
export function threadPort<Sent, Received>(thread: Worker): WorkerPort<Sent, Received> {
  let isEnded = false;
  return {
    post: (message, transfer = []) => thread.postMessage(message, [...transfer]),
    keepAlive: (isDue) => (isDue ? thread.ref() : thread.unref()),
    terminate() {
      isEnded = true;
      void thread.terminate();
    },
    listen(onMessage, onFailure) {
      const fail = (reason: string, options?: ErrorOptions): void => {
        if (isEnded) return;
        isEnded = true;
        onFailure(new WorkerFailedError(reason, options));
      };
      thread.on('message', onMessage);
      thread.on('messageerror', (cause) => fail('sent a message that cannot be read', { cause }));
      thread.on('error', (cause) => fail(`failed: ${cause.message}`, { cause }));
      thread.on('exit', (code) => fail(`ended by itself, with code ${code}`));
    },
  };
}
