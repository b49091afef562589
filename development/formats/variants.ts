import { bmpVariants } from './bmp-variants.ts';
import { gifVariants } from './gif-variants.ts';
import { avifVariants, heicVariants } from './heif-variants.ts';
import { jpegVariants } from './jpeg-variants.ts';
import { otherVariants } from './other-variants.ts';
import { pngVariants } from './png-variants.ts';
import { tiffVariants } from './tiff-variants.ts';
import type { Variant } from './variant.ts';
import { webpVariants } from './webp-variants.ts';

/** Every picture of the table of formats. */
export const variants: readonly Variant[] = [
  ...jpegVariants,
  ...pngVariants,
  ...webpVariants,
  ...avifVariants,
  ...heicVariants,
  ...tiffVariants,
  ...bmpVariants,
  ...gifVariants,
  ...otherVariants,
];
