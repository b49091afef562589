/** The open pack's detector on scenes made of the bundled portrait: how many looks it takes, and what they find. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readPng } from '../../../development/read-png.ts';
import { cutPortrait, scene } from '../../../development/video-scene.ts';
import { createEngine } from '../../../src/engine/create-engine.ts';
import type { Engine, Network } from '../../../src/engine/engine.ts';
import type { PixelRegion } from '../../../src/engine/image/resize.ts';
import { openPack } from '../../../src/engine/weights/open-pack.ts';
import { DisposedError } from '../../../src/errors.ts';
import { loadFacePack } from '../../../src/models/face-pack.ts';
import { createFaceDetector, type FaceDetector } from '../../../src/models/faceboxes/detector.ts';
import { openWeights } from '../../../src/node.ts';
import type { FaceBox, RgbaImage } from '../../../src/types.ts';
import { noise } from '../../support/noise.ts';
import { repositoryRoot } from '../../support/shared.ts';

const COARSE = { strategy: 'coarse-to-fine' } as const;
/** Where the two strategies look at one face at different sizes; 0.8 measured. */
const MIN_OVERLAP = 0.65;

const photo = readPng(join(repositoryRoot, 'examples/astronaut.png'));
const FACE = { xMin: 172, yMin: 60, xMax: 272, yMax: 186 };
/** Grey, 1080 x 720, with the portrait at places; a face is about half as wide as its cut-out. */
const faces = (...places: readonly (readonly [size: number, x: number, y: number])[]): RgbaImage =>
  scene(
    1080,
    720,
    places.map(([size, x, y]) => ({ portrait: cutPortrait(photo, FACE, size), x, y })),
  );

let engine: Engine;
let detector: FaceDetector;
/** Sizes that the network has met, `width x height`. */
let looks: string[];
/** Px of the picture at the detector's size. */
let regions: PixelRegion[];

/** Of an engine; what its networks run is noted. */
async function watchedDetector(watched: Engine): Promise<FaceDetector> {
  const pack = await loadFacePack(await openPack(openWeights()));
  if (pack.detector === undefined) throw new Error('no detector');
  const noting: Engine = {
    ...{ backend: watched.backend, dispose: () => watched.dispose() },
    picture: {
      resize: (...given) => watched.picture.resize(...given),
      toNetworkInput(image, region, ...others) {
        regions.push(region);
        return watched.picture.toNetworkInput(image, region, ...others);
      },
    },
    async loadNetwork(artifact) {
      const network: Network = await watched.loadNetwork(artifact);
      return {
        run(input, shape) {
          looks.push(`${shape[2]} x ${shape[1]}`);
          return network.run(input, shape);
        },
        dispose: () => network.dispose(),
      };
    },
  };
  return createFaceDetector(noting, pack.detector.network, pack.detector.options);
}

beforeAll(async () => {
  engine = await createEngine('compiled');
  detector = await watchedDetector(engine);
});
afterAll(() => engine.dispose());

async function detect(
  image: RgbaImage,
  options: Parameters<FaceDetector['detect']>[1] = COARSE,
): Promise<readonly FaceBox[]> {
  looks = [];
  regions = [];
  return detector.detect(image, options);
}

function overlap(a: FaceBox, b: FaceBox): number {
  const width = Math.min(a.xMax, b.xMax) - Math.max(a.xMin, b.xMin);
  const height = Math.min(a.yMax, b.yMax) - Math.max(a.yMin, b.yMin);
  const shared = Math.max(0, width) * Math.max(0, height);
  const area = (box: FaceBox) => (box.xMax - box.xMin) * (box.yMax - box.yMin);
  return shared / (area(a) + area(b) - shared);
}

/** Whether a part has some of a face and not all of it. */
function isCut(face: FaceBox, { left, top, width, height }: PixelRegion): boolean {
  const [right, bottom] = [left + width, top + height];
  const meets = face.xMin < right && face.xMax > left && face.yMin < bottom && face.yMax > top;
  return meets && !(face.xMin >= left && face.xMax <= right && face.yMin >= top && face.yMax <= bottom);
}

