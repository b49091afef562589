/** What the rule of mode `robust` decides at its bounds; how it does on photos is in tracker.test.ts and border.test.ts. */
import { describe, expect, test } from '@jest/globals';
import { createRobustRule, type RobustRuleOptions } from '../../src/video/robust-rule.ts';
import { createDrawnFaceAligner, type DrawnFace, drawFaces, looksLike, squareAt } from '../support/drawn-faces.ts';

const WIDTH = 300;
const HEIGHT = 160;
const FRAME_MS = 40;

type Place = NonNullable<DrawnFace['answer']>;

interface Frame {
  readonly faces: readonly DrawnFace[];
  readonly background?: number;
  readonly timeMs?: number;
}

interface Seen {
  /** By face, what was found. */
  readonly ids: number[];
  readonly how: string[];
  readonly places: number[];
  readonly detections: number;
  /** Crops aligned. */
  readonly crops: number;
  /** The detector's boxes that were aligned. */
  readonly boxes: number;
}

/** What the rule says of one frame after another, and what it asks. */
async function follow(frames: readonly Frame[], options?: RobustRuleOptions): Promise<Seen[]> {
  const aligner = createDrawnFaceAligner();
  const rule = createRobustRule(aligner, options);
  const seen: Seen[] = [];
  for (const [i, { faces, background, timeMs = i * FRAME_MS }] of frames.entries()) {
    Object.assign(aligner.asked, { detections: 0, boxes: [], crops: [] });
    const found = await rule.step(drawFaces(WIDTH, HEIGHT, faces, background), timeMs);
    seen.push({
      ids: found.map(({ id }) => id),
      how: found.map(({ how }) => how),
      places: found.map(({ landmarks }) => Math.round(landmarks[0])),
      detections: aligner.asked.detections,
      boxes: aligner.asked.boxes.length,
      crops: aligner.asked.crops.length,
    });
  }
  return seen;
}

const idsOf = (seen: readonly Seen[]): number[][] => seen.map(({ ids }) => ids);
const detectionsOf = (seen: readonly Seen[]): number[] => seen.map(({ detections }) => detections);
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
/** A frame with these faces. */
const frame = (...faces: DrawnFace[]): Frame => ({ faces });

const anna: DrawnFace = { x: 60, y: 80, size: 48 };
const ben: DrawnFace = { x: 220, y: 80, size: 48, looks: Math.PI / 2 };

