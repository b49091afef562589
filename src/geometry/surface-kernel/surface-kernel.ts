/**
 * Triangles to pixels and normals of vertices in WebAssembly SIMD: bit for bit what `rasterizeWatertight`, `paintCodes`
 * and `sumNormals` compute in plain JavaScript.
 *
 * Four triangles at a time: their boxes, areas and edge functions, and which of 2 x 2 pixels they cover, without a
 * branch; then the remaining work one by one. Larger ones test four pixels of a row at a time.
 *
 * Median ms for a face of 76,073 triangles, Node 20, quiet 2-core machine, interleaved with plain JavaScript:
 *
 *                                    here   plain
 *   triangles to 271 x 315 px         1.7     2.7
 *   the same at half the size         0.9     1.9
 *   normals                           0.25    1.05
 *   PNCC of 61,000 px, with the photo 3.2     4.7
 */
import type { PictureArea } from '../../types.ts';
import { chooseSimdMode } from '../../wasm/simd-mode.ts';
import { emitModule } from './emit-module.ts';
import { FIRST_VERTEX, VERTEX_BYTES } from './layout.ts';
import { MARGIN_BYTES, type PreparedMemory, roundUp, Workspace } from './workspace.ts';

/** What a pixel shows: arrays of `[height x width]`, as `Raster` has them. */
export interface FilledPlanes {
  readonly fragments: Int32Array;
  readonly depth: Float32Array;
  readonly weights1: Float32Array;
  readonly weights2: Float32Array;
}

/** The memory after rasterising. */
interface FilledMemory extends PreparedMemory {
  /** Where the planes of depth, fragments and both weights begin, one after another. */
  readonly planes: number;
  readonly planeBytes: number;
  readonly pixelCount: number;
}

/** The work on dense meshes that is done outside JavaScript. */
export class SurfaceKernel {
  readonly #workspace: Workspace;

  /**
   * @throws BackendUnavailableError if WebAssembly SIMD is missing; WebAssembly.CompileError if a page forbids
   * WebAssembly.
   */
  constructor() {
    chooseSimdMode('plain');
    this.#workspace = new Workspace(new WebAssembly.Module(emitModule()));
  }

  /**
   * Rasterises faces by the watertight rule.
   * @param faces - at least one, per face `[n x 3]` finite coordinates, image px.
   * @param triangles - `[m x 3]`, indices below n; must not be written to afterwards.
   * @param area - the part of the picture to fill, px.
   * @returns new arrays.
   */
  rasterize(faces: readonly Float32Array[], triangles: Uint32Array, area: PictureArea): FilledPlanes {
    const { buffer, planes, planeBytes, pixelCount } = this.#fill(faces, triangles, area);
    const plane = (index: number): [ArrayBuffer, number, number] => [buffer, planes + index * planeBytes, pixelCount];
    return {
      depth: new Float32Array(...plane(0)).slice(),
      fragments: new Int32Array(...plane(1)).slice(),
      weights1: new Float32Array(...plane(2)).slice(),
      weights2: new Float32Array(...plane(3)).slice(),
    };
  }

  /**
   * Rasterises faces and interpolates a colour of their vertices.
   * @param colours - `[n x 3]`, 0..1, the same for all faces.
   * @returns a new array, `[height x width]`: four bytes per pixel, red, green, blue and 255, or 0 where nothing is
   *   seen.
   */
  paint(faces: readonly Float32Array[], triangles: Uint32Array, area: PictureArea, colours: Float32Array): Uint32Array {
    const colourBytes = (colours.length / 3) * VERTEX_BYTES + MARGIN_BYTES;
    const filled = this.#fill(faces, triangles, area, colourBytes);
    const { buffer, functions, free, planes, planeBytes, pixelCount } = filled;
    const spread = planes + 4 * planeBytes;
    new Float32Array(buffer, free, colours.length).set(colours);
    functions.spread(free, free + colours.length * 4, spread);
    const { start } = filled.triangles;
    functions.paint(planes, planes + pixelCount * 4, planeBytes, start, triangles.length / 3, spread);
    // They lie where the first weights were.
    return new Uint32Array(buffer, planes + 2 * planeBytes, pixelCount).slice();
  }

  /**
   * Unit normals of vertices, times `sign` (1 or -1).
   * @param dst - `[n x 3]`, written to.
   */
  vertexNormals(vertices: Float32Array, triangles: Uint32Array, sign: number, dst: Float32Array): void {
    const vertexBytes = vertices.length * 4;
    const sumBytes = (vertices.length / 3) * VERTEX_BYTES;
    const freeBytes = vertexBytes + sumBytes + 3 * MARGIN_BYTES;
    const memory = this.#workspace.prepare(vertices.length / 3, triangles, freeBytes);
    const { buffer, functions, free } = memory;
    const source = new Float32Array(buffer, free, vertices.length);
    const sums = roundUp(free + vertexBytes + MARGIN_BYTES, 16);
    source.set(vertices);
    functions.spread(free, free + vertexBytes, FIRST_VERTEX);
    new Float32Array(buffer, sums, sumBytes / 4).fill(0);
    functions.addNormals(memory.triangles.start, memory.triangles.end, sums);
    functions.normalise(sums, sums + sumBytes, free, sign);
    dst.set(source);
  }

  /** Rasterises into the memory, and reserves room for `moreBytes` after the planes. */
  #fill(
    faces: readonly Float32Array[],
    triangles: Uint32Array,
    { xMin, yMin, width, height }: PictureArea,
    moreBytes = 0,
  ): FilledMemory {
    const pixelCount = width * height;
    const planeBytes = roundUp(pixelCount * 4, 16);
    const vertexBytes = faces[0].length * 4;
    const freeBytes = vertexBytes + 2 * MARGIN_BYTES + 4 * planeBytes + moreBytes;
    const memory = this.#workspace.prepare(faces[0].length / 3, triangles, freeBytes);
    const { buffer, functions, free } = memory;
    const planes = roundUp(free + vertexBytes + MARGIN_BYTES, 16);
    new Float32Array(buffer, planes, pixelCount).fill(Number.NEGATIVE_INFINITY);
    new Uint8Array(buffer, planes + planeBytes, 3 * planeBytes).fill(0);
    for (const [index, vertices] of faces.entries()) {
      new Float32Array(buffer, free, vertices.length).set(vertices);
      functions.place(free, free + vertexBytes, xMin, yMin);
      const first = 1 + (index * triangles.length) / 3;
      const { start, groupsEnd } = memory.triangles;
      functions.rasterize(start, groupsEnd, planes, planeBytes, width, height, first);
    }
    return { ...memory, planes, planeBytes, pixelCount };
  }
}

/** Null if there can be none. */
let made: SurfaceKernel | null | undefined;

/** The kernel, made when first requested; undefined if the engine has no WebAssembly SIMD or the page forbids it. */
export function surfaceKernel(): SurfaceKernel | undefined {
  if (made === undefined) {
    try {
      made = new SurfaceKernel();
    } catch {
      // It throws errors of different kinds: a Content Security Policy causes a CompileError, some embeddings a plain
      // Error.
      made = null;
    }
  }
  return made ?? undefined;
}
