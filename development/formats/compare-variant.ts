import { readFile } from 'node:fs/promises';
import { ImageDecodeError } from '../../src/errors.ts';
import { decodeImage } from '../../src/image-files/decode-image.ts';
import type { RgbaImage } from '../../src/types.ts';
import { decodeByOracle, decodeSource } from './decode-by-oracle.ts';
import type { Sources, Variant } from './variant.ts';

/** Largest mean difference from another decoder's picture, levels of 255. */
export const MEAN_DIFFERENCE = { exact: 1, lossy: 2 } as const;

/** The outcome for a variant. */
export interface Comparison {
  readonly variant: Variant;
  /** Difference of the colours of visible pixels, levels of 255; absent if it was refused. */
  readonly difference?: { readonly mean: number; readonly largest: number };
  readonly image?: RgbaImage;
  /** As decoded by another program. */
  readonly other?: RgbaImage;
  /** The message with which it was refused. */
  readonly refusal?: string;
  /** What is wrong, if anything. */
  readonly fault?: string;
}

/** Makes the file of a variant, decodes it and compares. */
export async function compareVariant(variant: Variant, sources: Sources): Promise<Comparison> {
  try {
    return await compare(variant, sources);
  } catch (error) {
    const [line] = error instanceof Error ? error.message.split('\n').slice(-2) : [String(error)];
    return { variant, fault: `another program failed: ${line}` };
  }
}

async function compare(variant: Variant, sources: Sources): Promise<Comparison> {
  const path = sources.path(variant.name);
  await variant.make(sources, path);
  let image: RgbaImage;
  try {
    image = await decodeImage(await readFile(path), { path: variant.name });
  } catch (error) {
    if (!(error instanceof ImageDecodeError)) return { variant, fault: `an untyped error: ${String(error)}` };
    const refusal = error.message.replace(`${variant.name}: `, '');
    const isExpected = 'refusal' in variant.expected && refusal.includes(variant.expected.refusal);
    return { variant, refusal, ...(!isExpected && { fault: `refused: ${refusal}` }) };
  }
  if (!('oracle' in variant.expected)) return { variant, image, fault: 'decoded, not refused' };
  const { oracle, source } = variant.expected;
  const expected = await (source === undefined ? decodeByOracle(oracle, path) : decodeSource(source, sources));
  if (expected.width !== image.width || expected.height !== image.height) {
    const sizes = [image, expected].map(({ width, height }) => `${width}x${height}`);
    return { variant, image, fault: `${sizes[0]} pixels, not ${sizes[1]}` };
  }
  const difference = differenceOf(image.data, expected.data);
  const bound = variant.isLossy ? MEAN_DIFFERENCE.lossy : MEAN_DIFFERENCE.exact;
  const fault = difference.mean <= bound ? undefined : `differs by ${difference.mean.toFixed(2)} on average`;
  return { variant, image, other: expected, difference, ...(fault !== undefined && { fault }) };
}

/** Some decoders blank the colours of fully transparent pixels; those are compared by alpha alone. */
function differenceOf(ours: ArrayLike<number>, theirs: ArrayLike<number>): { mean: number; largest: number } {
  let sum = 0;
  let largest = 0;
  for (let at = 0; at < ours.length; at += 4) {
    const isSeen = theirs[at + 3] > 0 || ours[at + 3] > 0;
    for (let channel = isSeen ? 0 : 3; channel < 4; channel++) {
      const distance = Math.abs(ours[at + channel] - theirs[at + channel]);
      sum += distance;
      largest = Math.max(largest, distance);
    }
  }
  return { mean: sum / ours.length, largest };
}
