import { WorkerFailedError } from '../errors.ts';
import type { WorkerPort } from '../workers/worker-port.ts';

/** What a pool needs of a thread: implemented by `Worker` from `node:worker_threads`. */
export interface PoolWorker {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /** `message`, `messageerror`, `error`, `exit`. */
  on(event: string, listener: (...values: never[]) => void): unknown;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

/** The owner's end of a Node thread. */
export function threadPort<Sent, Received>(thread: PoolWorker): WorkerPort<Sent, Received> {
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
      thread.on('messageerror', (cause: Error) => fail('sent a message that cannot be read', { cause }));
      thread.on('error', (cause: Error) => fail(`failed: ${cause.message}`, { cause }));
      thread.on('exit', (code: number) => fail(`exited unexpectedly with code ${code}`));
    },
  };
}
