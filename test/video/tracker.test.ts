import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readReference } from '../../development/reference.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { blackFrame, cutPortrait, type Placement, type Portrait, scene } from '../../development/video-scene.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { DisposedError } from '../../src/errors.ts';
import { createFaceAligner, type FaceAligner } from '../../src/face-aligner.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import type { RgbaImage } from '../../src/types.ts';
import { createFaceTracker, type FaceTrackerOptions, type TrackedFace } from '../../src/video/tracker.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';

const WIDTH = 640;
const HEIGHT = 360;
const FRAME_MS = 40;
/** Shape parameters of the original's model. */
const SHAPES = 40;
const NO_FACE = scene(WIDTH, HEIGHT, []);
const BLACK = blackFrame(WIDTH, HEIGHT);

describeWithShared('createFaceTracker', () => {
  let aligner: FaceAligner;
  let anna: Portrait;
  let ben: Portrait;
  let carl: Portrait;

  beforeAll(async () => {
    aligner = await createFaceAligner({ weights: fileWeights(await upstreamPack()), backend: 'wasm' });
    anna = await portrait('astronaut', sharedPath('reference', 'astronaut', 'input.png'), 0, 200);
    ben = await portrait('trump_hillary', sharedPath('photos', 'trump_hillary.jpg'), 0, 200);
    carl = await portrait('JianzhuGuo', sharedPath('photos', 'JianzhuGuo.jpg'), 0, 200);
  });
  afterAll(() => aligner.dispose());

  const at = (who: Portrait, x: number, y = HEIGHT / 2): Placement => ({ portrait: who, x, y });
  const frame = (...placements: Placement[]): RgbaImage => scene(WIDTH, HEIGHT, placements);
  const track = (frames: readonly RgbaImage[], options: FaceTrackerOptions = {}) => run(aligner, frames, options);

  test('follows two faces, each under its id', async () => {
    const frames = Array.from({ length: 20 }, (_, i) => frame(at(anna, 140 + 4 * i), at(ben, 480 - 2 * i)));
    const found = await track(frames);
    expect(idsOf(found)).toEqual(frames.map(() => [0, 1]));
    expect(found[0]?.map(({ how }) => how)).toEqual(['detect+refine', 'detect+refine']);
    expect(found.slice(1).every((faces) => faces.every(({ how }) => how === 'track'))).toBe(true);
    const [leftId] = nearest(found[0], 140);
    expect(nearest(found[19], 140 + 4 * 19)).toEqual([leftId]);
  });

  test('begins with no face, and starts when there is one', async () => {
    const found = await track([NO_FACE, NO_FACE, frame(at(anna, 320)), frame(at(anna, 322))]);
    expect(idsOf(found)).toEqual([[], [], [0], [0]]);
  });

  test('finds a face that comes later beside another', async () => {
    const frames = Array.from({ length: 24 }, (_, i) => frame(at(anna, 140), ...(i < 4 ? [] : [at(ben, 480)])));
    const found = await track(frames, { detectEvery: 10 });
    expect(idsOf(found).slice(0, 4)).toEqual([[0], [0], [0], [0]]);
    expect(idsOf(found).slice(14)).toEqual(frames.slice(14).map(() => [0, 1]));
  });

  test('ends at black frames, and knows the face again after a few', async () => {
    const here = frame(at(anna, 320));
    const found = await track([here, here, BLACK, BLACK, BLACK, here, here]);
    expect(idsOf(found)).toEqual([[0], [0], [], [], [], [0], [0]]);
  });

  test('takes a face after a long time for a new one', async () => {
    const here = frame(at(anna, 320));
    const found = await track([here, here, BLACK, BLACK, BLACK, here], { keepLostMs: 2 * FRAME_MS });
    expect(idsOf(found)).toEqual([[0], [0], [], [], [], [1]]);
  });

  test('a cut to another person in the same place is a new face at once', async () => {
    const found = await track([
      ...Array.from({ length: 5 }, () => frame(at(anna, 320))),
      ...Array.from({ length: 5 }, () => frame(at(carl, 320))),
    ]);
    expect(idsOf(found)).toEqual([...Array.from({ length: 5 }, () => [0]), ...Array.from({ length: 5 }, () => [1])]);
  });

  test('a cut to the same person elsewhere goes on at once', async () => {
    const found = await track([frame(at(anna, 140)), frame(at(anna, 140)), frame(at(anna, 480)), frame(at(anna, 480))]);
    expect(found.map((faces) => faces.length)).toEqual([1, 1, 1, 1]);
    expect(nearest(found[2], 480)).toHaveLength(1);
  });

  test('a face that leaves the picture ends; one that comes back is there again', async () => {
    const xs = Array.from({ length: 24 }, (_, i) => 520 + 20 * (i < 12 ? i : 23 - i));
    const found = await track(xs.map((x) => frame(at(anna, x))));
    expect(found[0]).toHaveLength(1);
    expect(found[11]).toEqual([]);
    expect(found[12]).toEqual([]);
    expect(idsOf(found).at(-1)).toEqual([0]);
    for (const [i, faces] of found.entries()) {
      for (const face of faces) expect(Math.abs(centreOf(face) - xs[i])).toBeLessThan(60);
    }
  });

  test('somebody else who comes in where a face has left is a new face', async () => {
    const leaving = Array.from({ length: 14 }, (_, i) => frame(at(anna, 520 + 18 * i)));
    const coming = Array.from({ length: 14 }, (_, i) => frame(at(carl, 754 - 18 * i)));
    const found = await track([...leaving, ...coming]);
    expect(idsOf(found)[0]).toEqual([0]);
    expect(idsOf(found).at(-1)).toEqual([1]);
    expect(new Set(idsOf(found.slice(14)).flat())).toEqual(new Set([1]));
  });

  test.each([
    ['anna', 'ben', 15],
    ['anna', 'carl', 15],
    ['ben', 'anna', 6],
    ['carl', 'ben', 10],
  ] as const)(
    'faces that cross keep their ids, and nobody else is seen (%s before %s, %i px a frame)',
    async (near, far, step) => {
      const who = { anna, ben, carl };
      const steps = Math.round(450 / step);
      const frames = Array.from({ length: steps }, (_, i) =>
        frame(at(who[far], 540 - step * i), at(who[near], 100 + step * i)),
      );
      const found = await track(frames);
      const [nearId] = nearest(found[0], 100);
      const [farId] = nearest(found[0], 540);
      expect(new Set([nearId, farId]).size).toBe(2);
      expect(nearest(found[steps - 1], 100 + step * (steps - 1))).toEqual([nearId]);
      expect(nearest(found[steps - 1], 540 - step * (steps - 1))).toEqual([farId]);
      expect(new Set(idsOf(found).flat())).toEqual(new Set([nearId, farId]));
      // Both are there but while one hides the other.
      for (const [i, faces] of found.entries()) {
        if (Math.abs(440 - 2 * step * i) > 200) expect(faces).toHaveLength(2);
      }
      // While one hides the other, nobody is seen twice.
      for (const faces of found) expect(new Set(faces.map(({ id }) => id)).size).toBe(faces.length);
      for (const faces of found) {
        if (faces.length === 2) expect(Math.abs(centreOf(faces[0]) - centreOf(faces[1]))).toBeGreaterThan(20);
      }
    },
  );

  test('somebody else who comes out from behind a face is a new face', async () => {
    const frames = Array.from({ length: 40 }, (_, i) => {
      // Ben goes behind Anna, and Carl comes out on the other side.
      const x = 540 - 12 * i;
      return frame(x > 320 ? at(ben, x) : at(carl, x), at(anna, 320));
    });
    const found = await track(frames);
    const [annaId] = nearest(found[0], 320);
    const [benId] = nearest(found[0], 540);
    const [carlId] = nearest(found[39], 540 - 12 * 39);
    expect(new Set([annaId, benId, carlId]).size).toBe(3);
    expect(nearest(found[39], 320)).toEqual([annaId]);
  });

  test('follows at most so many faces', async () => {
    const crowd = frame(at(anna, 110), at(ben, 320), at(carl, 530));
    expect((await track([crowd, crowd], { maxFaces: 2 })).map((faces) => faces.length)).toEqual([2, 2]);
    expect((await track([crowd, crowd])).map((faces) => faces.length)).toEqual([3, 3]);
    const five = [anna, ben, carl, anna, ben].map((who, i) => at(who, 110 + 210 * i));
    expect((await track([scene(1060, HEIGHT, five)])).map((faces) => faces.length)).toEqual([4]);
  });

  test('sees no face where there is none', async () => {
    const found = await track([NO_FACE, BLACK, NO_FACE, BLACK]);
    expect(idsOf(found)).toEqual([[], [], [], []]);
  });

  test('frames may change their size', async () => {
    const small = scene(320, 240, [at(anna, 160, 120)]);
    const found = await track([frame(at(anna, 320)), small, small]);
    expect(found.map((faces) => faces.length)).toEqual([1, 1, 1]);
  });

  describe('mode upstream', () => {
    test('without a face is empty, and begins anew', async () => {
      const here = frame(at(anna, 320));
      const found = await track([NO_FACE, here, here], { mode: 'upstream' });
      expect(found.map((faces) => faces.map(({ how }) => how))).toEqual([[], ['detect+refine'], ['track']]);
    });

    test('a face too small to go on with ends where the detector finds none, and the next one is another', async () => {
      // Its crop would be less than 2020 px.
      const tiny = await portrait('astronaut', sharedPath('reference', 'astronaut', 'input.png'), 0, 56);
      const found = await track([frame(at(tiny, 320)), NO_FACE, frame(at(anna, 320)), frame(at(anna, 320))], {
        mode: 'upstream',
        detector: { maxEnlargement: 1.6 },
      });
      expect(found.map((faces) => faces.map(({ id, how }) => [id, how]))).toEqual([
        [[0, 'detect']],
        [],
        [[1, 'detect+refine']],
        [[1, 'track']],
      ]);
    });

    test('follows the best face only', async () => {
      const two = frame(at(anna, 140), at(ben, 480));
      expect((await track([two, two], { mode: 'upstream' })).map((faces) => faces.length)).toEqual([1, 1]);
    });

    test('takes the next crop around all vertices on demand', async () => {
      const here = frame(at(anna, 320));
      const [, sparse] = await track([here, here], { mode: 'upstream' });
      const [, dense] = await track([here, here], { mode: 'upstream', roiFrom: 'vertices' });
      const side = (faces: readonly TrackedFace[] | undefined): number =>
        (faces?.[0]?.roiBox.xMax ?? Number.NaN) - (faces?.[0]?.roiBox.xMin ?? Number.NaN);
      expect(side(dense)).toBeGreaterThan(side(sparse) * 1.05);
    });
  });

  test("a locked shape is the mean of the frames' shapes, without smoothing too", async () => {
    const frames = Array.from({ length: 4 }, (_, i) => frame(at(anna, 300 + 7 * i)));
    const raw = await track(frames, { smoothing: 'none' });
    const locked = await track(frames, { smoothing: 'none', lockIdentity: true });
    const shapeOf = (faces: readonly TrackedFace[]): number[] => [...faces[0].params.subarray(12, 12 + SHAPES)];
    const sums = new Array<number>(SHAPES).fill(0);
    for (const [i, faces] of raw.entries()) {
      for (const [k, value] of shapeOf(faces).entries()) sums[k] += value;
      expect(shapeOf(locked[i])).toEqual(sums.map((sum) => Math.fround(sum / (i + 1))));
    }
    expect(shapeOf(locked[3])).not.toEqual(shapeOf(raw[3]));
  });

  test('frames given at once are taken in order', async () => {
    const frames = Array.from({ length: 6 }, (_, i) => frame(at(anna, 300 + 5 * i)));
    const inTurn = await track(frames);
    const tracker = createFaceTracker(aligner);
    const atOnce = await Promise.all(frames.map((image, i) => tracker.next(image, i * FRAME_MS)));
    expect(atOnce).toEqual(inTurn);
  });

  test('two trackers on one aligner do not know of each other', async () => {
    const one = Array.from({ length: 5 }, (_, i) => frame(at(anna, 300 + 5 * i)));
    const other = Array.from({ length: 5 }, (_, i) => frame(at(ben, 340 - 5 * i), at(carl, 100)));
    const alone = [await track(one), await track(other)];
    const together = await Promise.all([track(one), track(other)]);
    expect(together).toEqual(alone);
  });

  test('a bad frame is refused and left out', async () => {
    const tracker = createFaceTracker(aligner);
    const here = frame(at(anna, 320));
    await tracker.next(here, 10);
    await expect(tracker.next(here, 10)).rejects.toThrow('timeMs: expected a time after 10, got 10');
    await expect(tracker.next(here, Number.NaN)).rejects.toThrow(RangeError);
    await expect(tracker.next({ data: new Uint8Array(5), width: 2, height: 2 }, 20)).rejects.toThrow(RangeError);
    expect((await tracker.next(here, 30)).map(({ id, how }) => [id, how])).toEqual([[0, 'track']]);
  });

  test('after a reset everything is new but the ids', async () => {
    const tracker = createFaceTracker(aligner);
    const here = frame(at(anna, 320));
    await tracker.next(here, 1000);
    await tracker.reset();
    expect((await tracker.next(here, 0)).map(({ id, how }) => [id, how])).toEqual([[1, 'detect+refine']]);
  });

  test('leaves the image as it is', async () => {
    const here = frame(at(anna, 320));
    const before = Buffer.from(here.data);
    await track([here, here]);
    expect(before.equals(Buffer.from(here.data))).toBe(true);
  });

  test('a disposed aligner says so', async () => {
    const other = await createFaceAligner({ weights: fileWeights(await upstreamPack()), backend: 'wasm' });
    const tracker = createFaceTracker(other);
    other.dispose();
    await expect(tracker.next(NO_FACE, 0)).rejects.toThrow(DisposedError);
  });

  test('options that make no sense are refused', () => {
    for (const options of [{ maxFaces: 0 }, { detectEvery: 1.5 }, { keepLostMs: -1 }]) {
      expect(() => createFaceTracker(aligner, options)).toThrow(RangeError);
    }
    expect(() => createFaceTracker(aligner, { mode: 'best' as 'robust' })).toThrow(TypeError);
    expect(() => createFaceTracker(aligner, { smoothing: 'mean' as 'none' })).toThrow(TypeError);
  });

  /** Cuts a face of the reference out of its photo. */
  async function portrait(name: string, path: string, face: number, size: number): Promise<Portrait> {
    const box = readReference(name).boxes[face];
    if (box === undefined) throw new Error(`${name} has no face ${face}`);
    return cutPortrait(await readImage(path), { xMin: box[0], yMin: box[1], xMax: box[2], yMax: box[3] }, size);
  }
});

async function run(
  aligner: FaceAligner,
  frames: readonly RgbaImage[],
  options: FaceTrackerOptions,
): Promise<TrackedFace[][]> {
  const tracker = createFaceTracker(aligner, options);
  const found: TrackedFace[][] = [];
  for (const [i, image] of frames.entries()) found.push(await tracker.next(image, i * FRAME_MS));
  return found;
}

const idsOf = (found: readonly (readonly TrackedFace[])[]): number[][] =>
  found.map((faces) => faces.map(({ id }) => id));

/** Mean x of a face's landmarks. */
function centreOf(face: TrackedFace | undefined): number {
  if (face === undefined) return Number.NaN;
  let sum = 0;
  for (let i = 0; i < face.landmarks.length; i += 3) sum += face.landmarks[i];
  return sum / 68;
}

/** Ids of the faces near a place. */
function nearest(faces: readonly TrackedFace[] | undefined, x: number): number[] {
  return (faces ?? []).filter((face) => Math.abs(centreOf(face) - x) < 70).map(({ id }) => id);
}
