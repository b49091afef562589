/**
 * Convolution of bytes, with the loops and panels of the float version: a register tile is 4 pixels of a row x 8 output
 * channels. A step loads 4 input numbers of each pixel into all lanes and multiplies them by the 4 weights of each
 * channel.
 *
 * Measured, 240 pixels x 256 -> 256 channels, billions of products/s, Zen 5 without AVX-VNNI, Node 20 / 22 / 24 / 26:
 * - floats: 22 plain on all, 27.5 fused (from 22 on).
 * - `i32x4.dot_i16x8_s` of bytes split into even and odd ones: 34 / 36 / 38 / 38. With weights kept as 16 bits:
 *   37 / 35 / 39 / 39, and with the input as 16 bits too 44 / 44 / 44 / 45; but that takes twice the memory, and other
 *   kernels for everything around.
 * - `i32x4.relaxed_dot_i8x16_i7x16_add_s`: - / 44 / 45 / 45.
 * - `i16x8.relaxed_dot_i8x16_i7x16_s`, its pairs added up by `i32x4.dot_i16x8_s` with ones: - / 57 / 59 / 59.
 * - the same with two steps added up in 16 bits before widening, with weights that leave room for it (`CHUNK`):
 *   9 to 11 % less time for whole networks on Node 26, see docs/engine.md. This is the one used.
 * - tiles of 3 x 12, 2 x 16 and 5 x 8 are the same within 3 %; 2 x 12 and 6 x 8 slower for pairs.
 */
import type { FunctionBuilder, Local } from '../../../wasm/function-builder.ts';
import {
  type ConvolutionTile,
  type ConvolutionViews,
  emitTiles,
  TapLoops,
  type TilePointers,
} from '../emit/convolution.ts';
import { FLOAT, type KernelWriter, VECTOR } from '../emit/kernel-writer.ts';
import { type IntegerPanelGroup, PANEL, type PackedIntegerConvolution, QUAD } from '../pack-weights.ts';
import type { IntegerConvolution } from '../program.ts';
import { BYTES } from './byte-instructions.ts';
import {
  cutToBytes,
  loadBytesAsFloats,
  narrowToBytes,
  roundToByte,
  roundToInteger,
  storeBytes,
} from './byte-vectors.ts';
import { STEP, stepsOf } from './pack-integers.ts';
import { CHUNK } from './quantize-weights.ts';

const TILE_PIXELS = 4;
const MAX_VECTORS = PANEL / QUAD;
/** Vectors of 32-bit numbers that make up a vector of bytes. */
const RESULTS = 4;
const EVEN_BYTES = 0x00ff_00ff;

/** Units: rows of the output, over all images; or panels, see `isSplitByPanels`. */
export function emitIntegerConvolution(
  writer: KernelWriter,
  convolution: IntegerConvolution,
  { groups, rowsOfTaps }: PackedIntegerConvolution,
  views: ConvolutionViews,
): void {
  const maxTilePixels = writer.target.registerTiles ? Math.min(TILE_PIXELS, views.outputs[0].width) : 1;
  const tile = new IntegerTile(writer, convolution, views, maxTilePixels, rowsOfTaps);
  emitTiles(writer, convolution, groups, views, { steps: stepsOf(convolution, rowsOfTaps), tile, maxTilePixels });
}

class IntegerTile implements ConvolutionTile<IntegerPanelGroup> {
  readonly #writer: KernelWriter;
  readonly #convolution: IntegerConvolution;
  readonly #views: ConvolutionViews;
  readonly #rowsOfTaps: boolean;
  readonly sums: readonly (readonly Local[])[];
  readonly weights: readonly Local[];
  readonly #inputs: readonly Local[];
  readonly #odd: Local;
  readonly #evenBytes: Local;
  readonly #results: readonly Local[];
  readonly loops: TapLoops;

  constructor(
    writer: KernelWriter,
    convolution: IntegerConvolution,
    views: ConvolutionViews,
    pixels: number,
    rowsOfTaps: boolean,
  ) {
    const { f } = writer;
    this.#writer = writer;
    this.#convolution = convolution;
    this.#views = views;
    this.#rowsOfTaps = rowsOfTaps;
    this.sums = Array.from({ length: pixels }, () => f.locals('v128', MAX_VECTORS));
    this.weights = f.locals('v128', 2 * MAX_VECTORS);
    this.#inputs = f.locals('v128', CHUNK / STEP);
    this.#odd = f.local('v128');
    this.#evenBytes = f.local('v128');
    this.#results = f.locals('v128', RESULTS);
    this.loops = new TapLoops(f);
    if (!this.#isRelaxed) f.i32x4(EVEN_BYTES).set(this.#evenBytes);
  }

  get #isRelaxed(): boolean {
    return this.#writer.target.fusedMultiplyAdd;
  }

