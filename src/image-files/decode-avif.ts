import { readAv1Sizes } from './av1-size.ts';
import type { CheckSize, DecodedPicture } from './decoded-picture.ts';
import { readHeifItems, readHeifStructure } from './heif-structure.ts';
import { createWasmDecoder } from './wasm-codec.ts';

const decodeByLibavif = createWasmDecoder(
  () => import('@jsquash/avif/decode.js'),
  '@jsquash/avif/codec/dec/avif_dec.wasm',
  'the AVIF data is damaged',
);

/**
 * Decodes an AVIF, 8 to 12 bits; of a sequence the first picture.
 * @throws Error naming what is damaged or not supported.
 */
export async function decodeAvif(bytes: Uint8Array, checkSize: CheckSize): Promise<DecodedPicture> {
  const { width, height, orientation } = readHeifStructure(bytes, 'av01');
  checkSize(width, height);
  // Decoders allocate the size stated in the coded pictures, and some then scale that to the size in the container.
  for (const item of readHeifItems(bytes, 'av01')) {
    for (const coded of readAv1Sizes(item.data)) {
      checkSize(coded.width, coded.height);
      if (coded.width !== item.width || coded.height !== item.height) {
        throw new Error(
          `its AV1 data has ${coded.width}x${coded.height} pixels, but its header has ${item.width}x${item.height}`,
        );
      }
    }
  }
  const image = await decodeByLibavif(bytes);
  if (image.width !== width || image.height !== height) throw new Error('the AVIF data is damaged');
  return { image, orientation };
}
