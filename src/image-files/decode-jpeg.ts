import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { RgbaImage } from '../types.ts';

/**
 * mozjpeg in WebAssembly: its pixels are libjpeg-turbo's (so the Python original's), and it takes a quarter of the time of
 * jimp's own decoder (1280x720: 15 ms against 61 ms).
 */
type JpegDecoder = typeof import('@jsquash/jpeg/decode.js');

let decoder: Promise<JpegDecoder> | undefined;

async function startDecoder(): Promise<JpegDecoder> {
  const jpeg = await import('@jsquash/jpeg/decode.js');
  // Node's fetch cannot open the package's own file, which is how the package would find it.
  const wasmPath = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm');
  // Emscripten takes both options; the package's types list neither. Its warnings would go to the console.
  const options = { wasmBinary: await readFile(wasmPath), printErr: () => {} };
  await jpeg.init(options as unknown as Parameters<typeof jpeg.init>[0]);
  return jpeg;
}

/**
 * Decodes a grey, YCbCr or RGB JPEG, turned upright by its EXIF orientation.
 * @throws Error when mozjpeg refuses the file.
 */
export async function decodeJpeg(bytes: Uint8Array): Promise<RgbaImage> {
  decoder ??= startDecoder();
  const jpeg = await decoder;
  try {
    const { data, width, height } = await jpeg.default(bytes as unknown as ArrayBuffer, { preserveOrientation: true });
    return { data, width, height };
  } catch (cause) {
    // The C++ side left by exit(): its memory still holds the picture, so the next file gets a new instance.
    decoder = undefined;
    throw new Error('the JPEG data is damaged', { cause });
  }
}