describe('the detector is asked', () => {
  test('in each frame while there is no face, and then every so many', async () => {
    const seen = await follow([...times(3, frame()), ...times(12, frame(anna))], { detectEvery: 5 });
    expect(detectionsOf(seen)).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    expect(idsOf(seen)).toEqual([[], [], [], ...times(12, [0])]);
    expect(seen.map(({ how }) => how[0])).toEqual([...times(3, undefined), 'detect+refine', ...times(11, 'track')]);
  });

  test('every fifteen frames by default', async () => {
    const seen = await follow(times(31, frame(anna)));
    expect(seen.flatMap(({ detections }, i) => (detections > 0 ? [i] : []))).toEqual([0, 15, 30]);
  });

  test('every three frames while a face is missing, for as long as it may come back', async () => {
    // A face near by that is known is not the missing one.
    const near = { ...ben, x: 120 };
    const frames = [...times(2, frame(anna, near)), ...times(16, frame(anna))];
    const seen = await follow(frames, { detectEvery: 100, keepLostMs: 400 });
    // Ben was seen last at 40 ms; until 440 ms he is missing.
    expect(detectionsOf(seen)).toEqual([1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, ...times(6, 0)]);
    expect(idsOf(seen)).toEqual([[0, 1], [0, 1], ...times(16, [0])]);
  });

  test('in each frame also while one is missing, where that is asked for', async () => {
    const seen = await follow([frame(anna, ben), ...times(4, frame(anna))], { detectEvery: 1 });
    expect(detectionsOf(seen)).toEqual(times(5, 1));
    const two = await follow([frame(anna, ben), ...times(5, frame(anna))], { detectEvery: 2 });
    expect(detectionsOf(two)).toEqual([1, 1, 0, 1, 0, 1]);
  });

  test.each<[string, Partial<DrawnFace>, Partial<DrawnFace>]>([
    ['has a crooked camera', { crookedness: 0.07 }, { crookedness: 0.09 }],
    ['has no camera', {}, { crookedness: Number.NaN }],
    ['looks other than a frame ago', { looks: looksLike(0.88) }, { looks: looksLike(0.82) }],
    // 28 of 68 columns are in common, and 27 of 69.
    ['jumps', { x: anna.x + 20 }, { x: anna.x + 21 }],
    ['jumps down', { y: anna.y + 20 }, { y: anna.y + 21 }],
  ])('at once when a face %s', async (_name, certain, doubtful) => {
    expect(detectionsOf(await follow([frame(anna), frame({ ...anna, ...certain })]))).toEqual([1, 0]);
    expect(detectionsOf(await follow([frame(anna), frame({ ...anna, ...doubtful })]))).toEqual([1, 1]);
  });

  test('when less than 0.4 are in common with a frame ago, and not at 0.4', async () => {
    const large = { ...anna, size: 56 };
    // 32 of 80 columns.
    expect(detectionsOf(await follow([frame(large), frame({ ...large, x: large.x + 24 })]))).toEqual([1, 0]);
  });

  test('while less than six tenths of a face are seen', async () => {
    const large = { ...anna, size: 50 };
    expect(detectionsOf(await follow([frame({ ...large, y: 10 }), frame({ ...large, y: 5 })]))).toEqual([1, 0]);
    const at = (y: number): DrawnFace => ({ ...anna, y });
    // 30 of 48 rows, and 28.
    const seen = await follow([frame(at(24)), frame(at(15)), frame(at(6)), frame(at(4)), frame(at(4)), frame(at(6))]);
    expect(detectionsOf(seen)).toEqual([1, 0, 0, 1, 1, 0]);
    expect(idsOf(seen)).toEqual(times(6, [0]));
  });
});

