import type { RgbaImage } from '../types.ts';

/** Result of a decoder. */
export interface DecodedPicture {
  readonly image: RgbaImage;
  /** Orientation stated in the file: 1..8 as in EXIF, 1 upright. */
  readonly orientation: number;
}

/** Throws if a picture is empty or too large. Decoders call it before allocating pixels. */
export type CheckSize = (width: number, height: number) => void;
