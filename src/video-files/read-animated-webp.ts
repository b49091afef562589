import { readFile } from 'node:fs/promises';
import { ImageDecodeError } from '../errors.ts';
import { MAX_IMAGE_PIXELS } from '../image-files/decode-image.ts';
import { decodeWebpFrame, drawWebpFrame } from '../image-files/decode-webp.ts';
import { turnUpright } from '../image-files/turn-upright.ts';
import { readWebpStructure, type WebpFrame, type WebpStructure } from '../image-files/webp-structure.ts';
import { checkFrameRange, type FrameRange, type FrameSource } from './video-frame.ts';

/** Browsers show frames without a duration for this long, ms. */
const SHORTEST_MS = 10;
const REPLACED_SHORTEST_MS = 100;

/** Options of {@link readAnimatedWebp}. */
export interface AnimatedWebpOptions extends FrameRange {
  /** Aborts reading; its reason is then thrown. */
  readonly signal?: AbortSignal;
}

/**
 * An animated WebP, which ffmpeg does not read, as a source of frames: each as displayed, with its own time.
 * @throws ImageDecodeError if it is damaged or too large; `frames()` throws it if a frame is.
 */
export async function readAnimatedWebp(path: string, options: AnimatedWebpOptions = {}): Promise<FrameSource> {
  const { start, end } = checkFrameRange(options);
  const { signal } = options;
  const structure = readStructure(path, await readFile(path));
  const { width, height, frames, orientation } = structure;
  const times = [0];
  for (const frame of frames) times.push((times.at(-1) ?? 0) + shownMs(frame));
  const frameRate = (frames.length * 1000) / (times.at(-1) ?? 1000);
  return {
    path,
    frameRate,
    isRegular: false,
    frameCount: Math.max(0, Math.min(frames.length, end + 1) - start),
    hasAudio: false,
    async *frames() {
      const canvas = new Uint8Array(width * height * 4);
      for (const [index, frame] of frames.entries()) {
        if (index > end) return;
        signal?.throwIfAborted();
        const image = await decodeWebpFrame(frame).catch((cause: unknown) => {
          throw new ImageDecodeError(path, `frame ${index} cannot be decoded`, { cause });
        });
        drawWebpFrame(canvas, width, frame, image);
        if (index >= start) {
          const seen = turnUpright({ data: Uint8Array.from(canvas), width, height }, orientation);
          yield { index, timeMs: times[index], image: seen };
        }
        if (frame.isCleared) clear(canvas, width, frame);
      }
    },
  };
}

function readStructure(path: string, bytes: Uint8Array): WebpStructure {
  let structure: WebpStructure;
  try {
    structure = readWebpStructure(bytes);
  } catch (cause) {
    throw new ImageDecodeError(path, cause instanceof Error ? cause.message : String(cause), { cause });
  }
  const { width, height } = structure;
  if (width * height > MAX_IMAGE_PIXELS) {
    throw new ImageDecodeError(path, `${width}x${height} pixels are more than the limit of ${MAX_IMAGE_PIXELS}`);
  }
  return structure;
}

function shownMs({ durationMs }: WebpFrame): number {
  return durationMs <= SHORTEST_MS ? REPLACED_SHORTEST_MS : durationMs;
}

function clear(canvas: Uint8Array, canvasWidth: number, { x, y, width, height }: WebpFrame): void {
  for (let row = y; row < y + height; row++)
    canvas.fill(0, (row * canvasWidth + x) * 4, (row * canvasWidth + x + width) * 4);
}