describe('a face', () => {
  test('that the detector does not see five times in a row ends', async () => {
    const unseen = { ...anna, boxes: [] };
    const course = [anna, ...times(4, unseen), anna, ...times(5, unseen)];
    const seen = await follow(
      course.map((face) => frame(face)),
      { detectEvery: 1 },
    );
    expect(idsOf(seen)).toEqual([...times(10, [0]), []]);
  });

  test('is not missed once it is sure again after a doubt', async () => {
    const unseen = { ...anna, boxes: [] };
    const crooked = { ...anna, crookedness: 0.2 };
    const course = [anna, ...times(3, unseen), crooked, ...times(5, unseen), anna, ...times(5, unseen)];
    const seen = await follow(
      course.map((face) => frame(face)),
      { detectEvery: 1 },
    );
    expect(seen[4].how).toEqual(['detect+refine']);
    // The fifth time ends it; the same face is known again, and then again missed five times.
    expect(idsOf(seen)).toEqual([...times(9, [0]), [], ...times(5, [0]), []]);
  });

  test('with a camera that is no rotation at all is none, even where the detector sees one', async () => {
    const crooked = (crookedness: number) => frame({ ...anna, crookedness });
    expect(idsOf(await follow([crooked(0.29)]))).toEqual([[0]]);
    expect(idsOf(await follow([crooked(0.31)]))).toEqual([[]]);
    expect(idsOf(await follow([frame(anna), crooked(0.29), crooked(0.31), frame(anna)]))).toEqual([[0], [0], [], [0]]);
  });

  test('belongs to a box of the detector that overlaps it by three tenths', async () => {
    // Of 48 columns: 23 of 73 are in common, and 21 of 75. A doubtful face without a box of its own ends.
    const crooked = { ...anna, crookedness: 0.1 };
    const seenAt = async (x: number) =>
      (await follow([frame(anna), frame({ ...crooked, boxes: [squareAt(x, anna.y, 48)] })]))[1].ids;
    expect(await seenAt(anna.x + 25)).toEqual([0]);
    // It comes back in the same frame, as what the detector saw is the same face.
    expect(await seenAt(anna.x + 27)).toEqual([0]);
    const unseen = await follow([frame(anna), frame({ ...crooked, boxes: [] })]);
    expect(unseen[1].ids).toEqual([]);
  });

  test('that is certain and its box are not looked at again', async () => {
    const twice = { ...anna, boxes: [squareAt(anna.x, anna.y, 48), squareAt(anna.x + 20, anna.y, 48)] };
    const seen = await follow([frame(anna), frame(anna), frame(twice)], { detectEvery: 2 });
    expect(seen.map(({ detections, boxes, crops, how }) => [detections, boxes, crops, how[0]])).toEqual([
      [1, 1, 1, 'detect+refine'],
      [0, 0, 1, 'track'],
      [1, 0, 1, 'track'],
    ]);
  });

  test('is one, also where the detector sees it twice', async () => {
    const twice = { ...anna, boxes: [squareAt(anna.x - 8, anna.y, 48), squareAt(anna.x + 8, anna.y, 48)] };
    const seen = await follow([frame(twice), frame({ ...twice, crookedness: 0.1 })]);
    expect(idsOf(seen)).toEqual([[0], [0]]);
  });

  test('that the detector sees outside the picture is none', async () => {
    const beyond = [squareAt(-40, 80, 48), squareAt(60, 300, 48), squareAt(-24, 80, 48)];
    expect(idsOf(await follow([frame({ ...anna, boxes: beyond })]))).toEqual([[]]);
  });

  test.each<[string, Place, Place]>([
    // A crop's side is the root of two times that of the landmarks' square.
    ['large enough', { x: 60, y: 80, size: 5.7 }, { x: 60, y: 80, size: 5.6 }],
    ['small enough', { x: 60, y: 80, size: 23_160 }, { x: 60, y: 80, size: 23_180 }],
    // 14,142 px to each side.
    ['near at the left', { x: -51_380, y: 80, size: 20_000 }, { x: -51_410, y: 80, size: 20_000 }],
    ['near at the right', { x: 51_380, y: 80, size: 20_000 }, { x: 51_410, y: 80, size: 20_000 }],
    ['near at the top', { x: 60, y: -51_380, size: 20_000 }, { x: 60, y: -51_410, size: 20_000 }],
    ['near at the bottom', { x: 60, y: 51_380, size: 20_000 }, { x: 60, y: 51_410, size: 20_000 }],
  ])('has a crop that is %s', async (_name, answer, mistaken) => {
    const cropsOf = async (given: Place) => (await follow([frame({ ...anna, answer: given })]))[0].crops;
    expect(await cropsOf(answer)).toBe(1);
    expect(await cropsOf(mistaken)).toBe(0);
  });

  test('without an end has none, now and when it was followed', async () => {
    const nowhere = { ...anna, answer: { x: Number.NaN, y: 80, size: 48 } };
    const seen = await follow([frame(nowhere, ben), frame(anna, ben), frame(nowhere, ben), frame(anna, ben)], {
      detectEvery: 1,
    });
    // Ben is first: he alone was there.
    expect(idsOf(seen)).toEqual([[0], [0, 1], [0], [0, 1]]);
    expect(seen[0].crops).toBe(1);
    expect(seen[0].places).toEqual([ben.x + 24]);
  });
});

describe('two on one face', () => {
  /** Something to look at, and whether it is a face is for the others to say. */
  const scenery: DrawnFace = { x: 150, y: 80, size: 300, boxes: [] };
  const hidden = (x: number): DrawnFace => ({ x, y: 80, size: 48, isUnpainted: true });
  const still = hidden(150);

  test.each([
    ['first', (moving: DrawnFace) => [scenery, still, moving]],
    ['second', (moving: DrawnFace) => [scenery, moving, still]],
  ] as const)('the one that looks less like itself is in doubt: the %s stays', async (_name, facesOf) => {
    const course = [190, 182, 174, 167, 166];
    const frames = course.map((x, i) => frame(...facesOf(i === 0 ? hidden(x) : { ...hidden(x), boxes: [] })));
    const seen = await follow(frames, { detectEvery: 100 });
    // 31 of 65 columns are in common, and 32 of 64.
    expect(detectionsOf(seen)).toEqual([1, 0, 0, 0, 1]);
    expect(idsOf(seen).slice(0, 4)).toEqual(times(4, [0, 1]));
    expect(seen[4].places).toEqual([still.x + 24]);
    const stillId = seen[0].ids[seen[0].places.indexOf(still.x + 24)];
    expect(seen[4].ids).toEqual([stillId]);
  });

  test('end as one, and the other is missing', async () => {
    const twin = { ...anna, x: 100, looks: looksLike(0.9) };
    const boxes = [squareAt(70, 80, 48), squareAt(90, 80, 48)];
    const one = { ...anna, x: 80, crookedness: 0.1, boxes };
    const alone = { ...anna, x: 80 };
    const seen = await follow([frame(anna, twin), frame(one), ...times(6, frame(alone))], { detectEvery: 100 });
    expect(seen[0].ids).toEqual([0, 1]);
    expect(seen.slice(1).map(({ ids }) => ids.length)).toEqual(times(7, 1));
    expect(detectionsOf(seen).slice(2)).toEqual([0, 0, 1, 0, 0, 1]);
    // It is known again when it is seen.
    const back = await follow([frame(anna, twin), frame(one), ...times(3, frame(alone, { ...twin, x: 150 }))], {
      detectEvery: 100,
    });
    expect(new Set(back[4].ids)).toEqual(new Set([0, 1]));
  });
});

