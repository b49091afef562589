/**
 * Points of a linear model, `matrix · (mean + basis · weights)`, in WebAssembly SIMD: the basis is read once, front to
 * back, in blocks of 8 points; all instances of a call use a block while it is in the L1 cache.
 *
 * Measured, 38365 points x 50 columns, Node 20, best of 40 interleaved runs on a busy 2-core machine: see
 * docs/engine.md.
 */
import type { FunctionBuilder, Local } from '../../wasm/function-builder.ts';
import { ModuleBuilder } from '../../wasm/module-builder.ts';
import { multiplyAdd } from '../../wasm/multiply-add.ts';
import { chooseSimdMode, type SimdMode } from '../../wasm/simd-mode.ts';

/** A linear model of points. */
export interface LinearModel {
  readonly pointCount: number;
  /** `[pointCount x 3]`, xyz interleaved. */
  readonly mean: Float32Array;
  /** Each `[3 * pointCount x columns]`, row-major; their columns are concatenated. */
  readonly bases: readonly { readonly data: Float32Array; readonly columns: number }[];
}

/**
 * How a basis is stored. `int16`: each column as 16-bit integers with a scale, in half the memory; every entry is then
 * off by at most 1/65534 of the largest in its column.
 */
export type BasisPrecision = 'float32' | 'int16';

/** Options of `createLinearModelKernel`. */
export interface LinearModelOptions {
  readonly simd?: SimdMode;
  /** Default `float32`. */
  readonly basis?: BasisPrecision;
}

/** Evaluates a linear model. */
export interface LinearModelKernel {
  readonly pointCount: number;
  /** Number of weights that `evaluate` expects: the columns of all bases. */
  readonly weightCount: number;
  /** WebAssembly memory that the model takes. */
  readonly memoryBytes: number;
  /**
   * Computes the points of one or more instances, in one pass over the basis for every four.
   * @param params - for each instance `[12 + weightCount]`: a 3 x 4 matrix, row-major, then the weights.
   * @param dsts - for each instance `[pointCount x 3]`, xyz interleaved; new arrays if absent. Nothing is allocated
   *   otherwise.
   * @returns `dsts`.
   * @throws RangeError if an array has the wrong length; nothing is written in that case.
   */
  evaluate(params: readonly Float32Array[], dsts?: readonly Float32Array[]): readonly Float32Array[];
}

/** Points per block: two vectors each for x, y and z. */
const BLOCK_POINTS = 8;
const BLOCK_ROWS = 3 * BLOCK_POINTS;
const BLOCK_VECTORS = BLOCK_ROWS / 4;
/** Numbers of the matrix that precedes the weights. */
const MATRIX_NUMBERS = 12;
/** Instances per pass. */
const INSTANCES = 4;
/**
 * Blocks per call; their points are copied from the L2 cache to the caller's array before the next call. All blocks in
 * one call take 4 % longer, and 2 MB of memory for the points.
 */
const CHUNK_BLOCKS = 256;
const PAGE_BYTES = 65_536;

/**
 * Copies a model into WebAssembly memory and compiles a kernel for it.
 * @throws RangeError if the arrays do not match the counts; BackendUnavailableError if SIMD is missing.
 */
