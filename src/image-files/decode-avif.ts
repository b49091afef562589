import type { CheckSize, DecodedPicture } from './decoded-picture.ts';
import { readHeifStructure } from './heif-structure.ts';
import { createWasmDecoder } from './wasm-codec.ts';

const decodeByLibavif = createWasmDecoder(
  () => import('@jsquash/avif/decode.js'),
  '@jsquash/avif/codec/dec/avif_dec.wasm',
  'the AVIF data is damaged',
);

/**
 * Decodes an AVIF, of 8 to 12 bits; of a sequence the first picture.
 * @throws Error whose message names what is damaged or not supported.
 */
export async function decodeAvif(bytes: Uint8Array, checkSize: CheckSize): Promise<DecodedPicture> {
  const { width, height, orientation } = readHeifStructure(bytes);
  checkSize(width, height);
  const image = await decodeByLibavif(bytes);
  if (image.width !== width || image.height !== height) throw new Error('the AVIF data is damaged');
  return { image, orientation };
}
