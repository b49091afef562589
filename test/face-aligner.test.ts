import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { interleave, readFloat32, readReference, referenceNames } from '../development/reference.ts';
import { upstreamPack } from '../development/upstream-pack.ts';
import { fileWeights } from '../src/engine/weights/file-source.ts';
import { DisposedError, WeightFormatError } from '../src/errors.ts';
import { createFaceAligner, type FaceAligner } from '../src/face-aligner.ts';
import { cameraMatrix, poseFromParams } from '../src/geometry/pose.ts';
import { readImage } from '../src/image-files/read-image.ts';
import type { RgbaImage, RoiBox } from '../src/types.ts';
import { expectClose } from './support/expect-close.ts';
import { formulaPack, formulaPackWithoutModel } from './support/formula-pack.ts';
import { describeWithShared, sharedPath } from './support/shared.ts';

const BOX_MAX_ABS = 0.02;
const SCORE_MAX_ABS = 1e-4;
const PARAM_OUTPUT_MAX_ABS = 1e-3;
const LANDMARK_MAX_ABS = 0.02;
const LANDMARK_FROM_JPEG_MAX_ABS = 0.1;
const DENSE_MAX_ABS = 0.05;
const POSE_DEGREES_MAX_ABS = 0.02;
const CAMERA_MAX_ABS = 0.02;
/** Measured 3.7e-4; 5e-3 is what is asked for. */
const SHORT_BASIS_MAX_PX = 1e-3;

function corners({ xMin, yMin, xMax, yMax }: RoiBox): number[] {
  return [xMin, yMin, xMax, yMax];
}

const plainImage: RgbaImage = { data: new Uint8Array(64 * 48 * 4).fill(90), width: 64, height: 48 };
const someBox = { xMin: 10, yMin: 5, xMax: 40, yMax: 44 };