/** Each of these faces once, and no others. */
function expectSame(found: readonly FaceBox[], expected: readonly FaceBox[]): void {
  expect(found).toHaveLength(expected.length);
  for (const box of expected) {
    expect(Math.max(...found.map((other) => overlap(box, other)))).toBeGreaterThan(MIN_OVERLAP);
  }
}

describe('coarse-to-fine', () => {
  test('looks at a portrait once, at half the size', async () => {
    const image = faces([600, 520, 380]);
    const before = image.data.slice();
    const found = await detect(image);
    expect(looks).toEqual(['540 x 360']);
    expect(Buffer.from(image.data).equals(Buffer.from(before))).toBe(true);
    const full = await detect(image, {});
    expect(looks).toEqual(['1080 x 720']);
    expect(full).toHaveLength(1);
    expectSame(found, full);
  });

  test('looks at a crowd twice, and gives what the full size gives', async () => {
    const image = faces(
      ...Array.from({ length: 24 }, (_, i) => [90, 130 + (i % 6) * 165, 90 + (i >> 2) * 100] as const),
    );
    const found = await detect(image);
    expect(looks).toEqual(['540 x 360', '1080 x 720']);
    expect(found.length).toBeGreaterThan(15);
    expect(found).toEqual(await detect(image, {}));
  });

  test('looks at a part where one small face is', async () => {
    const image = faces([420, 300, 360], [80, 950, 120]);
    const found = await detect(image);
    expect(looks).toEqual(['540 x 360', '540 x 360']);
    const full = await detect(image, {});
    expect(full).toHaveLength(2);
    expectSame(found, full);
    expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a));
    expect(await detect(image, { ...COARSE, keepTopK: 1 })).toEqual(found.slice(0, 1));
    const between = ((found[0]?.score ?? 0) + (found[1]?.score ?? 0)) / 2;
    expect(await detect(image, { ...COARSE, minScore: between })).toEqual(found.slice(0, 1));
  });

  test('finds each face once that the border of the second look cuts', async () => {
    let cuts = 0;
    const pairs = [
      ...[690, 810, 930].map((x) => [[660, 420, 360] as const, [110, x, 330] as const]),
      ...[500, 540, 580, 620].map((x) => [[660, 300, 360] as const, [130, x, 600] as const]),
    ];
    for (const pair of pairs) {
      const image = faces(...pair);
      const full = await detect(image, {});
      expectSame(await detect(image), full);
      const part = regions[1];
      if (full[0] && part && isCut(full[0], part)) cuts++;
    }
    expect(cuts).toBeGreaterThan(0);
  });

  test.each([
    ['a single pixel', 1, 1],
    ['smaller than half of anything', 40, 30],
    ['wide', 3000, 20],
    ['high', 20, 3000],
    ['noise', 400, 300],
  ])('finds nothing where nothing is: %s', async (_, width, height) => {
    expect(await detect(noise(width, height, 4, 7))).toEqual([]);
  });

  test.each([
    ['larger than the detector looks at', 2160, 1440],
    ['enlarged', 270, 180],
    ['odd', 333, 221],
  ])('finds the same face in a picture of another size: %s', async (_, width, height) => {
    const image = scene(width, height, [
      { portrait: cutPortrait(photo, FACE, height >> 1), x: width >> 1, y: height >> 1 },
    ]);
    expectSame(await detect(image), await detect(image, {}));
  });

  test('is an option of the detector too, and refuses others by name', async () => {
    const image = faces([600, 520, 380]);
    const found = await detect(image);
    const pack = await loadFacePack(await openPack(openWeights()));
    if (pack.detector === undefined) throw new Error('no detector');
    const coarse = await createFaceDetector(engine, pack.detector.network, COARSE);
    expect(await coarse.detect(image)).toEqual(found);
    const wrong: object = { strategy: 'fast' };
    await expect(coarse.detect(image, wrong)).rejects.toThrow(
      new TypeError("strategy: expected full or coarse-to-fine, got 'fast'"),
    );
    const pending = coarse.detect(image);
    coarse.dispose();
    await expect(pending).rejects.toThrow(DisposedError);
  });

  test('gives the same with tfjs', async () => {
    const image = faces([420, 300, 360], [80, 950, 120]);
    const other = await createEngine('wasm');
    try {
      expectSame(await (await watchedDetector(other)).detect(image, COARSE), await detect(image));
    } finally {
      other.dispose();
    }
  });
});
