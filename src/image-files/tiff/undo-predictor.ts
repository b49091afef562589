import type { TiffLayout } from './tiff-layout.ts';

/**
 * Undoes the differencing applied before compression.
 * @param plain - the bytes of a strip or tile; may be changed.
 * @see TIFF revision 6.0, section 14; Adobe Photoshop TIFF technical note 3
 */
export function undoPredictor(
  plain: Uint8Array,
  { predictor, bits, samplesTogether, segmentWidth }: TiffLayout,
  rows: number,
  byteOrder: 'little-endian' | 'big-endian',
): Uint8Array {
  if (predictor === 1) return plain;
  const sampleBytes = bits / 8;
  const rowBytes = segmentWidth * samplesTogether * sampleBytes;
  if (predictor === 2) {
    const view = new DataView(plain.buffer, plain.byteOffset, plain.length);
    const isLittleEndian = byteOrder === 'little-endian';
    for (let row = 0; row < rows; row++) {
      const end = (row + 1) * rowBytes;
      for (let at = row * rowBytes + samplesTogether * sampleBytes; at < end; at += sampleBytes) {
        const before = at - samplesTogether * sampleBytes;
        if (sampleBytes === 1) plain[at] += plain[before];
        else if (sampleBytes === 2) {
          view.setUint16(
            at,
            view.getUint16(at, isLittleEndian) + view.getUint16(before, isLittleEndian),
            isLittleEndian,
          );
        } else {
          view.setUint32(
            at,
            view.getUint32(at, isLittleEndian) + view.getUint32(before, isLittleEndian),
            isLittleEndian,
          );
        }
      }
    }
    return plain;
  }
  // The first bytes of all samples in a row come before the second ones, and so on, the most significant first.
  const result = new Uint8Array(plain.length);
  const perRow = segmentWidth * samplesTogether;
  for (let row = 0; row < rows; row++) {
    const start = row * rowBytes;
    for (let i = samplesTogether; i < rowBytes; i++) plain[start + i] += plain[start + i - samplesTogether];
    for (let sample = 0; sample < perRow; sample++) {
      for (let byte = 0; byte < sampleBytes; byte++) {
        const place = byteOrder === 'little-endian' ? sampleBytes - 1 - byte : byte;
        result[start + sample * sampleBytes + place] = plain[start + byte * perRow + sample];
      }
    }
  }
  return result;
}
