/** How the table of formats is made and tested: a variant is a picture file written by another program. */

/** Programs that our decoding is compared with. */
export type Oracle = 'imagemagick' | 'pillow' | 'libtiff' | 'ffmpeg' | 'libavif' | 'libheif';

/** A source as changed by ImageMagick: what a file should show if no other decoder reads it correctly. */
export interface SourceOfPixels {
  readonly name: string;
  readonly args: readonly string[];
}

/**
 * How much of the portrait a file keeps: `all` its pixels; `less`, after the losses of everyday coding or with fewer colours;
 * `coarse`, what is left with at most 16 colours, at most 2 bits, or a JPEG quality of 30.
 */
export type Detail = 'all' | 'less' | 'coarse';

/** A file, how it is made, and how it should decode. */
export interface Variant {
  readonly container: string;
  readonly feature: string;
  /** Name of the file. */
  readonly name: string;
  /** Writes the file. */
  readonly make: (sources: Sources, path: string) => Promise<void>;
  /** The other decoder, or the words with which it is refused. */
  readonly expected: { readonly oracle: Oracle; readonly source?: SourceOfPixels } | { readonly refusal: string };
  /** Whether its coding is like JPEG's, so that decoders differ by a level or two. */
  readonly isLossy: boolean;
  /** How much of the portrait, in colour or grey, it keeps. */
  readonly detail: Detail;
  readonly portrait: 'rgb.png' | 'grey.png';
  /** Position of the portrait's corner in it, px; absent if it shows no face whose landmarks could be compared. */
  readonly corner?: readonly [x: number, y: number];
}

/** The sources of variants, in one folder. */
export interface Sources {
  readonly folder: string;
  /** The path of a source or an intermediate file. */
  path(name: string): string;
}
