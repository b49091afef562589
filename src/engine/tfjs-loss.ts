/**
 * The end of a graphics card's backend while it runs: a browser takes a page's WebGL context away when the card is reset or
 * too many pages want one, and a WebGPU device ends likewise. tfjs does not look: what it reads then is zeros, or never comes.
 */
import type { TfjsBackendName } from './tfjs-backends.ts';

export type TfjsCore = typeof import('@tensorflow/tfjs-core');

/** What is looked at of tfjs's two backends on the graphics card. */
interface GraphicsBackend {
  readonly gpgpu?: {
    readonly gl: { readonly canvas: EventTarget; isContextLost(): boolean };
    /** Reads that tfjs asks the card about, again and again. */
    itemsToPoll: unknown[];
  };
  readonly device?: { readonly lost: Promise<unknown> };
}

/** How long a device that has let something fail may take to report that it is lost; on a busy machine it is not at once. */
const REPORT_MS = 5_000;

/** Whether a started backend still works, and a way to wait for it no longer than it does. */
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
   * Does something that a lost backend would never finish.
   * @throws what `lostError` makes, as soon as the backend is lost.
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

  /** A device reports that it is lost a little after what was under way has failed, with an error of the browser's own. */
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

/** The watch over a started backend; always the same one. */
export function lossOf(core: TfjsCore, name: TfjsBackendName): BackendLoss {
  const backend = core.findBackend(name);
  const loss = losses.get(backend) ?? new BackendLoss(backend);
  losses.set(backend, loss);
  return loss;
}
