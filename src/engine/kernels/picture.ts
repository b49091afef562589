/**
 * Resizes regions of pictures bit for bit as `resizeRegion` does, in WebAssembly SIMD, and converts them straight to a
 * network's input. The driver is JavaScript, row by row; the memory holds a row of each kind and stays in the L1 cache.
 *
 * Along x a pixel is four products and two sums at once: the bytes of its two neighbours, interleaved as int16, times
 * the pair of weights (`i32x4.dot_i16x8_s`). The exact halving, which averages 2 x 2 pixels, is the same with weights
 * of 1024: (a + b) * 1024 >> 4, times 1024 >> 16, is a + b.
 */
import type { RgbImage } from '../../types.ts';
import type { FunctionBuilder, Local } from '../../wasm/function-builder.ts';
import { ModuleBuilder } from '../../wasm/module-builder.ts';
import { chooseSimdMode } from '../../wasm/simd-mode.ts';
import type { PixelNormalisation } from '../image/network-input.ts';
import type { PictureKernel } from '../image/picture-kernel.ts';
import { channelCount, checkSize, type PixelImage, rgbDestination } from '../image/pixels.ts';
import type { PixelRegion } from '../image/resize.ts';
import { roundHalfToEven } from '../image/round.ts';

const PAGE_BYTES = 65_536;
const COEFFICIENT_ONE = 2048;
/** Each of the two weights of a halving. */
const HALVING_WEIGHT = 1024;
/** Room on either side of a row, for neighbours of weight 0 and for vectors that extend past the end. */
const MARGIN_BYTES = 64;
/** Memory for the means and scales: two vectors. */
const NORMALISATION_BYTES = 32;
/** A column's taps: offset of the left neighbour (int32), weights of both (int16 each). */
const TAP_BYTES = 8;
/** A pixel interpolated along x: four int16. */
const INTERPOLATED_BYTES = 8;

interface Kernels {
  /** `(source, taps, tapsEnd, out)` for pixels of 3 or 4 bytes. */
  readonly interpolate: Readonly<Record<3 | 4, (source: number, taps: number, tapsEnd: number, out: number) => void>>;
  /** `(upper, upperEnd, lower, upperWeight, lowerWeight, out)`: RGB bytes. */
  readonly blendToBytes: BlendRows;
  /** The same: normalised BGR floats. */
  readonly blendToFloats: BlendRows;
}

type BlendRows = (
  upper: number,
  upperEnd: number,
  lower: number,
  upperWeight: number,
  lowerWeight: number,
  out: number,
) => void;

/** @throws BackendUnavailableError if WebAssembly SIMD is missing. */
export function createPictureKernel(): PictureKernel {
  chooseSimdMode('plain');
  return new WasmPictureKernel();
}

class WasmPictureKernel implements PictureKernel {
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #kernels: Kernels;
  #layout: RowLayout = layoutRows(1, 1);
  /** Identifies what the taps in memory belong to. */
  #taps = '';