export function createLinearModelKernel(model: LinearModel, options: LinearModelOptions = {}): LinearModelKernel {
  const simd = chooseSimdMode(options.simd);
  const isShort = options.basis === 'int16';
  const { pointCount, mean, bases } = model;
  const rows = 3 * pointCount;
  checkLength('mean', mean, rows);
  for (const [i, { data, columns }] of bases.entries()) checkLength(`bases[${i}]`, data, rows * columns);

  const weightCount = bases.reduce((sum, { columns }) => sum + columns, 0);
  const blockCount = Math.ceil(pointCount / BLOCK_POINTS);
  const paramBytes = roundUp((MATRIX_NUMBERS + weightCount) * 4, 64);
  const blockBytes = BLOCK_ROWS * 4 + weightCount * BLOCK_ROWS * (isShort ? 2 : 4);
  const outputBytes = roundUp(Math.min(blockCount, CHUNK_BLOCKS) * BLOCK_ROWS * 4, 64);
  const layout: Layout = {
    params: 0,
    paramBytes,
    blocks: roundUp(INSTANCES * paramBytes, 64),
    blockBytes,
    blockCount,
    weightCount,
    isShort,
    outputs: roundUp(INSTANCES * paramBytes, 64) + roundUp(blockCount * blockBytes, 64),
    outputBytes,
  };
  const pages = Math.ceil((layout.outputs + INSTANCES * outputBytes) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const scales = packModel(memory.buffer, layout, model);
  const module = new WebAssembly.Module(emitModule(layout, pages, simd));
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const run = instance.exports.evaluate as (instances: number, block: number, blockEnd: number) => void;

  const paramViews = Array.from(
    { length: INSTANCES },
    (_, i) => new Float32Array(memory.buffer, layout.params + i * paramBytes, MATRIX_NUMBERS + weightCount),
  );
  const outputViews = Array.from(
    { length: INSTANCES },
    (_, i) => new Float32Array(memory.buffer, layout.outputs + i * outputBytes, outputBytes / 4),
  );
  return {
    pointCount,
    weightCount,
    memoryBytes: pages * PAGE_BYTES,
    evaluate(params, dsts = params.map(() => new Float32Array(rows))) {
      if (dsts.length !== params.length) {
        throw new RangeError(`dsts: expected an array for each of ${params.length} instances, got ${dsts.length}`);
      }
      for (let i = 0; i < params.length; i++) {
        checkLength(`params[${i}]`, params[i], MATRIX_NUMBERS + weightCount);
        checkLength(`dsts[${i}]`, dsts[i], rows);
      }
      for (let first = 0; first < params.length; first += INSTANCES) {
        const count = Math.min(INSTANCES, params.length - first);
        for (let i = 0; i < count; i++) {
          const view = paramViews[i];
          view.set(params[first + i]);
          for (let column = 0; column < scales.length; column++) view[MATRIX_NUMBERS + column] *= scales[column];
        }
        for (let block = 0; block < blockCount; block += CHUNK_BLOCKS) {
          const blockEnd = Math.min(block + CHUNK_BLOCKS, blockCount);
          run(count, layout.blocks + block * blockBytes, layout.blocks + blockEnd * blockBytes);
          const [start, end] = [block * BLOCK_ROWS, Math.min(blockEnd * BLOCK_ROWS, rows)];
          for (let i = 0; i < count; i++) dsts[first + i].set(outputViews[i].subarray(0, end - start), start);
        }
      }
      return dsts;
    },
  };
}

/** Memory layout, in bytes. */
interface Layout {
  readonly params: number;
  readonly paramBytes: number;
  readonly blocks: number;
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly weightCount: number;
  readonly isShort: boolean;
  readonly outputs: number;
  readonly outputBytes: number;
}

/**
 * Writes the blocks: for 8 points the means of x, y, z (8 each), then every column in the same order.
 * @returns the factor of each column's weight: none for a float32 basis.
 */
function packModel(buffer: ArrayBuffer, layout: Layout, { pointCount, mean, bases }: LinearModel): Float32Array {
  const { blocks, blockBytes, blockCount, isShort, weightCount } = layout;
  const floats = new Float32Array(buffer);
  const shorts = new Int16Array(buffer);
  const scales = new Float32Array(isShort ? weightCount : 0);
  let firstColumn = 0;
  if (isShort) {
    for (const { data, columns } of bases) {
      for (let i = 0; i < data.length; i++) {
        const column = firstColumn + (i % columns);
        scales[column] = Math.max(scales[column], Math.abs(data[i]) / 32_767);
      }
      firstColumn += columns;
    }
  }
  for (let block = 0; block < blockCount; block++) {
    const start = blocks + block * blockBytes;
    const points = Math.min(BLOCK_POINTS, pointCount - block * BLOCK_POINTS);
    for (let point = 0; point < points; point++) {
      for (let axis = 0; axis < 3; axis++) {
        const row = 3 * (block * BLOCK_POINTS + point) + axis;
        const lane = axis * BLOCK_POINTS + point;
        floats[start / 4 + lane] = mean[row];
        let column = 0;
        for (const { data, columns } of bases) {
          for (let c = 0; c < columns; c++, column++) {
            const value = data[row * columns + c];
            if (isShort) {
              const at = start / 2 + 2 * BLOCK_ROWS + column * BLOCK_ROWS + lane;
              shorts[at] = scales[column] === 0 ? 0 : Math.round(value / scales[column]);
            } else floats[start / 4 + (1 + column) * BLOCK_ROWS + lane] = value;
          }
        }
      }
    }
  }
  return scales;
}

function emitModule(layout: Layout, pages: number, simd: SimdMode): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  builder.addFunction('evaluate', ['i32', 'i32', 'i32'], (f) => emitEvaluate(f, layout, simd === 'fma'), {
    exported: true,
  });
  return builder.encode({ minimumPages: pages });
}

