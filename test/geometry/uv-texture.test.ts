import { beforeAll, describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { referenceNames } from '../../development/reference.ts';
import { comparePictures, referenceFaces, referencePicture, upstreamMaps } from '../../development/reference-faces.ts';
import { gradientImage, syntheticFace } from '../../development/synthetic-face.ts';
import { borderLoops, mouthPatch } from '../../src/geometry/mesh-holes.ts';
import { mirrorVertices } from '../../src/geometry/mirror-vertices.ts';
import { rasterize } from '../../src/geometry/rasterize.ts';
import { sampleTexture } from '../../src/geometry/sample-texture.ts';
import { arrangeSheet } from '../../src/geometry/sheet.ts';
import { extractUvTexture } from '../../src/geometry/uv-texture.ts';
import { landmarkVisibility, vertexVisibility } from '../../src/geometry/visibility.ts';
import type { FaceMaps, RgbaImage } from '../../src/types.ts';
import { describeWithShared } from '../support/shared.ts';
import { readUpstreamModel } from '../support/upstream-model.ts';

function pixel(image: RgbaImage, x: number, y: number): number[] {
  return [...image.data.subarray((y * image.width + x) * 4, (y * image.width + x) * 4 + 3)];
}

/** Vertices turned round the vertical axis through a point, px. */
function turned(vertices: Float32Array, degrees: number, centreX: number): Float32Array {
  const cosine = Math.cos((degrees * Math.PI) / 180);
  const sine = Math.sin((degrees * Math.PI) / 180);
  const result = vertices.slice();
  for (let i = 0; i < result.length; i += 3) {
    const x = vertices[i] - centreX;
    const z = vertices[i + 2];
    result[i] = centreX + x * cosine + z * sine;
    result[i + 2] = z * cosine - x * sine;
  }
  return result;
}

const image = gradientImage(100, 80);
const { vertices, maps } = syntheticFace(50, 40, 30);

describe('texture', () => {
  test('each texel holds the photo at its place on the mesh', () => {
    const texture = extractUvTexture(image, vertices, maps, { size: 128, hidden: 'keep' });
    for (const [u, v] of [
      [0.25, 0.75],
      [0.5, 0.5],
      [0.8, 0.2],
    ] as const) {
      const [red = 0, green = 0] = pixel(texture, Math.floor(u * 128), Math.floor((1 - v) * 128));
      expect(Math.abs(red - ((20 + u * 60) * 255) / 100)).toBeLessThan(3);
      expect(Math.abs(green - ((10 + (1 - v) * 60) * 255) / 80)).toBeLessThan(3);
    }
  });

  test('is the same from texture coordinates per corner', () => {
    const corners = Uint32Array.from(maps.triangles, (_, i) => i);
    const uvs = new Float32Array(corners.length * 2);
    maps.triangles.forEach((vertex, corner) => {
      uvs.set(maps.uvs.subarray(vertex * 2, vertex * 2 + 2), corner * 2);
    });
    const perCorner = { ...maps, uvs, uvTriangles: corners };
    for (const mouth of ['open', 'closed'] as const) {
      expect(extractUvTexture(image, vertices, perCorner, { mouth }).data).toEqual(
        extractUvTexture(image, vertices, maps, { mouth }).data,
      );
    }
    expect(() => extractUvTexture(image, vertices, perCorner, { compatibility: 'upstream' })).toThrow('uvTriangles');
  });

  test('an open mouth is black, a closed one shows the photo', () => {
    const [x, y] = [64, Math.round((17.5 / 24) * 128)];
    expect(pixel(extractUvTexture(image, vertices, maps, { size: 128, mouth: 'open' }), x, y)).toEqual([0, 0, 0]);
    const [red = 0] = pixel(extractUvTexture(image, vertices, maps, { size: 128 }), x, y);
    expect(Math.abs(red - (50 * 255) / 100)).toBeLessThan(3);
  });

  describe('of a mesh with a pocket behind its lips', () => {
    // The pocket: a cone from the rim of the hole to a vertex far behind and below it, with a piece of texture of its own.
    const rim = [17 * 21 + 9, 17 * 21 + 10, 17 * 21 + 11, 18 * 21 + 11, 18 * 21 + 10, 18 * 21 + 9];
    const back = vertices.length / 3;
    const cone = rim.flatMap((vertex, i) => [vertex, rim[(i + 1) % 6], back]);
    const rows = cone.map((_, corner) => maps.uvs.length / 2 + corner);
    const withBack = Float32Array.from([...vertices, 50, 75, -100]);
    const pocket: FaceMaps = {
      triangles: Uint32Array.from([...maps.triangles, ...cone]),
      nccCodes: Float32Array.from([...maps.nccCodes, 0.5, 0.2, 0]),
      uvs: Float32Array.from([...maps.uvs, ...rows.flatMap((_, i) => [0.01 * (i % 3), 0.01 + 0.001 * i])]),
      uvTriangles: Uint32Array.from([...maps.triangles, ...rows]),
      regions: { lips: Uint32Array.from(rim), mouthInside: Uint32Array.of(back) },
    };
    const [x, y] = [64, Math.round((17.5 / 24) * 128)];

    test('a closed mouth has a skin across the lips and no pocket; an open one keeps the pocket', () => {
      const { closed } = mouthPatch(pocket);
      expect(closed.triangles.length).toBe(maps.triangles.length + 4 * 3);
      expect(closed.triangles).not.toContain(back);
      expect(closed.uvTriangles?.length).toBe(closed.triangles.length);
      expect(Math.max(...(closed.uvTriangles ?? []))).toBeLessThan(maps.uvs.length / 2);
      expect(borderLoops(closed.triangles)).toHaveLength(1);
      expect(pocket.triangles).toContain(back);
    });

    test('the skin shows what the photo has between the lips', () => {
      expect(pixel(extractUvTexture(image, withBack, pocket, { size: 128, mouth: 'open' }), x, y)).toEqual([0, 0, 0]);
      const texture = extractUvTexture(image, withBack, pocket, { size: 128 });
      expect(Math.abs(pixel(texture, x, y)[0] - (50 * 255) / 100)).toBeLessThan(3);
      expect(texture.visibility[y * 128 + x]).toBeGreaterThan(200);
    });

    test('a pocket that shares its texture with the skin goes alone', () => {
      const { uvTriangles: _, ...shared } = pocket;
      const oneEach = { ...shared, uvs: Float32Array.from([...maps.uvs, 0.5, 0.3]) };
      expect(mouthPatch(oneEach).closed.triangles).not.toContain(back);
      expect(mouthPatch(oneEach).closed.triangles.length).toBe(maps.triangles.length + 4 * 3);
    });

    test('a pocket without lips that the pack names stays', () => {
      const nameless = { ...pocket, regions: { mouthInside: Uint32Array.of(back), lips: Uint32Array.of(0, 1, 2) } };
      expect(mouthPatch(nameless).closed.triangles).toEqual(pocket.triangles);
    });
  });

  test('of a fold that hides a part of a triangle, the part that is seen is in the texture', () => {
    // One large triangle pair behind, and a strip before its left half: the corners on the left are hidden.
    const flat = Float32Array.of(
      10,
      10,
      0,
      10,
      70,
      0,
      90,
      70,
      0,
      90,
      10,
      0,
      5,
      5,
      30,
      5,
      75,
      30,
      40,
      75,
      30,
      40,
      5,
      30,
    );
    const folded: FaceMaps = {
      triangles: Uint32Array.of(0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7),
      nccCodes: new Float32Array(24),
      uvs: Float32Array.of(0, 1, 0, 0.5, 1, 0.5, 1, 1, 0, 0.4, 0, 0, 1, 0, 1, 0.4),
    };
    const { visibility } = extractUvTexture(image, flat, folded, { size: 64 });
    expect(visibility[16 * 64 + 10]).toBe(0);
    expect(visibility[16 * 64 + 30]).toBe(255);
    expect(visibility[16 * 64 + 60]).toBe(255);
  });

  test('hidden skin is left out, mirrored or kept', () => {
    const away = turned(vertices, 60, 50);
    const leftOut = extractUvTexture(image, away, maps, { size: 64 });
    const mirrored = extractUvTexture(image, away, maps, { size: 64, hidden: 'mirror' });
    const kept = extractUvTexture(image, away, maps, { size: 64, hidden: 'keep' });
    const [hidden, seen] = [60, 3];
    expect(leftOut.visibility[20 * 64 + hidden]).toBe(0);
    expect(leftOut.visibility[20 * 64 + seen]).toBeGreaterThan(200);
    expect(pixel(leftOut, hidden, 20)).toEqual([0, 0, 0]);
    expect(pixel(kept, hidden, 20)).not.toEqual([0, 0, 0]);
    const twin = pixel(leftOut, 63 - hidden, 20);
    pixel(mirrored, hidden, 20).forEach((value, c) => {
      expect(Math.abs(value - twin[c])).toBeLessThan(12);
    });
  });

  test("a turned face whose mesh is a little wider than the photo's takes little of the background into its mirrored skin", () => {
    const away = turned(vertices, 30, 50);
    // Skin is grey where a somewhat narrower face would be, and the wall behind it is blue.
    const narrower = away.map((value, i) => (i % 3 === 0 ? 50 + (value - 50) * 0.94 : value));
    const raster = rasterize([narrower], maps.triangles, 100, 80);
    const photo = { data: new Uint8Array(100 * 80 * 4), width: 100, height: 80 };
    for (let i = 0; i < 100 * 80; i++) photo.data.set([0, 0, 255, 255], i * 4);
    raster.fragments.forEach((fragment, i) => {
      const x = raster.xMin + (i % raster.width);
      const y = raster.yMin + Math.floor(i / raster.width);
      if (fragment !== 0) photo.data.set([128, 128, 128, 255], (y * 100 + x) * 4);
    });
    const bluish = (hidden: 'mirror' | 'keep'): number => {
      const { data } = extractUvTexture(photo, away, maps, { size: 64, hidden });
      let sum = 0;
      // Half a face's height, without its cut edges at the top and the bottom.
      for (let y = 20; y < 44; y++)
        for (let x = 0; x < 64; x++) sum += data[(y * 64 + x) * 4 + 2] - data[(y * 64 + x) * 4];
      return sum / (24 * 64);
    };
    // 0.23 measured; 0.30 where the outline counts as much as what lies within it, 0.51 where each texel that is seen at all keeps its
    // own colour.
    expect(bluish('mirror') / bluish('keep')).toBeLessThan(0.27);
  });

  test('filling leaves nothing black and does not touch what is known', () => {
    const away = turned(vertices, 60, 50);
    const bare = extractUvTexture(image, away, maps, { size: 64 });
    const filled = extractUvTexture(image, away, maps, { size: 64, fill: true });
    let black = 0;
    for (let i = 0; i < 64 * 64; i++) {
      if (filled.data[i * 4] === 0 && filled.data[i * 4 + 1] === 0) black++;
      if (bare.visibility[i] === 255) {
        expect(Math.abs(filled.data[i * 4] - bare.data[i * 4])).toBeLessThan(3);
      }
    }
    expect(black).toBe(0);
  });

  test('a texture much smaller than the face averages the photo, and stays in its place', () => {
    const stripes = { data: new Uint8Array(900 * 900 * 4).fill(255), width: 900, height: 900 };
    for (let y = 0; y < 900; y++) {
      for (let x = 0; x < 900; x++) {
        const at = (y * 900 + x) * 4;
        stripes.data[at] = x % 2 === 0 ? 0 : 255;
        stripes.data[at + 1] = x >= 450 ? 255 : 0;
      }
    }
    // Texels lie beside pixels, so that a sample of one of them is one stripe and not their mean.
    const large = syntheticFace(449, 449.5, 400);
    const texture = extractUvTexture(stripes, large.vertices, large.maps, { size: 50, hidden: 'keep' });
    for (let y = 1; y < 49; y++) {
      for (let x = 1; x < 49; x++) {
        const [red = 0, green = 0] = pixel(texture, x, y);
        expect(Math.abs(red - 127.5)).toBeLessThan(3);
        if (x !== 24 && x !== 25) expect(green).toBe(x > 24 ? 255 : 0);
      }
    }
  });

  test.each(['none', 'upstream'] as const)('changes none of its inputs, compatibility %s', (compatibility) => {
    const before = [image.data.slice(), vertices.slice(), maps.triangles.slice(), maps.uvs.slice()];
    extractUvTexture(image, vertices, maps, { compatibility, hidden: 'mirror', fill: true });
    expect([image.data, vertices, maps.triangles, maps.uvs]).toEqual(before);
  });

  test('in upstream compatibility it is opaque, and skin is all of the mesh but its open mouth', () => {
    const { data, visibility } = extractUvTexture(image, vertices, maps, { size: 24, compatibility: 'upstream' });
    expect(data.filter((_, i) => i % 4 === 3)).toEqual(new Uint8ClampedArray(24 * 24).fill(255));
    // Two cells of a twentieth by a twenty-fourth of the texture.
    const seen = visibility.filter((value) => value === 255).length;
    expect(seen + visibility.filter((value) => value === 0).length).toBe(24 * 24);
    expect(seen).toBeGreaterThan(22 * 22);
    expect(visibility[17 * 24 + 11]).toBe(0);
  });

  test('sampled at the vertices, it gives back the photo at their places', () => {
    const texture = extractUvTexture(image, vertices, maps, { size: 256, hidden: 'keep' });
    const before = texture.data.slice();
    const colours = sampleTexture(texture, maps.uvs);
    expect(colours).toHaveLength(vertices.length);
    for (let i = 0; i < vertices.length; i += 3) {
      // The gradient's red and green say where they are from.
      expect(Math.abs(colours[i] - (vertices[i] * 255) / 100)).toBeLessThan(4);
      expect(Math.abs(colours[i + 1] - (vertices[i + 1] * 255) / 80)).toBeLessThan(4);
    }
    expect(texture.data).toEqual(before);
    const corner = sampleTexture(texture, Float32Array.of(-3, 9));
    expect([...corner]).toEqual(pixel(texture, 0, 0));
    expect(() => sampleTexture(texture, new Float32Array(3))).toThrow('uvs');
    expect(() => sampleTexture(texture, Float32Array.of(0, Number.NaN))).toThrow('uvs');
    expect(() => sampleTexture({ ...texture, width: 5 }, maps.uvs)).toThrow('image.data');
  });

  test.each([
    [95, 40],
    [5, 40],
    [50, 75],
    [50, 5],
  ])('of a face at %i, %i that reaches beyond the photo, skin is seen up to the border of its last pixels', (x, y) => {
    const flat = syntheticFace(x, y, 30);
    for (let i = 2; i < flat.vertices.length; i += 3) flat.vertices[i] = 0;
    const { visibility } = extractUvTexture(image, flat.vertices, flat.maps, { size: 256 });
    const wrong: number[] = [];
    visibility.forEach((value, i) => {
      const [px, py] = [x - 30 + ((i % 256) + 0.5) * (60 / 256), y - 30 + (Math.floor(i / 256) + 0.5) * (60 / 256)];
      const isOn = px >= -0.5 && py >= -0.5 && px <= 99.5 && py <= 79.5;
      if (value !== (isOn ? 255 : 0)) wrong.push(i);
    });
    expect(wrong).toEqual([]);
  });

  test.each([45, 55])('skin beyond a border is that of the other side up to the other border, face at %i', (x) => {
    const white = { data: new Uint8Array(100 * 80 * 4).fill(255), width: 100, height: 80 };
    const flat = syntheticFace(x, 40, 60);
    for (let i = 2; i < flat.vertices.length; i += 3) flat.vertices[i] = 0;
    const { data } = extractUvTexture(white, flat.vertices, flat.maps, { size: 256, hidden: 'mirror' });
    const wrong: number[] = [];
    for (let i = 0; i < 256 * 256; i++) {
      const [px, py] = [x - 60 + ((i % 256) + 0.5) * (120 / 256), -20 + (Math.floor(i / 256) + 0.5) * (120 / 256)];
      const isOn = [px, 2 * x - px].some((one) => one >= -0.5 && one <= 99.5) && py >= -0.5 && py <= 79.5;
      if (data[i * 4] !== (isOn ? 255 : 0)) wrong.push(i);
    }
    expect(wrong).toEqual([]);
  });

  test('a face outside the photo has no texture', () => {
    const texture = extractUvTexture(
      image,
      vertices.map((value) => value + 900),
      maps,
    );
    expect(texture.visibility.every((value) => value === 0)).toBe(true);
    expect(texture.data.every((value, i) => value === (i % 4 === 3 ? 255 : 0))).toBe(true);
  });

  test('what makes no sense is refused by name', () => {
    expect(() => extractUvTexture(image, vertices, maps, { size: 0 })).toThrow(
      'size: expected a whole number 1..4096, got 0',
    );
    expect(() => extractUvTexture(image, vertices.slice(3), maps)).toThrow(
      'vertices: expected 525 x 3 coordinates, got 1572',
    );
    const broken = vertices.slice();
    broken[5] = Number.NaN;
    expect(() => extractUvTexture(image, broken, maps)).toThrow('vertices: expected finite coordinates');
  });
});

describe('mesh', () => {
  test('a border and a hole are found, and the hole is filled within its rim', () => {
    const loops = borderLoops(maps.triangles);
    expect(loops.map((loop) => loop.length)).toEqual([2 * (20 + 24), 6]);
    const patch = mouthPatch(maps);
    expect(patch.triangles).toHaveLength(4 * 3);
    const closed = Uint32Array.from([...maps.triangles, ...patch.triangles]);
    expect(borderLoops(closed)).toHaveLength(1);
  });

  test.each([1, 2, 3, 4, 5, 6])('a hole of any shape is filled to its rim and no further, shape %i', (seed) => {
    // A star with points far out and far in, inside a ring of twice as many vertices.
    const random = randomNumbers(seed);
    const count = 14;
    const at = (i: number, of: number, radius: number): [number, number] => [
      0.5 + radius * Math.cos((2 * Math.PI * i) / of),
      0.5 + radius * Math.sin((2 * Math.PI * i) / of),
    ];
    const inner = Array.from({ length: count }, (_, i) => at(i, count, 0.05 + 0.25 * random()));
    const outer = Array.from({ length: 2 * count }, (_, i) => at(i - 0.5, 2 * count, 0.45));
    const triangles: number[] = [];
    for (let i = 0; i < count; i++) {
      const [here, next] = [i, (i + 1) % count];
      const [a, b, c] = [0, 1, 2].map((k) => count + ((2 * i + k) % (2 * count)));
      triangles.push(here, a, b, here, b, next, next, b, c);
    }
    const star = {
      triangles: Uint32Array.from(triangles),
      nccCodes: new Float32Array(9 * count).fill(0.5),
      uvs: Float32Array.from([...inner, ...outer].flat()),
      regions: { lips: Uint32Array.from({ length: count }, (_, i) => i) },
    };
    const patch = mouthPatch(star);
    expect(patch.triangles).toHaveLength(3 * (count - 2));
    expect(borderLoops(patch.closed.triangles).map((loop) => loop.length)).toEqual([2 * count]);
    const areaOf = (corners: readonly (readonly [number, number])[]): number =>
      corners.reduce((sum, [x, y], i) => {
        const [nextX, nextY] = corners[(i + 1) % corners.length];
        return sum + (x * nextY - y * nextX) / 2;
      }, 0);
    let filled = 0;
    for (let t = 0; t < patch.triangles.length; t += 3) {
      const area = areaOf([...patch.triangles.subarray(t, t + 3)].map((vertex) => inner[vertex]));
      // Turned as the mesh is, so that none lies over another.
      expect(area).toBeGreaterThan(0);
      filled += area;
    }
    expect(filled).toBeCloseTo(areaOf(inner), 10);
  });

  test('a mesh without a mouth needs no patch', () => {
    const whole = { ...maps, triangles: Uint32Array.from([...maps.triangles, ...mouthPatch(maps).triangles]) };
    expect(mouthPatch(whole).triangles).toHaveLength(0);
  });

  test('a mouth that the pack names is preferred', () => {
    const nowhere = { ...maps, triangles: maps.triangles.slice(), regions: { lips: Uint32Array.of(0, 1, 2) } };
    expect(mouthPatch(nowhere).triangles).toHaveLength(0);
    const hole = borderLoops(maps.triangles)[1];
    const named = { ...maps, triangles: maps.triangles.slice(), regions: { innerLips: hole } };
    expect(mouthPatch(named).triangles).toHaveLength(12);
  });

  test('mirrored vertices lie across the middle', () => {
    const mirror = mirrorVertices(maps);
    for (let row = 0; row < 25; row++) {
      for (let column = 0; column < 21; column++) expect(mirror[row * 21 + column]).toBe(row * 21 + 20 - column);
    }
    const perCorner = { ...maps, nccCodes: maps.nccCodes.slice(), uvTriangles: maps.triangles };
    expect(mirrorVertices(perCorner)).toEqual(mirror);
  });
});

test('mirrored vertices of points anywhere are those that looking at every point finds', () => {
  const random = randomNumbers(5);
  const count = 300;
  const nccCodes = Float32Array.from({ length: 3 * count }, random);
  const scattered = { ...maps, nccCodes, uvs: Float32Array.from({ length: 2 * count }, random) };
  const nearest = Array.from({ length: count }, (_, i) => {
    const distance = (j: number): number =>
      Math.hypot(
        nccCodes[3 * j] - (1 - nccCodes[3 * i]),
        nccCodes[3 * j + 1] - nccCodes[3 * i + 1],
        nccCodes[3 * j + 2] - nccCodes[3 * i + 2],
      );
    return Array.from({ length: count }, (_, j) => j).reduce((best, j) => (distance(j) < distance(best) ? j : best));
  });
  expect([...mirrorVertices(scattered)]).toEqual(nearest);
});

test('the rims of a mouth are pairs of neighbours, ending at the hole', () => {
  const { rims } = mouthPatch(maps);
  const edges = new Set<string>();
  for (let t = 0; t < maps.triangles.length; t += 3) {
    const [a, b, c] = maps.triangles.subarray(t, t + 3);
    for (const [from, to] of [
      [a, b],
      [b, c],
      [c, a],
    ])
      edges.add(`${from} ${to}`).add(`${to} ${from}`);
  }
  expect(rims.length).toBeGreaterThan(12);
  for (let i = 0; i < rims.length; i += 2) expect(edges).toContain(`${rims[i]} ${rims[i + 1]}`);
  const hole = borderLoops(maps.triangles)[1];
  const [last] = rims.subarray(-2);
  expect([...hole]).toContain(last);
});

describe('visibility', () => {
  test('all of a face that looks at the camera, one side of one that looks away', () => {
    const flat = vertices.map((value, i) => (i % 3 === 2 ? value / 3 : value));
    expect(vertexVisibility(flat, maps).every((value) => value > 0.9)).toBe(true);
    const away = vertexVisibility(turned(flat, 80, 50), maps);
    expect(away[12 * 21]).toBeGreaterThan(0.5);
    expect(away[12 * 21 + 20]).toBe(0);
    expect(vertexVisibility(turned(flat, 180, 50), maps).every((value) => value === 0)).toBe(true);
  });

  test('what is behind something else is hidden', () => {
    const one = Float32Array.of(0, 0, 0, 0, 50, 0, 50, 0, 0, -5, -5, 9, -5, 99, 9, 99, -5, 9);
    expect([...vertexVisibility(one, { triangles: Uint32Array.of(0, 1, 2, 3, 4, 5) })]).toEqual([0, 0, 0, 1, 1, 1]);
  });

  test('landmarks are as visible as their vertices', () => {
    const visibility = Float32Array.from({ length: 100 }, (_, i) => i / 100);
    const keypointIndices = Uint32Array.from({ length: 204 }, (_, i) => (i % 3) + 3 * (Math.floor(i / 3) + 10));
    expect(landmarkVisibility(visibility, { keypointIndices })[5]).toBeCloseTo(0.15, 6);
    expect(() => landmarkVisibility(visibility.slice(0, 40), { keypointIndices })).toThrow("landmark 30's vertex");
  });

  test('a face that is a single point, and one of no vertices', () => {
    expect([...vertexVisibility(new Float32Array(9), { triangles: Uint32Array.of(0, 1, 2) })]).toEqual([0, 0, 0]);
    expect(vertexVisibility(new Float32Array(0), { triangles: new Uint32Array(0) })).toHaveLength(0);
  });
});

describeWithShared('against the original', () => {
  let upstream: FaceMaps;
  beforeAll(async () => {
    upstream = await upstreamMaps();
  });

  test.each(referenceNames)('the texture of %s is identical in every pixel', (name) => {
    const photo = referencePicture(name, 'input');
    const textures = referenceFaces(name).map((face) =>
      extractUvTexture(photo, face.vertices, upstream, { compatibility: 'upstream' }),
    );
    expect(
      comparePictures(arrangeSheet(textures, { columns: textures.length }), referencePicture(name, 'uv_texture')),
    ).toEqual({
      differingPixels: 0,
      largest: 0,
    });
  });

  test("the mouth of the original's mesh is found and closed", () => {
    expect(borderLoops(upstream.triangles).map((loop) => loop.length)).toEqual([579, 78]);
    expect(mouthPatch(upstream).triangles).toHaveLength(76 * 3);
  });

  test('landmarks on the far side of a turned head are hidden, those on the near side seen', async () => {
    const model = await readUpstreamModel();
    const [face] = referenceFaces('trump_hillary');
    if (face === undefined) throw new Error('no face');
    const seen = landmarkVisibility(vertexVisibility(face.vertices, upstream), model);
    // The head is turned to the right of the picture: the jaw's left end (16) is away, its right end, eye, nose and mouth are there.
    expect(seen[16]).toBe(0);
    for (const landmark of [0, 36, 30, 48, 57]) expect(seen[landmark]).toBeGreaterThan(0.5);
  });
});
