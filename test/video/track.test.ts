/** What is remembered of a face from frame to frame, and by what a lost one is known again. */
import { describe, expect, test } from '@jest/globals';
import type { RoiBox } from '../../src/types.ts';
import { HALF_HIDDEN_SIMILARITY, LostFaces, SAME_FACE_SIMILARITY } from '../../src/video/lost-faces.ts';
import { advance, idsBeside, newTrack, type Sighting, type Track } from '../../src/video/track.ts';

const IMAGE = { width: 1000, height: 800 };
/** A box 40 px wide and high about a place. */
const around = (x: number, y: number, size = 40): RoiBox => ({
  xMin: x - size / 2,
  yMin: y - size / 2,
  xMax: x + size / 2,
  yMax: y + size / 2,
});

/** Appearances whose likeness to the first, as the cosine of an angle, is what is asked for: mean 0 and deviation 1. */
const appearance = (likeness = 1): Float32Array => {
  const [one, other] = [
    [1, -1, 1, -1],
    [1, 1, -1, -1],
  ];
  const rest = Math.sqrt(1 - likeness ** 2);
  return Float32Array.from(one, (value, i) => likeness * value + rest * other[i]);
};

const face = { params: new Float32Array(62), roiBox: around(0, 0) };
const sighting = (box: RoiBox, looks = appearance(), visible = 1): Sighting => ({
  face,
  landmarks: new Float32Array(204),
  box,
  appearance: looks,
  crookedness: 0,
  visible,
});

const track = (id: number | undefined, box: RoiBox, timestampMs = 0, looks = appearance()): Track => ({
  ...newTrack(sighting(box, looks), timestampMs),
  id,
});

describe('a track', () => {
  test('begins at rest, as what was seen, and as nobody', () => {
    const seen = sighting(around(100, 50));
    expect(newTrack(seen, 70)).toEqual({
      id: undefined,
      face: seen.face,
      landmarks: seen.landmarks,
      box: seen.box,
      seenBox: seen.box,
      lastAppearance: seen.appearance,
      appearance: seen.appearance,
      velocityX: 0,
      velocityY: 0,
      timestampMs: 70,
      missedDetections: 0,
      lostBeside: [],
    });
  });

  test('takes over three tenths of a new velocity, px per ms, and a twentieth of a new look', () => {
    const before = { ...track(4, around(100, 50), 200), velocityX: 1, velocityY: -2, missedDetections: 3 };
    const seen = sighting({ xMin: 95, yMin: 24, xMax: 145, yMax: 64 }, appearance(0));
    const after = advance(before, seen, 240);
    // The centre moves by 20 and -6 px in 40 ms.
    expect(after.velocityX).toBeCloseTo(1 + 0.3 * (0.5 - 1), 12);
    expect(after.velocityY).toBeCloseTo(-2 + 0.3 * (-0.15 + 2), 12);
    const mix = [1, -1, 1, -1].map((value, i) => 0.95 * value + 0.05 * [1, 1, -1, -1][i]);
    const deviation = Math.sqrt(mix.reduce((sum, value) => sum + value ** 2 / 4, 0));
    mix.forEach((value, i) => {
      expect(after.appearance[i]).toBeCloseTo(value / deviation, 6);
    });
    expect(after).toMatchObject({
      id: 4,
      face: seen.face,
      landmarks: seen.landmarks,
      box: seen.box,
      seenBox: seen.box,
      lastAppearance: seen.appearance,
      timestampMs: 240,
      missedDetections: 3,
      lostBeside: [],
    });
    expect([...before.appearance]).toEqual([...appearance()]);
  });

  test('keeps its look where less than nine tenths are seen, and its place where less than 0.65 are', () => {
    const before = track(1, around(100, 50));
    const seen = (visible: number): Track => advance(before, sighting(around(110, 50), appearance(0.5), visible), 40);
    expect(seen(0.89).appearance).toBe(before.appearance);
    expect(seen(0.9).appearance).not.toEqual(before.appearance);
    expect(seen(0.64).seenBox).toBe(before.seenBox);
    expect(seen(0.65).seenBox).toEqual(around(110, 50));
    expect(seen(0.1).box).toEqual(around(110, 50));
    expect([...seen(0.1).lastAppearance]).toEqual([...appearance(0.5)]);
  });
});

test('a face is beside a box up to twice its own size away', () => {
  const box = around(100, 100, 10);
  const faces = [
    { id: 1, box: around(179, 100) },
    { id: 2, box: around(180, 100) },
    { id: 3, box: around(100, 21) },
    { id: 4, box },
    { id: undefined, box: around(110, 100) },
    { id: 5, box: around(100, 260, 90) },
  ];
  expect(idsBeside(box, faces)).toEqual([1, 3, 5]);
});

