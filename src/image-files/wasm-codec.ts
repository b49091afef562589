import { readFile } from 'node:fs/promises';
import { dependencyFile } from '../package-files.ts';
import type { RgbaImage } from '../types.ts';

/** What the packages of jSquash have in common. */
export interface JsquashDecoder {
  init(...args: never[]): Promise<void>;
  default(buffer: ArrayBuffer, options?: never): Promise<RgbaImage | null>;
}

/**
 * A decoder of jSquash: the C or C++ library of a format, in WebAssembly.
 * @param load - imports its module.
 * @param wasmFile - the package's file of WebAssembly.
 * @returns a function that decodes; it rejects with an Error where the library refuses the bytes.
 */
export function createWasmDecoder(
  load: () => Promise<JsquashDecoder>,
  wasmFile: string,
  damaged: string,
): (bytes: Uint8Array, options?: object) => Promise<RgbaImage> {
  let starting: Promise<JsquashDecoder> | undefined;

  async function start(): Promise<JsquashDecoder> {
    const decoder = await load();
    // Node's fetch cannot open the package's own file, which is how the package would find it.
    // Emscripten takes both options; the packages' types list neither. Warnings would go to the console.
    const options = { wasmBinary: await readFile(dependencyFile(wasmFile)), print: () => {}, printErr: () => {} };
    await decoder.init(options as never);
    return decoder;
  }

  return async (bytes, options) => {
    starting ??= start();
    const decoder = await starting;
    try {
      const image = await decoder.default(bytes as unknown as ArrayBuffer, options as never);
      if (image === null) throw new Error(damaged);
      return { data: image.data, width: image.width, height: image.height };
    } catch (cause) {
      // The library left by exit(): its memory still holds the picture, so the next file gets a new instance.
      starting = undefined;
      throw new Error(damaged, { cause });
    }
  };
}
