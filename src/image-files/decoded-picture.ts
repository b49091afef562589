import type { RgbaImage } from '../types.ts';

/** What a decoder gives. */
export interface DecodedPicture {
  readonly image: RgbaImage;
  /** How the file says that the picture is to be turned: 1..8 as in EXIF, 1 upright. */
  readonly orientation: number;
}

/** Throws where a picture is empty or too large. Decoders call it before they allocate pixels. */
export type CheckSize = (width: number, height: number) => void;
