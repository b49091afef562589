import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import validator from 'gltf-validator';
import { type FaceMesh, faceMesh, faceMeshes, withExpression, writeGlb } from '../../src/geometry.ts';
import { createFaceAligner, encodePng, type FaceAligner, readImage } from '../../src/node.ts';
import type { AlignedFace, RgbaImage } from '../../src/types.ts';
import { expectClose } from '../support/expect-close.ts';
import { repositoryRoot } from '../support/shared.ts';

let aligner: FaceAligner;
let image: RgbaImage;
let face: AlignedFace;

beforeAll(async () => {
  aligner = await createFaceAligner();
  image = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
  [face] = await aligner.align(image, await aligner.detect(image));
});

afterAll(() => aligner.dispose());

function sameBytes(a: ArrayBufferView | undefined, b: ArrayBufferView | undefined): boolean {
  if (a === undefined || b === undefined) throw new Error('there is nothing to compare');
  const bytes = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  return bytes(a).equals(bytes(b));
}

/** Middle of the bounds of each axis. */
function middle({ mesh: { positions } }: FaceMesh): number[] {
  return [0, 1, 2].map((axis) => {
    const values = [...positions].filter((_, i) => i % 3 === axis);
    return (Math.min(...values) + Math.max(...values)) / 2;
  });
}

/** Distance between the middles of the eyes' outlines, px of the photo. */
function pupilDistance(): number {
  const landmarks = aligner.reconstruct(face);
  const eye = (first: number) =>
    [0, 1, 2].map((axis) => {
      let sum = 0;
      for (let i = first; i < first + 6; i++) sum += landmarks[3 * i + axis];
      return sum / 6;
    });
  const [right, left] = [eye(36), eye(42)];
  return Math.hypot(...right.map((value, axis) => value - left[axis]));
}

describe('faceMesh', () => {
  test('is centred and in millimetres, with the pupils as far apart as asked', () => {
    const usual = faceMesh(image, face, aligner, { texture: false });
    expectClose(middle(usual), [0, 0, 0], { maxAbs: 1e-3 });
    expect(usual.scale).toBeCloseTo(63 / pupilDistance(), 6);
    const wide = faceMesh(image, face, aligner, { texture: false, interocularMm: 126 });
    expect(wide.scale).toBeCloseTo(2 * usual.scale, 9);
    expectClose(
      wide.mesh.positions,
      usual.mesh.positions.map((value) => 2 * value),
      { maxAbs: 1e-3 },
    );
  });

  test('is on the photo, y up, in frame photo', () => {
    const { mesh, scale } = faceMesh(image, face, aligner, { frame: 'photo', texture: false, expression: false });
    const vertices = aligner.reconstruct(face, { dense: true });
    expect(scale).toBe(1);
    expectClose(
      mesh.positions,
      Float64Array.from(vertices, (value, i) => (i % 3 === 1 ? image.height - value : value)),
      { maxAbs: 1e-9 },
    );
  });

  test('makes a GLB that the validator of glTF accepts', async () => {
    const { texture, ...made } = faceMesh(image, face, aligner);
    expect(texture).toMatchObject({ width: 256, height: 256 });
    const glb = writeGlb([{ ...made, ...(texture && { texture: encodePng(texture) }) }], { unitScale: 0.001 });
    const { issues } = await validator.validateBytes(glb);
    expect(issues).toMatchObject({ numErrors: 0, numWarnings: 0 });
  });

  test('leaves out what is not asked for', () => {
    expect(Object.keys(faceMesh(image, face, aligner, { texture: false, expression: false })).sort()).toEqual([
      'mesh',
      'scale',
    ]);
    const open = faceMesh(image, face, aligner, { mouth: 'open', texture: false, expression: false });
    const closed = faceMesh(image, face, aligner, { texture: false, expression: false });
    expect(open.mesh.triangles).toBe(aligner.faceMaps?.triangles);
    expect(sameBytes(closed.mesh.triangles, open.mesh.triangles)).toBe(false);
  });

  test('moves an edited face and keeps its colours and texture', () => {
    const half = new Float32Array(aligner.morphableModel?.expressionCount ?? 0).fill(0.5);
    const edited = withExpression(face, half);
    const before = faceMesh(image, face, aligner);
    const after = faceMesh(image, face, aligner, { edited });
    expect(after.scale).toBe(before.scale);
    expect(sameBytes(after.mesh.positions, before.mesh.positions)).toBe(false);
    expect(sameBytes(after.mesh.colours, before.mesh.colours)).toBe(true);
    expect(sameBytes(after.texture?.data, before.texture?.data)).toBe(true);
    // Targets of looks go by the gaze, which was not edited.
    const isLook = after.expression?.names.map((name) => name.startsWith('eyeLook')) ?? [];
    const gazes = before.expression?.weights ?? new Float32Array(0);
    expect(after.expression?.weights).toEqual(half.map((value, k) => (isLook[k] ? gazes[k] : value)));
    // Without its expression it is the face that was found, without its own; the two are centred by themselves.
    const [a, b] = [before, after].map(({ expression }) => expression?.neutralPositions ?? new Float32Array(0));
    const shift = [0, 1, 2].map((axis) => b[axis] - a[axis]);
    expectClose(
      b,
      a.map((value, i) => value + shift[i % 3]),
      { maxAbs: 1e-3 },
    );
  });

  test('says what a pack lacks and which option makes no sense', () => {
    const { faceMaps, ...withoutMaps } = aligner;
    expect(() => faceMesh(image, face, withoutMaps)).toThrow(/^open: this pack has no triangles/);
    const { morphableModel, ...withoutModel } = aligner;
    expect(() => faceMesh(image, face, withoutModel)).toThrow(/^open: this pack has no morphable model/);
    expect(() => faceMesh(image, face, aligner, { frame: 'inches' as 'metric' })).toThrow(/^frame: expected 'metric'/);
    expect(() => faceMesh(image, face, aligner, { interocularMm: 0 })).toThrow(/^interocularMm: /);
    expect(() => faceMesh(image, face, aligner, { texture: { size: 0.5 } })).toThrow(RangeError);
  });
});

describe('faceMeshes', () => {
  test('puts faces beside each other as they are on the photo', () => {
    const away = (by: number): AlignedFace => {
      const { xMin, yMin, xMax, yMax } = face.roiBox;
      return { ...face, roiBox: { xMin: xMin + by, yMin, xMax: xMax + by, yMax } };
    };
    const made = faceMeshes(image, [away(-100), away(100)], aligner, { texture: false, expression: false });
    const [left, right] = made.map(middle);
    expect(right[0] - left[0]).toBeCloseTo(200 * made[0].scale, 3);
    expect(left[0] + right[0]).toBeCloseTo(0, 3);
    expect(faceMeshes(image, [], aligner)).toEqual([]);
  });
});