describe('in the place of a face', () => {
  const other = (likeness: number): DrawnFace => ({ ...anna, looks: looksLike(likeness) });
  /** Ids where somebody else is in Anna's place in the next frame. */
  const idAfter = async (face: DrawnFace, background?: number): Promise<number> =>
    (await follow([frame(anna), { faces: [face], ...(background && { background }) }]))[1].ids[0];

  test('the same is somebody a little like it, unless the scene was cut', async () => {
    expect([await idAfter(other(0.35)), await idAfter(other(0.25))]).toEqual([0, 1]);
    // The background is 94 % of the picture.
    expect([await idAfter(other(0.5), 128 + 20), await idAfter(other(0.5), 128 - 20)]).toEqual([0, 0]);
    expect([await idAfter(other(0.5), 128 + 30), await idAfter(other(0.5), 128 - 30)]).toEqual([1, 1]);
    expect([await idAfter(other(0.67), 128 + 30), await idAfter(other(0.57), 128 + 30)]).toEqual([0, 1]);
  });

  test('who looks the same is the same, of any size, also where the scene was cut', async () => {
    const larger = { ...anna, size: 80 };
    expect([await idAfter(larger), await idAfter(larger, 128 + 40)]).toEqual([0, 0]);
  });

  test('who changed slowly is the same', async () => {
    const course = [1, 0.9, 0.65, 0.3, -0.1, -0.5].map((likeness) => frame(other(likeness)));
    const seen = await follow([...course, frame({ ...other(-0.5), crookedness: 0.1 })]);
    expect(seen.at(-1)?.detections).toBe(1);
    expect(idsOf(seen)).toEqual(times(7, [0]));
  });

  test('somebody who was missing is not who was there last', async () => {
    const halfLike = { ...anna, x: 120, looks: looksLike(0.45) };
    const seen = await follow([frame(anna, halfLike), frame(halfLike), frame({ ...anna, x: 120 })]);
    expect(idsOf(seen)).toEqual([[0, 1], [1], [0]]);
    const alone = await follow([frame(halfLike), frame(halfLike), frame({ ...anna, x: 120 })]);
    expect(idsOf(alone)).toEqual([[0], [0], [0]]);
  });
});

