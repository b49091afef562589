import { readFile } from 'node:fs/promises';
import { decodePng } from '../../src/image-files/decode-png.ts';
import { createFaceAligner } from '../../src/node.ts';
import type { FaceBox, RgbaImage } from '../../src/types.ts';
import type { Comparison } from './compare-variant.ts';
import type { Sources, Variant } from './variant.ts';

/** Largest distance of landmarks from those of the same file decoded by another program, px. */
export const SAME_PIXELS_PX = 0.5;
/** Largest distance from those of the portrait's PNG, px; for `coarse` files it is only reported. */
export const FROM_PORTRAIT_PX = { all: 0.5, less: 1.5, coarse: Number.POSITIVE_INFINITY } as const;

/** The largest distances of a file's 68 landmarks, px. */
export interface LandmarkDistances {
  /** From those of the same file as another program decodes it. */
  readonly fromOther: number;
  /** From those of the PNG of the portrait, in colours or in grey as the file is. */
  readonly fromPortrait: number;
}

/** Finds landmarks of variants, all in the same place. */
export interface PortraitLandmarks {
  /** Px: the portrait's face, as the detector sees it. */
  readonly box: FaceBox;
  /** Undefined for files that were refused or show no face. */
  distances(comparison: Comparison): Promise<LandmarkDistances | undefined>;
  dispose(): void;
}

/** @throws Error if no face is found in the portrait. */
export async function createPortraitLandmarks(sources: Sources): Promise<PortraitLandmarks> {
  const aligner = await createFaceAligner();
  const portrait = decodePng(await readFile(sources.path('rgb.png')), () => {}).image;
  const [box] = await aligner.detect(portrait);
  if (box === undefined) throw new Error('there is no face in the portrait');

  async function landmarksOf(image: RgbaImage, [x, y]: NonNullable<Variant['corner']>): Promise<Float32Array> {
    const moved = { ...box, xMin: box.xMin + x, yMin: box.yMin + y, xMax: box.xMax + x, yMax: box.yMax + y };
    const [face] = await aligner.align(image, [moved]);
    return aligner.reconstruct(face).map((value, i) => value - (i % 3 === 0 ? x : i % 3 === 1 ? y : 0));
  }
  const grey = decodePng(await readFile(sources.path('grey.png')), () => {}).image;
  const expected = { 'rgb.png': await landmarksOf(portrait, [0, 0]), 'grey.png': await landmarksOf(grey, [0, 0]) };

  return {
    box,
    async distances({ variant: { corner, portrait: source }, image, other }) {
      if (corner === undefined || image === undefined || other === undefined) return undefined;
      const found = await landmarksOf(image, corner);
      return {
        fromOther: greatestDistance(found, await landmarksOf(other, corner)),
        fromPortrait: greatestDistance(found, expected[source]),
      };
    },
    dispose: () => aligner.dispose(),
  };
}

function greatestDistance(a: Float32Array, b: Float32Array): number {
  let greatest = 0;
  for (let i = 0; i < a.length; i += 3) greatest = Math.max(greatest, Math.hypot(a[i] - b[i], a[i + 1] - b[i + 1]));
  return greatest;
}
