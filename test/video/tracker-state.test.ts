/** What a tracker keeps from frame to frame, and which options it takes; tracker.test.ts has photos. */
import { describe, expect, jest, test } from '@jest/globals';
import type { FaceAligner } from '../../src/face-aligner.ts';
import type { RgbaImage } from '../../src/types.ts';
import { SMOOTHING_PRESETS } from '../../src/video/smoothing.ts';
import { createFaceTracker, type FaceTrackerOptions, type TrackedFace } from '../../src/video/tracker.ts';
import { createDrawnFaceAligner, type DrawnFace, drawFaces } from '../support/drawn-faces.ts';

const WIDTH = 300;
const HEIGHT = 160;
const FRAME_MS = 40;

const anna: DrawnFace = { x: 60, y: 80, size: 48 };
const draw = (...faces: DrawnFace[]): RgbaImage => drawFaces(WIDTH, HEIGHT, faces);
const NOBODY = draw();

async function track(frames: readonly RgbaImage[], options?: FaceTrackerOptions): Promise<TrackedFace[][]> {
  const tracker = createFaceTracker(createDrawnFaceAligner(), options);
  const found: TrackedFace[][] = [];
  for (const [i, image] of frames.entries()) found.push(await tracker.next(image, i * FRAME_MS));
  return found;
}

/** Right end of the face of each frame. */
const rightEnds = (found: readonly TrackedFace[][]): number[] => found.map(([face]) => face.landmarks[0]);
const shapeOf = (face: TrackedFace): number => face.params[12];
const shaped = (shape: number, x = anna.x): RgbaImage => draw({ ...anna, x, shape: [shape] });

describe('smoothing', () => {
  const moving = [0, 1, 2, 4].map((step) => draw({ ...anna, x: anna.x + step }));

  test('is balanced by default, none in mode upstream, and by options of its own', async () => {
    const none = rightEnds(await track(moving, { smoothing: 'none' }));
    none.forEach((x, i) => {
      expect(x).toBeCloseTo(anna.x + 24 + [0, 1, 2, 4][i], 3);
    });
    const balanced = rightEnds(await track(moving));
    expect(rightEnds(await track(moving, { smoothing: 'balanced' }))).toEqual(balanced);
    const { balanced: options, quick } = SMOOTHING_PRESETS;
    expect(rightEnds(await track(moving, { smoothing: 'quick', smoothingOptions: options }))).toEqual(balanced);
    expect(rightEnds(await track(moving, { smoothingOptions: quick }))).toEqual(
      rightEnds(await track(moving, { smoothing: 'quick' })),
    );
    expect(balanced[0]).toBeCloseTo(none[0], 3);
    expect(balanced[1]).toBeLessThan(none[1] - 0.01);
    expect(rightEnds(await track(moving, { mode: 'upstream' }))).toEqual(none);
    expect(rightEnds(await track(moving, { mode: 'upstream', smoothing: 'balanced' }))).toEqual(balanced);
  });

  test('of a face that comes back begins where it is', async () => {
    const found = await track([draw(anna), NOBODY, draw({ ...anna, x: 90 }), draw({ ...anna, x: 91 })]);
    expect(found.map((faces) => faces.map(({ id }) => id))).toEqual([[0], [], [0], [0]]);
    expect(found[2][0].landmarks[0]).toBeCloseTo(90 + 24, 3);
    expect(found[3][0].landmarks[0]).toBeLessThan(91 + 24 - 0.01);
  });

  test('landmarks are those of the parameters', async () => {
    const aligner = createDrawnFaceAligner();
    for (const [face] of await track(moving)) expect(aligner.reconstruct(face)).toEqual(face.landmarks);
  });
});

