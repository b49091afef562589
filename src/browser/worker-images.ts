import type { RgbaImage } from '../types.ts';
import type { SentImage } from '../workers/worker-protocol.ts';

/** Beyond this, and beyond two images, the worker drops the least recently used image. */
export const MAX_KEPT_BYTES = 128 * 1024 * 1024;
const MIN_KEPT_IMAGES = 2;

interface KeptImage {
  readonly key: number;
  readonly bytes: number;
}

/**
 * Tracks the images that the worker has. Pixels that moved there are gone from the caller's array, so the worker keeps
 * them for the aligner's next method: until the caller's image object is garbage-collected, or too much is kept.
 */
export class WorkerImages {
  readonly #keepPixels: boolean;
  readonly #onDrop: (keys: readonly number[]) => void;
  readonly #keys = new WeakMap<RgbaImage, number>();
  /** In order of last use. */
  readonly #kept = new Map<number, KeptImage>();
  readonly #registry = new FinalizationRegistry<number>((key) => this.#drop([key]));
  #lastKey = 0;
  #keptBytes = 0;

  constructor(keepPixels: boolean, onDrop: (keys: readonly number[]) => void) {
    this.#keepPixels = keepPixels;
    this.#onDrop = onDrop;
  }

  /**
   * The image as sent, and which of its buffers move.
   * @throws TypeError for an image whose pixels moved and have been dropped, or are missing.
   */
  send(image: RgbaImage): { readonly sent: SentImage; readonly transfer: readonly ArrayBuffer[] } {
    const { data, width, height } = image;
    const known = this.#keys.get(image);
    const kept = known === undefined ? undefined : this.#kept.get(known);
    if (kept !== undefined && data.byteLength === 0) {
      this.#kept.delete(kept.key);
      this.#kept.set(kept.key, kept);
      return { sent: { key: kept.key, width, height, isKept: true }, transfer: [] };
    }
    if (data.byteLength === 0 && width * height > 0) {
      const advice = "they moved to a worker; make the aligner with 'keepPixels: true' to keep them";
      throw new TypeError(`image: its pixels are gone: ${advice}`);
    }
    const key = ++this.#lastKey;
    const { buffer } = data;
    // Shared memory cannot move, nor can part of a larger buffer without the rest.
    const moves = !this.#keepPixels && buffer instanceof ArrayBuffer && buffer.byteLength === data.byteLength;
    if (moves) this.#keep(image, { key, bytes: data.byteLength });
    return { sent: { key, width, height, data, isKept: moves }, transfer: moves ? [buffer] : [] };
  }

  #keep(image: RgbaImage, kept: KeptImage): void {
    this.#keys.set(image, kept.key);
    this.#kept.set(kept.key, kept);
    this.#keptBytes += kept.bytes;
    this.#registry.register(image, kept.key);
    const dropped: number[] = [];
    let bytes = this.#keptBytes;
    for (const oldest of this.#kept.values()) {
      if (bytes <= MAX_KEPT_BYTES || this.#kept.size - dropped.length <= MIN_KEPT_IMAGES) break;
      bytes -= oldest.bytes;
      dropped.push(oldest.key);
    }
    this.#drop(dropped);
  }

  #drop(keys: readonly number[]): void {
    const dropped = keys.filter((key) => {
      this.#keptBytes -= this.#kept.get(key)?.bytes ?? 0;
      return this.#kept.delete(key);
    });
    if (dropped.length > 0) this.#onDrop(dropped);
  }
}
