/** The pack that comes with the package, through the whole pipeline on the bundled portrait: pictures, meshes, video. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Logger, WebIO } from '@gltf-transform/core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import validator from 'gltf-validator';
import { readPng } from '../../development/read-png.ts';
import { cutPortrait, scene } from '../../development/video-scene.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { drawLandmarks } from '../../src/geometry/draw.ts';
import { resizePicture } from '../../src/geometry/resize-picture.ts';
import { createFaceRefiner } from '../../src/models/tddfa/create-face-refiner.ts';
import { createFaceAligner, type FaceAligner, openWeights, readImage } from '../../src/node.ts';
import type { FaceBox, RgbaImage } from '../../src/types.ts';
import { createFaceTracker } from '../../src/video/tracker.ts';
import { runCli } from '../support/run-cli.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const PORTRAIT = join(repositoryRoot, 'examples/astronaut.png');

/** Marked by hand in the portrait, px: outer and inner corners of the eyes, tip of the nose, corners of the mouth, chin. */
const MARKS: readonly (readonly [landmark: number, x: number, y: number])[] = [
  [36, 193, 101],
  [39, 212, 103],
  [42, 236, 103],
  [45, 258, 105],
  [30, 223, 124],
  [48, 203, 140],
  [54, 244, 141],
  [8, 223, 178],
];
/** Mean distance of the landmarks from these marks, px; the face is about 90 px wide. */
const MARK_DISTANCE_MAX = 6;
/** Between backends, px. */
const BACKEND_MAX_ABS = 0.02;
/** Of the landmarks of int8 from those of float32, mean, px: three times what was measured. */
const BYTES_DISTANCE_MAX = 0.9;
const PACK_BYTES_MAX = 10_000_000;
/** Of small pictures, for the detector. */
const ENLARGEMENT = 2;
/** ARKit's, in its order. */
const EXPRESSIONS = `
  eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft
  eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight
  eyeWideRight jawForward jawLeft jawRight jawOpen mouthClose mouthFunnel mouthPucker mouthLeft
  mouthRight mouthSmileLeft mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft
  mouthDimpleRight mouthStretchLeft mouthStretchRight mouthRollLower mouthRollUpper mouthShrugLower
  mouthShrugUpper mouthPressLeft mouthPressRight mouthLowerDownLeft mouthLowerDownRight
  mouthUpperUpLeft mouthUpperUpRight browDownLeft browDownRight browInnerUp browOuterUpLeft
  browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight tongueOut
`
  .trim()
  .split(/\s+/);

const at = useTemporaryFolder();
let aligner: FaceAligner;
let photo: RgbaImage;
let boxes: FaceBox[];

beforeAll(async () => {
  aligner = await createFaceAligner();
  photo = await readImage(PORTRAIT);
  boxes = await aligner.detect(photo);
});
afterAll(() => aligner.dispose());

