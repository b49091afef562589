import { beforeAll, describe, expect, test } from '@jest/globals';
import { referenceNames } from '../../development/reference.ts';
import { comparePictures, referenceFaces, referencePicture, upstreamMaps } from '../../development/reference-faces.ts';
import { gradientImage, syntheticFace } from '../../development/synthetic-face.ts';
import { depthMap, drawDepth, toDepth16 } from '../../src/geometry/depth.ts';
import { vertexNormals } from '../../src/geometry/normals.ts';
import type { Picture, PictureOptions } from '../../src/geometry/picture.ts';
import { drawPncc } from '../../src/geometry/pncc.ts';
import { drawRender } from '../../src/geometry/render.ts';
import { shadeVertices } from '../../src/geometry/shading.ts';
import type { FaceMaps, RgbaImage } from '../../src/types.ts';
import { describeWithShared } from '../support/shared.ts';

type Draw = (
  image: RgbaImage,
  faces: readonly Float32Array[],
  maps: FaceMaps,
  options?: PictureOptions & { compatibility?: 'none' | 'upstream' },
) => Picture;

const PICTURES: readonly [name: string, draw: Draw, background: 'image' | 'black'][] = [
  ['pncc', drawPncc, 'black'],
  ['depth', drawDepth, 'black'],
  ['render', drawRender, 'image'],
];

function pixel(image: RgbaImage, x: number, y: number): number[] {
  return [...image.data.subarray((y * image.width + x) * 4, (y * image.width + x) * 4 + 3)];
}

describe.each(PICTURES)('%s', (_name, draw) => {
  const image = gradientImage(100, 80);
  const { vertices, maps } = syntheticFace(50.3, 40.4, 30);

  test('leaves its inputs as they were', () => {
    const before = [image.data.slice(), vertices.slice(), maps.triangles.slice(), maps.nccCodes.slice()];
    for (const compatibility of ['none', 'upstream'] as const) draw(image, [vertices], maps, { compatibility });
    expect([image.data, vertices, maps.triangles, maps.nccCodes]).toEqual(before);
  });

  test('draws on the photo or on black, inside the mesh only', () => {
    const onImage = draw(image, [vertices], maps);
    const onBlack = draw(image, [vertices], maps, { background: 'black' });
    expect(pixel(onImage, 5, 5)).toEqual(pixel(image, 5, 5));
    expect(pixel(onBlack, 5, 5)).toEqual([0, 0, 0]);
    expect(pixel(onImage, 50, 40)).not.toEqual(pixel(image, 50, 40));
    expect(pixel(onBlack, 50, 40)).not.toEqual([0, 0, 0]);
  });

  test('has no holes but the mouth', () => {
    const onBlack = draw(image, [vertices], maps, { background: 'black' });
    let holes = 0;
    for (let y = 12; y < 68; y++) for (let x = 22; x < 78; x++) if (pixel(onBlack, x, y)[1] === 0) holes++;
    // Two cells of 60 / 20 x 60 / 24 px; the least depth is black too, but lies on the border.
    expect(holes).toBeLessThanOrEqual(21);
  });

  test('shows the nearer of two faces, and the later one in upstream compatibility', () => {
    const nearer = vertices.map((value, i) => (i % 3 === 2 ? value + 100 : value + 4));
    const nearerFirst = draw(image, [nearer, vertices], maps);
    expect(nearerFirst.data).toEqual(draw(image, [vertices, nearer], maps).data);
    const upstream = draw(image, [nearer, vertices], maps, { compatibility: 'upstream', background: 'black' });
    const alone = draw(image, [vertices], maps, { compatibility: 'upstream', background: 'black' });
    expect(pixel(upstream, 50, 40)).toEqual(pixel(alone, 50, 40));
  });

  test('gives the photo for no face, no triangles or a face outside', () => {
    const outside = vertices.map((value) => value + 500);
    for (const picture of [
      draw(image, [], maps),
      draw(image, [vertices], { ...maps, triangles: new Uint32Array(0) }),
      draw(image, [outside], maps),
      draw(image, [outside], maps, { compatibility: 'upstream' }),
    ]) {
      expect(comparePictures(picture, image).differingPixels).toBe(0);
    }
  });

  test('refuses coordinates that are not finite', () => {
    const broken = vertices.slice();
    broken[7] = Number.POSITIVE_INFINITY;
    expect(() => draw(image, [vertices, broken], maps)).toThrow('faces[1]: expected finite coordinates, got Infinity');
  });
});

