import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Logger, WebIO } from '@gltf-transform/core';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { encode } from 'fast-png';
import validator from 'gltf-validator';
import { type BufferGeometry, Color, SRGBColorSpace, type Mesh as ThreeMesh } from 'three';
import { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
import { OBJLoader } from 'three/examples/jsm/loaders/OBJLoader.js';
import { PLYLoader } from 'three/examples/jsm/loaders/PLYLoader.js';
import { referenceFaces, referencePicture, upstreamMaps } from '../../development/reference-faces.ts';
import { ellipseLandmarks, gradientImage, syntheticFace } from '../../development/synthetic-face.ts';
import { expressionTargets } from '../../src/geometry/expression-targets.ts';
import { writeGlb } from '../../src/geometry/glb.ts';
import {
  type Mesh,
  metricPlacements,
  toMetricFrame,
  toPhotoFrame,
  vertexColours,
  withClosedMouth,
} from '../../src/geometry/mesh.ts';
import { packModel, reconstruct } from '../../src/geometry/morphable-model.ts';
import { vertexNormals } from '../../src/geometry/normals.ts';
import { writeMtl, writeObj, writeUpstreamObj } from '../../src/geometry/obj.ts';
import { writePly } from '../../src/geometry/ply.ts';
import { cropToImage } from '../../src/geometry/similarity-transform.ts';
import { TextWriter } from '../../src/geometry/text-writer.ts';
import type { AlignedFace, FaceMaps, MorphableModel } from '../../src/types.ts';
import { expectClose } from '../support/expect-close.ts';
import fc from '../support/property.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';
import { formulaValues } from '../support/small-pack.ts';

const image = gradientImage(100, 80);
const { vertices, maps } = syntheticFace(50.3, 40.4, 30);
const positions = toPhotoFrame(vertices, 80);
const colours = vertexColours(image, vertices);
const normals = vertexNormals(Float32Array.from(positions), maps.triangles, { yAxis: 'up' });
const mesh: Mesh = { positions, triangles: maps.triangles, colours, normals, uvs: maps.uvs };
const PNG = encode({ width: 2, height: 2, channels: 3, depth: 8, data: new Uint8Array(12).fill(200) });

/** The same mesh with a texture coordinate of its own for every corner. */
function withCornerUvs(): Mesh {
  const uvs = new Float32Array(maps.triangles.length * 2);
  maps.triangles.forEach((vertex, corner) => {
    uvs.set(maps.uvs.subarray(vertex * 2, vertex * 2 + 2), corner * 2);
  });
  return { ...mesh, uvs, uvTriangles: Uint32Array.from(maps.triangles, (_, i) => i) };
}

/** Coordinates of all corners in order: what stays the same however vertices are numbered. */
function cornersOf(values: ArrayLike<number>, indices: ArrayLike<number>, width: number): number[] {
  return Array.from(indices).flatMap((index) => Array.from({ length: width }, (_, k) => values[index * width + k]));
}

function arrayOf(geometry: BufferGeometry, name: string): ArrayLike<number> {
  return geometry.getAttribute(name).array;
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}

describe('numbers as text', () => {
  test.each([
    [0.125, 2, '0.12'],
    [0.375, 2, '0.38'],
    [-0.001, 2, '-0.00'],
    [-0, 2, '-0.00'],
    [9.995, 2, '9.99'],
    [9.9951, 2, '10.00'],
    [1234567.891, 2, '1234567.89'],
    [0.5, 0, '0'],
    [1.5, 0, '2'],
    [3e9 + 0.25, 1, '3000000000.2'],
    [1e20, 2, '100000000000000000000.00'],
    [7, 6, '7.000000'],
  ])('%d to %i decimals is %s', (value, decimals, text) => {
    expect(Buffer.from(new TextWriter().fixed(value, decimals).finish()).toString()).toBe(text);
  });

  test('are those of toFixed, but for ties', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e9, max: 1e9, noNaN: true }),
        fc.integer({ min: 0, max: 6 }),
        (value, decimals) => {
          const text = Buffer.from(new TextWriter().fixed(value, decimals).finish()).toString();
          expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(0.5000001 * 10 ** -decimals + 1e-6);
          expect(text).toMatch(decimals === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${decimals}}$`));
        },
      ),
    );
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (value) => {
        expect(Buffer.from(new TextWriter().integer(value).finish()).toString()).toBe(String(value));
      }),
    );
  });
});

describe('PLY', () => {
  test.each(['ascii', 'binary'] as const)('%s is read back by three.js', (format) => {
    const bytes = writePly([mesh], { format });
    const geometry = new PLYLoader().parse(toArrayBuffer(bytes));
    expectClose(arrayOf(geometry, 'position'), Float32Array.from(positions), { maxAbs: format === 'ascii' ? 6e-5 : 0 });
    expect([...(geometry.index?.array ?? [])]).toEqual([...maps.triangles]);
    const linear = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    // three.js keeps them in bytes of linear light.
    const expected = Array.from(colours, (value) => 255 * linear(value / 255));
    expectClose(arrayOf(geometry, 'color'), expected, { maxAbs: 0.51 });
  });

  test('several faces share a file', () => {
    const geometry = new PLYLoader().parse(toArrayBuffer(writePly([mesh, mesh])));
    expect(arrayOf(geometry, 'position')).toHaveLength(2 * positions.length);
    const second = Array.from(maps.triangles, (index) => index + positions.length / 3);
    expect([...(geometry.index?.array ?? [])].slice(maps.triangles.length)).toEqual(second);
  });

  test.each([-1, 1.5, 7, Number.NaN])('%p decimals are refused', (decimals) => {
    expect(() => writePly([], { decimals })).toThrow(`decimals: expected a whole number 0..6, got ${decimals}`);
  });

  test('a mesh without triangles, and no mesh at all, are files too', () => {
    const points = new PLYLoader().parse(toArrayBuffer(writePly([{ positions, triangles: new Uint32Array(0) }])));
    expect(arrayOf(points, 'position')).toHaveLength(positions.length);
    expect(Buffer.from(writePly([], { format: 'ascii' })).toString()).toContain('element vertex 0\n');
  });
});

test('text is UTF-8, however it falls on the room that there is', () => {
  const text = 'a日本𝄞é\n'.repeat(9000);
  for (const before of [0, 1, 2, 3]) {
    const bytes = new TextWriter().text('x'.repeat(before)).text('mtllib ').text(text).integer(7).finish();
    expect(Buffer.from(bytes).toString()).toBe(`${'x'.repeat(before)}mtllib ${text}7`);
  }
});

describe('OBJ', () => {
  const parse = (bytes: Uint8Array) => new OBJLoader().parse(Buffer.from(bytes).toString());

  test('with colours is read back by three.js', () => {
    const [object] = parse(writeObj([mesh])).children as ThreeMesh[];
    const geometry = object?.geometry;
    expect(object?.name).toBe('face_1');
    expectClose(arrayOf(geometry, 'position'), cornersOf(positions, maps.triangles, 3), { maxAbs: 6e-5 });
    expectClose(arrayOf(geometry, 'normal'), cornersOf(normals, maps.triangles, 3), { maxAbs: 6e-5 });
    expect(geometry.getAttribute('color').count).toBe(maps.triangles.length);
  });

  test.each([
    ['vertex', mesh],
    ['corner', withCornerUvs()],
  ])('with texture coordinates per %s is read back by three.js', (_kind, textured) => {
    const material = { file: 'photo.mtl', textures: ['photo.png', 'photo-2.png'] };
    const bytes = writeObj([textured, textured], { material });
    const objects = parse(bytes).children as ThreeMesh[];
    expect(objects.map(({ name }) => name)).toEqual(['face_1', 'face_2']);
    for (const { geometry } of objects) {
      expectClose(arrayOf(geometry, 'position'), cornersOf(positions, maps.triangles, 3), { maxAbs: 6e-5 });
      expectClose(arrayOf(geometry, 'uv'), cornersOf(maps.uvs, maps.triangles, 2), { maxAbs: 6e-7 });
      expectClose(arrayOf(geometry, 'normal'), cornersOf(normals, maps.triangles, 3), { maxAbs: 6e-5 });
    }
    const text = Buffer.from(bytes).toString();
    expect(text).toContain('mtllib photo.mtl\n');
    expect(text).toContain('usemtl face_2\n');
    const materials = Buffer.from(writeMtl(material)).toString();
    expect(materials).toContain('newmtl face_2\n');
    expect(materials).toContain('map_Kd photo-2.png\n');
  });

  test('names that would break its lines are refused', () => {
    for (const file of ['a\nb.mtl', '../a.mtl', 'a\\b.mtl', '']) {
      expect(() => writeObj([mesh], { material: { file, textures: ['a.png'] } })).toThrow('material.file');
    }
    expect(() => writeMtl({ file: 'a.mtl', textures: ['a/b.png'] })).toThrow('textures[0]');
    expect(() => writeObj([mesh], { material: { file: 'a.mtl', textures: [] } })).toThrow('material.textures');
    const { uvs: _, ...bare } = mesh;
    expect(() => writeObj([bare], { material: { file: 'a.mtl', textures: ['a.png'] } })).toThrow('expected uvs');
  });

  test("the original's flattens what is outside the photo, but not in the caller's array", () => {
    const shifted = vertices.map((value, i) => (i % 3 === 0 ? value + 40 : value));
    const before = shifted.slice();
    const text = Buffer.from(writeUpstreamObj(image, [shifted], maps.triangles)).toString();
    const xs = text.match(/^v \S+/gm)?.map((line) => Number(line.slice(2))) ?? [];
    expect(xs).toHaveLength(shifted.length / 3);
    expect(Math.max(...xs)).toBe(99);
    expect(shifted).toEqual(before);
  });
});

/** A face of a made-up model on the synthetic mesh. */
function modelFace(): { model: MorphableModel; face: AlignedFace; dense: Float32Array } {
  const count = vertices.length / 3;
  const model: MorphableModel = {
    vertexCount: count,
    shapeCount: 40,
    expressionCount: 10,
    meanShape: Float32Array.from(vertices, (value, i) => (i % 3 === 1 ? 80 - value : value)),
    shapeBasis: formulaValues(count * 3 * 40, 1),
    expressionBasis: formulaValues(count * 3 * 10, 2),
    keypointIndices: Uint32Array.from({ length: 204 }, (_, i) => i),
    expressionNames: ['smile'],
  };
  const params = new Float32Array(62);
  params.set([1, 0.1, 0, 3, -0.1, 1, 0.2, 5, 0, -0.2, 1, 7]);
  for (let i = 12; i < 62; i++) params[i] = Math.sin(i) * 0.2;
  const face = { params, roiBox: { xMin: 0, yMin: -10, xMax: 90, yMax: 100 } };
  const dense = cropToImage(reconstruct(packModel(model), params), face.roiBox);
  return { model, face, dense };
}

describe('expression targets', () => {
  test('neutral positions and weighted targets make up the face', () => {
    const { model, face, dense } = modelFace();
    const fitted = toPhotoFrame(dense, 80);
    const targets = expressionTargets(fitted, face, model);
    const sum = Float64Array.from(targets.neutralPositions);
    targets.displacements.forEach((displacement, k) => {
      displacement.forEach((value, i) => {
        sum[i] = sum[i] + value * targets.weights[k];
      });
    });
    expectClose(sum, fitted, { maxAbs: 1e-4 });
    expect(targets.names.slice(0, 2)).toEqual(['smile', 'expression_2']);

    // Neutral is what the model makes without expression, but for z, whose zero is that of each face's own vertices.
    const neutral = face.params.slice().fill(0, 52);
    const expected = toPhotoFrame(cropToImage(reconstruct(packModel(model), neutral), face.roiBox), 80);
    const withoutZ = (values: ArrayLike<number>) => Array.from(values).filter((_, i) => i % 3 !== 2);
    expectClose(withoutZ(targets.neutralPositions), withoutZ(expected), { maxAbs: 1e-4 });
  });

  test('counts that do not fit are refused', () => {
    const { model, face, dense } = modelFace();
    expect(() => expressionTargets(dense.slice(3), face, model)).toThrow('positions: expected 525 x 3');
    expect(() => expressionTargets(dense, { ...face, params: new Float32Array(60) }, model)).toThrow('params');
  });
});

async function validate(bytes: Uint8Array): Promise<unknown> {
  const { issues } = await validator.validateBytes(bytes);
  return { errors: issues.numErrors, warnings: issues.numWarnings, messages: issues.messages };
}

const VALID = { errors: 0, warnings: 0, messages: [] };

describe('GLB', () => {
  const reader = new WebIO().setLogger(new Logger(Logger.Verbosity.SILENT));
  const { model, face, dense } = modelFace();
  const fitted = toPhotoFrame(dense, 80);
  const expression = expressionTargets(fitted, face, model);

  test.each([
    ['texture', { mesh, texture: PNG }],
    ['colours', { mesh }],
    ['nothing but positions', { mesh: { positions, triangles: maps.triangles } }],
    ['texture and expression', { mesh: { ...mesh, positions: fitted }, texture: PNG, expression }],
    ['texture coordinates per corner', { mesh: withCornerUvs(), texture: PNG, expression }],
    ['a vertex without normal', { mesh: { ...mesh, normals: new Float32Array(positions.length) } }],
  ])('with %s is valid', async (_what, glbFace) => {
    expect(await validate(writeGlb([glbFace]))).toEqual(VALID);
    expect(await validate(writeGlb([glbFace, { ...glbFace, name: 'other' }], { unitScale: 0.001 }))).toEqual(VALID);
  });

  test('is read back by glTF-Transform', async () => {
    const bytes = writeGlb([{ mesh: { ...mesh, positions: fitted }, texture: PNG, expression }]);
    const document = await reader.readBinary(bytes);
    const [gltfMesh] = document.getRoot().listMeshes();
    const [primitive] = gltfMesh?.listPrimitives() ?? [];
    const attribute = (name: string) => primitive?.getAttribute(name)?.getArray() ?? [];
    expectClose(attribute('POSITION'), expression.neutralPositions, { maxAbs: 0 });
    expectClose(attribute('NORMAL'), normals, { maxAbs: 1e-6 });
    expectClose(
      attribute('TEXCOORD_0'),
      maps.uvs.map((value, i) => (i % 2 === 1 ? 1 - value : value)),
      { maxAbs: 1e-6 },
    );
    expect([...(primitive?.getIndices()?.getArray() ?? [])]).toEqual([...maps.triangles]);
    expect(gltfMesh?.getWeights()).toEqual([...expression.weights]);
    expect(gltfMesh?.getExtras().targetNames).toEqual(expression.names);
    primitive?.listTargets().forEach((target, k) => {
      expectClose(target.getAttribute('POSITION')?.getArray() ?? [], expression.displacements[k] ?? [], { maxAbs: 0 });
    });
    expect(primitive?.listTargets()).toHaveLength(10);
    expect(document.getRoot().listTextures()[0]?.getImage()).toEqual(PNG);
    expect(document.getRoot().listExtensionsUsed()).toHaveLength(0);
  });

  test('is read back by three.js', async () => {
    const bytes = writeGlb([{ mesh: { ...mesh, positions: fitted }, expression }]);
    const { scene } = await new GLTFLoader().parseAsync(toArrayBuffer(bytes), '');
    const object = scene.getObjectByName('face_1') as ThreeMesh;
    expectClose(arrayOf(object.geometry, 'position'), expression.neutralPositions, { maxAbs: 0 });
    expect([...(object.geometry.index?.array ?? [])]).toEqual([...maps.triangles]);
    expect(object.morphTargetDictionary).toMatchObject({ smile: 0, expression_10: 9 });
    expect(object.morphTargetInfluences).toEqual([...expression.weights]);
    expect((object.material as { type: string }).type).toBe('MeshBasicMaterial');
  });

  test('colours are the light that three.js makes of them, and normals are unit', async () => {
    const count = 258;
    const colours = Uint8Array.from({ length: 3 * count }, (_, i) => (i * 86 + Math.floor(i / 3)) % 256);
    const strange = Float32Array.from({ length: 3 * count }, (_, i) => (i < 3 ? 0 : i % 3 === 0 ? 3 : -4));
    const positions = Float32Array.from({ length: 3 * count }, (_, i) => Math.sin(i * i));
    const triangles = Uint32Array.from({ length: count }, (_, i) => i);
    const bytes = writeGlb([{ mesh: { positions, triangles, colours, normals: strange } }]);
    const { scene } = await new GLTFLoader().parseAsync(toArrayBuffer(bytes), '');
    const { geometry } = scene.getObjectByName('face_1') as ThreeMesh;
    const [found, normal] = [geometry.getAttribute('color'), geometry.getAttribute('normal')];
    for (let i = 0; i < count; i++) {
      const [red, green, blue] = [...colours.subarray(3 * i, 3 * i + 3)].map((value) => value / 255);
      const expected = new Color().setRGB(red, green, blue, SRGBColorSpace);
      expectClose([found.getX(i), found.getY(i), found.getZ(i)], expected.toArray(), { maxAbs: 1e-5 });
      expect(found.getW(i)).toBe(1);
      const length = Math.sqrt(41);
      const unit = i === 0 ? [0, 0, 1] : [3 / length, -4 / length, -4 / length];
      expectClose([normal.getX(i), normal.getY(i), normal.getZ(i)], unit, { maxAbs: 1e-6 });
    }
  });

  test('corners that share a vertex but not a texture coordinate are split, the others are not', async () => {
    const seam: Mesh = {
      positions: Float32Array.of(0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0),
      triangles: Uint32Array.of(0, 1, 2, 0, 2, 3),
      uvs: Float32Array.of(0, 0, 1, 0, 1, 1, 0, 1, 0.5, 0.5),
      uvTriangles: Uint32Array.of(0, 1, 2, 4, 2, 3),
    };
    const document = await reader.readBinary(writeGlb([{ mesh: seam, texture: PNG }]));
    const [primitive] = document.getRoot().listMeshes()[0]?.listPrimitives() ?? [];
    expect(primitive?.getAttribute('POSITION')?.getCount()).toBe(5);
    const uvs = primitive?.getAttribute('TEXCOORD_0')?.getArray() ?? [];
    expect(cornersOf(uvs, primitive?.getIndices()?.getArray() ?? [], 2)).toEqual(
      cornersOf(Float32Array.of(0, 1, 1, 1, 1, 0, 0, 0, 0.5, 0.5), seam.uvTriangles ?? [], 2),
    );
  });

  test('what makes no sense is refused', () => {
    expect(() => writeGlb([])).toThrow('faces: expected at least one');
    expect(() => writeGlb([{ mesh: { positions, triangles: new Uint32Array(0) } }])).toThrow('faces[0].mesh.triangles');
    expect(() => writeGlb([{ mesh, texture: new Uint8Array(9) }])).toThrow('faces[0].texture: expected the bytes');
    expect(() => writeGlb([{ mesh: { positions, triangles: maps.triangles }, texture: PNG }])).toThrow('expected uvs');
    expect(() => writeGlb([{ mesh }], { unitScale: 0 })).toThrow('unitScale');
    expect(() => writeGlb([{ mesh, expression: { ...expression, names: [] } }])).toThrow('weights and names');
  });
});

/** Any mesh: loose vertices, folded triangles, the same corner twice. */
const anyMesh: fc.Arbitrary<Mesh> = fc.integer({ min: 1, max: 12 }).chain((count) => {
  const number = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
  const floats = (length: number) =>
    fc.array(number, { minLength: length, maxLength: length }).map((a) => Float32Array.from(a));
  return fc.record({
    positions: floats(count * 3),
    normals: floats(count * 3),
    uvs: floats(count * 2).map((values) => values.map((value) => (value + 1000) / 2000)),
    triangles: fc
      .array(fc.nat({ max: count - 1 }), { minLength: 3, maxLength: 30 })
      .map((indices) => Uint32Array.from(indices.slice(0, indices.length - (indices.length % 3)))),
    colours: fc.uint8Array({ minLength: count * 3, maxLength: count * 3 }),
  });
});

describe('any mesh', () => {
  test('comes back from PLY as it was', () => {
    fc.assert(
      fc.property(anyMesh, (any) => {
        const geometry = new PLYLoader().parse(toArrayBuffer(writePly([any])));
        expect(Float32Array.from(arrayOf(geometry, 'position'))).toEqual(any.positions);
        expect([...(geometry.index?.array ?? [])]).toEqual([...any.triangles]);
      }),
      { numRuns: 50 },
    );
  });

  test('comes back from OBJ corner by corner', () => {
    fc.assert(
      fc.property(anyMesh, (any) => {
        const text = Buffer.from(
          writeObj([any], { decimals: 6, material: { file: 'a.mtl', textures: ['a.png'] } }),
        ).toString();
        const [object] = new OBJLoader().parse(text).children as ThreeMesh[];
        const geometry = object?.geometry;
        expectClose(arrayOf(geometry, 'position'), cornersOf(any.positions, any.triangles, 3), { maxAbs: 1e-4 });
        expectClose(arrayOf(geometry, 'uv'), cornersOf(any.uvs ?? [], any.triangles, 2), { maxAbs: 1e-6 });
      }),
      { numRuns: 50 },
    );
  });

  test('makes a valid GLB, in colours or with a texture', async () => {
    await fc.assert(
      fc.asyncProperty(anyMesh, fc.boolean(), async (any, hasTexture) => {
        const { messages, errors, warnings } = (await validate(
          writeGlb([{ mesh: any, ...(hasTexture && { texture: PNG }) }]),
        )) as typeof VALID;
        // Folded triangles are no fault of the file.
        expect(messages.filter(({ code }: { code: string }) => code !== 'ACCESSOR_INDEX_TRIANGLE_DEGENERATE')).toEqual(
          [],
        );
        expect([errors, warnings]).toEqual([0, 0]);
      }),
      { numRuns: 50 },
    );
  });
});

describe.each([
  ['PLY', (broken: Mesh) => writePly([broken])],
  ['OBJ', (broken: Mesh) => writeObj([broken])],
  ['GLB', (broken: Mesh) => writeGlb([{ mesh: broken }])],
])('%s', (_name, write) => {
  test('refuses a mesh whose arrays do not fit together, and changes none', () => {
    const nan = positions.slice();
    nan[4] = Number.NaN;
    expect(() => write({ ...mesh, positions: nan })).toThrow(
      'positions: expected finite coordinates, got NaN in point 1',
    );
    expect(() => write({ ...mesh, triangles: Uint32Array.of(0, 1, 525) })).toThrow('expected indices below 525');
    expect(() => write({ ...mesh, colours: colours.slice(1) })).toThrow('colours: expected 525 x 3 bytes');
    expect(() => write({ ...mesh, normals: normals.slice(3) })).toThrow('normals: expected 525 x 3');
    expect(() => write({ ...mesh, uvs: maps.uvs.slice(2) })).toThrow('uvs: expected 525 x 2');
    expect(() => write({ ...mesh, uvTriangles: Uint32Array.of(0, 1, 2) })).toThrow('uvTriangles: expected');
    const before = [positions.slice(), maps.triangles.slice(), colours.slice(), normals.slice()];
    write(mesh);
    expect([positions, maps.triangles, colours, normals]).toEqual(before);
  });
});

describe('frames', () => {
  test('a metric face is centred, upright and as large as its eyes are apart', () => {
    const landmarks = ellipseLandmarks(50, 40, 30);
    const [placement] = metricPlacements([{ vertices, landmarks }], 60);
    if (placement === undefined) throw new Error('no placement');
    const eye = (first: number) =>
      [0, 1].map((axis) => [0, 1, 2, 3, 4, 5].reduce((sum, i) => sum + landmarks[(first + i) * 3 + axis] / 6, 0));
    const [right, left] = [eye(36), eye(42)];
    const distance = Math.hypot(...right.map((value, axis) => value - left[axis]));
    expect(placement.scale).toBeCloseTo(60 / distance, 5);
    const metric = toMetricFrame(vertices, placement);
    for (let axis = 0; axis < 3; axis++) {
      const values = metric.filter((_, i) => i % 3 === axis);
      expect(Math.min(...values) + Math.max(...values)).toBeCloseTo(0, 3);
    }
    expect(metric[1]).toBeGreaterThan(0);
  });

  test('two faces stand beside each other', () => {
    const other = vertices.map((value, i) => (i % 3 === 0 ? value + 200 : value));
    const placements = metricPlacements([
      { vertices, landmarks: ellipseLandmarks(50, 40, 30) },
      { vertices: other, landmarks: ellipseLandmarks(250, 40, 15) },
    ]);
    const [a, b] = placements.map((placement, i) => toMetricFrame(i === 0 ? vertices : other, placement));
    const xs = (values: Float64Array | undefined) => Array.from(values ?? []).filter((_, i) => i % 3 === 0);
    expect(Math.max(...xs(a))).toBeLessThan(Math.min(...xs(b)));
  });

  test('eyes that coincide and lengths that are none are refused', () => {
    expect(() => metricPlacements([{ vertices, landmarks: new Float32Array(204) }])).toThrow('faces[0].landmarks');
    expect(() => metricPlacements([], -3)).toThrow('interocularMm');
  });

  test('closing the mouth adds triangles and leaves the maps', () => {
    const before = maps.triangles.slice();
    expect(withClosedMouth(maps).triangles).toHaveLength(before.length + 12);
    expect(maps.triangles).toEqual(before);
  });
});

describeWithShared('against the original', () => {
  let upstream: FaceMaps;
  beforeAll(async () => {
    upstream = await upstreamMaps();
  });
  const target = (file: string) => gunzipSync(readFileSync(sharedPath('reference', 'astronaut', `${file}.gz`)));

  test('PLY is the same to the byte', () => {
    const [face] = referenceFaces('astronaut');
    const { height } = referencePicture('astronaut', 'input');
    const bytes = writePly(
      [{ positions: toPhotoFrame(face?.vertices ?? new Float32Array(0), height), triangles: upstream.triangles }],
      { compatibility: 'upstream' },
    );
    expect(target('mesh.ply').equals(bytes)).toBe(true);
  });

  test('OBJ is the same to the byte', () => {
    const faces = referenceFaces('astronaut').map((face) => face.vertices);
    const bytes = writeUpstreamObj(referencePicture('astronaut', 'input'), faces, upstream.triangles);
    expect(target('mesh.obj').equals(bytes)).toBe(true);
  });
});
