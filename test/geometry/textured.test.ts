import { expect, test } from '@jest/globals';
import { gradientImage, syntheticFace } from '../../development/synthetic-face.ts';
import { withClosedMouth } from '../../src/geometry/mesh.ts';
import { drawTextured } from '../../src/geometry/textured.ts';
import { extractUvTexture } from '../../src/geometry/uv-texture.ts';
import type { FaceMaps, RgbaImage } from '../../src/types.ts';

function pixel(image: RgbaImage, x: number, y: number): number[] {
  return [...image.data.subarray((y * image.width + x) * 4, (y * image.width + x) * 4 + 3)];
}

/** A photo without fine detail, so that sampling it twice loses little. */
function smoothImage(width: number, height: number): RgbaImage {
  const image = gradientImage(width, height);
  const data = Uint8Array.from(image.data, (value, i) => (i % 4 === 2 ? 90 : value));
  return { ...image, data };
}

const photo = smoothImage(100, 80);
const { vertices, maps } = syntheticFace(50, 40, 30);
const black = { data: new Uint8Array(100 * 80 * 4), width: 100, height: 80 };

function withCornerUvs(): FaceMaps {
  const uvs = new Float32Array(maps.triangles.length * 2);
  maps.triangles.forEach((vertex, corner) => {
    uvs.set(maps.uvs.subarray(vertex * 2, vertex * 2 + 2), corner * 2);
  });
  return { ...maps, uvs, uvTriangles: Uint32Array.from(maps.triangles, (_, i) => i) };
}

test.each([
  ['vertex', maps],
  ['corner', withCornerUvs()],
])('a face in its own texture, per %s, looks like the photo', (_kind, someMaps) => {
  const texture = extractUvTexture(photo, vertices, someMaps, { hidden: 'keep' });
  const before = [texture.data.slice(), vertices.slice(), black.data.slice()];
  const drawn = drawTextured(black, [{ vertices, texture }], withClosedMouth(someMaps));
  for (let y = 12; y < 68; y++) {
    for (let x = 22; x < 78; x++) {
      pixel(drawn, x, y).forEach((value, c) => {
        expect(Math.abs(value - pixel(photo, x, y)[c])).toBeLessThanOrEqual(4);
      });
    }
  }
  expect(pixel(drawn, 5, 5)).toEqual([0, 0, 0]);
  expect([texture.data, vertices, black.data]).toEqual(before);
});

test('the nearer of two faces is seen, in its own texture', () => {
  const plain = (value: number): RgbaImage => ({ data: new Uint8Array(16).fill(value), width: 2, height: 2 });
  const nearer = vertices.map((value, i) => (i % 3 === 2 ? value + 50 : value));
  const faces = [
    { vertices: nearer, texture: plain(200) },
    { vertices, texture: plain(100) },
  ];
  expect(pixel(drawTextured(black, faces, maps), 40, 30)).toEqual([200, 200, 200]);
  expect(pixel(drawTextured(black, faces.reverse(), maps), 40, 30)).toEqual([200, 200, 200]);
});

test('no face gives the picture, a broken texture is refused', () => {
  expect(drawTextured(photo, [], maps).data).toEqual(new Uint8ClampedArray(photo.data));
  const texture = { data: new Uint8Array(3), width: 1, height: 1 };
  expect(() => drawTextured(photo, [{ vertices, texture }], maps)).toThrow('image.data: expected 4 bytes');
});