describe('a locked identity', () => {
  test('is the mean of the shapes, after smoothing or without', async () => {
    const frames = [1000, 3000, 8000].map((shape) => shaped(shape));
    const shapesWith = async (options: FaceTrackerOptions) =>
      (await track(frames, options)).map(([face]) => shapeOf(face));
    expect(await shapesWith({ smoothing: 'none' })).toEqual([1000, 3000, 8000]);
    expect(await shapesWith({ smoothing: 'none', lockIdentity: false })).toEqual([1000, 3000, 8000]);
    expect(await shapesWith({ smoothing: 'none', lockIdentity: true })).toEqual([1000, 2000, 4000]);
    const smooth = await shapesWith({});
    expect(smooth[1]).toBeLessThan(2000);
    const locked = await shapesWith({ lockIdentity: true });
    let sum = 0;
    locked.forEach((shape, i) => {
      sum += smooth[i];
      expect(shape / (sum / (i + 1))).toBeCloseTo(1, 5);
    });
  });

  test('is kept while a face is away, until sixteen others are gone after it', async () => {
    const shapeAfter = async (others: number): Promise<number> => {
      const size = 40;
      const crowd = Array.from({ length: others }, (_, i) => ({ x: 230 + 70 * i, y: 80, size, looks: i }));
      const wide = (...faces: DrawnFace[]) => drawFaces(260 + 70 * others, HEIGHT, faces);
      const here = (shape: number) => wide({ ...anna, shape: [shape] });
      const found = await track([here(1000), wide(), wide(...crowd), wide(), here(3000)], {
        smoothing: 'none',
        lockIdentity: true,
        maxFaces: 30,
        keepLostMs: 10_000,
      });
      expect(found.map(({ length }) => length)).toEqual([1, 0, others, 0, 1]);
      expect(found[4][0].id).toBe(0);
      return shapeOf(found[4][0]);
    };
    expect(await shapeAfter(15)).toBe(2000);
    expect(await shapeAfter(16)).toBe(3000);
    expect(await shapeAfter(1)).toBe(2000);
  });

  test('spares the aligner dense vertices, once the shape is fixed', async () => {
    const aligner = createDrawnFaceAligner();
    const tracker = createFaceTracker(aligner, { lockIdentity: true, smoothing: 'none' });
    const reconstruct = jest.spyOn(aligner, 'reconstruct');
    const isAsked = (work: () => unknown): boolean => {
      reconstruct.mockClear();
      work();
      return reconstruct.mock.calls.length > 0;
    };
    for (let i = 0; i < 50; i++) {
      const [face] = await tracker.next(shaped(i * 100), i * FRAME_MS);
      if (i === 48) expect(isAsked(() => tracker.reconstruct(face, { dense: true }))).toBe(true);
      if (i < 49) continue;
      const dst = new Float32Array(270);
      expect(isAsked(() => tracker.reconstruct(face, { dense: true, dst }))).toBe(false);
      const expected = aligner.reconstruct(face, { dense: true });
      expected.forEach((value, k) => {
        expect(dst[k]).toBeCloseTo(value, 3);
      });
      expect(tracker.reconstruct(face)).toEqual(face.landmarks);
      const landmarks = new Float32Array(204);
      expect(tracker.reconstruct(face, { dst: landmarks })).toBe(landmarks);
      expect(landmarks).toEqual(face.landmarks);
    }
    reconstruct.mockRestore();
  });
});

