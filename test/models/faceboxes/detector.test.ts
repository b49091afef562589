import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { convertNetwork } from '../../../converters/networks/convert-network.ts';
import { astronaut, formulaFaceboxes, formulaRegressor } from '../../../development/formula.ts';
import { readPng } from '../../../development/read-png.ts';
import { readFloat32, readReference, referenceNames } from '../../../development/reference.ts';
import { createEngine } from '../../../src/engine/create-engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { MEAN_SUBTRACTED, toNetworkInput } from '../../../src/engine/image/network-input.ts';
import { resizeImage } from '../../../src/engine/image/resize.ts';
import { DisposedError, WeightFormatError } from '../../../src/errors.ts';
import {
  createFaceDetector,
  DETECTOR_DEFAULTS,
  detectorInputSize,
  type FaceDetector,
  selectFaces,
} from '../../../src/models/faceboxes/detector.ts';
import { priorBoxes } from '../../../src/models/faceboxes/prior-boxes.ts';
import type { FaceBox } from '../../../src/types.ts';
import { expectClose } from '../../support/expect-close.ts';
import { noise } from '../../support/noise.ts';
import { describeWithShared, sharedPath } from '../../support/shared.ts';
import { upstreamNetwork } from '../../support/upstream-networks.ts';

// Measured: 2.6e-5, 1.8e-6, 1.2e-4 px; from the reference's own outputs 7.6e-6 px.
const MAX_LOC_ERROR = 8e-5;
const MAX_CONF_ERROR = 6e-6;
const MAX_BOX_ERROR = 4e-4;
const MAX_BOX_ERROR_FROM_OUTPUTS = 3e-5;

const coordinates = (boxes: readonly FaceBox[]) => boxes.flatMap((box) => [box.xMin, box.yMin, box.xMax, box.yMax]);

describe('detectorInputSize', () => {
  test.each([
    [1280, 720, 1080, 607],
    [1920, 1080, 1080, 607],
    [3840, 2160, 1080, 607],
    [1536, 689, 1080, 484],
    [512, 512, 512, 512],
    [1080, 720, 1080, 720],
    [100, 1142, 63, 719],
    [2140, 100, 1079, 50],
    [20000, 1, 1080, 1],
    [1, 1, 1, 1],
  ])('%i x %i becomes %i x %i', (imageWidth, imageHeight, width, height) => {
    expect(detectorInputSize(imageWidth, imageHeight)).toMatchObject({ width, height });
  });

  test('takes other limits, and does not scale up', () => {
    const limits = { maxWidth: 200, maxHeight: 200, maxEnlargement: 1 };
    expect(detectorInputSize(400, 300, limits)).toEqual({
      scale: 0.5,
      width: 200,
      height: 150,
    });
    expect(detectorInputSize(40, 30, limits)).toEqual({ scale: 1, width: 40, height: 30 });
  });

  test.each([
    [320, 320, 480, 480, 1.5],
    [321, 323, 481, 484, 1.5],
    [640, 480, 960, 720, 1.5],
    [720, 481, 1077, 720, 720 / 481],
    [1079, 300, 1080, 300, 1080 / 1079],
    [1080, 720, 1080, 720, 1],
    [1280, 720, 1080, 607, 1080 / 1280],
    [500, 721, 499, 720, 720 / 721],
  ])('enlarges %i x %i to %i x %i where it may', (imageWidth, imageHeight, width, height, scale) => {
    const size = detectorInputSize(imageWidth, imageHeight, { ...DETECTOR_DEFAULTS, maxEnlargement: 1.5 });
    expect(size).toEqual({ width, height, scale: expect.closeTo(scale, 12) });
  });
});

describeWithShared('FaceBoxes against the original', () => {
  const reference = (name: string) => ({
    ...readReference(name),
    image: readPng(sharedPath('reference', name, 'input.png')),
    loc: readFloat32(sharedPath('reference', name, 'loc.f32')),
    conf: readFloat32(sharedPath('reference', name, 'conf.f32')),
  });

  test.each(referenceNames)('%s: picks the faces out of the outputs', (name) => {
    const { image, loc, conf, boxes, detectorInput, priorCount } = reference(name);
    const size = detectorInputSize(image.width, image.height);
    expect(size).toMatchObject(detectorInput);
    const priors = priorBoxes(size.width, size.height);
    expect(priors.length / 4).toBe(priorCount);
    const faces = selectFaces(loc, conf, priors, size);
    expect(faces.length).toBe(boxes.length);
    expectClose(
      coordinates(faces),
      boxes.flatMap((box) => box.slice(0, 4)),
      { maxAbs: MAX_BOX_ERROR_FROM_OUTPUTS },
    );
    expectClose(
      faces.map(({ score }) => score),
      boxes.map((box) => box[4]),
      { maxAbs: MAX_CONF_ERROR },
    );
  });

  describe.each([
    ['compiled', {}, referenceNames],
    ['compiled', { optimize: false }, ['JianzhuGuo']],
    ['compiled', { simd: 'plain', threads: 2 }, ['JianzhuGuo']],
    ['wasm', {}, referenceNames],
    ['cpu', {}, ['JianzhuGuo']],
  ] as const)('on %s %j', (backend, options, names) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await createEngine(backend, options);
    });
    afterAll(() => engine.dispose());

    test.each([...names])('%s: outputs and boxes', async (name) => {
      const { image, loc, conf, boxes, detectorInput } = reference(name);
      const artifact = await upstreamNetwork('FaceBoxesProd');
      const network = await engine.loadNetwork(artifact);
      const { width, height } = detectorInput;
      const input = toNetworkInput(resizeImage(image, width, height), MEAN_SUBTRACTED);
      const outputs = await network.run(input, [1, height, width, 3]);
      expectClose(outputs[0]?.data ?? [], loc, { maxAbs: MAX_LOC_ERROR });
      expectClose(outputs[1]?.data ?? [], conf, { maxAbs: MAX_CONF_ERROR });
      network.dispose();

      const detector = await createFaceDetector(engine, artifact);
      const faces = await detector.detect(image);
      expectClose(
        coordinates(faces),
        boxes.flatMap((box) => box.slice(0, 4)),
        { maxAbs: MAX_BOX_ERROR },
      );
      expectClose(
        faces.map(({ score }) => score),
        boxes.map((box) => box[4]),
        { maxAbs: MAX_CONF_ERROR },
      );
      detector.dispose();
    });
  });

  test('finds nothing in noise, nor in a single pixel', async () => {
    const engine = await createEngine('wasm');
    const detector = await createFaceDetector(engine, await upstreamNetwork('FaceBoxesProd'));
    expect(await detector.detect(noise(150, 90, 4, 3))).toEqual([]);
    expect(await detector.detect({ data: new Uint8Array(4), width: 1, height: 1 })).toEqual([]);
    engine.dispose();
  });
});

