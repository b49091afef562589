import type { WeightProgress } from '../../src/index.ts';
import type { StudioAnswer, StudioMethod, StudioMethods, StudioRequest } from './studio-protocol.ts';

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** The page's side of the studio. */
export class Studio {
  readonly #worker = new Worker(new URL('./studio-worker.ts', import.meta.url), { type: 'module', name: 'studio' });
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  onProgress: (progress: WeightProgress) => void = () => {};
  onWarning: (message: string) => void = () => {};

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<StudioAnswer>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      const error = new Error(event.message || 'Its worker could not be started.');
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    };
  }

  ask<Method extends StudioMethod>(
    method: Method,
    argument: Parameters<StudioMethods[Method]>[0],
    transfer: readonly Transferable[] = [],
  ): Promise<ReturnType<StudioMethods[Method]>> {
    const id = ++this.#lastId;
    const request: StudioRequest<Method> = { id, method, argument };
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage(request, [...transfer]);
    });
  }

  #receive(answer: StudioAnswer): void {
    if ('progress' in answer) {
      this.onProgress(answer.progress);
    } else if ('warning' in answer) {
      this.onWarning(answer.warning);
    } else {
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if ('result' in answer) pending?.resolve(answer.result as never);
      else pending?.reject(Object.assign(new Error(answer.error.message), { name: answer.error.name }));
    }
  }
}
