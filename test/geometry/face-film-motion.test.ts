/** The motion of a film's faces, in numbers; face-film.test.ts plays it in three.js. */
import { expect, test } from '@jest/globals';
import { createFaceFilm, type FilmedFace } from '../../src/geometry/face-film.ts';
import { withClosedMouth } from '../../src/geometry/mesh.ts';
import { rotationFromAngles } from '../../src/geometry/rotation.ts';
import type { FaceMaps, RgbaImage } from '../../src/types.ts';
import { formulaFaceModel, formulaParams } from '../support/formula-face-model.ts';

const model = formulaFaceModel();
const [WIDTH, HEIGHT] = [200, 100];

/** A grid of 9 x 10 of the model's vertices: nothing like a face, but a surface with a texture. */
const maps: FaceMaps = {
  triangles: Uint32Array.from({ length: 8 * 9 * 6 }, (_, i) => {
    const cell = Math.floor(i / 6);
    const corner = Math.floor(cell / 8) * 9 + (cell % 8);
    return corner + [0, 9, 10, 0, 10, 1][i % 6];
  }),
  nccCodes: Float32Array.from(
    { length: 270 },
    (_, i) => [(Math.floor(i / 3) % 9) / 8, Math.floor(i / 27) / 9, 0.5][i % 3],
  ),
  uvs: Float32Array.from({ length: 180 }, (_, i) =>
    i % 2 === 0 ? (Math.floor(i / 2) % 9) / 8 : Math.floor(i / 18) / 9,
  ),
};

const imageOf = (grey: number): RgbaImage => ({
  data: new Uint8Array(WIDTH * HEIGHT * 4).fill(grey),
  width: WIDTH,
  height: HEIGHT,
});

interface View {
  readonly id?: number;
  readonly yaw?: number;
  readonly pitch?: number;
  readonly roll?: number;
  /** Px of the crop per unit, in the unit of 1e-4. */
  readonly scale?: number;
  readonly x?: number;
  readonly y?: number;
  /** First parameter of shape. */
  readonly shape?: number;
}

/** A face in a crop whose px are two of the picture wide and three high. */
function faceOf({ id = 0, yaw = 0, pitch = 0, roll = 0, scale = 5, x = 60, y = 60, shape = 0 }: View): FilmedFace {
  const params = formulaParams();
  params.fill(0, 12, 52);
  params[12] = shape;
  const rotation = rotationFromAngles({ yawDegrees: yaw, pitchDegrees: pitch, rollDegrees: roll });
  for (let i = 0; i < 9; i++) params[4 * Math.floor(i / 3) + (i % 3)] = rotation[i] * scale * 1e-4;
  params[3] = x;
  params[7] = y;
  return { id, params, roiBox: { xMin: -20, yMin: -130, xMax: 220, yMax: 230 } };
}

/** The film of these frames, 40 ms apart from the second 5 on, and greys of the skins that were encoded. */
function film(frames: readonly (readonly View[])[]) {
  const greys: number[] = [];
  const made = createFaceFilm(model, maps, {
    textureSize: 16,
    encode: ({ data, width }) => {
      greys.push(data[4 * (8 * width + 8)]);
      return Uint8Array.of(0x89, 0x50, 0x4e, 0x47);
    },
  });
  for (const [i, views] of frames.entries()) made.add(imageOf(10 * (i + 1)), 5000 + 40 * i, views.map(faceOf));
  const faces = made.faces();
  return { faces, greys };
}

const rounded = (values: ArrayLike<number> | undefined, digits = 4): number[] =>
  Array.from(values ?? [], (value) => Number(value.toFixed(digits)) + 0);

