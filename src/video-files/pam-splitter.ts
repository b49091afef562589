import type { RgbaImage } from '../types.ts';

/** A longer header counts as damaged, bytes. */
const MAX_HEADER_BYTES = 256;
/** Largest frame that is allocated, px. */
const MAX_FRAME_PIXELS = 100_000_000;

const END_OF_HEADER = 'ENDHDR\n';

/**
 * Splits a stream of PAM pictures into frames. ffmpeg is set to write PAM because each frame contains its own size,
 * after rotation and scaling, and because a truncated stream can be distinguished from a complete one.
 * @see https://netpbm.sourceforge.net/doc/pam.html
 */
export class PamSplitter {
  #header = '';
  #frame: { data: Uint8Array; width: number; height: number } | undefined;
  #filled = 0;

  /** Whether the stream may end here: between two frames. */
  get isComplete(): boolean {
    return this.#frame === undefined && this.#header === '';
  }

  /**
   * Copies the next bytes of the stream, and passes on each frame that they complete.
   * @throws Error if they are not an RGBA picture.
   */
  push(chunk: Uint8Array, onFrame: (frame: RgbaImage) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#frame === undefined) at = this.#readHeader(chunk, at);
      const frame = this.#frame;
      if (frame === undefined) continue;
      const count = Math.min(frame.data.length - this.#filled, chunk.length - at);
      frame.data.set(chunk.subarray(at, at + count), this.#filled);
      at += count;
      this.#filled += count;
      if (this.#filled === frame.data.length) {
        this.#frame = undefined;
        onFrame(frame);
      }
    }
  }

  /** Reads until the end of the header or of the chunk. */
  #readHeader(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length) {
      this.#header += String.fromCharCode(chunk[at++]);
      if (this.#header.endsWith(END_OF_HEADER)) {
        this.#frame = newFrame(this.#header);
        this.#filled = 0;
        this.#header = '';
        return at;
      }
      if (this.#header.length > MAX_HEADER_BYTES) throw new Error('the header of a PAM picture does not end');
    }
    return at;
  }
}

function newFrame(header: string): { data: Uint8Array; width: number; height: number } {
  const [magic, ...lines] = header.trimEnd().split('\n');
  const fields = new Map<string | undefined, string | undefined>(
    lines.map((line) => {
      const [name, value] = line.split(' ', 2);
      return [name, value];
    }),
  );
  const width = Number(fields.get('WIDTH'));
  const height = Number(fields.get('HEIGHT'));
  const isRgba = magic === 'P7' && fields.get('DEPTH') === '4' && fields.get('MAXVAL') === '255';
  if (!isRgba || !Number.isInteger(width) || !Number.isInteger(height) || !(width >= 1 && height >= 1)) {
    throw new Error(`expected a PAM picture of 8-bit RGBA, got '${header.replace(/[^ -~]+/g, ' ').trim()}'`);
  }
  if (!(width * height <= MAX_FRAME_PIXELS)) {
    throw new Error(`${width}x${height} px are more than the limit of ${MAX_FRAME_PIXELS}`);
  }
  // Not cleared: every byte is written before it can be read. Not from Buffer's pool either, so that it can be
  // transferred.
  return { data: Buffer.allocUnsafeSlow(width * height * 4), width, height };
}
