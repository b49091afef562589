import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { ellipseLandmarks, syntheticFace } from '../../development/synthetic-face.ts';
import { alignedCrop } from '../../src/geometry/aligned-crop.ts';
import { boundingBox, boxArea } from '../../src/geometry/box.ts';
import { drawDepth } from '../../src/geometry/depth.ts';
import { drawBoxes, drawLandmarks, drawPoints, drawPose } from '../../src/geometry/draw.ts';
import { hideFaces } from '../../src/geometry/face-mask.ts';
import { vertexColours } from '../../src/geometry/mesh.ts';
import { checkImage, checkIndices, checkVertices, newCanvas } from '../../src/geometry/picture.ts';
import { drawPncc } from '../../src/geometry/pncc.ts';
import { drawRender } from '../../src/geometry/render.ts';
import { resizePicture } from '../../src/geometry/resize-picture.ts';
import { sampleTexture } from '../../src/geometry/sample-texture.ts';
import { arrangeSheet } from '../../src/geometry/sheet.ts';
import { drawTextured } from '../../src/geometry/textured.ts';
import { extractUvTexture } from '../../src/geometry/uv-texture.ts';
import type { RgbaImage } from '../../src/types.ts';

const { vertices, maps } = syntheticFace(10, 10, 8);
const landmarks = ellipseLandmarks(10, 10, 8);
const params = Float32Array.of(4e-4, 0, 0, 60, 0, 4e-4, 0, 60, 0, 0, 4e-4, -60);
const texture = { data: new Uint8Array(16), width: 2, height: 2 };

/** All that takes an image. */
const TAKERS: readonly [string, (image: RgbaImage) => unknown][] = [
  ['alignedCrop', (image) => alignedCrop(image, landmarks)],
  ['arrangeSheet', (image) => arrangeSheet([image])],
  ['checkImage', checkImage],
  ['drawBoxes', (image) => drawBoxes(image, [])],
  ['drawDepth', (image) => drawDepth(image, [vertices], maps)],
  ['drawLandmarks', (image) => drawLandmarks(image, [landmarks])],
  ['drawPncc', (image) => drawPncc(image, [vertices], maps)],
  ['drawPoints', (image) => drawPoints(image, [landmarks])],
  ['drawPose', (image) => drawPose(image, [{ params, landmarks }])],
  ['drawRender', (image) => drawRender(image, [vertices], maps)],
  ['drawTextured', (image) => drawTextured(image, [{ vertices, texture }], maps)],
  ['extractUvTexture', (image) => extractUvTexture(image, vertices, maps, { size: 4 })],
  ['hideFaces', (image) => hideFaces(image, [vertices], maps)],
  ['newCanvas', newCanvas],
  ['resizePicture', (image) => resizePicture(image, 2, 2)],
  ['sampleTexture', (image) => sampleTexture(image, Float32Array.of(0.5, 0.5))],
  ['vertexColours', (image) => vertexColours(image, vertices)],
];

// Of each the bytes would be as many as width x height x 4.
const BROKEN: readonly [width: number, height: number, bytes: number][] = [
  [2.5, 2, 20],
  [2, 2.5, 20],
  [-2, -2, 16],
  [0, 3, 0],
  [3, 0, 0],
  [Number.NaN, 2, 0],
  [2, Number.NaN, 0],
  [Number.POSITIVE_INFINITY, 1, 4],
  [1, Number.POSITIVE_INFINITY, 4],
];

describe.each(TAKERS)('%s', (_name, take) => {
  test.each(BROKEN)('refuses an image of %f x %f px', (width, height, bytes) => {
    const image = { data: new Uint8Array(bytes), width, height };
    expect(() => take(image)).toThrow(`image: expected a positive whole width and height, got ${width} x ${height}`);
  });

  test.each([15, 17])('refuses an image of 2 x 2 px with %i bytes', (bytes) => {
    const image = { data: new Uint8Array(bytes), width: 2, height: 2 };
    expect(() => take(image)).toThrow(`image.data: expected 16 bytes (2 x 2 x 4), got ${bytes}`);
  });

  test('takes an image of a single pixel', () => {
    expect(() => take({ data: new Uint8Array(4), width: 1, height: 1 })).not.toThrow();
  });
});

