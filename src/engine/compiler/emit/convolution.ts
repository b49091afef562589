/**
 * Convolution as an implicit matrix product directly on pictures that carry their zero border: no im2col, no padding
 * pass. A register tile is P pixels of a row x 8 or 12 output channels: each step loads two or three vectors of weights
 * and, for every pixel, one input number into all four lanes.
 *
 * Measured, 240 pixels x 256 -> 256 channels, GFLOP/s (fused / plain), Zen 5 with a limit of 64, Node 20:
 * - tiles of 4 pixels, loop over the inputs rolled: 58 / 60. 3 pixels: 47 / 59, too few sums to hide the latency.
 * - 5 and 6 pixels: 26-30. V8 before Node 24 moves all loads of a basic block to its front; with more than 15 vectors
 *   alive it spills. On Node 24: 59 / 59 and 63 / 32.
 * - 5 pixels split into basic blocks of 3 and 2 by a branch that is never taken: 58 / 26 (the product of the plain form
 *   needs one more register), and 6 pixels split any way: 28-43. 5 % on some rows is not worth a second tile form.
 * - with three vectors of weights, on a slower machine whose limit is 60 (4 pixels x 8 there: 53.6 / 55.3): 3 pixels x
 *   12 55.5 / 38.6, the plain form spills; 2 pixels x 16 52.7 / 56.4. So 3 x 12 for the fused form: FaceBoxes 24.3 to
 *   23.5 ms.
 * - the loop unrolled twice: 32 / 36, the same spills; split into basic blocks: 53-57 / 53-57.
 * - prefetching panels (`fetchPanel`): mb1 7.2 -> 6.85 ms, its 1024-channel layers 39 -> 47 GFLOP/s. Touching the next
 *   panel line by line from inside the tiles instead: 40, as the loads that miss hold up the others.
 */

import type { FunctionBuilder, Local } from '../../../wasm/function-builder.ts';
import { multiplyAdd } from '../../../wasm/multiply-add.ts';
import { elementBytes, type View } from '../assign-storage.ts';
import { type PanelGroup, WIDE_PANEL } from '../pack-weights.ts';
import type { Convolution, IntegerConvolution, Padding } from '../program.ts';
import { FLOAT, type KernelWriter, VECTOR } from './kernel-writer.ts';

/** Pixels of a register tile, and of one of a wide panel. */
const TILE_PIXELS = 4;
const WIDE_TILE_PIXELS = 3;
/** Vectors of weights of a wide panel. */
const MAX_VECTORS = WIDE_PANEL / 4;
/**
 * Tiles with fewer sums than this multiply and add separately, in the fused form too: they are bound by the latency of
 * their sums, and an addition alone completes sooner than a fused one (Zen 5: layers whose rows leave tiles of 1 to 3
 * pixels gain 3 to 30 %).
 */
const FUSED_SUMS = 8;
/** Input rows of one block of output rows take at most this much, so that they stay in the L2 cache over all panels. */
const BLOCK_BYTES = 192 * 1024;
/** A layer's weights are prefetched panel by panel from this size on, see `fetchPanel`. */
const FETCH_FROM_BYTES = 128 * 1024;
const LINE_BYTES = 64;
/** Cache lines that an iteration of the prefetch loop touches. */
const FETCHED_LINES = 8;

export interface ConvolutionViews {
  readonly input: View;
  readonly residual: View | undefined;
  readonly outputs: readonly View[];
  readonly padding: Padding;
}

/**
 * Whether threads share out the panels of a convolution instead of its rows: if the weights outweigh the input, each
 * weight is then read by a single thread.
 */
export function isSplitByPanels(convolution: AnyConvolution, input: View): boolean {
  const { kernel, inputChannels, bias } = convolution;
  const weights = kernel[0] * kernel[1] * inputChannels * bias.length;
  return weights >= input.height * input.width * input.channels;
}

/** Units: rows of the output, over all images; or panels, see `isSplitByPanels`. */
export function emitConvolution(
  writer: KernelWriter,
  convolution: Convolution,
  groups: readonly PanelGroup[],
  views: ConvolutionViews,
): void {
  const maxTilePixels = writer.target.registerTiles ? Math.min(TILE_PIXELS, views.outputs[0].width) : 1;
  const steps = convolution.kernel[0] * convolution.kernel[1] * convolution.inputChannels;
  const tile = new Tile(writer, convolution, views, maxTilePixels);
  emitTiles(writer, convolution, groups, views, { steps, tile, maxTilePixels });
}