test('PNCC colours are the codes: x in red, y in green, z in blue', () => {
  const { vertices, maps } = syntheticFace(50.3, 40.4, 30);
  const picture = drawPncc(gradientImage(100, 80), [vertices], maps);
  const [red = 0, green = 0, blue = 0] = pixel(picture, 65, 25);
  expect(Math.abs(red - 0.745 * 255)).toBeLessThanOrEqual(1);
  expect(Math.abs(green - 0.7567 * 255)).toBeLessThanOrEqual(1);
  expect(Math.abs(blue - 0.748 * 255)).toBeLessThanOrEqual(2);
});

test('a render on black is opaque, and its opacity can be chosen', () => {
  const image = gradientImage(100, 80);
  const { vertices, maps } = syntheticFace(50.3, 40.4, 30);
  const full = pixel(drawRender(image, [vertices], maps, { background: 'black' }), 50, 40);
  const half = pixel(drawRender(image, [vertices], maps, { background: 'black', opacity: 0.5 }), 50, 40);
  expect(full[0]).toBeGreaterThan(200);
  expect(half[0]).toBeCloseTo(full[0] / 2, -1);
  expect(comparePictures(drawRender(image, [vertices], maps, { opacity: 0 }), image).differingPixels).toBe(0);
  expect(() => drawRender(image, [vertices], maps, { opacity: 2 })).toThrow('opacity: expected 0..1, got 2');
});

test('normals are unit and point out of the face, in px and upright', () => {
  const { vertices, maps } = syntheticFace(50.3, 40.4, 30);
  const normals = vertexNormals(vertices, maps.triangles);
  for (let i = 0; i < normals.length; i += 3) {
    expect(Math.hypot(...normals.subarray(i, i + 3))).toBeCloseTo(1, 5);
    expect(normals[i + 2]).toBeGreaterThan(0);
  }
  // Top left: x and y both towards the corner.
  expect(normals[0]).toBeLessThan(0);
  expect(normals[1]).toBeLessThan(0);
  const upright = vertices.map((value, i) => (i % 3 === 1 ? -value : value));
  const uprightNormals = vertexNormals(upright, maps.triangles, { yAxis: 'up' });
  expect(uprightNormals[1]).toBeGreaterThan(0);
  expect(uprightNormals[2]).toBeCloseTo(normals[2], 6);
});

test('a vertex that no triangle uses has no normal and does no harm to the light', () => {
  const vertices = Float32Array.of(0, 0, 0, 0, 9, 0, 9, 0, 0, 5, 5, 5);
  const normals = vertexNormals(vertices, Uint32Array.of(0, 1, 2));
  expect([...normals.subarray(9)]).toEqual([0, 0, 0]);
  const lights = shadeVertices(vertices, normals);
  expect(lights.every((light) => light >= 0 && light <= 1)).toBe(true);
});

test('light comes from where it is', () => {
  const { vertices, maps } = syntheticFace(50.3, 40.4, 30);
  const normals = vertexNormals(vertices, maps.triangles);
  const fromLeft = shadeVertices(vertices, normals, { lightPosition: [-5, 0, 1] });
  const row = 12 * 21;
  expect(fromLeft[row]).toBeGreaterThan(fromLeft[row + 20] + 0.3);
});