describe('a new canvas', () => {
  // Pixels are looked at sixteen at a time: a clear one may be any of these, or of the rest.
  test.each(Array.from({ length: 48 }, (_, pixel) => pixel))(
    'is opaque where only pixel %i of the photo is not',
    (pixel) => {
      const data = Uint8Array.from({ length: 48 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 31) % 251));
      data[pixel * 4 + 3] = 254;
      for (const width of [pixel + 1, 48]) {
        const canvas = newCanvas({ data: data.slice(0, width * 4), width, height: 1 });
        const expected = data.slice(0, width * 4);
        expected[pixel * 4 + 3] = 255;
        expect([...canvas.data]).toEqual([...expected]);
      }
    },
  );

  test('is black on demand, and otherwise a copy of the photo', () => {
    const image = { data: Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 255), width: 1, height: 2 };
    const canvas = newCanvas(image);
    expect([...canvas.data]).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
    canvas.data[0] = 9;
    expect(image.data[0]).toBe(1);
    expect(newCanvas(image, 'black')).toEqual({
      data: Uint8ClampedArray.of(0, 0, 0, 255, 0, 0, 0, 255),
      width: 1,
      height: 2,
    });
    expect(() => newCanvas(image, 'white' as 'black')).toThrow("background: expected 'image' or 'black', got 'white'");
  });
});

describe('coordinates', () => {
  test('are finite, and three for each point', () => {
    expect(() => checkVertices(new Float32Array(6), 'v')).not.toThrow();
    expect(() => checkVertices(new Float32Array(0), 'v')).not.toThrow();
    expect(() => checkVertices(new Float32Array(6), 'v', 2)).not.toThrow();
    expect(() => checkVertices(new Float32Array(6), 'v', 3)).toThrow('v: expected 3 x 3 coordinates, got 6');
    for (const length of [1, 2, 4, 5]) {
      expect(() => checkVertices(new Float32Array(length), 'v')).toThrow(
        `v: expected n x 3 coordinates, got ${length}`,
      );
    }
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (let i = 0; i < 6; i++) {
        const broken = Float32Array.of(1, -2, 3, 1e38, -1e38, 0);
        broken[i] = value;
        expect(() => checkVertices(broken, 'v')).toThrow(
          `v: expected finite coordinates, got ${value} in point ${i < 3 ? 0 : 1}`,
        );
      }
    }
  });

  test('triangles use vertices that are there', () => {
    for (let at = 0; at < 6; at++) {
      const triangles = new Uint32Array(6);
      triangles[at] = 4;
      expect(() => checkIndices(triangles, 5, 't')).not.toThrow();
      expect(() => checkIndices(triangles, 4, 't')).toThrow('t: expected indices below 4, got 4');
      // It was looked through before.
      expect(() => checkIndices(triangles, 3, 't')).toThrow('t: expected indices below 3, got 4');
    }
    for (const length of [1, 2, 4]) {
      expect(() => checkIndices(new Uint32Array(length), 9, 't')).toThrow(`t: expected m x 3 indices, got ${length}`);
    }
    expect(() => checkIndices(new Uint32Array(0), 0, 't')).not.toThrow();
    expect(() => checkIndices(new Uint32Array(3), 0, 't')).toThrow('t: expected indices below 0, got 0');
  });
});

describe('the box around points', () => {
  test('reaches from the least to the greatest, wherever they stand in the list', () => {
    const random = randomNumbers(11);
    for (let round = 0; round < 30; round++) {
      const points = Float32Array.from({ length: 15 }, () => 200 * random() - 100);
      const [xs, ys] = [0, 1].map((axis) => [...points].filter((_, i) => i % 3 === axis));
      expect(boundingBox(points)).toEqual({
        xMin: Math.min(...xs),
        yMin: Math.min(...ys),
        xMax: Math.max(...xs),
        yMax: Math.max(...ys),
      });
    }
  });

  test('passes over what is no number; of nothing it is inside out', () => {
    const points = Float32Array.of(Number.NaN, 5, 0, 3, Number.NaN, 0, 2, 4, 0);
    expect(boundingBox(points)).toEqual({ xMin: 2, yMin: 4, xMax: 3, yMax: 5 });
    const nothing = { xMin: Infinity, yMin: Infinity, xMax: -Infinity, yMax: -Infinity };
    expect(boundingBox(new Float32Array(0))).toEqual(nothing);
    expect(boxArea({ xMin: 2, yMin: 5, xMax: 6, yMax: 15 })).toBe(40);
  });
});