  constructor() {
    const module = new WebAssembly.Module(emitModule());
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.#memory } });
    this.#kernels = {
      interpolate: { 3: exports.interpolate3, 4: exports.interpolate4 } as Kernels['interpolate'],
      blendToBytes: exports.blendToBytes as BlendRows,
      blendToFloats: exports.blendToFloats as BlendRows,
    };
  }

  resize(image: PixelImage, region: PixelRegion, width: number, height: number, dst?: Uint8Array): RgbImage {
    const channels = this.#prepare(image, region, width, height);
    const data = rgbDestination(width, height, dst);
    const row = new Uint8Array(this.#memory.buffer, this.#layout.output, width * 3);
    this.#forEachRow(image, channels, region, width, height, this.#kernels.blendToBytes, (y) =>
      data.set(row, y * width * 3),
    );
    return { data, width, height };
  }

  toNetworkInput(
    image: PixelImage,
    region: PixelRegion,
    width: number,
    height: number,
    { mean, scale }: PixelNormalisation,
    dst: Float32Array = new Float32Array(width * height * 3),
  ): Float32Array {
    const channels = this.#prepare(image, region, width, height);
    const rowLength = width * 3;
    if (dst.length < height * rowLength) {
      throw new RangeError(`dst: expected room for ${width} x ${height} x 3 numbers, got ${dst.length}`);
    }
    new Float32Array(this.#memory.buffer, 0, 8).set([...mean, 0, scale, scale, scale, 0]);
    const row = new Float32Array(this.#memory.buffer, this.#layout.output, rowLength);
    this.#forEachRow(image, channels, region, width, height, this.#kernels.blendToFloats, (y) =>
      dst.set(row, y * rowLength),
    );
    return dst;
  }

  /** Checks sizes, grows the memory to hold rows of these sizes, and writes the columns' taps. */
  #prepare(image: PixelImage, region: PixelRegion, width: number, height: number): 3 | 4 {
    const channels = channelCount(image);
    checkSize('region', region.width, region.height);
    checkSize('result', width, height);
    const key = [image.width, channels, region.left, region.width, width, isHalving(region, width, height)].join();
    if (key === this.#taps) return channels;
    const layout = layoutRows(image.width * channels, width);
    const missing = layout.bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.#layout = layout;
    writeTaps(this.#memory.buffer, layout.taps, image.width, channels, region, width, isHalving(region, width, height));
    this.#taps = key;
    return channels;
  }

  #forEachRow(
    image: PixelImage,
    channels: 3 | 4,
    region: PixelRegion,
    width: number,
    height: number,
    blend: BlendRows,
    finishRow: (y: number) => void,
  ): void {
    const { source, taps, output, zeros } = this.#layout;
    const interpolate = this.#kernels.interpolate[channels];
    const stride = image.width * channels;
    const staging = new Uint8Array(this.#memory.buffer, source, stride);
    const tapsEnd = taps + width * TAP_BYTES;
    const rowBytes = width * INTERPOLATED_BYTES;
    // The current rows of the picture, interpolated along x.
    let [upper, lower] = this.#layout.interpolated;
    let upperRow = Number.NaN;
    let lowerRow = Number.NaN;
    const load = (row: number, to: number): void => {
      staging.set(image.data.subarray(row * stride, (row + 1) * stride));
      interpolate(source, taps, tapsEnd, to);
    };
    const halving = isHalving(region, width, height);
    const scale = 1 / (height / region.height);
    const lastRow = region.height - 1;
    for (let y = 0; y < height; y++) {
      let row0 = 2 * y;
      let row1 = row0 + 1;
      let upperWeight = HALVING_WEIGHT;
      let lowerWeight = HALVING_WEIGHT;
      if (!halving) {
        const position = Math.fround((y + 0.5) * scale - 0.5);
        const above = Math.floor(position);
        // Unlike along x, the fraction stays as it is where the two rows are clamped to the border.
        const fraction = Math.fround(position - above);
        upperWeight = roundHalfToEven(Math.fround(1 - fraction) * COEFFICIENT_ONE);
        lowerWeight = roundHalfToEven(fraction * COEFFICIENT_ONE);
        row0 = Math.min(Math.max(above, 0), lastRow);
        row1 = Math.min(Math.max(above + 1, 0), lastRow);
      }
      row0 += region.top;
      row1 += region.top;
      const hasUpper = row0 >= 0 && row0 < image.height;
      const hasLower = row1 >= 0 && row1 < image.height;
      if (hasUpper && upperRow !== row0) {
        if (lowerRow === row0) {
          [upper, lower] = [lower, upper];
          lowerRow = upperRow;
        } else load(row0, upper);
        upperRow = row0;
      }
      if (hasLower && row1 !== row0 && lowerRow !== row1) {
        load(row1, lower);
        lowerRow = row1;
      }
      const first = hasUpper ? upper : zeros;
      const second = row1 === row0 ? first : hasLower ? lower : zeros;
      blend(first, first + rowBytes, second, upperWeight, lowerWeight, output);
      finishRow(y);
    }
  }
}

/** OpenCV averages if the region is exactly twice the size. */
function isHalving(region: PixelRegion, width: number, height: number): boolean {
  return region.width === 2 * width && region.height === 2 * height;
}

/** Where the rows lie in memory, in bytes. */
interface RowLayout {
  readonly taps: number;
  readonly source: number;
  readonly interpolated: readonly [number, number];
  /** An interpolated row of a black picture. */
  readonly zeros: number;
  /** Bytes or floats. */
  readonly output: number;
  readonly bytes: number;
}

function layoutRows(sourceBytes: number, width: number): RowLayout {
  let end = NORMALISATION_BYTES;
  const take = (bytes: number): number => {
    const start = Math.ceil((end + MARGIN_BYTES) / 16) * 16;
    end = start + bytes;
    return start;
  };
  const taps = take(width * TAP_BYTES);
  const source = take(sourceBytes);
  const interpolated = [take(width * INTERPOLATED_BYTES), take(width * INTERPOLATED_BYTES)] as const;
  const zeros = take(width * INTERPOLATED_BYTES);
  const output = take(width * 12);
  return { taps, source, interpolated, zeros, output, bytes: end + MARGIN_BYTES };
}

function writeTaps(
  buffer: ArrayBuffer,
  start: number,
  imageWidth: number,
  channels: number,
  region: PixelRegion,
  width: number,
  halving: boolean,
): void {
  // Clear everything: rows of a previous layout may lie where zeros are expected.
  new Uint8Array(buffer).fill(0);
  const offsets = new Int32Array(buffer, start);
  const weights = new Int16Array(buffer, start);
  const scale = 1 / (width / region.width);
  const lastColumn = region.width - 1;
  for (let x = 0; x < width; x++) {
    let column = 2 * x;
    let leftWeight = HALVING_WEIGHT;
    let rightWeight = HALVING_WEIGHT;
    if (!halving) {
      const position = Math.fround((x + 0.5) * scale - 0.5);
      column = Math.floor(position);
      let fraction = Math.fround(position - column);
      if (column < 0 || column >= lastColumn) {
        column = column < 0 ? 0 : lastColumn;
        fraction = 0;
      }
      leftWeight = roundHalfToEven(Math.fround(1 - fraction) * COEFFICIENT_ONE);
      rightWeight = roundHalfToEven(fraction * COEFFICIENT_ONE);
    }
    const left = region.left + column;
    const isLeftInside = left >= 0 && left < imageWidth;
    const isRightInside = left >= -1 && left < imageWidth - 1;
    if (!isLeftInside && !isRightInside) continue;
    offsets[2 * x] = left * channels;
    weights[4 * x + 2] = isLeftInside ? leftWeight : 0;
    weights[4 * x + 3] = isRightInside ? rightWeight : 0;
  }
}

function emitModule(): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  const rowParams = ['i32', 'i32', 'i32', 'i32'] as const;
  const blendParams = [...rowParams, 'i32', 'i32'] as const;
  for (const channels of [3, 4]) {
    builder.addFunction(`interpolate${channels}`, rowParams, (f) => emitInterpolate(f, channels), { exported: true });
  }
  builder.addFunction('blendToBytes', blendParams, emitBlendToBytes, { exported: true });
  builder.addFunction('blendToFloats', blendParams, emitBlendToFloats, { exported: true });
  return builder.encode({ minimumPages: 1 });
}