  emitSums(at: TilePointers, pixels: number, vectors: number): void {
    const { input } = this.#views;
    const { kernel, inputChannels } = this.#convolution;
    const isDense = kernel[1] === 1 || input.pixelStride === inputChannels;
    if (this.#rowsOfTaps && !isDense) throw new Error(`the input of '${this.#convolution.name}' must be dense`);
    // Runs of several taps must not combine steps that the weights were not chosen for.
    const isRow = this.#rowsOfTaps || kernel[1] === 1 || (isDense && inputChannels % CHUNK === 0);
    const length = isRow ? kernel[1] * inputChannels : inputChannels;
    this.loops.emit(at.input, { kernel, input, isRow }, (start) => this.#emitRun(start, length, pixels, vectors));
  }

  /** Sums over `length` bytes from `start`; the last step may read up to 3 more, which have no weights. */
  #emitRun(start: Local, length: number, pixels: number, vectors: number): void {
    const { f } = this.#writer;
    const { tap, weight } = this.loops;
    const end = f.local('i32');
    // The relaxed products of two steps together fit 16 bits, see `quantizeConvolution`.
    const together = this.#isRelaxed ? CHUNK / STEP : 1;
    const steps = Math.ceil(length / STEP);
    const whole = steps - (steps % together);
    f.get(start).set(tap);
    if (whole > 0) {
      f.get(start)
        .i32(whole * STEP)
        .op('i32.add')
        .set(end);
      f.stepBelow(tap, together * STEP, end, () => {
        this.#emitSteps(together, pixels, vectors);
        f.increment(weight, together * vectors * VECTOR);
      });
    }
    if (whole === steps) return;
    this.#emitSteps(1, pixels, vectors);
    f.increment(weight, vectors * VECTOR);
  }

  /** Adds the products of one step, or of two relaxed ones. */
  #emitSteps(steps: number, pixels: number, vectors: number): void {
    const { f } = this.#writer;
    const pixelStep = this.#convolution.strides[1] * this.#views.input.pixelStride;
    this.#loadWeights(steps * vectors);
    for (let pixel = 0; pixel < pixels; pixel++) {
      const inputs = this.#inputs.slice(0, steps);
      for (const [step, input] of inputs.entries()) {
        f.get(this.loops.tap)
          .memory('v128.load32_splat', pixel * pixelStep + step * STEP)
          .set(input);
      }
      if (this.#isRelaxed) this.#addRelaxed(this.sums[pixel], inputs, vectors);
      else this.#addPairs(this.sums[pixel], inputs[0], vectors);
    }
  }

  #loadWeights(vectors: number): void {
    const { f } = this.#writer;
    for (let v = 0; v < vectors; v++) {
      if (this.#isRelaxed) {
        f.get(this.loops.weight)
          .memory('v128.load', v * VECTOR)
          .set(this.weights[v]);
        continue;
      }
      for (const half of [0, 1]) {
        f.get(this.loops.weight)
          .memory(BYTES['v128.load8x8_s'], v * VECTOR + half * 8)
          .set(this.weights[2 * v + half]);
      }
    }
  }

