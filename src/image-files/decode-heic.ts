import { HEIC_ADVICE } from '../heif-kind.ts';
import { ByteReader } from './byte-reader.ts';
import type { CheckSize, DecodedPicture } from './decoded-picture.ts';
import { readHeifItems, readHeifStructure } from './heif-structure.ts';
import { readHevcSizes } from './hevc-size.ts';

/**
 * The part of libheif-js used here: functions of libheif itself, because its class `HeifDecoder` prints errors in a
 * file and never frees it. Contexts, handles, pictures and the constants are opaque.
 */
interface LibHeif {
  heif_context_alloc(): unknown;
  heif_context_free(context: unknown): void;
  heif_context_read_from_memory(context: unknown, bytes: Uint8Array): { readonly code: unknown };
  heif_js_context_get_primary_image_handle(context: unknown): object;
  heif_image_handle_get_width(handle: unknown): number;
  heif_image_handle_get_height(handle: unknown): number;
  heif_image_handle_release(handle: unknown): void;
  heif_js_decode_image2(
    handle: unknown,
    colorspace: unknown,
    chroma: unknown,
  ): HeifPicture | { readonly code: unknown };
  heif_image_release(image: unknown): void;
  readonly heif_error_code: { readonly heif_error_Ok: unknown };
  readonly heif_colorspace: { readonly heif_colorspace_RGB: unknown };
  readonly heif_chroma: { readonly heif_chroma_interleaved_RGBA: unknown };
}

interface HeifPicture {
  readonly image: unknown;
  readonly channels: readonly HeifChannel[];
}

interface HeifChannel {
  readonly width: number;
  readonly height: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
  readonly data: Uint8Array;
}

/** The build with embedded WebAssembly, used by the package's own entry. It has no types. */
const PACKAGE_FILE: string = 'libheif-js/libheif-wasm/libheif-bundle.js';

/** Starts libheif; its decoder prints errors in a file. */
type StartLibheif = (options: { readonly print: () => void; readonly printErr: () => void }) => LibHeif;

/**
 * Decodes a HEIC with libheif-js, an optional package; libheif rotates the picture itself.
 * @throws Error naming what is damaged, or how to install the missing package.
 */
export async function decodeHeic(bytes: Uint8Array, checkSize: CheckSize): Promise<DecodedPicture> {
  const structure = readHeifStructure(bytes, 'hvc1');
  checkSize(structure.width, structure.height);
  checkCodedSizes(bytes, checkSize);
  const heif = await loadLibheif();
  const context = heif.heif_context_alloc();
  try {
    if (heif.heif_context_read_from_memory(context, bytes).code !== heif.heif_error_code.heif_error_Ok) throw damaged();
    const handle = heif.heif_js_context_get_primary_image_handle(context);
    if ('code' in handle) throw damaged();
    try {
      const width = heif.heif_image_handle_get_width(handle);
      const height = heif.heif_image_handle_get_height(handle);
      if (width * height !== structure.width * structure.height) throw damaged();
      return { image: { data: decodePixels(heif, handle, width, height), width, height }, orientation: 1 };
    } finally {
      heif.heif_image_handle_release(handle);
    }
  } catch (cause) {
    if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
    // It ran out of memory or was corrupted: the next file gets a new instance.
    libheif = undefined;
    throw new Error(DAMAGED, { cause });
  } finally {
    heif.heif_context_free(context);
  }
}

/** Largest HEVC block, px: a coded picture exceeds the displayed one by less than this. */
const LARGEST_BLOCK = 64;

/** The decoder allocates the size stated in coded pictures and in a tile grid, whatever the boxes state. */
function checkCodedSizes(bytes: Uint8Array, checkSize: CheckSize): void {
  for (const { width, height, data, hevcConfiguration } of readHeifItems(bytes, 'hvc1')) {
    if (hevcConfiguration === undefined) throw new Error('its hvcC box is missing');
    for (const coded of readHevcSizes(hevcConfiguration, data)) {
      checkSize(coded.codedWidth, coded.codedHeight);
      const isOfSize = (stated: number, shown: number, whole: number): boolean =>
        shown >= stated && whole < stated + LARGEST_BLOCK;
      if (!isOfSize(width, coded.width, coded.codedWidth) || !isOfSize(height, coded.height, coded.codedHeight)) {
        throw new Error(
          `its HEVC data has ${coded.width}x${coded.height} pixels, but its header has ${width}x${height}`,
        );
      }
    }
  }
  for (const { width, height, data } of readHeifItems(bytes, 'grid')) {
    const grid = new ByteReader(data, 'big-endian');
    const isLong = (grid.uint8(1) & 1) === 1;
    const [across, down] = isLong ? [grid.uint32(4), grid.uint32(8)] : [grid.uint16(4), grid.uint16(6)];
    checkSize(across, down);
    if (across !== width || down !== height) {
      throw new Error(`its tiles make ${across}x${down} pixels, but its header has ${width}x${height}`);
    }
  }
}

/** `[height x width x 4]`, RGBA. */
function decodePixels(heif: LibHeif, handle: unknown, width: number, height: number): Uint8Array {
  const { heif_colorspace_RGB: rgb } = heif.heif_colorspace;
  const { heif_chroma_interleaved_RGBA: interleaved } = heif.heif_chroma;
  const picture = heif.heif_js_decode_image2(handle, rgb, interleaved);
  if (!('channels' in picture)) throw damaged();
  try {
    const [channel] = picture.channels;
    if (channel?.width !== width || channel.height !== height) throw damaged();
    const pixels = new Uint8Array(width * height * 4);
    for (let row = 0; row < height; row++) {
      const start = row * channel.stride;
      pixels.set(channel.data.subarray(start, start + width * 4), row * width * 4);
    }
    return pixels;
  } finally {
    heif.heif_image_release(picture.image);
  }
}

const DAMAGED = 'the HEIC data is damaged';

function damaged(): Error {
  return new Error(DAMAGED);
}

let libheif: LibHeif | undefined;

async function loadLibheif(): Promise<LibHeif> {
  try {
    libheif ??= ((await import(PACKAGE_FILE)) as { default: StartLibheif }).default({ print() {}, printErr() {} });
  } catch (cause) {
    throw new Error(HEIC_ADVICE, { cause });
  }
  return libheif;
}