describe('lost faces', () => {
  function lostWith(...tracks: Track[]): LostFaces {
    const lost = new LostFaces();
    for (const one of tracks) lost.add(one, []);
    return lost;
  }
  const take = (lost: LostFaces, seen: Sighting, { timeMs = 1000, isCut = false, beside = [] as number[] } = {}) =>
    lost.take(seen, beside, isCut, timeMs, IMAGE)?.id;

  test('are those that had an id; one that is taken is lost no more', () => {
    const lost = lostWith(track(undefined, around(100, 100)), track(7, around(100, 100)));
    expect(lost.count).toBe(1);
    expect(take(lost, sighting(around(100, 100)))).toBe(7);
    expect(lost.count).toBe(0);
    expect(take(lost, sighting(around(100, 100)))).toBeUndefined();
  });

  test('are known by their look; in their place, lately and without a cut, half of it is enough', () => {
    const [enough, little] = [SAME_FACE_SIMILARITY, HALF_HIDDEN_SIMILARITY];
    const known = (likeness: number, timeMs: number, isCut: boolean, x = 100): boolean =>
      take(lostWith(track(1, around(100, 100))), sighting(around(x, 100), appearance(likeness)), { timeMs, isCut }) ===
      1;
    expect([known(enough + 0.01, 501, false), known(enough - 0.01, 501, false)]).toEqual([true, false]);
    expect([known(little + 0.01, 500, false), known(little - 0.01, 500, false)]).toEqual([true, false]);
    expect([known(little + 0.01, 500, true), known(enough + 0.01, 500, true)]).toEqual([false, true]);
    // Half a face away is its place.
    expect([known(little + 0.01, 500, false, 119), known(little + 0.01, 500, false, 121)]).toEqual([true, false]);
    // Of what nothing can be told, in its place it is the same.
    const hidden = new Float32Array(4).fill(Number.NaN);
    expect(take(lostWith(track(1, around(100, 100))), sighting(around(100, 100), hidden), { timeMs: 400 })).toBe(1);
    expect(
      take(lostWith(track(1, around(100, 100))), sighting(around(100, 100), hidden), { timeMs: 600 }),
    ).toBeUndefined();
  });

  test('come back up to one and a half faces away, from where they were, were well seen, or were going', () => {
    const back = (box: RoiBox, change: Partial<Track> = {}): boolean =>
      take(lostWith({ ...track(1, around(100, 100)), ...change }), sighting(box), { timeMs: 1000 }) === 1;
    expect([back(around(159, 100)), back(around(161, 100)), back(around(100, 159)), back(around(100, 161))]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    // 0.2 px a ms over a second.
    expect([back(around(300, 100)), back(around(300, 100), { velocityX: 0.2 })]).toEqual([false, true]);
    expect([back(around(100, 300)), back(around(100, 300), { velocityY: 0.2 })]).toEqual([false, true]);
    expect(back(around(361, 100), { velocityX: 0.2 })).toBe(false);
    expect([back(around(500, 100)), back(around(500, 100), { seenBox: around(480, 100) })]).toEqual([false, true]);
  });

  test('come back anywhere at the side at which they left, and from behind a face that they were beside', () => {
    const left = track(1, around(10, 100));
    expect(take(lostWith(left), sighting(around(12, 700)))).toBe(1);
    expect(take(lostWith(left), sighting(around(990, 100)))).toBeUndefined();
    expect(take(lostWith({ ...track(1, around(100, 100)), seenBox: around(10, 100) }), sighting(around(12, 700)))).toBe(
      1,
    );
    const lost = new LostFaces();
    lost.add(track(1, around(100, 100)), [track(2, around(120, 100)), track(3, around(700, 100))]);
    expect([lost.someBehind([2]), lost.someBehind([3]), lost.someBehind([])]).toEqual([true, false, false]);
    expect(take(lost, sighting(around(700, 500)), { beside: [3] })).toBeUndefined();
    expect(take(lost, sighting(around(700, 500)), { beside: [3, 2] })).toBe(1);
  });

  test('come back up to 1.6 times as large or as small', () => {
    const back = (size: number, seenSize = 40): boolean => {
      const one = { ...track(1, around(100, 100)), seenBox: around(100, 100, seenSize) };
      return take(lostWith(one), sighting(around(100, 100, size))) === 1;
    };
    expect([back(63), back(65), back(25.5), back(24.5), back(65, 50), back(24.5, 30)]).toEqual([
      true,
      false,
      true,
      false,
      true,
      true,
    ]);
    const lost = lostWith(track(1, around(100, 100)));
    const isAt = (box: RoiBox): boolean => lost.someAt(box, 0, IMAGE);
    expect([isAt(around(100, 100, 63)), isAt(around(100, 100, 65)), isAt(around(170, 100))]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('the most alike of several comes back', () => {
    const seen = sighting(around(100, 100));
    for (const likenesses of [
      [0.7, 0.95, 0.8],
      [0.95, 0.7, 0.8],
      [0.7, 0.8, 0.95],
    ]) {
      const lost = lostWith(...likenesses.map((likeness, i) => track(i, around(100, 100), 0, appearance(likeness))));
      expect(take(lost, seen)).toBe(likenesses.indexOf(0.95));
      expect(take(lost, seen)).toBe(likenesses.indexOf(0.8));
      expect(lost.count).toBe(1);
    }
  });

  test('are forgotten after a time, unless somebody waits where they may be', () => {
    const lost = lostWith(track(1, around(100, 100), 100), track(2, around(500, 100), 100));
    lost.forget(600, 500, [], IMAGE);
    expect(lost.count).toBe(2);
    lost.forget(601, 500, [around(110, 100)], IMAGE);
    expect(lost.count).toBe(1);
    expect(take(lost, sighting(around(110, 100)))).toBe(1);
    lost.add(track(3, around(100, 100)), []);
    lost.clear();
    expect(lost.count).toBe(0);
  });

  test('look like a sighting, or cannot be told from it', () => {
    const lost = lostWith(track(1, around(100, 100)));
    const like = (looks: Float32Array): boolean => lost.someLike(sighting(around(700, 700), looks));
    expect([like(appearance(SAME_FACE_SIMILARITY + 0.01)), like(appearance(SAME_FACE_SIMILARITY - 0.01))]).toEqual([
      true,
      false,
    ]);
    expect(like(new Float32Array(4).fill(Number.NaN))).toBe(true);
    expect(new LostFaces().someLike(sighting(around(1, 1)))).toBe(false);
  });
});