/** Interpolates a row along x, two pixels per iteration; keeps 15 bits of each value. */
function emitInterpolate(f: FunctionBuilder, channels: number): void {
  const [source, taps, tapsEnd, out] = [0, 1, 2, 3].map((i) => f.param(i));
  const pixels = f.locals('v128', 2);
  // Bytes of the two neighbours, one of each in turn, widened with a zero.
  const interleave = Array.from({ length: 16 }, (_, i) =>
    i % 2 === 1 ? 16 : Math.floor(i / 4) + (i % 4 === 2 ? channels : 0),
  );
  f.stepBelow(taps, 2 * TAP_BYTES, tapsEnd, () => {
    for (const [i, pixel] of pixels.entries()) {
      f.get(source)
        .get(taps)
        .memory('i32.load', i * TAP_BYTES)
        .op('i32.add')
        .memory('v128.load64_zero');
      f.f32x4(0).shuffle(interleave);
      f.get(taps).memory('v128.load32_splat', i * TAP_BYTES + 4);
      f.op('i32x4.dot_i16x8_s').i32(4).op('i32x4.shr_s').set(pixel);
    }
    f.get(out).get(pixels[0]).get(pixels[1]).op('i16x8.narrow_i32x4_s').memory('v128.store');
    f.increment(out, 2 * INTERPOLATED_BYTES);
  });
}