describe('depth as data', () => {
  const { vertices, maps } = syntheticFace(50.3, 40.4, 30);

  test('is z where there is a face and NaN elsewhere', () => {
    const map = depthMap({ width: 100, height: 80 }, [vertices], maps);
    expect(map.data[0]).toBeNaN();
    expect(map.data[40 * 100 + 50]).toBeCloseTo(30, 0);
    expect(map.near).toBeLessThanOrEqual(30);
    expect(map.far).toBeGreaterThanOrEqual(0);
    expect(map.far).toBeLessThan(1.5);
  });

  test('comes back from 16 bits within half a step', () => {
    const map = depthMap({ width: 100, height: 80 }, [vertices], maps);
    const values = toDepth16(map);
    const step = (map.near - map.far) / 65534;
    expect(Math.max(...values)).toBe(65535);
    map.data.forEach((z, i) => {
      if (Number.isNaN(z)) expect(values[i]).toBe(0);
      else expect(Math.abs(map.far + (values[i] - 1) * step - z)).toBeLessThanOrEqual(step * 0.51);
    });
  });

  test('no face gives no depth', () => {
    const map = depthMap({ width: 4, height: 3 }, [], maps);
    expect([map.near, map.far]).toEqual([0, 0]);
    expect([...toDepth16(map)]).toEqual(new Array(12).fill(0));
  });

  test('a flat face is white', () => {
    const flat = vertices.map((value, i) => (i % 3 === 2 ? 3 : value));
    expect(pixel(drawDepth(gradientImage(100, 80), [flat], maps), 50, 40)).toEqual([255, 255, 255]);
    const map = depthMap({ width: 100, height: 80 }, [flat], maps);
    expect(toDepth16(map)[40 * 100 + 50]).toBe(65535);
  });
});

// Share of all pixels; 1.5e-5 on astronaut.
const MAX_BORDER_SHARE = 5e-5;

describeWithShared('against the original', () => {
  let maps: FaceMaps;
  beforeAll(async () => {
    maps = await upstreamMaps();
  });

  describe.each(referenceNames)('%s', (name) => {
    test.each(PICTURES)('%s is identical in every pixel', (picture, draw, background) => {
      const vertices = referenceFaces(name).map((face) => face.vertices);
      const image = referencePicture(name, 'input');
      const actual = draw(image, vertices, maps, { compatibility: 'upstream', background });
      expect(comparePictures(actual, referencePicture(name, picture))).toEqual({ differingPixels: 0, largest: 0 });
    });

    // PNCC's colours are in another order by default.
    const comparable = PICTURES.filter(([picture]) => picture !== 'pncc');
    test.each(comparable)('%s by the default rule differs on borders only', (picture, draw, background) => {
      const vertices = referenceFaces(name).map((face) => face.vertices);
      const image = referencePicture(name, 'input');
      const upstream = referencePicture(name, picture);
      const actual = draw(image, vertices, maps, { background });
      let strong = 0;
      for (let i = 0; i < actual.data.length; i += 4) {
        if (Math.abs(actual.data[i] - upstream.data[i]) > 3) strong++;
      }
      expect(strong / (actual.data.length / 4)).toBeLessThan(MAX_BORDER_SHARE);
    });
  });
});

test.each(['none', 'upstream'] as const)(
  'depth is drawn from black to white, however flat the face, compatibility %s',
  (compatibility) => {
    // A plane that rises by half a px over 60 px, and one that rises by 500; both reach beyond the picture at its left, top and bottom.
    for (const rise of [0.5, 500]) {
      const slope = Float32Array.of(-10, -10, 7, -10, 30, 7, 50, 30, 7 + rise, 50, -10, 7 + rise);
      const triangles = Uint32Array.of(0, 1, 2, 0, 2, 3);
      const picture = drawDepth(gradientImage(60, 20), [slope], { triangles }, { compatibility });
      const places = [[0, 0], ...Array.from({ length: 50 }, (_, x) => [x, 5])];
      for (const [x, y] of places) {
        const [red, green, blue] = pixel(picture, x, y);
        expect(Math.abs(red - ((x + 10) / 60) * 255)).toBeLessThanOrEqual(1);
        expect([green, blue]).toEqual([red, red]);
      }
      expect(pixel(picture, 55, 10)).toEqual(pixel(gradientImage(60, 20), 55, 10));
    }
  },
);
