import { decodeJpegScans } from '../decode-jpeg.ts';
import type { CheckSize, DecodedPicture } from '../decoded-picture.ts';
import { orientationOf } from '../exif-orientation.ts';
import { readJpegStructure } from '../jpeg-structure.ts';
import { decompressLzw, inflateTo, unpackBits } from './decompress.ts';
import { readSamples } from './read-samples.ts';
import { readTiffPicture, type TiffFile } from './tiff-fields.ts';
import { readTiffLayout, segmentBytes, type TiffLayout, type TiffSegment } from './tiff-layout.ts';
import { undoPredictor } from './undo-predictor.ts';

/**
 * The first page of a TIFF that is not a thumbnail: grey, palette, RGB, CMYK and YCbCr, 1 to 32 bits and floating
 * point, in strips, tiles and planes.
 *
 * Our own code because packages read only part of the format, some of it wrongly, and trust the file; `docs/formats.md`
 * has the figures.
 * @see TIFF revision 6.0, and Adobe's technical notes on predictor 3 and JPEG in TIFF
 */

/**
 * Decodes a TIFF. Samples of more than 8 bits and floating-point ones, 0..1, are scaled.
 * @throws Error naming what is damaged, missing or not supported.
 */
export async function decodeTiff(bytes: Uint8Array, checkSize: CheckSize): Promise<DecodedPicture> {
  const tiff = readTiffPicture(bytes);
  const width = tiff.fields.get(256)?.[0] ?? 0;
  const height = tiff.fields.get(257)?.[0] ?? 0;
  checkSize(width, height);
  const layout = readTiffLayout(tiff);
  const usedSamples = layout.alphaSample === undefined ? colourSampleCount(layout) : layout.alphaSample + 1;
  const size = width * height * usedSamples;
  const samples = layout.bits <= 8 ? new Uint8Array(size) : new Uint16Array(size);
  for (const segment of layout.segments) {
    if (segment.sample >= usedSamples) continue;
    const decoded = await decodeSegment(tiff, layout, segment);
    const columns = Math.min(layout.segmentWidth, width - segment.x);
    const rows = Math.min(segment.rows, height - segment.y);
    const copied = Math.min(layout.samplesTogether, usedSamples - segment.sample);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const from = (row * layout.segmentWidth + column) * layout.samplesTogether;
        const to = ((segment.y + row) * width + segment.x + column) * usedSamples + segment.sample;
        for (let i = 0; i < copied; i++) samples[to + i] = decoded[from + i];
      }
    }
  }
  const data = toRgba(samples, usedSamples, layout);
  return { image: { data, width, height }, orientation: orientationOf(layout.orientation) };
}

function colourSampleCount({ colours }: TiffLayout): number {
  if (colours === 'cmyk') return 4;
  return colours === 'rgb' || colours === 'ycbcr' ? 3 : 1;
}

/** Samples of a strip or tile: `[rows x segmentWidth x samplesTogether]`. */
async function decodeSegment(
  tiff: TiffFile,
  layout: TiffLayout,
  segment: TiffSegment,
): Promise<Uint8Array | Uint16Array> {
  const stored = tiff.file.slice(segment.offset, segment.byteCount);
  if (layout.compression === 'jpeg') return decodeJpegSegment(stored, layout, segment);
  const compressed = layout.isBitReversed ? stored.map(reverseBits) : stored;
  const byteCount = segmentBytes(layout, layout.segmentWidth, segment.rows);
  const plain = undoPredictor(decompress(compressed, byteCount, layout), layout, segment.rows, tiff.byteOrder);
  return readSamples(plain, layout, segment.rows, tiff.byteOrder);
}

function decompress(data: Uint8Array, byteCount: number, { compression }: TiffLayout): Uint8Array {
  if (compression === 'lzw') return decompressLzw(data, byteCount);
  if (compression === 'deflate') return inflateTo(data, byteCount);
  return compression === 'packbits' ? unpackBits(data, byteCount) : data.subarray(0, byteCount);
}

function reverseBits(byte: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) reversed |= 128 >> bit;
  return reversed;
}