/** Blends two pixels of the two rows: two vectors of four int32, 0..255. */
function emitBlendTwo(f: FunctionBuilder, locals: BlendLocals, offset: number, results: readonly [Local, Local]): void {
  const { upper, lower, upperWeights, lowerWeights } = locals;
  for (const [half, result] of results.entries()) {
    const product = half === 0 ? 'i32x4.extmul_low_i16x8_s' : 'i32x4.extmul_high_i16x8_s';
    f.get(upper).memory('v128.load', offset).get(upperWeights).op(product).i32(16).op('i32x4.shr_s');
    f.get(lower).memory('v128.load', offset).get(lowerWeights).op(product).i32(16).op('i32x4.shr_s');
    f.op('i32x4.add').i32x4(2).op('i32x4.add').i32(2).op('i32x4.shr_s').set(result);
  }
}

interface BlendLocals {
  readonly upper: Local;
  readonly lower: Local;
  readonly out: Local;
  readonly upperWeights: Local;
  readonly lowerWeights: Local;
}

/** The loop over a row: `pixels` per iteration. */
function emitBlend(f: FunctionBuilder, pixels: number, outBytes: number, body: (locals: BlendLocals) => void): void {
  const [upper, upperEnd, lower, upperWeight, lowerWeight, out] = [0, 1, 2, 3, 4, 5].map((i) => f.param(i));
  const [upperWeights, lowerWeights] = f.locals('v128', 2);
  f.get(upperWeight).op('i16x8.splat').set(upperWeights);
  f.get(lowerWeight).op('i16x8.splat').set(lowerWeights);
  f.stepBelow(upper, pixels * INTERPOLATED_BYTES, upperEnd, () => {
    body({ upper, lower, out, upperWeights, lowerWeights });
    f.increment(lower, pixels * INTERPOLATED_BYTES);
    f.increment(out, outBytes);
  });
}

function emitBlendToBytes(f: FunctionBuilder): void {
  const results = f.locals('v128', 4);
  const [a, b, c, d] = results;
  emitBlend(f, 4, 12, (locals) => {
    emitBlendTwo(f, locals, 0, [a, b]);
    emitBlendTwo(f, locals, 2 * INTERPOLATED_BYTES, [c, d]);
    f.get(locals.out);
    f.get(a)
      .get(b)
      .op('i16x8.narrow_i32x4_s')
      .get(c)
      .get(d)
      .op('i16x8.narrow_i32x4_s')
      .op('i8x16.narrow_i16x8_u')
      .tee(a);
    f.get(a).shuffle([0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0]).memory('v128.store');
  });
}

function emitBlendToFloats(f: FunctionBuilder): void {
  const [a, b, mean, scale] = f.locals('v128', 4);
  f.i32(0).memory('v128.load').set(mean);
  f.i32(0).memory('v128.load', 16).set(scale);
  emitBlend(f, 2, 24, (locals) => {
    emitBlendTwo(f, locals, 0, [a, b]);
    for (const [i, pixel] of [a, b].entries()) {
      f.get(locals.out).get(pixel).get(pixel).shuffleLanes([2, 1, 0, 3]).op('f32x4.convert_i32x4_s');
      f.get(mean)
        .op('f32x4.sub')
        .get(scale)
        .op('f32x4.mul')
        .memory('v128.store', i * 12);
    }
  });
}
