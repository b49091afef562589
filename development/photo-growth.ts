import { fileWeights } from '../src/engine/weights/file-source.ts';
import { createFaceAligner } from '../src/face-aligner.ts';
import { growthPerStep } from './memory-growth.ts';

/** Photos at the end of each window, with the same sizes in all windows: networks are cached for the last sizes. */
const LAST_SIZES = 8;

/**
 * Detects faces in photos of random sizes, from one pixel to 320x320, and aligns one that fills the photo.
 * @param random - numbers in 0..1.
 * @returns the number of photos, and what each leaves behind in the median of seven windows, bytes.
 */
export async function photoGrowth(photos: number, random: () => number): Promise<{ photos: number; bytes: number }> {
  const aligner = await createFaceAligner({ weights: fileWeights(new URL('../weights/open', import.meta.url)) });
  // One more window is for warming up.
  const stepsPerWindow = Math.ceil(photos / 8);
  const bytes = await growthPerStep({
    stepsPerWindow,
    async run(_start, count) {
      for (let i = 0; i < count; i++) {
        const [width, height] =
          i < count - LAST_SIZES
            ? [1 + Math.floor(random() * 320), 1 + Math.floor(random() * 320)]
            : [160, 32 * (count - i)];
        const image = { width, height, data: new Uint8Array(width * height * 4).fill(random() * 255) };
        await aligner.detect(image);
        await aligner.align(image, [{ xMin: 0, yMin: 0, xMax: width, yMax: height }]);
      }
    },
  });
  aligner.dispose();
  return { photos: 8 * stepsPerWindow, bytes };
}