/** One register tile of a kernel for convolutions: some pixels x the channels of a panel, `vectors` of four. */
export interface ConvolutionTile<Group extends PanelGroup> {
  /** For each pixel, the vectors of a panel. */
  readonly sums: readonly (readonly Local[])[];
  /** At least as many as a panel has vectors. */
  readonly weights: readonly Local[];
  readonly loops: TapLoops;
  /** Adds all taps to sums that start at the bias. */
  emitSums(at: TilePointers, pixels: number, vectors: number): void;
  /** Turns the sums into results and stores them. */
  emitResults(group: Group, at: TilePointers, pixels: number, vectors: number): void;
}

export type AnyConvolution = Convolution | IntegerConvolution;

/**
 * The loops around the tiles: blocks of rows, panels, rows, tiles of a row.
 * @param steps - of the tile's inner loop; each reads 4 bytes of weights for each channel of a panel.
 */
export function emitTiles<Group extends PanelGroup>(
  writer: KernelWriter,
  convolution: AnyConvolution,
  groups: readonly Group[],
  views: ConvolutionViews,
  {
    steps,
    tile,
    maxTilePixels,
  }: { readonly steps: number; readonly tile: ConvolutionTile<Group>; readonly maxTilePixels: number },
): void {
  const { f } = writer;
  const { input, residual, outputs, padding } = views;
  const { strides } = convolution;
  const [{ height, width }] = outputs;

  const inputBase = f.local('i32');
  const inputRow = f.local('i32');
  const outputBase = f.local('i32');
  const outputRow = f.local('i32');
  const residualBase = f.local('i32');
  const residualRow = f.local('i32');
  const [blockStart, blockEnd, unit, panel, panelEnd, weights, x] = f.locals('i32', 7);
  const rowsEnd = f.local('i32');
  const byPanels = isSplitByPanels(convolution, input);
  const scratch = { image: f.local('i32'), row: f.local('i32') };

  const rowStep = strides[0] * input.rowStride * elementBytes(input.buffer);
  /** Advances the pointers by `pixels`. */
  const advance = (at: TilePointers, output: View, pixels: number): void => {
    f.increment(at.input, pixels * strides[1] * input.pixelStride * elementBytes(input.buffer));
    f.increment(at.output, pixels * output.pixelStride * elementBytes(output.buffer));
    if (residual) f.increment(at.residual, pixels * residual.pixelStride * elementBytes(residual.buffer));
  };
  /** Adds the offset of the panel's first channel: `panel` is that of a float panel. */
  const addPanel = (pointer: Local, view: View): void => {
    f.get(pointer).get(panel);
    if (elementBytes(view.buffer) === 1) f.i32(2).op('i32.shr_u');
    f.op('i32.add').set(pointer);
  };
  const emitTile = (group: Group, at: TilePointers, pixels: number): void => {
    const vectors = group.width / 4;
    tile.loops.begin(at, group.bias, tile.sums.slice(0, pixels), tile.weights.slice(0, vectors));
    tile.emitSums(at, pixels, vectors);
    tile.emitResults(group, at, pixels, vectors);
  };
  const blockRows = Math.max(1, Math.floor(BLOCK_BYTES / rowStep));
  writer.ifAny(() => {
    writer.setBase(inputBase, input, -padding.top * input.rowStride - padding.left * input.pixelStride);
    if (byPanels) {
      f.i32(0).set(blockStart);
      f.get(writer.images).i32(height).op('i32.mul').set(rowsEnd);
    } else {
      f.get(writer.begin).set(blockStart);
      f.get(writer.end).set(rowsEnd);
    }
    f.stepBelow(blockStart, blockRows, rowsEnd, () => {
      f.get(blockStart).i32(blockRows).op('i32.add').tee(blockEnd);
      f.get(rowsEnd)
        .op('i32.gt_u')
        .if(() => f.get(rowsEnd).set(blockEnd));
      let firstPanel = 0;
      for (const group of groups) {
        const output = outputs[group.output];
        const tilePixels = group.width === WIDE_PANEL ? Math.min(WIDE_TILE_PIXELS, maxTilePixels) : maxTilePixels;
        writer.setBase(outputBase, output, group.firstChannel);
        if (residual) writer.setBase(residualBase, residual, group.firstChannel);
        // The panel's number in bytes of its channels: it is also the offset of its bias and outputs.
        const panelStep = group.width * FLOAT;
        if (byPanels) {
          setClamped(f, panel, writer.begin, firstPanel, group.count, panelStep);
          setClamped(f, panelEnd, writer.end, firstPanel, group.count, panelStep);
        } else {
          f.i32(0).set(panel);
          f.i32(group.count * panelStep).set(panelEnd);
        }
        firstPanel += group.count;
        f.get(panel).i32(steps).op('i32.mul').i32(group.weights).op('i32.add').set(weights);
        const emitPanels = (): void => {
          f.stepBelow(panel, panelStep, panelEnd, () => {
            fetchPanel(f, weights, steps * group.width * FLOAT, group.count, { line: x, end: unit });
            f.get(blockStart).set(unit);
            f.stepBelow(unit, 1, blockEnd, () => {
              const pointers = [
                { pointer: inputRow, base: inputBase, imageStride: writer.imageStride(input), rowStride: rowStep },
                {
                  pointer: outputRow,
                  base: outputBase,
                  imageStride: writer.imageStride(output),
                  rowStride: output.rowStride * elementBytes(output.buffer),
                },
              ];
              if (residual) {
                const imageStride = writer.imageStride(residual);
                const rowStride = residual.rowStride * elementBytes(residual.buffer);
                pointers.push({ pointer: residualRow, base: residualBase, imageStride, rowStride });
              }
              writer.setRowPointers(unit, height, scratch, pointers);
              addPanel(outputRow, output);
              if (residual) addPanel(residualRow, residual);
              const at = { panel, weights, input: inputRow, output: outputRow, residual: residualRow };
              const whole = Math.floor(width / tilePixels);
              f.repeat(whole, x, () => {
                emitTile(group, at, tilePixels);
                if (width > tilePixels) advance(at, output, tilePixels);
              });
              if (width % tilePixels > 0) emitTile(group, at, width % tilePixels);
            });
            f.increment(weights, steps * panelStep);
          });
        };
        if (byPanels) f.get(panel).get(panelEnd).op('i32.lt_u').if(emitPanels);
        else emitPanels();
      }
    });
  });
}