describe('createFaceAligner', () => {
  let aligner: FaceAligner;
  beforeAll(async () => {
    aligner = await createFaceAligner({ weights: fileWeights(await formulaPack()) });
  });

  test('aligns all boxes in their order and reconstructs them', async () => {
    const other = { xMin: 0, yMin: 0, xMax: 30, yMax: 30 };
    const faces = await aligner.align(plainImage, [someBox, other]);
    expect(faces).toHaveLength(2);
    const [alone] = await aligner.align(plainImage, [other]);
    expectClose(faces[1].params, alone.params, { maxAbs: 1e-4 });
    const landmarks = aligner.reconstruct(faces[0]);
    expect(landmarks).toHaveLength(68 * 3);
    const dense = aligner.reconstruct(faces[0], { dense: true });
    expect(dense).toHaveLength((aligner.morphableModel?.vertexCount ?? 0) * 3);
    const dst = new Float32Array(dense.length);
    expect(aligner.reconstruct(faces[0], { dense: true, dst })).toBe(dst);
    expectClose(dst, dense, { maxAbs: 0 });
  });

  test('refuses a basis that there is not', async () => {
    const weights = fileWeights(await formulaPack());
    await expect(createFaceAligner({ weights, basis: 'int8' as 'int16' })).rejects.toThrow(
      new TypeError("basis: expected float32 or int16, got 'int8'"),
    );
  });

  test('answers no boxes with no faces', async () => {
    expect(await aligner.align(plainImage, [])).toEqual([]);
    expect(await aligner.alignToLandmarks(plainImage, [])).toEqual([]);
  });

  test('takes an image of one pixel', async () => {
    expect(Array.isArray(await aligner.detect({ data: new Uint8Array(4), width: 1, height: 1 }))).toBe(true);
  });

  test.each([
    ['NaN', { ...someBox, xMin: Number.NaN }],
    ['infinite', { ...someBox, yMax: Number.POSITIVE_INFINITY }],
    ['inverted', { ...someBox, xMin: 50 }],
    ['empty', { ...someBox, yMax: 5 }],
    ['beside the image', { xMin: 64, yMin: 0, xMax: 90, yMax: 20 }],
    ['above the image', { xMin: 0, yMin: -20, xMax: 20, yMax: 0 }],
  ])('refuses a box that is %s', async (_, box) => {
    await expect(aligner.align(plainImage, [someBox, box])).rejects.toThrow(/^boxes\[1\]: expected/);
  });

  test('refuses an image whose sizes and data disagree', async () => {
    await expect(aligner.detect({ ...plainImage, width: 65 })).rejects.toThrow(RangeError);
    await expect(aligner.align({ ...plainImage, width: 65 }, [someBox])).rejects.toThrow(RangeError);
  });

  test('leaves the image and the boxes as they were', async () => {
    const image = { ...plainImage, data: Uint8Array.from(plainImage.data) };
    const box = Object.freeze({ ...someBox });
    await aligner.detect(image);
    const [face] = await aligner.align(image, [box]);
    const params = Float32Array.from(face.params);
    aligner.reconstruct(face, { dense: true });
    expectClose(image.data, plainImage.data, { maxAbs: 0 });
    expectClose(face.params, params, { maxAbs: 0 });
  });

  test('names the regressors of the pack when asked for another', async () => {
    const weights = fileWeights(await formulaPack());
    await expect(createFaceAligner({ weights, regressor: 'resnet' })).rejects.toThrow(/no regressor 'resnet'/);
  });

  test('says what its pack is called and has', async () => {
    const { packName, hasDetector, regressor, regressors } = aligner;
    expect({ packName, hasDetector, regressor, regressors }).toEqual({
      packName: 'whole',
      hasDetector: true,
      regressor: 'mb025',
      regressors: ['mb025'],
    });
  });

  test('works without a morphable model up to the parameters', async () => {
    const modelFree = await createFaceAligner({ weights: fileWeights(await formulaPackWithoutModel()) });
    const [face] = await modelFree.align(plainImage, [someBox]);
    expect(poseFromParams(face.params).yawDegrees).toEqual(expect.any(Number));
    expect(() => modelFree.reconstruct(face)).toThrow(WeightFormatError);
    modelFree.dispose();
  });

  test('stops loading when its signal is aborted', async () => {
    const weights = fileWeights(await formulaPack());
    await expect(createFaceAligner({ weights, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    const controller = new AbortController();
    const loading = createFaceAligner({ weights, signal: controller.signal, onProgress: () => controller.abort() });
    await expect(loading).rejects.toThrow(/abort/i);
  });

  test('several aligners at once do not disturb each other, nor does the end of one', async () => {
    const weights = fileWeights(await formulaPack());
    const others = await Promise.all([
      createFaceAligner({ weights, threads: 2 }),
      createFaceAligner({ weights }),
      createFaceAligner({ weights, backend: 'wasm' }),
    ]);
    const [expected] = await aligner.align(plainImage, [someBox]);
    const alignOften = async (one: FaceAligner): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        const [[face]] = await Promise.all([one.align(plainImage, [someBox]), one.detect(plainImage)]);
        expectClose(face.params, expected.params, { maxAbs: 1e-4 });
      }
    };
    await Promise.all(others.map(alignOften));
    others[0]?.dispose();
    await Promise.all(others.slice(1).map(alignOften));
    for (const other of others) other.dispose();
    await alignOften(aligner);
  });

  test('throws DisposedError after dispose, which may be called twice', async () => {
    const short = await createFaceAligner({ weights: fileWeights(await formulaPack()) });
    const [face] = await short.align(plainImage, [someBox]);
    short.dispose();
    short.dispose();
    await expect(short.detect(plainImage)).rejects.toThrow(DisposedError);
    await expect(short.align(plainImage, [])).rejects.toThrow(DisposedError);
    expect(() => short.reconstruct(face)).toThrow(DisposedError);
  });
});

describeWithShared('createFaceAligner with the original weights', () => {
  let aligner: FaceAligner;
  beforeAll(async () => {
    aligner = await createFaceAligner({ weights: fileWeights(await upstreamPack()) });
  });

  test('an int16 basis moves no vertex of the reference faces by 0.001 px', async () => {
    const short = await createFaceAligner({ weights: fileWeights(await upstreamPack()), basis: 'int16' });
    let worst = 0;
    for (const { params, roiBox } of referenceNames.flatMap((name) => readReference(name).faces)) {
      const [xMin = 0, yMin = 0, xMax = 0, yMax = 0] = roiBox;
      const face = { params: Float32Array.from(params), roiBox: { xMin, yMin, xMax, yMax } };
      const exact = aligner.reconstruct(face, { dense: true });
      const vertices = short.reconstruct(face, { dense: true });
      for (const [i, value] of vertices.entries()) worst = Math.max(worst, Math.abs(value - exact[i]));
    }
    short.dispose();
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(SHORT_BASIS_MAX_PX);
  });

  test.each(referenceNames)('%s: the whole chain equals the original', async (name) => {
    const image = await readImage(sharedPath('reference', name, 'input.png'));
    const reference = readReference(name);
    const boxes = await aligner.detect(image);
    expect(boxes).toHaveLength(reference.boxes.length);
    for (const [index, [...expected]] of reference.boxes.entries()) {
      const box = boxes[index];
      expectClose(corners(box), expected.slice(0, 4), { maxAbs: BOX_MAX_ABS });
      expectClose([box.score], expected.slice(4), { maxAbs: SCORE_MAX_ABS });
    }
    const faces = await aligner.align(image, boxes);
    for (const [index, expected] of reference.faces.entries()) {
      const face = faces[index];
      expectClose(corners(face.roiBox), expected.roiBox, { maxAbs: BOX_MAX_ABS });
      expectClose(aligner.reconstruct(face), interleave(expected.landmarks), { maxAbs: LANDMARK_MAX_ABS });
      const dense = readFloat32(sharedPath('reference', name, `dense_${index}.f32`));
      const vertexCount = dense.length / 3;
      const rows = [0, 1, 2].map((row) => dense.subarray(row * vertexCount, (row + 1) * vertexCount));
      expectClose(aligner.reconstruct(face, { dense: true }), interleave(rows), { maxAbs: DENSE_MAX_ABS });
      const { yawDegrees, pitchDegrees, rollDegrees } = poseFromParams(face.params);
      const { yaw, pitch, roll } = expected.pose;
      expectClose([yawDegrees, pitchDegrees, rollDegrees], [yaw, pitch, roll], { maxAbs: POSE_DEGREES_MAX_ABS });
      expectClose(cameraMatrix(face.params), expected.cameraMatrix.flat(), { maxAbs: CAMERA_MAX_ABS });
      const [tracked] = await aligner.alignToLandmarks(image, [face]);
      expectClose(corners(tracked.roiBox), expected.landmarkRoiBox, { maxAbs: LANDMARK_MAX_ABS });
      const movement = tracked.params.map(
        (value, i) => (value - expected.paramsFromLandmarkRoi[i]) / Math.max(1, Math.abs(value)),
      );
      expectClose(movement, new Float32Array(movement.length), { maxAbs: PARAM_OUTPUT_MAX_ABS });
    }
  });

  test.each(referenceNames.filter((name) => name !== 'astronaut'))('%s.jpg: landmarks from the file', async (name) => {
    const image = await readImage(sharedPath('photos', `${name}.jpg`));
    const faces = await aligner.align(image, await aligner.detect(image));
    for (const [index, expected] of readReference(name).faces.entries()) {
      const landmarks = aligner.reconstruct(faces[index]);
      expectClose(landmarks, interleave(expected.landmarks), { maxAbs: LANDMARK_FROM_JPEG_MAX_ABS });
    }
  });

  test('finds no face where there is none', async () => {
    const noise = { data: new Uint8Array(200 * 150 * 4).map((_, i) => (i * 7919) % 251), width: 200, height: 150 };
    expect(await aligner.detect(noise)).toEqual([]);
  });
});

interface Annotation {
  readonly image: string;
  readonly roiBox: [number, number, number, number];
  readonly landmarks: number[][];
  readonly reannotatedLandmarks: number[][];
}

interface ReferenceError {
  readonly image: string;
  readonly nmePercentGivenRoiBox: number;
  readonly nmePercentReannotated: number;
  readonly nmePercentDetected: number;
}

const NME_MAX_ABS_PERCENT = 0.02;

/** Mean distance of the points in the picture over the square root of the area of the true points' box, in per cent. */
function nmePercent(landmarks: Float32Array, truth: readonly number[][]): number {
  const [xs, ys] = truth as [number[], number[]];
  const width = Math.max(...xs) - Math.min(...xs);
  const height = Math.max(...ys) - Math.min(...ys);
  let sum = 0;
  for (let i = 0; i < xs.length; i++) {
    sum += Math.hypot(landmarks[3 * i] - xs[i], landmarks[3 * i + 1] - ys[i]);
  }
  return ((sum / xs.length) * 100) / Math.sqrt(width * height);
}

describeWithShared('accuracy on AFLW2000-3D', () => {
  test('the error on each of 16 pictures is the original one', async () => {
    const aligner = await createFaceAligner({ weights: fileWeights(await upstreamPack()) });
    const annotations: Annotation[] = JSON.parse(readFileSync(sharedPath('aflw2000', 'annotations.json'), 'utf8'));
    const reference: ReferenceError[] = JSON.parse(readFileSync(sharedPath('aflw2000', 'reference-nme.json'), 'utf8'));
    expect(annotations).toHaveLength(16);
    for (const { image: file, roiBox, landmarks, reannotatedLandmarks } of annotations) {
      const expected = reference.find(({ image }) => image === file) as ReferenceError;
      const image = await readImage(sharedPath('aflw2000', file));
      const [xMin, yMin, xMax, yMax] = roiBox;
      const [cropped] = await aligner.alignCrops(image, [{ xMin, yMin, xMax, yMax }]);
      const points = aligner.reconstruct(cropped);
      const [detected] = await aligner.align(image, await aligner.detect(image));
      const errors = [
        nmePercent(points, landmarks),
        nmePercent(points, reannotatedLandmarks),
        nmePercent(aligner.reconstruct(detected), landmarks),
      ];
      const { nmePercentGivenRoiBox, nmePercentReannotated, nmePercentDetected } = expected;
      expectClose(errors, [nmePercentGivenRoiBox, nmePercentReannotated, nmePercentDetected], {
        maxAbs: NME_MAX_ABS_PERCENT,
      });
    }
  });
});
