import type { ReadOptions, WeightSource } from '../engine/weights/weight-source.ts';
import type { SentWeights } from '../workers/worker-connection.ts';

/** A pack whose files are read once and kept in memory shared by threads. */
export class SharedWeights implements SentWeights {
  readonly #source: WeightSource;
  readonly #files = new Map<string, Promise<Uint8Array>>();

  constructor(source: WeightSource) {
    this.#source = source;
  }

  describe(): string {
    return this.#source.describe();
  }

  /** The first caller's signal does not abort the read: others may be waiting for the same file. */
  read(path: string, { maxBytes, sha256, onProgress }: ReadOptions): Promise<Uint8Array> {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const reading = this.#source.read(path, { maxBytes, sha256, onProgress }).then((bytes) => {
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
      shared.set(bytes);
      return shared;
    });
    this.#files.set(path, reading);
    // A failed read is tried again.
    reading.catch(() => this.#files.delete(path));
    return reading;
  }
}