/** A strip or tile stored as JPEG; its tables may be in a field shared by all of them. */
async function decodeJpegSegment(stored: Uint8Array, layout: TiffLayout, { rows }: TiffSegment): Promise<Uint8Array> {
  const { colours, samplesTogether, segmentWidth, jpegTables } = layout;
  const isYCbCr = colours === 'ycbcr' && samplesTogether === 3;
  // Adobe's marker states whether three components are YCbCr or RGB; without it a decoder guesses.
  const adobe = [0xff, 0xee, 0, 14, ...Buffer.from('Adobe', 'latin1'), 0, 100, 0, 0, 0, 0, isYCbCr ? 1 : 0];
  const tables = jpegTables.length > 4 ? jpegTables.subarray(2, -2) : new Uint8Array(0);
  const jpeg = Buffer.concat([stored.subarray(0, 2), Uint8Array.from(adobe), tables, stored.subarray(2)]);
  const structure = readJpegStructure(jpeg);
  const fits =
    structure.width === segmentWidth && structure.height >= rows && structure.height < rows + segmentWidth + 65;
  if (!fits || structure.componentCount !== samplesTogether || (samplesTogether !== 1 && samplesTogether !== 3)) {
    throw new Error('its JPEG strips do not match its header');
  }
  const { data } = await decodeJpegScans(jpeg, structure);
  const samples = new Uint8Array(rows * segmentWidth * samplesTogether);
  for (let i = 0; i < rows * segmentWidth; i++) {
    for (let sample = 0; sample < samplesTogether; sample++)
      samples[i * samplesTogether + sample] = data[4 * i + sample];
  }
  return samples;
}

function toRgba(samples: Uint8Array | Uint16Array, perPixel: number, layout: TiffLayout): Uint8Array {
  const { alphaSample, isAssociated } = layout;
  const pixelCount = samples.length / perPixel;
  const data = new Uint8Array(pixelCount * 4);
  const max = samples instanceof Uint8Array ? 255 : 65535;
  const scale = 255 / max;
  const writeColour = colourWriter(samples, layout, max);
  for (let i = 0; i < pixelCount; i++) {
    const from = i * perPixel;
    const alpha = alphaSample === undefined ? max : samples[from + alphaSample];
    writeColour(data, 4 * i, from, isAssociated && alpha > 0 ? max / alpha : 1);
    data[4 * i + 3] = Math.round(alpha * scale);
  }
  return data;
}

/** A JPEG of three components is decoded to RGB; planes are one grey JPEG each. */
function isColourDecoded({ compression, samplesTogether }: TiffLayout): boolean {
  return compression === 'jpeg' && samplesTogether === 3;
}

/** @param brighter - factor that undoes the multiplication of colours by alpha. */
type WriteColour = (data: Uint8Array, to: number, from: number, brighter: number) => void;

function colourWriter(samples: Uint8Array | Uint16Array, layout: TiffLayout, max: number): WriteColour {
  const { colours, colourMap, bits } = layout;
  const scale = 255 / max;
  const byte = (value: number, brighter: number): number => Math.min(255, Math.round(value * brighter * scale));
  if (colours === 'palette') {
    const count = 2 ** bits;
    // Some writers fill the map with 8-bit values.
    const mapScale = colourMap.every((value) => value <= 255) ? 1 : 255 / 65535;
    return (data, to, from) => {
      for (let i = 0; i < 3; i++) data[to + i] = Math.round(colourMap[i * count + samples[from]] * mapScale);
    };
  }
  if (colours === 'cmyk') {
    return (data, to, from, brighter) => {
      const white = 1 - (samples[from + 3] * brighter) / max;
      for (let i = 0; i < 3; i++)
        data[to + i] = Math.max(0, Math.round(255 * (1 - (samples[from + i] * brighter) / max) * white));
    };
  }
  if (colours === 'ycbcr' && !isColourDecoded(layout)) return yCbCrWriter(samples, layout);
  if (colours === 'rgb' || colours === 'ycbcr') {
    return (data, to, from, brighter) => {
      for (let i = 0; i < 3; i++) data[to + i] = byte(samples[from + i], brighter);
    };
  }
  const isInverted = colours === 'white-is-zero';
  return (data, to, from, brighter) => {
    data.fill(byte(isInverted ? max - samples[from] : samples[from], brighter), to, to + 3);
  };
}

/** @see TIFF revision 6.0, section 21 */
function yCbCrWriter(
  samples: Uint8Array | Uint16Array,
  { coefficients, referenceBlackWhite }: TiffLayout,
): WriteColour {
  const [red = 0.299, green = 0.587, blue = 0.114] = coefficients;
  const [yBlack = 0, yWhite = 255, cbBlack = 128, cbWhite = 255, crBlack = 128, crWhite = 255] = referenceBlackWhite;
  if (!(green > 0) || yWhite === yBlack || cbWhite === cbBlack || crWhite === crBlack) {
    throw new Error('a field of the TIFF is damaged');
  }
  const toByte = (value: number): number => Math.min(255, Math.max(0, Math.round(value)));
  return (data, to, from) => {
    const y = ((samples[from] - yBlack) * 255) / (yWhite - yBlack);
    const cb = ((samples[from + 1] - cbBlack) * 127) / (cbWhite - cbBlack);
    const cr = ((samples[from + 2] - crBlack) * 127) / (crWhite - crBlack);
    const r = y + cr * (2 - 2 * red);
    const b = y + cb * (2 - 2 * blue);
    data[to] = toByte(r);
    data[to + 1] = toByte((y - blue * b - red * r) / green);
    data[to + 2] = toByte(b);
  };
}
