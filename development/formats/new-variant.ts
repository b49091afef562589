import { readFile, writeFile } from 'node:fs/promises';
import { magick, pillow } from './run-program.ts';
import type { Detail, Oracle, SourceOfPixels, Sources, Variant } from './variant.ts';

type Make = Variant['make'];

/** Options of a variant that is decoded. */
export interface RightOptions {
  readonly isLossy?: boolean;
  /** By default `less` for a lossy coding, else `all`. */
  readonly detail?: Detail;
  /** Whether it is the portrait in grey. */
  readonly isGrey?: boolean;
  /** Corner of the portrait, by default the picture's own; `undefined` if it shows no face. */
  readonly corner?: Variant['corner'];
  /** What it is compared with, instead of another decoding of itself. */
  readonly source?: SourceOfPixels;
}

const WHOLE_PORTRAIT = [0, 0] as const;
/** Options of a variant that shows no face. */
export const NO_FACE = { corner: undefined } as const;

/** Makes variants of a container, each named by its feature. */
export function variantsOf(container: string, ending: string) {
  const names = new Set<string>();
  function add(
    feature: string,
    make: Make,
    rest: Pick<Variant, 'expected' | 'isLossy' | 'detail' | 'portrait' | 'corner'>,
  ): Variant {
    const base = feature.replace(/[^a-z0-9]+/gi, '-').toLowerCase();
    let name = `${base}.${ending}`;
    for (let i = 2; names.has(name); i++) name = `${base}-${i}.${ending}`;
    names.add(name);
    return { container, feature, name: `${container.toLowerCase()}-${name}`, make, ...rest };
  }
  return {
    /** A variant that must decode as another decoder does. */
    right: (feature: string, oracle: Oracle, make: Make, options: RightOptions = {}): Variant => {
      const { isLossy = false, detail = isLossy ? 'less' : 'all', isGrey = false, source } = options;
      const corner = 'corner' in options ? options.corner : WHOLE_PORTRAIT;
      return add(feature, make, {
        expected: { oracle, ...(source !== undefined && { source }) },
        isLossy,
        detail,
        portrait: isGrey ? 'grey.png' : 'rgb.png',
        ...(corner !== undefined && { corner }),
      });
    },
    /** A variant that must be refused with these words. */
    refused: (feature: string, refusal: string, make: Make): Variant =>
      add(feature, make, { expected: { refusal }, isLossy: false, detail: 'all', portrait: 'rgb.png' }),
  };
}

/** Saves a source with ImageMagick. @param prefix - of the file name, such as `BMP3:`. */
export const byMagick =
  (source: string, args: readonly string[], prefix = ''): Make =>
  async (sources, path) => {
    await magick(sources.path(source), ...args, `${prefix}${path}`);
  };

/** Saves a source with Pillow. @param change - statement that changes image `i` first; @param options - of its `save`. */
export const byPillow =
  (source: string, change: string, options = ''): Make =>
  async (sources, path) => {
    const statements = `i = Image.open(a[0]); ${change || 'pass'}; i.save(a[1]${options === '' ? '' : `, ${options}`})`;
    await pillow(statements, sources.path(source), path);
  };

/** Makes a file and then changes its bytes. */
export const patched =
  (make: Make, change: (bytes: Buffer) => Uint8Array): Make =>
  async (sources: Sources, path: string) => {
    await make(sources, path);
    await writeFile(path, change(await readFile(path)));
  };

/** A TIFF header and one field: what EXIF needs to state a picture's orientation. */
export function exifOf(orientation: number): Buffer {
  return Buffer.from([
    0x4d,
    0x4d,
    0,
    42,
    0,
    0,
    0,
    8,
    0,
    1,
    1,
    0x12,
    0,
    3,
    0,
    0,
    0,
    1,
    0,
    orientation,
    0,
    0,
    0,
    0,
    0,
    0,
  ]);
}
