/**
 * `npm run train:compare -- --weights PACK --against PACK [--regressor NAME] [--pictures DIR] [--film FILE]`: how far one pack's
 * detector agrees with another's on photographs, and how much more the landmarks of its regressor tremble on a film of one face. For
 * the record only: nothing read here is used in training.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tremble } from '../../development/tremble.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { createFaceAligner, type FaceAligner } from '../../src/face-aligner.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import { bestOverlap } from '../../src/results/accuracy.ts';
import type { FaceBox } from '../../src/types.ts';
import { createFaceTracker } from '../../src/video/tracker.ts';
import { readVideo } from '../../src/video-files/read-video.ts';

const MINIMUM_SCORE = 0.5;
/** Packs differ in how much forehead and jaw they include in a face. */
const MINIMUM_OVERLAP = 0.4;

const { values } = parseArgs({
  options: {
    weights: { type: 'string' },
    against: { type: 'string' },
    regressor: { type: 'string' },
    pictures: { type: 'string' },
    film: { type: 'string' },
  },
});
if (values.weights === undefined || values.against === undefined)
  throw new Error('--weights and --against are required');
const [ours, theirs] = await Promise.all([
  createFaceAligner({ weights: fileWeights(values.weights), ...(values.regressor && { regressor: values.regressor }) }),
  createFaceAligner({ weights: fileWeights(values.against) }),
]);

/** Boxes of one picture at `MINIMUM_SCORE`. */
const sure = async (aligner: FaceAligner, file: string): Promise<FaceBox[]> =>
  (await aligner.detect(await readImage(file))).filter(({ score }) => score >= MINIMUM_SCORE);

if (values.pictures !== undefined) {
  const files = (await readdir(values.pictures)).filter((file) => /\.(jpe?g|png|webp)$/i.test(file)).sort();
  const total = { faces: 0, found: 0, wrong: 0, overlap: 0 };
  for (const file of files) {
    const path = join(values.pictures, file);
    const faces = (await sure(theirs, path)).map((box) => ({ box }));
    const taken = new Set<number>();
    let wrong = 0;
    for (const box of await sure(ours, path)) {
      const best = bestOverlap(box, faces);
      if (best === undefined || best.overlap < MINIMUM_OVERLAP || taken.has(best.index)) wrong++;
      else {
        taken.add(best.index);
        total.overlap += best.overlap;
      }
    }
    total.faces += faces.length;
    total.found += taken.size;
    total.wrong += wrong;
    console.log(`${file}: ${taken.size} of ${faces.length} faces found, ${wrong} other boxes`);
  }
  console.log(
    `${total.found} of ${total.faces} faces found, ${(total.wrong / files.length).toFixed(2)} other boxes per picture, ` +
      `mean overlap ${(total.overlap / Math.max(total.found, 1)).toFixed(3)}`,
  );
}

/** How much landmarks tremble on the film, px, without smoothing and with the tracker's. */
async function trembling(aligner: FaceAligner, film: string): Promise<{ raw: number; smooth: number; lost: number }> {
  const measured = { raw: 0, smooth: 0, lost: 0 };
  for (const [name, smoothing] of [
    ['raw', 'none'],
    ['smooth', 'balanced'],
  ] as const) {
    const tracker = createFaceTracker(aligner, { smoothing });
    const points: Float32Array[] = [];
    for await (const { image, timeMs } of (await readVideo(film)).frames()) {
      const [face] = await tracker.next(image, timeMs);
      if (face !== undefined) points.push(face.landmarks);
      else if (name === 'raw') measured.lost++;
    }
    measured[name] = tremble(points);
  }
  return measured;
}

if (values.film !== undefined) {
  const [a, b] = [await trembling(ours, values.film), await trembling(theirs, values.film)];
  console.log(
    `film: landmarks tremble ${a.raw.toFixed(3)} px unsmoothed, ${a.smooth.toFixed(3)} px smoothed ` +
      `(against: ${b.raw.toFixed(3)}, ${b.smooth.toFixed(3)}): ${(a.raw / b.raw).toFixed(2)} and ` +
      `${(a.smooth / b.smooth).toFixed(2)} times; frames without a face ${a.lost} (${b.lost})`,
  );
}
ours.dispose();
theirs.dispose();