/** So that pupils of a face with this first parameter of shape are 63 mm apart. */
function mmPerUnit(shape: number): number {
  const eye = (first: number, axis: number): number => {
    const rows = [0, 1, 2, 3, 4, 5].map((i) => 3 * (first + i) + axis);
    return rows.reduce((sum, row) => sum + (model.meanShape[row] + shape * model.shapeBasis[row * 40]) / 6, 0);
  };
  return 63 / Math.hypot(...[0, 1, 2].map((axis) => eye(36, axis) - eye(42, axis)));
}

test('places are millimetres from the middle of the picture, and sizes are against the median', () => {
  const views = [
    { scale: 5, x: 61, y: 120 },
    { scale: 4, x: 31, y: 100 },
    { scale: 6, x: 81, y: 110 },
  ];
  // Of two the larger.
  const median = 5;
  for (const count of [3, 2, 1]) {
    const { motion } = film(views.slice(0, count).map((view) => [view])).faces[0];
    const mmPerPx = mmPerUnit(0) / (2e-4 * median);
    const expected = views.slice(0, count).flatMap(({ x, y }) => {
      const [px, py] = [(x - 1) * 2 - 20, (120 - y) * 3 - 130];
      return [(px - 100) * mmPerPx, (50 - py) * mmPerPx, 0];
    });
    expect(rounded(motion?.translations, 2)).toEqual(rounded(expected, 2));
    expect(rounded(motion?.sizes)).toEqual(rounded(views.slice(0, count).map(({ scale }) => scale / median)));
    expect(rounded(motion?.times)).toEqual([0, 0.04, 0.08].slice(0, count));
  }
});

test('a face that is not there has no size, from the frame after its last to the one before it is back', () => {
  const here = [{}];
  const { faces } = film([[], [], here, here, [], [], [], [], here, [], []]);
  expect(rounded(faces[0].motion?.sizeTimes)).toEqual([0, 0.04, 0.08, 0.12, 0.16, 0.28, 0.32, 0.36]);
  expect(rounded(faces[0].motion?.sizes)).toEqual([0, 0, 1, 1, 0, 0, 1, 0]);
  expect(rounded(faces[0].motion?.times)).toEqual([0.08, 0.12, 0.32]);
});

test('a turn goes the shorter way round from frame to frame', () => {
  const { faces } = film([150, 170, 190, 210, 370, 390].map((roll) => [{ roll }]));
  const rotations = faces[0].motion?.rotations ?? [];
  for (let i = 4; i < rotations.length; i += 4) {
    let along = 0;
    for (let k = 0; k < 4; k++) along += rotations[i + k] * rotations[i - 4 + k];
    expect(along).toBeCloseTo(Math.abs(Math.cos((((i === 16 ? 160 : 20) / 2) * Math.PI) / 180)), 4);
  }
});

test('the skin is of the frame that looks most straight at the camera, and the shape the mean of all', () => {
  const { faces, greys } = film([
    [{ yaw: 20, shape: 1000 }],
    [{ yaw: 6, pitch: 8, shape: 4000 }],
    [{ pitch: -11, shape: 7000 }],
    [{ yaw: 6, pitch: 8 }],
  ]);
  expect(greys).toEqual([20]);
  const mean = 3000;
  const shapeOf = (row: number): number => model.meanShape[row] + mean * model.shapeBasis[row * 40];
  const scale = mmPerUnit(mean);
  const { positions } = faces[0].mesh;
  for (const row of [0, 100, 269]) {
    expect(faces[0].expression?.neutralPositions[row]).toBeCloseTo(shapeOf(row) * scale, 2);
    expect(positions[row]).toBeCloseTo(shapeOf(row) * scale, 2);
  }
  expect(faces[0].mesh.triangles).toEqual(withClosedMouth(maps).triangles);
});

test('several faces come in the order of their ids', () => {
  const { faces } = film([[{ id: 7 }], [{ id: 7 }, { id: 3 }]]);
  expect(faces.map(({ name }) => name)).toEqual(['face_3', 'face_7']);
  expect(faces.map(({ motion }) => motion?.times.length)).toEqual([1, 2]);
});