/** `local = clamp(position - first, 0, count) * step`. */
function setClamped(
  f: FunctionBuilder,
  local: Local,
  position: Local,
  first: number,
  count: number,
  step: number,
): void {
  f.get(position).i32(first).op('i32.sub').set(local);
  f.get(local)
    .i32(0)
    .op('i32.lt_s')
    .if(() => f.i32(0).set(local));
  f.get(local)
    .i32(count)
    .op('i32.gt_s')
    .if(() => f.i32(count).set(local));
  f.get(local).i32(step).op('i32.mul').set(local);
}

/**
 * Touches a panel of weights, with one load per cache line, before the first tile reads it: dozens of lines are then in
 * flight at a time, whereas the tiles' own loads wait for a few. Worth it if the panels do not stay in the L1 cache.
 */
function fetchPanel(
  f: FunctionBuilder,
  weights: Local,
  panelBytes: number,
  panels: number,
  scratch: { readonly line: Local; readonly end: Local },
): void {
  const step = FETCHED_LINES * LINE_BYTES;
  if (panelBytes * panels < FETCH_FROM_BYTES || panelBytes < step) return;
  f.get(weights)
    .tee(scratch.line)
    .i32(panelBytes - (panelBytes % step))
    .op('i32.add')
    .set(scratch.end);
  f.stepBelow(scratch.line, step, scratch.end, () => {
    for (let line = 0; line < FETCHED_LINES; line++)
      f.get(scratch.line)
        .memory('i32.load', line * LINE_BYTES)
        .drop();
  });
}

export interface TilePointers {
  readonly panel: Local;
  readonly weights: Local;
  readonly input: Local;
  readonly output: Local;
  readonly residual: Local;
}

/** The loops of a register tile over its taps. */
export class TapLoops {
  /** Positions of the innermost loop in the input and in the weights. */
  readonly tap: Local;
  readonly weight: Local;
  readonly #f: FunctionBuilder;
  readonly #row: Local;
  readonly #rowEnd: Local;
  readonly #end: Local;
  readonly #segment: Local;

