import type { RgbaImage } from '../types.ts';
import type { CheckSize, DecodedPicture } from './decoded-picture.ts';
import { readHeifStructure } from './heif-structure.ts';

/** What of libheif-js is used here. */
interface LibHeif {
  readonly HeifDecoder: new () => { decode(bytes: Uint8Array): HeifImage[]; delete?(): void };
}

interface HeifImage {
  get_width(): number;
  get_height(): number;
  is_primary(): boolean;
  display(into: RgbaImage, done: (filled: RgbaImage | null) => void): void;
  free(): void;
}

/** The one with its WebAssembly inside. The package has no types for it. */
const PACKAGE_FILE: string = 'libheif-js/wasm-bundle.js';
const ADVICE = 'HEIC pictures need the package libheif-js (npm install libheif-js), or to be saved as JPEG';

/**
 * Decodes a HEIC by libheif-js, which is installed only where it is wanted; it turns the picture itself.
 * @throws Error whose message names what is damaged, or how to install what is missing.
 */
export async function decodeHeic(bytes: Uint8Array, checkSize: CheckSize): Promise<DecodedPicture> {
  const structure = readHeifStructure(bytes);
  checkSize(structure.width, structure.height);
  const { HeifDecoder } = await loadLibheif();
  const images = new HeifDecoder().decode(bytes);
  try {
    const image = images.find((candidate) => candidate.is_primary()) ?? images[0];
    if (image === undefined) throw new Error('the HEIC data is damaged');
    const width = image.get_width();
    const height = image.get_height();
    if (width * height !== structure.width * structure.height) throw new Error('the HEIC data is damaged');
    const into = { data: new Uint8ClampedArray(width * height * 4), width, height };
    const filled = await new Promise<RgbaImage | null>((resolve) => image.display(into, resolve));
    if (filled === null) throw new Error('the HEIC data is damaged');
    return { image: into, orientation: 1 };
  } finally {
    for (const image of images) image.free();
  }
}

let libheif: LibHeif | undefined;

async function loadLibheif(): Promise<LibHeif> {
  try {
    libheif ??= ((await import(PACKAGE_FILE)) as { default: LibHeif }).default;
  } catch (cause) {
    throw new Error(ADVICE, { cause });
  }
  return libheif;
}