describe('frames', () => {
  test('are taken in turn, and one that is refused is left out', async () => {
    const frames = [0, 3, 6, 9].map((step) => draw({ ...anna, x: anna.x + step }));
    const inTurn = await track(frames);
    const tracker = createFaceTracker(createDrawnFaceAligner());
    const atOnce = frames.flatMap((image, i) => [
      tracker.next(image, i * FRAME_MS),
      // Each of these is refused, and the next goes on.
      tracker.next(image, [i * FRAME_MS, Number.NaN, Infinity, -1][i]),
    ]);
    const settled = await Promise.allSettled(atOnce);
    expect(settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))).toEqual(inTurn);
    for (const [i, one] of settled.entries()) {
      if (i % 2 === 1) expect(one).toMatchObject({ status: 'rejected', reason: expect.any(RangeError) });
    }
    await expect(
      tracker.next({ ...NOBODY, data: new Uint8Array(0), width: '3' as unknown as number }, 500),
    ).rejects.toThrow(TypeError);
    expect(await tracker.next(frames[3], 200)).toHaveLength(1);
  });

  test('may begin at any time but at none', async () => {
    const tracker = createFaceTracker(createDrawnFaceAligner());
    await expect(tracker.next(NOBODY, -Infinity)).rejects.toThrow(
      'timeMs: expected a time after -Infinity, got -Infinity',
    );
    await expect(tracker.next(NOBODY, Infinity)).rejects.toThrow(RangeError);
    await tracker.next(NOBODY, -1e12);
    await expect(tracker.next(NOBODY, -1e12)).rejects.toThrow(
      'expected a time after -1000000000000, got -1000000000000',
    );
  });

  test('after a reset begin anew, at any time', async () => {
    const tracker = createFaceTracker(createDrawnFaceAligner(), { lockIdentity: true });
    await tracker.next(shaped(1000), 1000);
    await tracker.reset();
    const [face] = await tracker.next(shaped(3000), 0);
    expect([face.id, face.how, shapeOf(face)]).toEqual([1, 'detect+refine', 3000]);
    const unused = createFaceTracker(createDrawnFaceAligner(), { mode: 'upstream' });
    await unused.reset();
    expect(await unused.next(draw(anna), 0)).toHaveLength(1);
  });

  test('have the oldest face first', async () => {
    const ben: DrawnFace = { x: 220, y: 80, size: 48, looks: 1.5 };
    const found = await track([draw(ben), draw(ben, anna), draw({ ...ben, crookedness: 0.2 }, anna)], {
      detectEvery: 1,
    });
    expect(found.map((faces) => faces.map(({ id }) => id))).toEqual([[0], [0, 1], [0, 1]]);
    expect(found[2].map(({ how }) => how)).toEqual(['detect+refine', 'track']);
  });
});

describe('options', () => {
  const create = (options: object, aligner: unknown = createDrawnFaceAligner()) =>
    createFaceTracker(aligner as FaceAligner, options as FaceTrackerOptions);

  test('that make sense are taken', () => {
    for (const options of [
      { maxFaces: 1, detectEvery: 1, keepLostMs: 0 },
      { keepLostMs: 0.5, maxFaces: 1000, detectEvery: 1000 },
      { mode: 'upstream', roiFrom: 'vertices', smoothing: 'calm' },
      { mode: 'robust', roiFrom: 'landmarks', detector: { minScore: 0.5 }, smoothingOptions: SMOOTHING_PRESETS.calm },
    ]) {
      expect(() => create(options)).not.toThrow();
    }
  });

  test('that make none are refused', () => {
    for (const name of ['maxFaces', 'detectEvery']) {
      for (const value of [0, 1.5, -1, Number.NaN, Infinity]) expect(() => create({ [name]: value })).toThrow(name);
    }
    for (const value of [-0.5, Number.NaN]) expect(() => create({ keepLostMs: value })).toThrow('keepLostMs');
    for (const name of ['mode', 'smoothing', 'roiFrom']) expect(() => create({ [name]: 'best' })).toThrow(`${name}: `);
    expect(() => create({ maximumFaces: 3 })).toThrow("did you mean 'maxFaces'?");
    expect(() => create({ detector: { minimum: 3 } })).toThrow('minimum');
    expect(() => create({ smoothingOptions: { camara: 3 } })).toThrow("did you mean 'camera'?");
    expect(() => create({}, {})).toThrow('aligner: expected a face aligner');
    expect(() => create({}, null)).toThrow(TypeError);
    const { morphableModel: _, ...without } = createDrawnFaceAligner();
    expect(() => create({}, without)).toThrow('tracking needs a morphable model');
  });
});