describe.each(['compiled', 'wasm'] as const)('createFaceDetector on %s', (backend) => {
  let engine: Engine;
  let detector: FaceDetector;
  beforeAll(async () => {
    engine = await createEngine(backend);
    const { artifact } = convertNetwork(formulaFaceboxes().stateDict, { file: 'faceboxes' });
    detector = await createFaceDetector(engine, artifact);
  });
  afterAll(() => engine.dispose());

  test('options say what competes and what is returned', async () => {
    const image = resizeImage(astronaut(), 128, 128);
    const before = image.data.slice();
    // The formula's detector sees faces everywhere.
    const all = await detector.detect(image, { confidenceThreshold: 0, minScore: 0, nmsThreshold: 1 });
    expect(image.data).toEqual(before);
    expect(all.length).toBeGreaterThan(100);
    const scores = all.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    const options = { confidenceThreshold: 0, minScore: 0, nmsThreshold: 1 };
    expect(await detector.detect(image, { ...options, topK: 20 })).toEqual(all.slice(0, 20));
    expect(await detector.detect(image, { ...options, keepTopK: 7 })).toEqual(all.slice(0, 7));
    const median = scores[scores.length >> 1];
    const better = all.filter(({ score }) => score > median);
    expect(await detector.detect(image, { ...options, minScore: median })).toEqual(better);
    expect(await detector.detect(image, { ...options, confidenceThreshold: median })).toEqual(better);
    expect((await detector.detect(image, { ...options, nmsThreshold: 0.3 })).length).toBeLessThan(all.length);
    expect(await detector.detect(image, { ...options, maxWidth: 64, maxHeight: 64 })).not.toEqual(all);
    expect(await detector.detect(image, options)).toEqual(all);
  });

  test.each([
    ['confidenceThreshold', 1.5],
    ['nmsThreshold', -0.1],
    ['minScore', Number.NaN],
    ['topK', 0],
    ['keepTopK', 2.5],
    ['maxWidth', -1],
    ['maxHeight', Number.POSITIVE_INFINITY],
    ['maxEnlargement', 0.5],
    ['maxEnlargement', 9],
    ['maxEnlargement', Number.NaN],
  ])('refuses %s %d', async (name, value) => {
    const { artifact } = convertNetwork(formulaFaceboxes().stateDict, { file: 'faceboxes' });
    const refusal = new RegExp(`^${name}: expected .*, got ${value}$`);
    await expect(createFaceDetector(engine, artifact, { [name]: value })).rejects.toThrow(RangeError);
    await expect(detector.detect(noise(8, 8, 4, 1), { [name]: value })).rejects.toThrow(refusal);
    expect(DETECTOR_DEFAULTS).toHaveProperty(name);
  });

  test.each([
    [{ data: new Uint8Array(0), width: 0, height: 0 }],
    [{ data: new Uint8Array(10), width: 2, height: 2 }],
    [{ data: new Uint8Array(4), width: Number.NaN, height: 1 }],
  ])('refuses an image whose sizes and data disagree: $width x $height', async (image) => {
    await expect(detector.detect(image)).rejects.toThrow(RangeError);
  });

  test('says so where the network is a regressor', async () => {
    const { artifact } = convertNetwork(formulaRegressor('mobilenet_v1_x0.25').stateDict, { file: 'x' });
    const wrong = await createFaceDetector(engine, artifact);
    await expect(wrong.detect(noise(120, 120, 4, 1))).rejects.toThrow(WeightFormatError);
  });

  test('a disposed detector says that it is', async () => {
    const { artifact } = convertNetwork(formulaFaceboxes().stateDict, { file: 'faceboxes' });
    const disposed = await createFaceDetector(engine, artifact);
    disposed.dispose();
    disposed.dispose();
    await expect(disposed.detect(noise(8, 8, 4, 1))).rejects.toThrow(DisposedError);
  });
});
