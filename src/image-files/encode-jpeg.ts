import { readFile } from 'node:fs/promises';
import { checkNumber, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { dependencyFile } from '../package-files.ts';
import type { RgbaImage, RgbImage } from '../types.ts';
import { channelCount } from './channel-count.ts';

/** Options of {@link encodeJpeg}. */
export interface EncodeJpegOptions {
  /** 1..100. Default 90, from which on colours are stored at full resolution. */
  readonly quality?: number;
}

export const ENCODE_JPEG_OPTION_NAMES: OptionNames<EncodeJpegOptions> = { quality: true };

export const ENCODE_JPEG_DEFAULTS = { quality: 90 } as const satisfies EncodeJpegOptions;

/** Largest side that the format can express, px. */
const MAX_SIDE = 65_535;

/**
 * The part of the encoder's package used here. Its types require the DOM's `ImageData`, of which it reads three
 * members.
 */
interface JpegEncoder {
  init(options: never): Promise<void>;
  default(image: never, options: EncodeJpegOptions): Promise<ArrayBuffer>;
}

let starting: Promise<JpegEncoder> | undefined;

async function start(): Promise<JpegEncoder> {
  const encoder: JpegEncoder = await import('@jsquash/jpeg/encode.js');
  const wasmBinary = await readFile(dependencyFile('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'));
  // Emscripten accepts all three; the package's types list none.
  await encoder.init({ wasmBinary, print: () => {}, printErr: () => {} } as never);
  return encoder;
}

/**
 * Encodes 8-bit RGBA or RGB bytes as a progressive JPEG, with mozjpeg. JPEG has no transparency: alpha is dropped, and
 * colours are written as they are.
 * @throws RangeError for data that does not match the size, a side of more than 65,535 px, or a quality outside 1..100.
 */
export async function encodeJpeg(image: RgbaImage | RgbImage, options: EncodeJpegOptions = {}): Promise<Uint8Array> {
  checkOptionNames(options, ENCODE_JPEG_OPTION_NAMES);
  const { quality = ENCODE_JPEG_DEFAULTS.quality } = options;
  checkNumber('quality', quality, 1, 100);
  const channels = channelCount(image);
  const { width, height } = image;
  for (const [name, side] of Object.entries({ width, height })) checkNumber(`image.${name}`, side, 1, MAX_SIDE, true);
  const data = channels === 4 ? image.data : withAlpha(image);
  starting ??= start();
  const encoder = await starting;
  try {
    return new Uint8Array(await encoder.default({ data, width, height } as never, { quality }));
  } catch (cause) {
    // Its memory may still hold the picture, so the next one gets a new instance.
    starting = undefined;
    throw new RangeError(`image: ${width} x ${height} px are more than the JPEG encoder can handle`, { cause });
  }
}

function withAlpha({ data, width, height }: RgbaImage | RgbImage): Uint8Array {
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    rgba[to] = data[from];
    rgba[to + 1] = data[from + 1];
    rgba[to + 2] = data[from + 2];
  }
  return rgba;
}
