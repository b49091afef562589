import { readFile } from 'node:fs/promises';
import { dependencyFile } from '../package-files.ts';
import type { RgbaImage } from '../types.ts';

/** What the packages of jSquash have in common. */
export interface JsquashDecoder {
  /** The packages' types call the second argument a module of Emscripten; each of its members may be left out. */
  init(module: WebAssembly.Module, options?: never): Promise<void>;
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
  /** Compiled once: what is left of the time that a damaged file takes is mostly that of a new instance. */
  let compiling: Promise<WebAssembly.Module> | undefined;
  let starting: Promise<JsquashDecoder> | undefined;

  async function start(): Promise<JsquashDecoder> {
    const decoder = await load();
    // Node's fetch cannot open the package's own file, which is how the package would find it.
    compiling ??= readFile(dependencyFile(wasmFile)).then((bytes) => WebAssembly.compile(bytes));
    // Emscripten takes both options; the packages' types list neither. Warnings would go to the console.
    const options = { print: () => {}, printErr: () => {} };
    await decoder.init(await compiling, options as never);
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
