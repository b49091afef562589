/** How the table of formats is made and tested: a variant is a picture file, made by a program that is not ours. */

/** Programs whose decoding ours is compared with. */
export type Oracle = 'imagemagick' | 'pillow' | 'libtiff' | 'ffmpeg' | 'libavif' | 'libheif';

/** A source as ImageMagick changes it: what a file should show where no other decoder reads it rightly. */
export interface SourceOfPixels {
  readonly name: string;
  readonly args: readonly string[];
}

/**
 * How much of the portrait a file keeps: `all` its pixels; `less`, by the losses of everyday coding or in fewer colours; `coarse`
 * what is left of it in 16 colours and fewer, in 2 bits and fewer, or at JPEG's quality 30.
 */
export type Detail = 'all' | 'less' | 'coarse';

/** A file, how it is made, and what becomes of it. */
export interface Variant {
  readonly container: string;
  readonly feature: string;
  /** Of the file. */
  readonly name: string;
  /** Writes the file; paths are of the folder of sources and of the file. */
  readonly make: (sources: Sources, path: string) => Promise<void>;
  /** Decodes it besides us; or the words with which it is refused. */
  readonly expected: { readonly oracle: Oracle; readonly source?: SourceOfPixels } | { readonly refusal: string };
  /** Whether its coding is like JPEG's, so that decoders differ by a level or two. */
  readonly isLossy: boolean;
  /** How much of the portrait it keeps, of that in colours or in grey. */
  readonly detail: Detail;
  readonly portrait: 'rgb.png' | 'grey.png';
  /** Where the portrait's corner is in it, px; absent where it shows no face that landmarks could be compared of. */
  readonly corner?: readonly [x: number, y: number];
}

/** What variants are made of, in one folder. */
export interface Sources {
  readonly folder: string;
  /** The path of a source or an intermediate file. */
  path(name: string): string;
}