  constructor(f: FunctionBuilder) {
    this.#f = f;
    [this.tap, this.#row, this.#rowEnd, this.#end, this.#segment, this.weight] = f.locals('i32', 6);
  }

  /**
   * Sets the sums of all pixels to the bias, and `weight` to its first.
   * @param vectors - one for each vector of the panel, to be overwritten.
   */
  begin(at: TilePointers, bias: number, sums: readonly (readonly Local[])[], vectors: readonly Local[]): void {
    for (const [v, vector] of vectors.entries()) {
      this.#f
        .get(at.panel)
        .memory('v128.load', bias + v * VECTOR)
        .set(vector);
    }
    for (const pixel of sums) {
      for (const [v, vector] of vectors.entries()) this.#f.get(vector).set(pixel[v]);
    }
    this.#f.get(at.weights).set(this.weight);
  }

  /**
   * Loops over the contiguous runs of input numbers.
   * @param first - the pointer to the first tap.
   * @param isRow - whether a row of taps is one run; otherwise each tap is.
   */
  emit(
    first: Local,
    {
      kernel,
      input,
      isRow,
    }: { readonly kernel: readonly [number, number]; readonly input: View; readonly isRow: boolean },
    emitRun: (start: Local) => void,
  ): void {
    const over = (
      start: Local,
      count: number,
      stride: number,
      [place, end]: readonly Local[],
      emit: typeof emitRun,
    ): void => {
      const step = stride * elementBytes(input.buffer);
      this.#f
        .get(start)
        .tee(place)
        .i32(count * step)
        .op('i32.add')
        .set(end);
      this.#f.stepBelow(place, step, end, () => emit(place));
    };
    const emitRow = (start: Local): void =>
      isRow ? emitRun(start) : over(start, kernel[1], input.pixelStride, [this.#segment, this.#end], emitRun);
    if (kernel[0] === 1) emitRow(first);
    else over(first, kernel[0], input.rowStride, [this.#row, this.#rowEnd], emitRow);
  }
}

/** One register tile: sums over all taps and input channels, then bias, residual, activation, store. */
class Tile implements ConvolutionTile<PanelGroup> {
  readonly #writer: KernelWriter;
  readonly #convolution: Convolution;
  readonly #views: ConvolutionViews;
  readonly sums: readonly (readonly Local[])[];
  readonly weights: readonly Local[];
  readonly #splat: Local;
  readonly loops: TapLoops;

  constructor(writer: KernelWriter, convolution: Convolution, views: ConvolutionViews, pixels: number) {
    const { f } = writer;
    this.#writer = writer;
    this.#convolution = convolution;
    this.#views = views;
    this.sums = Array.from({ length: pixels }, () => f.locals('v128', MAX_VECTORS));
    this.weights = f.locals('v128', MAX_VECTORS);
    this.#splat = f.local('v128');
    this.loops = new TapLoops(f);
  }

  emitSums(at: TilePointers, pixels: number, vectors: number): void {
    const { input } = this.#views;
    const { kernel, inputChannels } = this.#convolution;
    const isRow = kernel[1] === 1 || input.pixelStride === inputChannels;
    const length = isRow ? kernel[1] * inputChannels : inputChannels;
    this.loops.emit(at.input, { kernel, input, isRow }, (start) => this.#emitRun(start, length, pixels, vectors));
  }

  /** Sums over `length` numbers from `start`. The loop must stay rolled, see the top of the file. */
  #emitRun(start: Local, length: number, pixels: number, vectors: number): void {
    const { f } = this.#writer;
    const pixelStep = this.#convolution.strides[1] * this.#views.input.pixelStride * FLOAT;
    const fused = this.#writer.target.fusedMultiplyAdd && pixels * vectors >= FUSED_SUMS;
    const { tap, weight } = this.loops;
    const end = f.local('i32');
    f.get(start)
      .tee(tap)
      .i32(length * FLOAT)
      .op('i32.add')
      .set(end);
    f.stepBelow(tap, FLOAT, end, () => {
      for (let v = 0; v < vectors; v++) {
        f.get(weight)
          .memory('v128.load', v * VECTOR)
          .set(this.weights[v]);
      }
      for (let pixel = 0; pixel < pixels; pixel++) {
        f.get(tap)
          .memory('v128.load32_splat', pixel * pixelStep)
          .set(this.#splat);
        for (let v = 0; v < vectors; v++) {
          multiplyAdd(f, fused, this.sums[pixel][v], this.#splat, this.weights[v]);
        }
      }
      f.increment(weight, vectors * VECTOR);
    });
  }

  emitResults(group: PanelGroup, at: TilePointers, pixels: number, vectors: number): void {
    const { f } = this.#writer;
    const { residual, outputs } = this.#views;
    const { activation, mirrored, channels } = this.#convolution.outputs[group.output];
    const { pixelStride } = outputs[group.output];
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let v = 0; v < vectors; v++) {
        const lanes = Math.min(4, group.channels - v * 4);
        if (lanes <= 0) continue;
        const sum = this.sums[pixel][v];
        if (residual) {
          f.get(sum)
            .get(at.residual)
            .memory('v128.load', (pixel * residual.pixelStride + v * 4) * FLOAT);
          f.op('f32x4.add').set(sum);
        }
        const offset = (pixel * pixelStride + v * 4) * FLOAT;
        const loadAlphas = (): void => {
          f.get(at.panel).memory('v128.load', group.alphas + v * VECTOR);
        };
        if (mirrored) {
          f.get(sum).op('f32x4.neg').set(this.#splat);
          this.#writer.activate(this.#splat, activation, loadAlphas);
          this.#writer.store(at.output, offset + channels * FLOAT, this.#splat, lanes);
        }
        this.#writer.activate(sum, activation, loadAlphas);
        this.#writer.store(at.output, offset, sum, lanes);
      }
    }
  }
}
