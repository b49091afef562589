/** Where a pack's files come from: a folder, a URL, memory. */
export interface WeightSource {
  /** For messages: `/home/me/pack`, `https://example.org/pack/`. */
  describe(): string;
  /**
   * Reads one file.
   * @param path - relative to the pack, `/` between segments; see `isPackPath`.
   * @returns the bytes, in an array that belongs to the caller.
   * @throws WeightLoadError if it cannot be read, WeightFormatError for a path outside the pack or a file beyond
   *   `maxBytes`, and the signal's reason once it is aborted.
   */
  read(path: string, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: WeightProgressListener | undefined;
  /** A longer file is rejected before it is read to its end. */
  readonly maxBytes?: number | undefined;
  /**
   * The file's SHA-256 in the pack's manifest, in lower-case hexadecimal. A source may find the file by it; the reader
   * checks it.
   */
  readonly sha256?: string | undefined;
}

/** Called at the start, after every chunk and at the end of each file; `loadedBytes` of a file never falls. */
export type WeightProgressListener = (progress: WeightProgress) => void;

export interface WeightProgress {
  /** Path inside the pack. */
  readonly file: string;
  readonly loadedBytes: number;
  /** Missing if the size is not known in advance. */
  readonly totalBytes?: number;
}
