import { readFile } from 'node:fs/promises';
import { dependencyFile } from '../package-files.ts';
import type { RgbaImage } from '../types.ts';

/** The common interface of the jSquash packages. */
export interface JsquashDecoder {
  /** The packages' types declare the second argument as an Emscripten module; each of its members is optional. */
  init(module: WebAssembly.Module, options?: never): Promise<void>;
  default(buffer: ArrayBuffer, options?: never): Promise<RgbaImage | null>;
}

/**
 * A jSquash decoder: the C or C++ library of a format, in WebAssembly.
 * @param load - imports its module.
 * @param wasmFile - the package's WebAssembly file.
 * @returns a function that decodes; it rejects with an Error if the library refuses the bytes.
 */
export function createWasmDecoder(
  load: () => Promise<JsquashDecoder>,
  wasmFile: string,
  damaged: string,
): (bytes: Uint8Array, options?: object) => Promise<RgbaImage> {
  /** Compiled once: the time for a damaged file is then mostly that of creating a new instance. */
  let compiling: Promise<WebAssembly.Module> | undefined;
  let starting: Promise<JsquashDecoder> | undefined;

  async function start(): Promise<JsquashDecoder> {
    const decoder = await load();
    // The package would fetch its own file, which Node's fetch cannot do.
    compiling ??= readFile(dependencyFile(wasmFile)).then((bytes) => WebAssembly.compile(bytes));
    // Emscripten accepts both options; the packages' types list neither. Warnings would go to the console.
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
      // The library called exit(): its memory still holds the picture, so the next file gets a new instance.
      starting = undefined;
      throw new Error(damaged, { cause });
    }
  };
}
