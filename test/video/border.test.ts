import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type BorderCourse, borderCourse, placeAtBorder, SIDES } from '../../development/motion-scenes.ts';
import { cutPortrait, type Portrait, scene, withNoise } from '../../development/video-scene.ts';
import type { FaceAligner } from '../../src/face-aligner.ts';
import { boundingBox } from '../../src/geometry/box.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import { createFaceAligner } from '../../src/node.ts';
import type { RgbaImage } from '../../src/types.ts';
import { createFaceTracker } from '../../src/video/tracker.ts';
import { repositoryRoot } from '../support/shared.ts';

const SIZE = { width: 360, height: 220 };
const FRAME_MS = 40;
const NOISE_LEVELS = 2;
/** Of the portrait, px; its face is two thirds of it. */
const PORTRAIT_PX = 130;
/** So far within a border a face is whole. */
const WHOLE = 80;

describe('faces at the border', () => {
  let aligner: FaceAligner;
  let portrait: Portrait;
  /** How far the portrait's centre is beyond a border where its face's is on it. */
  let halfway: Record<BorderCourse['side'], number>;

  beforeAll(async () => {
    aligner = await createFaceAligner();
    const photo = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
    const [box] = await aligner.detect(photo);
    portrait = cutPortrait(photo, box, PORTRAIT_PX);
    const [x, y] = [SIZE.width / 2, SIZE.height / 2];
    const [face] = await createFaceTracker(aligner).next(scene(SIZE.width, SIZE.height, [{ portrait, x, y }]), 0);
    const { xMin, yMin, xMax, yMax } = boundingBox(face.landmarks);
    const right = (xMin + xMax) / 2 - x;
    const down = (yMin + yMax) / 2 - y;
    halfway = { left: right, right: -right, top: down, bottom: -down };
  });
  afterAll(() => aligner.dispose());

  /** Ids of each frame in which a portrait is so far beyond a border. */
  async function follow(side: BorderCourse['side'], distances: readonly number[]): Promise<number[][]> {
    const tracker = createFaceTracker(aligner);
    const ids: number[][] = [];
    for (const [i, distance] of distances.entries()) {
      const frame: RgbaImage = scene(SIZE.width, SIZE.height, [{ portrait, ...placeAtBorder(side, distance, SIZE) }]);
      const faces = await tracker.next(withNoise(frame, NOISE_LEVELS, i + 1), i * FRAME_MS);
      ids.push(faces.map(({ id }) => id));
    }
    return ids;
  }

  test.each(SIDES.flatMap((side) => [10, 80].map((beyond) => [side, beyond] as const)))(
    'a face that leaves at the %s, to %i px beyond, and comes back keeps its id',
    async (side, beyond) => {
      const course = borderCourse({ from: -WHOLE, beyond, speed: 15, pauseFrames: 4, restFrames: 3 });
      const ids = await follow(side, course);
      expect(new Set(ids.flat())).toEqual(new Set([0]));
      expect(ids.at(-1)).toEqual([0]);
      if (beyond === 80) expect(ids.some((found) => found.length === 0)).toBe(true);
    },
  );

  test.each(SIDES)('a face that is half seen at the %s is no new one until more of it is', async (side) => {
    const waiting = Array.from({ length: 8 }, () => halfway[side]);
    const entering = Array.from({ length: 7 }, (_, i) => halfway[side] - 12 * (i + 1));
    const ids = await follow(side, [...waiting, ...entering]);
    expect(ids.slice(0, waiting.length).flat()).toEqual([]);
    expect(ids.at(-1)).toEqual([0]);
    expect(new Set(ids.flat())).toEqual(new Set([0]));
  });

  /** How often the detector is asked in each of the frames in which a portrait is at these places. */
  async function countDetections(places: readonly { readonly x: number; readonly y: number }[]): Promise<number[]> {
    const detect = jest.spyOn(aligner, 'detect');
    const tracker = createFaceTracker(aligner, { detectEvery: 1000 });
    const counts: number[] = [];
    for (const [i, place] of places.entries()) {
      detect.mockClear();
      await tracker.next(scene(SIZE.width, SIZE.height, [{ portrait, ...place }]), i * FRAME_MS);
      counts.push(detect.mock.calls.length);
    }
    detect.mockRestore();
    return counts;
  }

  test('the detector is asked about a face that jumps', async () => {
    const counts = await countDetections([120, 122, 124, 160, 162].map((x) => ({ x, y: SIZE.height / 2 })));
    expect(counts).toEqual([1, 0, 0, 1, 0]);
  });

  test.each([12, 24, -24])(
    'a face that moves by %i px at once is aligned where it is, without the detector',
    async (px) => {
      const y = SIZE.height / 2;
      const places = [120, 122, 124, 124 + px].map((x) => ({ x, y }));
      expect(await countDetections(places)).toEqual([1, 0, 0, 0]);
      const tracker = createFaceTracker(aligner, { smoothing: 'none' });
      let landmarks: Float32Array = new Float32Array();
      for (const [i, place] of places.entries()) {
        const [face] = await tracker.next(scene(SIZE.width, SIZE.height, [{ portrait, ...place }]), i * FRAME_MS);
        landmarks = face.landmarks;
      }
      const resting = createFaceTracker(aligner, { smoothing: 'none' });
      const image = scene(SIZE.width, SIZE.height, [{ portrait, ...places[3] }]);
      await resting.next(image, 0);
      const [there] = await resting.next(image, FRAME_MS);
      const shift = landmarks.reduce((sum, x, i) => (i % 3 === 0 ? sum + x - there.landmarks[i] : sum), 0) / 68;
      expect(Math.abs(shift)).toBeLessThan(1);
    },
  );

  test('the detector is asked about a face half beyond a border in each frame', async () => {
    const leaving = Array.from({ length: 11 }, (_, i) => placeAtBorder('bottom', 4 * i - 40, SIZE));
    const resting = Array.from({ length: 5 }, () => placeAtBorder('bottom', 0, SIZE));
    const counts = await countDetections([...leaving, ...resting]);
    expect(counts.slice(0, 6)).toEqual([1, 0, 0, 0, 0, 0]);
    expect(counts.slice(-5)).toEqual([1, 1, 1, 1, 1]);
  });

  test('a face larger than the picture is there all the same', async () => {
    const photo = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
    const [box] = await aligner.detect(photo);
    const close = cutPortrait(photo, box, 420);
    const frame = scene(SIZE.width, 200, [{ portrait: close, x: SIZE.width / 2, y: 100 }]);
    const tracker = createFaceTracker(aligner);
    expect(await tracker.next(frame, 0)).toHaveLength(1);
  });
});
