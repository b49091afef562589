/** How the table of formats is made and tested: a variant is a picture file, made by a program that is not ours. */

/** Programs whose decoding ours is compared with. */
export type Oracle = 'imagemagick' | 'pillow' | 'libtiff' | 'ffmpeg' | 'libavif' | 'libheif';

/** A source as ImageMagick changes it: what a file should show where no other decoder reads it rightly. */
export interface SourceOfPixels {
  readonly name: string;
  readonly args: readonly string[];
}

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
  /** Whether its coding loses detail, so that decoders and landmarks differ. */
  readonly isLossy: boolean;
  /** The source whose face it shows upright and well enough for landmarks to be compared. */
  readonly portrait?: string;
}

/** What variants are made of, in one folder. */
export interface Sources {
  readonly folder: string;
  /** The path of a source or an intermediate file. */
  path(name: string): string;
}
