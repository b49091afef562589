/** A film's faces as glTF animation, played by three.js. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import validator from 'gltf-validator';
import { AnimationMixer, type Mesh as ThreeMesh, Vector3 } from 'three';
import { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
import { gradientImage } from '../../development/synthetic-face.ts';
import { createFaceFilm, type FaceFilm, type FilmedFace } from '../../src/geometry/face-film.ts';
import { writeGlb } from '../../src/geometry/glb.ts';
import { HeadSurface } from '../../src/geometry/head-surface.ts';
import { METRES_PER_MM } from '../../src/geometry/mesh.ts';
import { rotationFromAngles } from '../../src/geometry/rotation.ts';
import { createFaceAligner, type FaceAligner } from '../../src/node.ts';
import type { FaceMaps, MorphableModel } from '../../src/types.ts';

const [WIDTH, HEIGHT] = [320, 240];
const FRAME_MS = 40;
/** Px of the image; a quaternion and linear keys of single precision lose 0.002. */
const VERTEX_MAX_PX = 0.02;

let aligner: FaceAligner;
let model: MorphableModel;
let maps: FaceMaps;
const image = gradientImage(WIDTH, HEIGHT);

beforeAll(async () => {
  aligner = await createFaceAligner();
  if (aligner.morphableModel === undefined || aligner.faceMaps === undefined) throw new Error('no model');
  [model, maps] = [aligner.morphableModel, aligner.faceMaps];
});
afterAll(() => aligner.dispose());

/** A face that turns, moves, comes nearer, opens its mouth and raises its brows. */
function faceAt(frame: number, id = 0): FilmedFace {
  const params = new Float32Array(12 + model.shapeCount + model.expressionCount + (model.gazeCount ?? 0));
  const scale = 5e-4 * (1 + 0.02 * frame);
  const rotation = rotationFromAngles({ yawDegrees: 4 * frame - 10, pitchDegrees: 2 * frame, rollDegrees: 15 - frame });
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) params[4 * row + column] = rotation[3 * row + column] * scale;
  }
  params[3] = 60 + frame;
  params[7] = 55;
  for (let i = 0; i < 5; i++) params[12 + i] = 0.8 - 0.3 * i;
  const column = (name: string): number => 12 + model.shapeCount + (model.expressionNames?.indexOf(name) ?? -1);
  params[column('jawOpen')] = 0.1 * frame;
  params[column('browInnerUp')] = 1 - 0.1 * frame;
  const roiBox = { xMin: 60 + 5 * frame, yMin: 30, xMax: 240 + 5 * frame, yMax: 210 };
  return { id, params, roiBox };
}

function film(): FaceFilm {
  return createFaceFilm(model, maps, { textureSize: 64, encode: () => Uint8Array.of(0x89, 0x50, 0x4e, 0x47) });
}

async function glbOf(made: FaceFilm): Promise<ArrayBuffer> {
  // Without a texture, since three.js decodes none in Node.
  const faces = made.faces().map(({ texture, ...face }) => face);
  const bytes = writeGlb(faces, { unitScale: METRES_PER_MM });
  const { issues } = await validator.validateBytes(bytes);
  expect(issues).toMatchObject({ numErrors: 0, numWarnings: 0 });
  return bytes.buffer;
}

/** Where three.js draws the mesh's vertices at a time: metres. */
async function playedAt(glb: ArrayBuffer, seconds: number, name = 'face_0') {
  const { scene, animations } = await new GLTFLoader().parseAsync(glb, '');
  const [clip] = animations;
  const mesh = scene.getObjectByName(name) as ThreeMesh;
  const mixer = new AnimationMixer(scene);
  if (clip === undefined) throw new Error('no animation');
  mixer.clipAction(clip).play();
  mixer.setTime(seconds);
  scene.updateMatrixWorld(true);
  const points = Array.from({ length: mesh.geometry.getAttribute('position').count }, (_, i) =>
    mesh.getVertexPosition(i, new Vector3()).applyMatrix4(mesh.matrixWorld),
  );
  return { mesh, clip, points };
}