/**
 * `evaluate(instances, block, blockEnd)`: for every block between these addresses, for every instance, the block's
 * points.
 */
function emitEvaluate(f: FunctionBuilder, layout: Layout, fused: boolean): void {
  const [instances, block, blockEnd] = [0, 1, 2].map((i) => f.param(i));
  const [output, instanceOutput, param, paramEnd, weight, weightEnd, column] = f.locals('i32', 7);
  const sums = f.locals('v128', BLOCK_VECTORS);
  const factor = f.local('v128');
  const value = f.local('v128');
  const columnBytes = BLOCK_ROWS * (layout.isShort ? 2 : 4);

  f.i32(layout.params).get(instances).i32(layout.paramBytes).op('i32.mul').op('i32.add').set(paramEnd);
  f.i32(layout.outputs).set(output);
  f.stepBelow(block, layout.blockBytes, blockEnd, () => {
    f.i32(layout.params).set(param);
    f.get(output).set(instanceOutput);
    f.stepBelow(param, layout.paramBytes, paramEnd, () => {
      for (const [i, sum] of sums.entries())
        f.get(block)
          .memory('v128.load', i * 16)
          .set(sum);
      if (layout.weightCount > 0) {
        f.get(block)
          .i32(BLOCK_ROWS * 4)
          .op('i32.add')
          .set(column);
        f.get(param)
          .i32(MATRIX_NUMBERS * 4)
          .op('i32.add')
          .tee(weight);
        f.i32(layout.weightCount * 4)
          .op('i32.add')
          .set(weightEnd);
        f.stepBelow(weight, 4, weightEnd, () => {
          f.get(weight).memory('v128.load32_splat').set(factor);
          for (const [i, sum] of sums.entries()) {
            if (layout.isShort)
              f.get(column)
                .memory('v128.load16x4_s', i * 8)
                .op('f32x4.convert_i32x4_s');
            else f.get(column).memory('v128.load', i * 16);
            f.set(value);
            multiplyAdd(f, fused, sum, factor, value);
          }
          f.increment(column, columnBytes);
        });
      }
      for (let half = 0; half < 2; half++) {
        const [x, y, z] = [sums[half], sums[2 + half], sums[4 + half]];
        emitTransform(f, fused, param, { x, y, z }, instanceOutput, half * 48);
      }
      f.increment(instanceOutput, layout.outputBytes);
    });
    f.increment(output, BLOCK_ROWS * 4);
  });
}

/** Applies the 3 x 4 matrix to four points and stores them interleaved. */
function emitTransform(
  f: FunctionBuilder,
  fused: boolean,
  param: Local,
  { x, y, z }: { readonly x: Local; readonly y: Local; readonly z: Local },
  output: Local,
  offset: number,
): void {
  const transformed = f.locals('v128', 3);
  const factor = f.local('v128');
  for (const [row, result] of transformed.entries()) {
    f.get(param)
      .memory('v128.load32_splat', (4 * row + 3) * 4)
      .set(result);
    for (const [column, coordinate] of [x, y, z].entries()) {
      f.get(param)
        .memory('v128.load32_splat', (4 * row + column) * 4)
        .set(factor);
      multiplyAdd(f, fused, result, factor, coordinate);
    }
  }
  const [a, b, c] = transformed;
  // x0 x1 x2 x3, y0 …, z0 … -> x0 y0 z0 x1 | y1 z1 x2 y2 | z2 x3 y3 z3
  const interleaved: readonly (readonly [Local, Local, Lanes, Local, Lanes])[] = [
    [a, b, [0, 4, 0, 1], c, [0, 1, 4, 3]],
    [b, c, [1, 5, 0, 2], a, [0, 1, 6, 3]],
    [c, a, [2, 7, 0, 3], b, [0, 1, 7, 3]],
  ];
  for (const [i, [first, second, lanes, third, rest]] of interleaved.entries()) {
    f.get(output).get(first).get(second).shuffleLanes(lanes).get(third).shuffleLanes(rest);
    f.memory('v128.store', offset + i * 16);
  }
}

type Lanes = readonly [number, number, number, number];

function checkLength(name: string, array: Float32Array, expected: number): void {
  if (array.length !== expected) throw new RangeError(`${name}: expected ${expected} numbers, got ${array.length}`);
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
