/**
 * Loss of a graphics backend while it runs: a browser takes a page's WebGL context away when the card is reset or too
 * many pages use one, and a WebGPU device can be lost in the same way. tfjs does not check: it then reads zeros, or
 * waits forever.
 */
import type { TfjsBackendName } from './tfjs-backends.ts';

export type TfjsCore = typeof import('@tensorflow/tfjs-core');

/** The parts of tfjs's two graphics backends that are used here. */
interface GraphicsBackend {
  readonly gpgpu?: {
    readonly gl: { readonly canvas: EventTarget; isContextLost(): boolean };
    /** Pending reads, for which tfjs polls the card. */
    itemsToPoll: unknown[];
  };
  readonly device?: { readonly lost: Promise<unknown> };
}

/** How long after a failure a device may take to report that it is lost; on a busy machine this is not immediate. */
const REPORT_MS = 5_000;

/** Whether a started backend still works, and a way to wait for it only as long as it does. */
export class BackendLoss {
  #isLost: () => boolean;
  readonly #device: GraphicsBackend['device'];
  readonly #waiting = new Set<() => void>();

  constructor(backend: unknown) {
    const { gpgpu, device } = backend as GraphicsBackend;
    this.#isLost = gpgpu === undefined ? () => false : () => gpgpu.gl.isContextLost();
    gpgpu?.gl.canvas.addEventListener('webglcontextlost', () => {
      // Fences of a lost context are never passed.
      gpgpu.itemsToPoll = [];
      this.#end();
    });
    this.#device = device;
    void device?.lost.then(() => this.#end());
  }

  get isLost(): boolean {
    return this.#isLost();
  }

  /**
   * Runs an action that a lost backend would never finish.
   * @throws the error from `lostError`, as soon as the backend is lost.
   */
  async guard<T>(action: () => Promise<T>, lostError: () => Promise<Error>): Promise<T> {
    if (this.isLost) throw await lostError();
    return new Promise((resolve, reject) => {
      const end = (): void => void lostError().then(reject, reject);
      this.#waiting.add(end);
      action()
        .finally(() => this.#waiting.delete(end))
        .then(
          (value) => (this.isLost ? end() : resolve(value)),
          (error) => void this.#afterReport(error).then(() => (this.isLost ? end() : reject(error))),
        );
    });
  }

  /** A device reports that it is lost shortly after pending work has failed with an error of the browser's own. */
  async #afterReport(error: unknown): Promise<void> {
    if (this.#device === undefined || !(error instanceof DOMException)) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const enough = new Promise((resolve) => {
      timer = setTimeout(resolve, REPORT_MS);
    });
    await Promise.race([this.#device.lost, enough]);
    clearTimeout(timer);
  }

  #end(): void {
    this.#isLost = () => true;
    for (const end of this.#waiting) end();
    this.#waiting.clear();
  }
}

const losses = new WeakMap<object, BackendLoss>();

/** The watch over a started backend; always the same object. */
export function lossOf(core: TfjsCore, name: TfjsBackendName): BackendLoss {
  const backend = core.findBackend(name);
  const loss = losses.get(backend) ?? new BackendLoss(backend);
  losses.set(backend, loss);
  return loss;
}
