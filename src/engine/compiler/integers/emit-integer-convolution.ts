/**
 * Convolution of bytes, in the loops and panels of that of floats: a register tile is 4 pixels of a row x 8 output channels. A
 * step loads 4 input numbers of each pixel into all lanes, and multiplies them with the 4 weights of each channel.
 *
 * Tried, 240 pixels x 256 -> 256 channels, thousand million products a second, Zen 5 without AVX-VNNI, Node 20 / 22 / 24 / 26:
 * - floats: 22 plain on all, 27.5 fused (from 22 on).
 * - `i32x4.dot_i16x8_s` of bytes taken apart into even and odd ones: 34 / 36 / 38 / 38. Of weights kept as 16 bits: 37 / 35 / 39 / 39,
 *   and with the input as 16 bits too 44 / 44 / 44 / 45; but twice the memory, and other kernels for everything around.
 * - `i32x4.relaxed_dot_i8x16_i7x16_add_s`: - / 44 / 45 / 45.
 * - `i16x8.relaxed_dot_i8x16_i7x16_s`, whose pairs `i32x4.dot_i16x8_s` with ones adds up: - / 57 / 59 / 59.
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
import { loadBytesAsFloats, narrowToBytes, roundToByte, storeFirstBytes } from './byte-vectors.ts';
import { STEP, stepsOf } from './pack-integers.ts';

const TILE_PIXELS = 4;
const MAX_VECTORS = PANEL / QUAD;

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
  readonly #sums: readonly (readonly Local[])[];
  readonly #weights: readonly Local[];
  readonly #input: Local;
  readonly #odd: Local;
  readonly #constant: Local;
  readonly #results: readonly Local[];
  readonly #loops: TapLoops;

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
    this.#sums = Array.from({ length: pixels }, () => f.locals('v128', MAX_VECTORS));
    this.#weights = f.locals('v128', 2 * MAX_VECTORS);
    this.#input = f.local('v128');
    this.#odd = f.local('v128');
    this.#constant = f.local('v128');
    this.#results = f.locals('v128', MAX_VECTORS);
    this.#loops = new TapLoops(f);
    // Ones of 16 bits, or what leaves the even bytes.
    f.i32x4(this.#isRelaxed ? 0x0001_0001 : 0x00ff_00ff).set(this.#constant);
  }

  get #isRelaxed(): boolean {
    return this.#writer.target.fusedMultiplyAdd;
  }

  emit(group: IntegerPanelGroup, at: TilePointers, pixels: number): void {
    const vectors = group.width / QUAD;
    this.#loops.begin(at, group.bias, this.#sums.slice(0, pixels), this.#weights.slice(0, vectors));
    this.#emitSums(at, pixels, vectors);
    this.#emitResults(group, at, pixels, vectors);
  }

  #emitSums(at: TilePointers, pixels: number, vectors: number): void {
    const { input } = this.#views;
    const { kernel, inputChannels } = this.#convolution;
    const isDense = kernel[1] === 1 || input.pixelStride === inputChannels;
    if (this.#rowsOfTaps && !isDense) throw new Error(`the input of '${this.#convolution.name}' must be dense`);
    const isRow = this.#rowsOfTaps || kernel[1] === 1 || (isDense && inputChannels % STEP === 0);
    const length = isRow ? kernel[1] * inputChannels : inputChannels;
    this.#loops.emit(at.input, { kernel, input, isRow }, (start) => this.#emitRun(start, length, pixels, vectors));
  }

  /** Sums over `length` bytes from `start`; the last step may read up to 3 more, which have no weights. */
  #emitRun(start: Local, length: number, pixels: number, vectors: number): void {
    const { f } = this.#writer;
    const pixelStep = this.#convolution.strides[1] * this.#views.input.pixelStride;
    const { tap, weight } = this.#loops;
    const end = f.local('i32');
    f.get(start).tee(tap).i32(length).op('i32.add').set(end);
    f.stepBelow(tap, STEP, end, () => {
      this.#loadWeights(vectors);
      for (let pixel = 0; pixel < pixels; pixel++) {
        f.get(tap)
          .memory('v128.load32_splat', pixel * pixelStep)
          .set(this.#input);
        if (this.#isRelaxed) this.#addRelaxed(this.#sums[pixel], vectors);
        else this.#addPairs(this.#sums[pixel], vectors);
      }
      f.increment(weight, vectors * VECTOR);
    });
  }

  #loadWeights(vectors: number): void {
    const { f } = this.#writer;
    for (let v = 0; v < vectors; v++) {
      if (this.#isRelaxed) {
        f.get(this.#loops.weight)
          .memory('v128.load', v * VECTOR)
          .set(this.#weights[v]);
        continue;
      }
      for (const half of [0, 1]) {
        f.get(this.#loops.weight)
          .memory(BYTES['v128.load8x8_s'], v * VECTOR + half * 8)
          .set(this.#weights[2 * v + half]);
      }
    }
  }

  /** Products of a pair of bytes are at most 2 x 127 x 127, which 16 bits hold: they are exact, whatever the processor. */
  #addRelaxed(sums: readonly Local[], vectors: number): void {
    const { f } = this.#writer;
    for (let v = 0; v < vectors; v++) {
      f.get(sums[v]).get(this.#weights[v]).get(this.#input).op(BYTES['i16x8.relaxed_dot_i8x16_i7x16_s']);
      f.get(this.#constant).op('i32x4.dot_i16x8_s').op('i32x4.add').set(sums[v]);
    }
  }

  #addPairs(sums: readonly Local[], vectors: number): void {
    const { f } = this.#writer;
    f.get(this.#input).i32(8).op(BYTES['i16x8.shr_u']).set(this.#odd);
    f.get(this.#input).get(this.#constant).op('v128.and').set(this.#input);
    for (let v = 0; v < vectors; v++) {
      f.get(sums[v])
        .get(this.#input)
        .get(this.#weights[2 * v])
        .op('i32x4.dot_i16x8_s')
        .op('i32x4.add');
      f.get(this.#odd)
        .get(this.#weights[2 * v + 1])
        .op('i32x4.dot_i16x8_s')
        .op('i32x4.add')
        .set(sums[v]);
    }
  }

  #emitResults(group: IntegerPanelGroup, at: TilePointers, pixels: number, vectors: number): void {
    const { f } = this.#writer;
    const { mirrored, channels, zeroPoints } = this.#convolution.outputs[group.output];
    const { pixelStride } = this.#views.outputs[group.output];
    const { multipliers, mirroredMultipliers, zeroPoints: zeros, mirroredZeroPoints } = group;
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let v = 0; v < vectors; v++)
        f.get(this.#sums[pixel][v]).op('f32x4.convert_i32x4_s').set(this.#sums[pixel][v]);
      const halves = [{ offset: 0, multipliers, zeros }];
      if (mirrored) halves.push({ offset: channels, multipliers: mirroredMultipliers, zeros: mirroredZeroPoints });
      for (const { offset, ...half } of halves) {
        const results = this.#results.slice(0, vectors);
        for (let v = 0; v < vectors; v++) {
          f.get(this.#sums[pixel][v])
            .get(at.panel)
            .memory('v128.load', half.multipliers + v * VECTOR);
          f.op('f32x4.mul').set(results[v]);
          this.#finish(group, at, results[v], pixel, v, half.zeros);
        }
        const place = pixel * pixelStride + offset;
        if (zeroPoints) {
          for (const result of results) roundToByte(this.#writer, result);
          narrowToBytes(this.#writer, results);
          f.set(results[0]);
          storeFirstBytes(this.#writer, at.output, place, results[0], group.channels);
        } else {
          for (let v = 0; v < vectors; v++) {
            const lanes = Math.min(QUAD, group.channels - v * QUAD);
            if (lanes > 0) this.#writer.store(at.output, (place + v * QUAD) * FLOAT, results[v], lanes);
          }
        }
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
    // Bytes below 0 are cut in any case.
    const isCut = activation.kind === 'relu' && zeroPoints !== undefined && zeros === 0;
    if (!isCut) this.#writer.activate(result, activation, () => load(group.alphas));
    if (zeros !== 0) {
      f.get(result);
      load(zeros);
      f.op('f32x4.add').set(result);
    }
  }
}
