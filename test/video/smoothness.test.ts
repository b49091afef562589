/** What the tracker promises about smoothness, lag and memory; `npm run bench:video` prints the figures. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { growthPerStep } from '../../development/memory-growth.ts';
import { lagOf, meanDistance, movedPicture } from '../../development/motion-scenes.ts';
import { tremble } from '../../development/tremble.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { cutPortrait, type Portrait, scene, withNoise } from '../../development/video-scene.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { createFaceAligner, type FaceAligner } from '../../src/face-aligner.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import type { RgbaImage } from '../../src/types.ts';
import { createFaceTracker, type FaceTrackerOptions } from '../../src/video/tracker.ts';
import { readVideo } from '../../src/video-files/read-video.ts';
import { describeWithFfmpeg } from '../support/ffmpeg.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';

/** What is left of the trembling of a still photo with noise; 0.1 was measured. */
const STILL_TREMBLING_MAX = 0.2;
/** Frames behind a photo that moves evenly by so many px a frame; 0.34 were measured at 2, 0.15 at 20. */
const LAG_MAX = [
  [2, 1],
  [5, 1],
  [10, 0.8],
  [20, 0.8],
  [40, 0.8],
] as const;
/** Mean distance of smoothed landmarks from unsmoothed ones on a talking, turning head, parts of the face's size. */
const DISTANCE_MAX = 2.5 / 231;
/** What a frame leaves behind, bytes; 90 were measured, code that V8 compiles. */
const GROWTH_MAX = 500;

const WIDTH = 640;
const HEIGHT = 240;

describeWithShared('smoothness', () => {
  let aligner: FaceAligner;
  let portrait: Portrait;
  beforeAll(async () => {
    aligner = await createFaceAligner({ weights: fileWeights(await upstreamPack()) });
    const photo = await readImage(sharedPath('reference', 'astronaut', 'input.png'));
    const [box] = await aligner.detect(photo);
    if (box === undefined) throw new Error('no face');
    portrait = cutPortrait(photo, box, 200);
  });
  afterAll(() => aligner.dispose());

  async function landmarksOf(frames: readonly RgbaImage[], options: FaceTrackerOptions = {}): Promise<Float32Array[]> {
    const tracker = createFaceTracker(aligner, options);
    const found: Float32Array[] = [];
    for (const [i, image] of frames.entries()) {
      const [face] = await tracker.next(image, i * 40);
      if (face === undefined) throw new Error(`no face in frame ${i}`);
      found.push(face.landmarks);
    }
    return found;
  }

  test('a still photo with noise trembles a fifth as much at most', async () => {
    const image = scene(WIDTH, HEIGHT, [{ portrait, x: 300, y: 120 }]);
    const frames = Array.from({ length: 30 }, (_, i) => withNoise(image, 5, i + 1));
    const raw = tremble(await landmarksOf(frames, { smoothing: 'none' }));
    expect(tremble(await landmarksOf(frames)) / raw).toBeLessThan(STILL_TREMBLING_MAX);
    expect(tremble(await landmarksOf(frames, { lockIdentity: true })) / raw).toBeLessThan(STILL_TREMBLING_MAX);
  });

  test.each(LAG_MAX)('a photo that moves by %i px a frame is followed within %d frames', async (speed, most) => {
    const frames = [...movedPicture(scene(WIDTH, HEIGHT, [{ portrait, x: 110, y: 120 }]), speed, 420)];
    const raw = await landmarksOf(frames, { smoothing: 'none' });
    const { mean, greatest } = lagOf(raw, await landmarksOf(frames), speed);
    expect(mean).toBeLessThan(most);
    // What does not smooth at all does not lag either.
    expect(greatest).toBeGreaterThan(0);
  });

  test('2000 frames leave nothing behind', async () => {
    const frames = [0, 1, 2].map((i) => scene(240, 200, [{ portrait, x: 115 + 5 * i, y: 100 }]));
    const tracker = createFaceTracker(aligner, { detectEvery: 50, lockIdentity: true });
    const growth = await growthPerStep({
      stepsPerWindow: 250,
      async run(start, count) {
        for (let i = start; i < start + count; i++) {
          const faces = await tracker.next(frames[i % 3], i * 40);
          expect(faces).toHaveLength(1);
        }
      },
    });
    expect(growth).toBeLessThan(GROWTH_MAX);
  });

  describeWithFfmpeg('on a film', () => {
    test('a talking, turning head is where it is seen', async () => {
      const frames: RgbaImage[] = [];
      for await (const { image } of (await readVideo(sharedPath('photos', 'obama.mp4'))).frames()) frames.push(image);
      const raw = await landmarksOf(frames, { smoothing: 'none' });
      const smooth = await landmarksOf(frames);
      expect(tremble(smooth)).toBeLessThan(tremble(raw));
      expect(meanDistance(raw, smooth)).toBeLessThan(DISTANCE_MAX * faceSize(raw[0]));
    });
  });
});

/** Root of the area of the landmarks' box, px. */
function faceSize(points: Float32Array): number {
  const spread = (axis: number): number => {
    const values = Array.from({ length: points.length / 3 }, (_, i) => points[3 * i + axis]);
    return Math.max(...values) - Math.min(...values);
  };
  return Math.sqrt(spread(0) * spread(1));
}