  /** Products of a pair of bytes are at most 2 x 127 x 127, which fits 16 bits: they are exact on every processor. */
  #addRelaxed(sums: readonly Local[], inputs: readonly Local[], vectors: number): void {
    const { f } = this.#writer;
    for (let v = 0; v < vectors; v++) {
      f.get(sums[v]);
      for (const [step, input] of inputs.entries()) {
        f.get(this.weights[step * vectors + v])
          .get(input)
          .op(BYTES['i16x8.relaxed_dot_i8x16_i7x16_s']);
        if (step > 0) f.op(BYTES['i16x8.add']);
      }
      f.op(BYTES['i32x4.extadd_pairwise_i16x8_s']).op('i32x4.add').set(sums[v]);
    }
  }

  #addPairs(sums: readonly Local[], input: Local, vectors: number): void {
    const { f } = this.#writer;
    f.get(input).i32(8).op(BYTES['i16x8.shr_u']).set(this.#odd);
    f.get(input).get(this.#evenBytes).op('v128.and').set(input);
    for (let v = 0; v < vectors; v++) {
      f.get(sums[v])
        .get(input)
        .get(this.weights[2 * v])
        .op('i32x4.dot_i16x8_s')
        .op('i32x4.add');
      f.get(this.#odd)
        .get(this.weights[2 * v + 1])
        .op('i32x4.dot_i16x8_s')
        .op('i32x4.add')
        .set(sums[v]);
    }
  }

  emitResults(group: IntegerPanelGroup, at: TilePointers, pixels: number, vectors: number): void {
    const { f } = this.#writer;
    const { mirrored, channels } = this.#convolution.outputs[group.output];
    const { multipliers, mirroredMultipliers, zeroPoints: zeros, mirroredZeroPoints } = group;
    const halves = [{ offset: 0, multipliers, zeros }];
    if (mirrored) halves.push({ offset: channels, multipliers: mirroredMultipliers, zeros: mirroredZeroPoints });
    for (const sums of this.sums.slice(0, pixels)) {
      for (const sum of sums.slice(0, vectors)) f.get(sum).op('f32x4.convert_i32x4_s').set(sum);
    }
    // At a time, as many pixels as fill a vector of bytes.
    const together = this.#results.length / vectors;
    for (let first = 0; first < pixels; first += together) {
      const count = Math.min(together, pixels - first);
      for (const { offset, ...half } of halves) {
        const results = this.#results.slice(0, count * vectors);
        for (const [i, result] of results.entries()) {
          const pixel = first + Math.floor(i / vectors);
          const v = i % vectors;
          f.get(this.sums[pixel][v])
            .get(at.panel)
            .memory('v128.load', half.multipliers + v * VECTOR);
          f.op('f32x4.mul').set(result);
          this.#finish(group, at, result, pixel, v, half.zeros);
        }
        this.#store(group, at.output, results, vectors, { first, offset });
      }
    }
  }

  /** Stores the results of pixels from `first` on, at `offset` from a pixel's first channel. */
  #store(
    group: IntegerPanelGroup,
    pointer: Local,
    results: readonly Local[],
    vectors: number,
    { first, offset }: { readonly first: number; readonly offset: number },
  ): void {
    const { pixelStride } = this.#views.outputs[group.output];
    const isBytes = this.#convolution.outputs[group.output].zeroPoints !== undefined;
    if (isBytes && group.isBounded) {
      for (const result of results) roundToInteger(this.#writer, result);
      cutToBytes(this.#writer, results);
    } else if (isBytes) {
      for (const result of results) roundToByte(this.#writer, result);
      narrowToBytes(this.#writer, results);
    }
    for (let i = 0; i < results.length; i += vectors) {
      const place = (first + i / vectors) * pixelStride + offset;
      if (isBytes) {
        storeBytes(this.#writer, pointer, place, results[0], i * QUAD, group.channels);
        continue;
      }
      for (let v = 0; v < vectors; v++) {
        const lanes = Math.min(QUAD, group.channels - v * QUAD);
        if (lanes > 0) this.#writer.store(pointer, (place + v * QUAD) * FLOAT, results[i + v], lanes);
      }
    }
  }

  /** Residual, activation and zero points. */
  #finish(group: IntegerPanelGroup, at: TilePointers, result: Local, pixel: number, v: number, zeros: number): void {
    const { f } = this.#writer;
    const { residual } = this.#views;
    const { activation, zeroPoints } = this.#convolution.outputs[group.output];
    const load = (address: number): FunctionBuilder => f.get(at.panel).memory('v128.load', address + v * VECTOR);
    if (residual) {
      loadBytesAsFloats(this.#writer, at.residual, pixel * residual.pixelStride + v * QUAD);
      load(group.residualScales);
      f.op('f32x4.mul').get(result).op('f32x4.add').set(result);
    }
    // Bytes below 0 are clipped in any case.
    const isCut = activation.kind === 'relu' && zeroPoints !== undefined && zeros === 0;
    if (!isCut) this.#writer.activate(result, activation, () => load(group.alphas));
    if (zeros !== 0) {
      f.get(result);
      load(zeros);
      f.op('f32x4.add').set(result);
    }
  }
}
