import { FIRST_VERTEX, GROUP, TRIANGLE_BYTES, VERTEX_BYTES } from './layout.ts';

const PAGE_BYTES = 65_536;
/** Memory beyond this is not kept between calls. */
const KEPT_BYTES = 64 * 1024 * 1024;
/** After the last vertex: loads and stores of vectors reach past it. */
export const MARGIN_BYTES = 64;

/** The kernel's functions; arguments that are not a size, a count or a corner of the picture are addresses. */
export interface SurfaceFunctions {
  readonly place: (source: number, sourceEnd: number, xMin: number, yMin: number) => void;
  readonly rasterize: (
    triangles: number,
    trianglesEnd: number,
    planes: number,
    planeBytes: number,
    width: number,
    height: number,
    fragment: number,
  ) => void;
  readonly spread: (source: number, sourceEnd: number, target: number) => void;
  readonly paint: (
    planes: number,
    depthEnd: number,
    planeBytes: number,
    triangles: number,
    triangleCount: number,
    colours: number,
  ) => void;
  readonly addNormals: (triangles: number, trianglesEnd: number, sums: number) => void;
  readonly normalise: (sums: number, sumsEnd: number, normals: number, sign: number) => void;
}

/** The memory prepared for one call. */
export interface PreparedMemory {
  readonly buffer: ArrayBuffer;
  readonly functions: SurfaceFunctions;
  /** Where the triangles begin and end, and where the last group of them ends. */
  readonly triangles: { readonly start: number; readonly end: number; readonly groupsEnd: number };
  /** The memory is free from here on. */
  readonly free: number;
}

interface Instance {
  readonly memory: WebAssembly.Memory;
  readonly functions: SurfaceFunctions;
  /** The triangles in the memory, and where they are. */
  triangles: WeakRef<Uint32Array> | undefined;
  triangleStart: number;
}

/** The kernel's memory: it grows with what is drawn, and keeps the triangles of a mesh between calls. */
export class Workspace {
  readonly #module: WebAssembly.Module;
  #kept: Instance | undefined;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  /** Memory that holds the triangles and has room for that many vertices, and for `freeBytes` more. */
  prepare(vertexCount: number, triangles: Uint32Array, freeBytes: number): PreparedMemory {
    const start = FIRST_VERTEX + vertexCount * VERTEX_BYTES + MARGIN_BYTES;
    const groupsLength = roundUp(triangles.length, 3 * GROUP);
    const free = roundUp(start + groupsLength * 4 + MARGIN_BYTES, 16);
    const instance = this.#instanceOf(free + freeBytes);
    const { buffer } = instance.memory;
    if (instance.triangles?.deref() !== triangles || instance.triangleStart !== start) {
      instance.triangles = new WeakRef(triangles);
      instance.triangleStart = start;
      // Corners as the byte offsets of their vertices; the padding of the last group has no area.
      const offsets = new Uint32Array(buffer, start, groupsLength).fill(0, triangles.length);
      for (let i = 0; i < triangles.length; i++) offsets[i] = triangles[i] * VERTEX_BYTES;
    }
    const ends = { end: start + (triangles.length / 3) * TRIANGLE_BYTES, groupsEnd: start + groupsLength * 4 };
    return { buffer, functions: instance.functions, triangles: { start, ...ends }, free };
  }

  #instanceOf(bytes: number): Instance {
    if (this.#kept !== undefined && this.#kept.memory.buffer.byteLength >= bytes) return this.#kept;
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
    const { exports } = new WebAssembly.Instance(this.#module, { env: { memory } });
    const functions = exports as unknown as SurfaceFunctions;
    const instance: Instance = { memory, functions, triangles: undefined, triangleStart: 0 };
    if (bytes <= KEPT_BYTES) this.#kept = instance;
    return instance;
  }
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