describe('a new face', () => {
  const carl: DrawnFace = { ...anna, looks: looksLike(-0.5) };

  test('beside one behind which somebody went is none until it is clear of it', async () => {
    const near = { ...anna, x: 40 };
    const before = { ...ben, x: 80 };
    const course = [120, 130, 140, 150, 160, 170, 178, 186].map((x) => frame(before, { ...carl, x }));
    const seen = await follow([frame(near, before), frame(before), ...course], { detectEvery: 1 });
    // Heads are twice as large as their landmarks: 96 px.
    expect(idsOf(seen)).toEqual([[0, 1], [1], ...times(6, [1]), [1, 2], [1, 2]]);
    const alone = await follow([frame(before), frame(before), ...course], { detectEvery: 1 });
    expect(idsOf(alone)).toEqual([[0], [0], ...times(8, [0, 1])]);
    // In another scene nobody is behind anybody.
    const cut = await follow([frame(near, before), frame(before), { ...course[0], background: 200 }], {
      detectEvery: 1,
    });
    expect(idsOf(cut)).toEqual([[0, 1], [1], [1, 2]]);
  });

  test('is one from two thirds on', async () => {
    const atTop = (y: number, crookedness = 0): Promise<Seen[]> => follow([frame({ ...anna, y, crookedness })]);
    // 32 and 31 of 48 rows.
    expect([idsOf(await atTop(8)), idsOf(await atTop(7))]).toEqual([[[0]], [[]]]);
    // Crooked, it is whole or none.
    expect([idsOf(await atTop(22, 0.07)), idsOf(await atTop(22, 0.09))]).toEqual([[[0]], [[]]]);
    expect(idsOf(await atTop(24, 0.09))).toEqual([[0]]);
    // 26 of 40 rows.
    expect(idsOf(await follow([frame({ ...anna, size: 40, y: 6 })]))).toEqual([[0]]);
  });

  test('where one is missing is one from 0.85 on, unless the scene was cut', async () => {
    const whole = { ...anna, y: 26 };
    const inItsPlace = async (y: number, background?: number) =>
      (await follow([frame(whole), frame(), { faces: [{ ...carl, y }], ...(background && { background }) }]))[2].ids;
    // 40 and 41 of 48 rows.
    expect([await inItsPlace(16), await inItsPlace(17)]).toEqual([[], [1]]);
    expect(await inItsPlace(16, 200)).toEqual([1]);
  });

  test('that may be a missing one keeps that from being forgotten', async () => {
    const half = { ...carl, y: 6 };
    const course = [frame({ ...anna, y: 26 }), frame(), ...times(8, frame(half)), frame({ ...anna, y: 26 })];
    expect(idsOf(await follow(course, { keepLostMs: 100 }))).toEqual([[0], ...times(9, []), [0]]);
    const nobody = [frame({ ...anna, y: 26 }), ...times(9, frame()), frame({ ...anna, y: 26 })];
    expect(idsOf(await follow(nobody, { keepLostMs: 100 }))).toEqual([[0], ...times(9, []), [1]]);
  });

  test('is one where there is room', async () => {
    const crowd = [30, 90, 150, 210, 270].map((x, i) => ({ ...anna, x, looks: i }));
    expect(idsOf(await follow([frame(...crowd)]))).toEqual([[0, 1, 2, 3]]);
    const [first, second, third, fourth] = crowd;
    const frames = [
      frame(first, second),
      frame({ ...first, crookedness: 0.1 }, second, third),
      frame({ ...first, crookedness: 0.1 }, { ...second, crookedness: 0.1 }, third, fourth),
    ];
    const idsWith = async (maxFaces: number) =>
      idsOf(await follow(frames, { maxFaces })).map((ids) => ids.sort((a, b) => a - b));
    expect(await idsWith(1)).toEqual([[0], [0], [0]]);
    expect(await idsWith(2)).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    expect(await idsWith(3)).toEqual([
      [0, 1],
      [0, 1, 2],
      [0, 1, 2],
    ]);
    expect(await idsWith(4)).toEqual([
      [0, 1],
      [0, 1, 2],
      [0, 1, 2, 3],
    ]);
  });
});

test('a missing face is known for a second by default', async () => {
  const backAt = async (timeMs: number) =>
    (await follow([frame(anna), { faces: [], timeMs: 40 }, { ...frame(anna), timeMs }]))[2].ids;
  expect([await backAt(1000), await backAt(1000.5)]).toEqual([[0], [1]]);
});

test('after a reset nobody is known, and ids go on', async () => {
  const rule = createRobustRule(createDrawnFaceAligner());
  const step = async (faces: readonly DrawnFace[], timeMs: number) =>
    (await rule.step(drawFaces(WIDTH, HEIGHT, faces), timeMs)).map(({ id, how }) => [id, how]);
  await step([anna, ben], 0);
  expect(await step([ben], 40)).toEqual([[1, 'track']]);
  rule.reset();
  expect(await step([anna, ben], 0)).toEqual([
    [2, 'detect+refine'],
    [3, 'detect+refine'],
  ]);
});
