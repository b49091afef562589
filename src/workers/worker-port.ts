import { WorkerFailedError } from '../errors.ts';
import { timerDelay } from '../timer-delay.ts';

/** A worker as its owner sees it: the same for the browser's workers and Node's threads. */
export interface WorkerPort<Sent, Received> {
  post(message: Sent, transfer?: readonly ArrayBuffer[]): void;
  /** Called once. `onFailure` is called at most once, when the worker has failed or exited by itself. */
  listen(onMessage: (message: Received) => void, onFailure: (error: WorkerFailedError) => void): void;
  /** Ends the worker. Idempotent. */
  terminate(): void;
  /** Whether the program waits for the worker before exiting. */
  keepAlive(isDue: boolean): void;
}

/** Default maximum time for a worker's script to start, ms. */
export const START_TIMEOUT_MS = 30_000;

/** The first message of a worker: its script is running. */
export interface ReadyMessage {
  readonly type: 'ready';
}

/**
 * Waits until a worker's script is running.
 * @returns the same port; listeners get the messages after `ready`.
 * @throws WorkerFailedError if the script cannot be loaded, exits, or sends nothing within `timeoutMs`; the
 *   signal's reason. The worker is then terminated.
 */
export function untilReady<Sent, Received extends { readonly type: string }>(
  port: WorkerPort<Sent, Received | ReadyMessage>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<WorkerPort<Sent, Received>> {
  return new Promise((resolve, reject) => {
    let onMessage: ((message: Received) => void) | undefined;
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const fail = (reason: unknown): void => {
      end();
      port.terminate();
      reject(reason);
    };
    let onFailure: (error: WorkerFailedError) => void = fail;
    const abort = (): void => fail(signal?.reason);
    signal?.addEventListener('abort', abort);
    const timer = setTimeout(() => {
      const advice = 'is its script the one built from tddfa, and complete?';
      onFailure(new WorkerFailedError(`did not answer within ${timeoutMs / 1000} s of starting: ${advice}`));
    }, timerDelay(timeoutMs));
    port.listen(
      (message) => {
        if (onMessage !== undefined) onMessage(message as Received);
        else if (message.type === 'ready') {
          end();
          resolve({
            ...port,
            listen: (hear, fail) => {
              onMessage = hear;
              onFailure = fail;
            },
          });
        }
      },
      (error) => onFailure(error),
    );
  });
}