describe('a film of faces', () => {
  test('plays in three.js as the faces were in each frame', async () => {
    const made = film();
    for (let frame = 0; frame < 8; frame++) made.add(image, 1000 + frame * FRAME_MS, [faceAt(frame)]);
    const glb = await glbOf(made);
    // The same scale in every frame: between two of its vertices in the first.
    let metresPerPx: number | undefined;
    for (const frame of [0, 3, 6]) {
      const { points, clip, mesh } = await playedAt(glb, (frame * FRAME_MS) / 1000);
      const seen = aligner.reconstruct(faceAt(frame), { dense: true });
      const apart = (i: number, k: number): [number, number] => [
        Math.hypot(seen[3 * i] - seen[3 * k], seen[3 * i + 1] - seen[3 * k + 1]),
        Math.hypot((points[i]?.x ?? 0) - (points[k]?.x ?? 0), (points[i]?.y ?? 0) - (points[k]?.y ?? 0)),
      ];
      const [px, metres] = apart(0, 2000);
      metresPerPx ??= metres / px;
      let most = 0;
      for (const [i, point] of points.entries()) {
        const x = point.x / metresPerPx + WIDTH / 2;
        const y = HEIGHT / 2 - point.y / metresPerPx;
        most = Math.max(most, Math.abs(x - seen[3 * i]), Math.abs(y - seen[3 * i + 1]));
      }
      expect(most).toBeLessThan(VERTEX_MAX_PX);
      expect(clip.duration).toBeCloseTo(0.28, 5);
      const weight = (name: string): number =>
        mesh.morphTargetInfluences?.[mesh.morphTargetDictionary?.[name] ?? -1] ?? NaN;
      expect(weight('jawOpen')).toBeCloseTo(0.1 * frame, 5);
      expect(weight('browInnerUp')).toBeCloseTo(1 - 0.1 * frame, 5);
    }
  });

  test('a face that leaves has no size until it is back, and several faces have a mesh each', async () => {
    const made = film();
    for (let frame = 0; frame < 9; frame++) {
      const faces = [faceAt(frame, 1)];
      if (frame < 3 || frame > 5) faces.push(faceAt(frame, 2));
      made.add(image, frame * FRAME_MS, faces);
    }
    const glb = await glbOf(made);
    for (const [frame, isThere] of [
      [1, true],
      [4, false],
      [7, true],
    ] as const) {
      const { mesh } = await playedAt(glb, (frame * FRAME_MS) / 1000, 'face_2');
      expect(mesh.scale.x > 0).toBe(isThere);
      const other = await playedAt(glb, (frame * FRAME_MS) / 1000, 'face_1');
      expect(other.mesh.scale.x).toBeGreaterThan(0);
    }
  });

  test('has the skin of the frame that shows it best, and no face where there was none', () => {
    const seen: number[] = [];
    const made = createFaceFilm(model, maps, {
      textureSize: 32,
      encode: ({ width }) => {
        seen.push(width);
        return Uint8Array.of(0xff, 0xd8, 0xff);
      },
    });
    expect(made.faces()).toEqual([]);
    made.add(image, 0, [faceAt(0)]);
    made.add(image, 40, []);
    expect(made.faces()).toHaveLength(1);
    expect(seen).toEqual([32]);
  });

  test('goes on in time, with parameters of its model', () => {
    const made = film();
    made.add(image, 40, []);
    expect(() => made.add(image, 40, [])).toThrow(
      new RangeError('timeMs: expected a time after that of the frame before, got 40'),
    );
    expect(() => made.add(image, NaN, [])).toThrow(RangeError);
    const short = { ...faceAt(0), params: new Float32Array(62) };
    expect(() => made.add(image, 80, [short])).toThrow(/^params: expected 108 parameters/);
  });
});

test("a head in its own frame has its landmarks on its vertices, and the mean head's pupils are as far apart as is asked for", () => {
  const head = new HeadSurface(aligner, 63);
  head.evaluate(faceAt(3).params);
  const { keypointIndices } = model;
  let count = 0;
  for (let i = 0; i < keypointIndices.length; i += 3) {
    const vertex = keypointIndices[i];
    if (vertex % 3 !== 0 || keypointIndices[i + 1] !== vertex + 1 || keypointIndices[i + 2] !== vertex + 2) continue;
    count++;
    // Millimetres; y of vertices goes down.
    expect(head.landmarks[i]).toBeCloseTo(head.vertices[vertex], 2);
    expect(head.landmarks[i + 1]).toBeCloseTo(-head.vertices[vertex + 1], 2);
    expect(head.landmarks[i + 2]).toBeCloseTo(head.vertices[vertex + 2] + head.zOffset, 2);
  }
  expect(count).toBeGreaterThan(50);
  head.evaluate(new Float32Array(12 + model.shapeCount + model.expressionCount + (model.gazeCount ?? 0)));
  const eye = (first: number): number[] =>
    [0, 1, 2].map((axis) => {
      let sum = 0;
      for (let i = first; i < first + 6; i++) sum += head.landmarks[3 * i + axis] / 6;
      return sum;
    });
  const [right, left] = [eye(36), eye(42)];
  expect(Math.hypot(...right.map((value, axis) => value - left[axis]))).toBeCloseTo(63, 2);
  for (const length of [0, -1, Infinity, Number.NaN]) {
    expect(() => new HeadSurface(aligner, length)).toThrow(`interocularMm: expected a positive length, got ${length}`);
  }
});
