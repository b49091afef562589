/** Pictures scaled up or down for people to look at; the engine resizes what networks see. */
import type { RgbaImage } from '../types.ts';
import { checkImage, type Picture } from './picture.ts';

/**
 * Resizes a picture: linear between pixels when enlarging, averages over all of them when shrinking.
 * @param width - of the result, px.
 * @param height - of the result, px.
 * @returns a new picture, its alpha that of the old one.
 * @throws RangeError for a size that is not whole and positive, or a picture whose size and data disagree.
 */
export function resizePicture(picture: RgbaImage, width: number, height: number): Picture {
  checkImage(picture);
  for (const [name, value] of Object.entries({ width, height })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`${name}: expected a whole number >= 1, got ${value}`);
    }
  }
  const columns = tentTaps(picture.width, width);
  const rows = tentTaps(picture.height, height);
  const data = new Uint8ClampedArray(width * height * 4);
  // Rows of the source, resized along x when a row of the result first needs them, and kept while others still do.
  const kept = new Map<number, Float32Array>();
  for (let y = 0; y < height; y++) {
    const first = rows.firsts[y];
    const sum = new Float32Array(width * 4);
    for (const known of kept.keys()) if (known < first) kept.delete(known);
    for (let k = 0; k < rows.count; k++) {
      const weight = rows.weights[y * rows.count + k];
      if (weight === 0) continue;
      let row = kept.get(first + k);
      if (row === undefined) {
        row = resizeRow(picture, first + k, columns, width);
        kept.set(first + k, row);
      }
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i] + weight * row[i];
    }
    data.set(sum, y * width * 4);
  }
  return { data, width, height };
}

/** Which source pixels make each result pixel along one axis: `count` from `firsts[i]` on, with these weights. */
interface Taps {
  readonly count: number;
  readonly firsts: Int32Array;
  readonly weights: Float32Array;
}

/** A tent as wide as two result pixels, or two source pixels where those are wider. */
function tentTaps(from: number, to: number): Taps {
  const ratio = from / to;
  const reach = Math.max(1, ratio);
  const count = Math.min(from, Math.ceil(2 * reach) + 1);
  const firsts = new Int32Array(to);
  const weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * ratio - 0.5;
    const first = Math.min(from - count, Math.max(0, Math.ceil(centre - reach)));
    firsts[i] = first;
    let total = 0;
    for (let k = 0; k < count; k++) {
      const weight = Math.max(0, 1 - Math.abs(first + k - Math.min(from - 1, Math.max(0, centre))) / reach);
      weights[i * count + k] = weight;
      total += weight;
    }
    for (let k = 0; k < count; k++) weights[i * count + k] = weights[i * count + k] / total;
  }
  return { count, firsts, weights };
}

function resizeRow({ data, width: sourceWidth }: RgbaImage, y: number, taps: Taps, width: number): Float32Array {
  const row = new Float32Array(width * 4);
  const { count, firsts, weights } = taps;
  for (let x = 0; x < width; x++) {
    let source = (y * sourceWidth + firsts[x]) * 4;
    let red = 0;
    let green = 0;
    let blue = 0;
    let alpha = 0;
    for (let k = 0; k < count; k++, source += 4) {
      const weight = weights[x * count + k];
      red += weight * data[source];
      green += weight * data[source + 1];
      blue += weight * data[source + 2];
      alpha += weight * data[source + 3];
    }
    row[x * 4] = red;
    row[x * 4 + 1] = green;
    row[x * 4 + 2] = blue;
    row[x * 4 + 3] = alpha;
  }
  return row;
}
