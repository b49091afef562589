import { ByteWriter } from './byte-writer.ts';
import { FunctionBuilder } from './function-builder.ts';
import type { ValueType } from './instructions.ts';

const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10, custom: 0 } as const;

/** The memory that a module imports as `env.memory`. */
export interface MemoryImport {
  /** Minimum number of 64 KiB pages. */
  readonly minimumPages: number;
  /** Shared memory needs a maximum that equals the imported memory's. */
  readonly sharedMaximumPages?: number;
}

/** Collects functions and writes a WebAssembly module that imports its memory. */
export class ModuleBuilder {
  readonly #types: Uint8Array[] = [];
  readonly #typeIndices = new Map<string, number>();
  readonly #params: (readonly ValueType[])[] = [];
  readonly #functions: { name: string; type: number; body: Uint8Array; exported: boolean }[] = [];

  /**
   * Adds a function that `write` fills in.
   * @param name - also the export's name; shown by profilers.
   * @returns the index for `FunctionBuilder.call`.
   */
  addFunction(
    name: string,
    params: readonly ValueType[],
    write: (builder: FunctionBuilder) => void,
    { exported = false } = {},
  ): number {
    const builder = new FunctionBuilder(params, this.#params);
    write(builder);
    this.#params.push(params);
    this.#functions.push({ name, type: this.#typeOf(params), body: builder.encode(), exported });
    return this.#functions.length - 1;
  }

  /** The module in the binary format. */
  encode(memory: MemoryImport): Uint8Array<ArrayBuffer> {
    const module = new ByteWriter(64 * 1024);
    module.append(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    section(module, SECTION.type, (out) => {
      out.unsigned(this.#types.length);
      for (const type of this.#types) out.append(type);
    });
    section(module, SECTION.import, (out) => {
      out.unsigned(1).name('env').name('memory').byte(2);
      if (memory.sharedMaximumPages === undefined) out.byte(0).unsigned(memory.minimumPages);
      else out.byte(3).unsigned(memory.minimumPages).unsigned(memory.sharedMaximumPages);
    });
    section(module, SECTION.function, (out) => {
      out.unsigned(this.#functions.length);
      for (const { type } of this.#functions) out.unsigned(type);
    });
    section(module, SECTION.export, (out) => {
      const exported = this.#functions.filter((entry) => entry.exported);
      out.unsigned(exported.length);
      for (const entry of exported) out.name(entry.name).byte(0).unsigned(this.#functions.indexOf(entry));
    });
    section(module, SECTION.code, (out) => {
      out.unsigned(this.#functions.length);
      for (const { body } of this.#functions) out.unsigned(body.length).append(body);
    });
    section(module, SECTION.custom, (out) => {
      out.name('name');
      section(out, 1, (names) => {
        names.unsigned(this.#functions.length);
        for (const [index, { name }] of this.#functions.entries()) names.unsigned(index).name(name);
      });
    });
    return module.bytes.slice();
  }

  #typeOf(params: readonly ValueType[]): number {
    const key = params.join(' ');
    const known = this.#typeIndices.get(key);
    if (known !== undefined) return known;
    this.#typeIndices.set(key, this.#types.length);
    this.#types.push(FunctionBuilder.encodeType(params));
    return this.#types.length - 1;
  }
}

function section(module: ByteWriter, id: number, write: (out: ByteWriter) => void): void {
  const content = new ByteWriter(1024);
  write(content);
  module.byte(id).unsigned(content.length).append(content.bytes);
}
