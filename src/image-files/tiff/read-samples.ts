import type { TiffLayout } from './tiff-layout.ts';

/**
 * Samples of a strip or tile: up to 8 bits scaled to 0..255, all others to 0..65535; palette indices unchanged.
 * @returns `[rows x segmentWidth x samplesTogether]`
 */
export function readSamples(
  plain: Uint8Array,
  layout: TiffLayout,
  rows: number,
  byteOrder: 'little-endian' | 'big-endian',
): Uint8Array | Uint16Array {
  const { bits, isFloat, samplesTogether, segmentWidth, colours, subSampling } = layout;
  if (subSampling[0] * subSampling[1] > 1) return readSubSampled(plain, layout, rows);
  if (bits === 8) return plain;
  const perRow = segmentWidth * samplesTogether;
  const samples = bits < 8 ? new Uint8Array(rows * perRow) : new Uint16Array(rows * perRow);
  const view = new DataView(plain.buffer, plain.byteOffset, plain.length);
  const isLittleEndian = byteOrder === 'little-endian';
  const rowBytes = Math.ceil((perRow * bits) / 8);
  const max = 2 ** bits - 1;
  const scale = colours === 'palette' ? 1 : (bits < 8 ? 255 : 65535) / max;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < perRow; i++) {
      const to = row * perRow + i;
      const at = row * rowBytes + (i * bits) / 8;
      if (isFloat) samples[to] = scaleFloat(readFloat(view, at, bits, isLittleEndian));
      else if (bits === 16) samples[to] = view.getUint16(at, isLittleEndian);
      else if (bits === 32) samples[to] = Math.round(view.getUint32(at, isLittleEndian) * scale);
      else if (bits === 24) samples[to] = Math.round(readUint24(plain, at, isLittleEndian) * scale);
      else samples[to] = Math.round(readBits(plain, row * rowBytes, i * bits, bits) * scale);
    }
  }
  return samples;
}

/** Reads less than 16 bits, from the left, whatever the byte order. */
function readBits(bytes: Uint8Array, start: number, bit: number, count: number): number {
  const at = start + (bit >> 3);
  const window = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  return (window >> (24 - (bit & 7) - count)) & (2 ** count - 1);
}

function readUint24(bytes: Uint8Array, at: number, isLittleEndian: boolean): number {
  const [first, second, third] = isLittleEndian ? [at + 2, at + 1, at] : [at, at + 1, at + 2];
  return (bytes[first] << 16) | (bytes[second] << 8) | bytes[third];
}

/** A floating-point sample is 0..1; the scale of anything brighter is unknown. */
function scaleFloat(value: number): number {
  if (value > 1 || value < 0) throw new Error('floating-point samples outside 0..1 are not supported');
  return Number.isNaN(value) ? 0 : Math.round(value * 65535);
}

function readFloat(view: DataView, at: number, bits: number, isLittleEndian: boolean): number {
  if (bits === 32) return view.getFloat32(at, isLittleEndian);
  if (bits === 64) return view.getFloat64(at, isLittleEndian);
  const half = view.getUint16(at, isLittleEndian);
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** Undoes YCbCr subsampling, in blocks of several Y with one Cb and one Cr, which all pixels of a block share. */
function readSubSampled(plain: Uint8Array, { segmentWidth, subSampling }: TiffLayout, rows: number): Uint8Array {
  const [horizontal, vertical] = subSampling;
  const samples = new Uint8Array(rows * segmentWidth * 3);
  const across = Math.ceil(segmentWidth / horizontal);
  const blockBytes = horizontal * vertical + 2;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < segmentWidth; x++) {
      const block = (Math.floor(y / vertical) * across + Math.floor(x / horizontal)) * blockBytes;
      const to = (y * segmentWidth + x) * 3;
      samples[to] = plain[block + (y % vertical) * horizontal + (x % horizontal)];
      samples[to + 1] = plain[block + blockBytes - 2];
      samples[to + 2] = plain[block + blockBytes - 1];
    }
  }
  return samples;
}