describe('weights/open', () => {
  test('is whole, small, and free for any use', async () => {
    const pack = await openPack(openWeights());
    await pack.verify();
    const { models } = pack.manifest;
    expect(models.map(({ name, role }) => `${role} ${name}`).sort()).toEqual([
      'detector open-faceboxes',
      'face-maps open-face-maps',
      'morphable-model open-face',
      'normalization open-eyes-normalization',
      'normalization open-mb05-normalization',
      'normalization open-mb1-normalization',
      'normalization open-mouth-normalization',
      'refine open-eyes',
      'refine open-mouth',
      'regressor open-mb05',
      'regressor open-mb1',
    ]);
    for (const { licence } of models) expect(['CC0-1.0', 'MIT']).toContain(licence.name);
    const folder = join(repositoryRoot, 'weights/open');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
      statSync(join(folder, name)),
    );
    const bytes = files.filter((file) => file.isFile()).reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(PACK_BYTES_MAX);
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toMatch(/known failures/i);
  });

  test('finds the face of the portrait, and nothing else', () => {
    expect(boxes).toHaveLength(1);
    const [box] = boxes as [FaceBox];
    for (const [, x, y] of MARKS.slice(0, -1)) {
      expect(x).toBeGreaterThan(box.xMin);
      expect(x).toBeLessThan(box.xMax);
      expect(y).toBeGreaterThan(box.yMin);
      expect(y).toBeLessThan(box.yMax);
    }
    expect(box.xMax - box.xMin).toBeLessThan(150);
  });

  test.each(['mb05', 'mb1'])('puts the landmarks where they are, with %s', async (regressor) => {
    const chosen = await createFaceAligner({ regressor });
    try {
      const [face] = await chosen.align(photo, boxes);
      if (face === undefined) throw new Error('no face');
      const points = chosen.reconstruct(face);
      const distances = MARKS.map(([landmark, x, y]) =>
        Math.hypot(points[landmark * 3] - x, points[landmark * 3 + 1] - y),
      );
      expect(distances.reduce((sum, distance) => sum + distance, 0) / distances.length).toBeLessThan(MARK_DISTANCE_MAX);
    } finally {
      chosen.dispose();
    }
  });

  test('enlarges a small picture, because it finds small faces better then', async () => {
    const small = resizePicture(photo, 192, 192);
    const [usual, enlarged, never] = await Promise.all([
      aligner.detect(small),
      aligner.detect(small, { maxEnlargement: ENLARGEMENT }),
      aligner.detect(small, { maxEnlargement: 1 }),
    ]);
    expect(usual).toHaveLength(1);
    expect(usual).toEqual(enlarged);
    expect(usual).not.toEqual(never);
  });

  test('takes the smaller regressor where none is named', async () => {
    const small = await createFaceAligner({ regressor: 'mb05' });
    try {
      const [byDefault, named] = await Promise.all([aligner, small].map((one) => one.align(photo, boxes)));
      expect(byDefault?.[0]?.params).toEqual(named?.[0]?.params);
    } finally {
      small.dispose();
    }
  });

  test("has ARKit's 52 expressions and gaze, and finer meshes", async () => {
    expect(EXPRESSIONS).toHaveLength(52);
    expect(aligner.morphableModel).toMatchObject({ vertexCount: 10_488, expressionNames: EXPRESSIONS, gazeCount: 4 });
    const fine = await createFaceAligner({ subdivisions: 2 });
    expect(fine.morphableModel?.vertexCount).toBe(41_582);
    fine.dispose();
  });

  test.each(['wasm', 'cpu'] as const)('gives on %s what it gives on compiled', async (backend) => {
    const other = await createFaceAligner({ backend });
    try {
      const found = await other.detect(photo);
      expect(found).toHaveLength(boxes.length);
      const [expected, actual] = await Promise.all([
        aligner.align(photo, boxes).then(([face]) => face && aligner.reconstruct(face, { dense: true })),
        other.align(photo, found).then(([face]) => face && other.reconstruct(face, { dense: true })),
      ]);
      const differences = expected.map((value, i) => Math.abs(value - actual?.[i]));
      expect(differences.reduce((most, value) => Math.max(most, value), 0)).toBeLessThan(BACKEND_MAX_ABS);
    } finally {
      other.dispose();
    }
  });

  test.each(['mb05', 'mb1'])(
    "reads the portrait's face: eyes open, a smile, a look at the camera, with %s",
    async (regressor) => {
      const chosen = await createFaceAligner({ regressor });
      try {
        const [face] = await chosen.align(photo, boxes);
        if (face === undefined) throw new Error('no face');
        expect(face.params).toHaveLength(12 + 40 + 52 + 4);
        const { eyeBlinkLeft, eyeBlinkRight, mouthSmileLeft, mouthSmileRight, tongueOut, mouthPucker } =
          chosen.expressions(face);
        for (const shut of [eyeBlinkLeft, eyeBlinkRight]) expect(shut).toBeLessThan(0.5);
        for (const smile of [mouthSmileLeft, mouthSmileRight]) {
          expect(smile).toBeGreaterThan(Math.max(Number(tongueOut), Number(mouthPucker)));
        }
        for (const eye of Object.values(chosen.gaze(face) ?? {})) {
          expect(Math.abs(eye.yawDegrees)).toBeLessThan(35);
          expect(Math.abs(eye.pitchDegrees)).toBeLessThan(25);
        }
      } finally {
        chosen.dispose();
      }
    },
  );

  test("an iris has more of the texture than of the face's picture, so that eyes are sharp", () => {
    const { faceMaps: maps } = aligner;
    for (const region of ['leftIris', 'rightIris']) {
      const iris = new Set(maps?.regions?.[region]);
      let area = 0;
      for (let t = 0; maps?.uvTriangles !== undefined && t < maps.triangles.length; t += 3) {
        if (![0, 1, 2].every((k) => iris.has(maps.triangles[t + k]))) continue;
        const [a, b, c] = [0, 1, 2].map((k) => 2 * Number(maps.uvTriangles?.[t + k]));
        const { uvs } = maps;
        area += ((uvs[b] - uvs[a]) * (uvs[c + 1] - uvs[a + 1]) - (uvs[b + 1] - uvs[a + 1]) * (uvs[c] - uvs[a])) / 2;
      }
      // 17 texels across of 512; the face's width would have 11 for it.
      expect(area).toBeGreaterThan(0.0008);
    }
  });

  test('computes with bytes where that is asked for, and looks at eyes and mouths again then too', async () => {
    const bytes = await createFaceAligner({ precision: 'int8' });
    const refining = await createFaceAligner({ precision: 'int8', refine: createFaceRefiner });
    try {
      expect(await bytes.detect(photo)).toHaveLength(1);
      const [exact, rounded] = await Promise.all(
        [aligner, bytes].map(async (one) => one.align(photo, boxes).then(([face]) => face && one.reconstruct(face))),
      );
      const distances = Array.from({ length: 68 }, (_, i) =>
        Math.hypot(...[0, 1].map((axis) => Number(exact?.[3 * i + axis]) - Number(rounded?.[3 * i + axis]))),
      );
      const mean = distances.reduce((sum, distance) => sum + distance) / 68;
      expect(mean).toBeGreaterThan(0);
      expect(mean).toBeLessThan(BYTES_DISTANCE_MAX);
      expect(await refining.align(photo, boxes)).toHaveLength(1);
    } finally {
      bytes.dispose();
      refining.dispose();
    }
  });

  test('draws every picture and writes every mesh', async () => {
    const kinds = ['landmarks', 'points', 'render', 'depth', 'pncc', 'uv-texture', 'frontal', 'pose', 'boxes'];
    const args = ['--draw', kinds.join(','), '--mesh', 'glb,obj,ply', '--out', at('drawn'), '--json', '-'];
    const { status, stdout, stderr } = await runCli(['align', PORTRAIT, ...args]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(/^( {2}wrote .*\n)+$/) });
    expect(JSON.parse(stdout).images[0].faces).toHaveLength(1);
    for (const kind of kinds) {
      const { data } = readPng(at('drawn', `astronaut.${kind}.png`));
      expect(new Set(data.filter((_, i) => i % 4 === 0)).size).toBeGreaterThan(16);
    }
    const glb = new Uint8Array(readFileSync(at('drawn', 'astronaut.glb')));
    expect((await validator.validateBytes(glb)).issues).toMatchObject({ numErrors: 0, numWarnings: 0 });
    const reader = new WebIO().setLogger(new Logger(Logger.Verbosity.SILENT));
    const [mesh] = (await reader.readBinary(glb)).getRoot().listMeshes();
    expect(mesh?.getExtras()).toEqual({ targetNames: EXPRESSIONS });
  });

  test('follows the face through a film', async () => {
    const portrait = cutPortrait(photo, boxes[0], 180);
    const tracker = createFaceTracker(aligner);
    const ids = new Set<number>();
    for (let frame = 0; frame < 12; frame++) {
      const faces = await tracker.next(scene(480, 270, [{ portrait, x: 160 + 12 * frame, y: 135 }]), frame * 40);
      expect(faces).toHaveLength(1);
      for (const { id } of faces) ids.add(id);
    }
    expect(ids.size).toBe(1);
  });

  test('leaves the photo as it was', async () => {
    const [face] = await aligner.align(photo, boxes);
    const before = photo.data.slice();
    drawLandmarks(photo, [aligner.reconstruct(face)]);
    expect(photo.data).toEqual(before);
  });
});
