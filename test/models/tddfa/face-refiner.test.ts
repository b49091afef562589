/** Eyes and mouths looked at again by the open pack's small networks. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writePack } from '../../../converters/write-pack.ts';
import { createEngine } from '../../../src/engine/create-engine.ts';
import type { Engine, NetworkOutput } from '../../../src/engine/engine.ts';
import { fileWeights } from '../../../src/engine/weights/file-source.ts';
import { openPack } from '../../../src/engine/weights/open-pack.ts';
import { lookCoefficient, lookOf } from '../../../src/geometry/acting.ts';
import { createFaceRefiner } from '../../../src/models/tddfa/create-face-refiner.ts';
import type { FaceRefiner } from '../../../src/models/tddfa/face-refiner.ts';
import { cutRefineCrop } from '../../../src/models/tddfa/refine-crop.ts';
import { refineNetwork } from '../../../src/models/tddfa/refine-network.ts';
import { createFaceAligner, type FaceAligner, openWeights, readImage } from '../../../src/node.ts';
import type { AlignedFace, FaceBox, MorphableModel, RgbaImage } from '../../../src/types.ts';
import { actingPack } from '../../support/acting-pack.ts';
import { expectClose } from '../../support/expect-close.ts';
import { repositoryRoot } from '../../support/shared.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

/** Parts of a coefficient, and degrees, between backends; 2e-5 was measured. */
const BACKEND_MAX_ABS = 1e-3;
/** The same between a picture and its mirror image: the mean face's eyes are alike to a few micrometres only. */
const MIRROR_MAX_ABS = { coefficient: 0.01, degrees: 0.3 };

const POSE_AND_SHAPE = 12 + 40;
const GAZE = POSE_AND_SHAPE + 52;

const at = useTemporaryFolder();
let plain: FaceAligner;
let refining: FaceAligner;
let photo: RgbaImage;
let boxes: FaceBox[];
let model: MorphableModel;

beforeAll(async () => {
  plain = await createFaceAligner();
  refining = await createFaceAligner({ refine: createFaceRefiner });
  photo = await readImage(join(repositoryRoot, 'examples/astronaut.png'));
  boxes = await plain.detect(photo);
  if (plain.morphableModel === undefined) throw new Error('no model');
  model = plain.morphableModel;
});
afterAll(() => {
  plain.dispose();
  refining.dispose();
});

async function refinerOn(backend: 'compiled' | 'cpu'): Promise<{ engine: Engine; refiner: FaceRefiner }> {
  const engine = await createEngine(backend);
  return { engine, refiner: await createFaceRefiner(await openPack(openWeights()), engine, model) };
}

function mirrored({ data, width, height }: RgbaImage): RgbaImage {
  const flipped = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 4;
      flipped.set(data.subarray(from, from + 4), (y * width + width - 1 - x) * 4);
    }
  }
  return { data: flipped, width, height };
}

/** The face of the mirror image, of the mean shape. */
function mirroredFace({ roiBox, params }: AlignedFace, width: number): AlignedFace {
  const p = params.slice();
  for (const i of [1, 2, 4, 8]) p[i] = -p[i];
  p[3] = 121 - p[3];
  return { roiBox: { ...roiBox, xMin: width - roiBox.xMax, xMax: width - roiBox.xMin }, params: p };
}

const column = (name: string): number => POSE_AND_SHAPE + (model.expressionNames?.indexOf(name) ?? -1);

describe('an aligner that refines', () => {
  test('leaves pose and shape', async () => {
    const [[before], [after]] = await Promise.all([plain.align(photo, boxes), refining.align(photo, boxes)]);
    const [a, b] = [before?.params ?? new Float32Array(0), after?.params ?? new Float32Array(0)];
    expect(b).toHaveLength(a.length);
    expect(b.subarray(0, POSE_AND_SHAPE)).toEqual(a.subarray(0, POSE_AND_SHAPE));
    expect(after?.roiBox).toEqual(before?.roiBox);
    for (const name of ['eyeBlinkLeft', 'eyeBlinkRight', 'mouthSmileLeft', 'browInnerUp', 'jawOpen']) {
      expect(b[column(name)]).not.toBe(a[column(name)]);
    }
    for (const value of b.subarray(POSE_AND_SHAPE, GAZE)) {
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(1);
    }
  });

  test('sees the open eyes of the portrait, which look the same way, and its smile', async () => {
    const [face] = await refining.align(photo, boxes);
    if (face === undefined) throw new Error('no face');
    const { eyeBlinkLeft, eyeBlinkRight, mouthSmileLeft, mouthSmileRight } = refining.expressions(face);
    for (const shut of [eyeBlinkLeft, eyeBlinkRight]) expect(shut).toBeLessThan(0.4);
    for (const smile of [mouthSmileLeft, mouthSmileRight]) expect(smile).toBeGreaterThan(0.3);
    const gaze = refining.gaze(face);
    expect(Math.abs((gaze?.left.yawDegrees ?? NaN) - (gaze?.right.yawDegrees ?? NaN))).toBeLessThan(15);
  });

  test('gives each of several faces what it gives it alone, and changes nothing of the caller', async () => {
    const pixels = photo.data.slice();
    const faces = await plain.align(photo, boxes);
    const moved = faces.map(({ roiBox, params }) => ({
      roiBox: { ...roiBox, xMin: roiBox.xMin - 4, xMax: roiBox.xMax - 4 },
      params,
    }));
    const { engine, refiner } = await refinerOn('compiled');
    const given = [...faces, ...moved];
    const before = given.map(({ params }) => params.slice());
    const together = await refiner.refine(photo, given);
    for (const [i, face] of given.entries()) {
      const [alone] = await refiner.refine(photo, [face]);
      expectClose(together[i]?.params ?? [], alone?.params ?? [], { maxAbs: 1e-5 });
    }
    expect(await refiner.refine(photo, [])).toEqual([]);
    expect(given.map(({ params }) => params)).toEqual(before);
    expect(photo.data).toEqual(pixels);
    engine.dispose();
  });

  test('gives on tfjs what it gives on compiled', async () => {
    const faces = await plain.align(photo, boxes);
    const [ours, theirs] = [await refinerOn('compiled'), await refinerOn('cpu')];
    const [[a], [b]] = [await ours.refiner.refine(photo, faces), await theirs.refiner.refine(photo, faces)];
    expectClose(a?.params ?? [], b?.params ?? [], { maxAbs: BACKEND_MAX_ABS });
    ours.engine.dispose();
    theirs.engine.dispose();
  });

  test("sees in a mirror image the left side's lids, look and mouth as the right one's", async () => {
    const [face] = await plain.align(photo, boxes);
    if (face === undefined) throw new Error('no face');
    const params = face.params.slice();
    params.fill(0, 12);
    const here: AlignedFace = { roiBox: face.roiBox, params };
    const { engine, refiner } = await refinerOn('compiled');
    const [seen] = await refiner.refine(photo, [here]);
    const [inMirror] = await refiner.refine(mirrored(photo), [mirroredFace(here, photo.width)]);
    const [a, b] = [seen?.params ?? [], inMirror?.params ?? []];
    for (const name of ['eyeBlink', 'eyeSquint', 'browDown', 'mouthSmile', 'mouthPress', 'jaw']) {
      for (const [side, other] of [
        ['Left', 'Right'],
        ['Right', 'Left'],
      ]) {
        const difference = Math.abs(Number(a[column(`${name}${side}`)]) - Number(b[column(`${name}${other}`)]));
        expect(difference).toBeLessThan(MIRROR_MAX_ABS.coefficient);
      }
    }
    const [leftYaw, leftPitch, rightYaw, rightPitch] = [...b.slice(GAZE)];
    expectClose([...a.slice(GAZE)], [-Number(rightYaw), Number(rightPitch), -Number(leftYaw), Number(leftPitch)], {
      maxAbs: MIRROR_MAX_ABS.degrees,
    });
    engine.dispose();
  });

  test('needs a pack that has such networks', async () => {
    await writePack(at('pack'), actingPack());
    const weights = fileWeights(at('pack'));
    await expect(createFaceAligner({ weights, refine: createFaceRefiner })).rejects.toThrow(
      'this pack has no networks that refine eyes and mouths',
    );
  });
});

describe('what the networks are given and what becomes of their answers', () => {
  interface Call {
    readonly input: Float32Array;
    readonly shape: readonly number[];
    readonly outputs: readonly NetworkOutput[];
  }
  const calls: Call[] = [];
  let engine: Engine;
  let refiner: FaceRefiner;
  let statistics: Map<string, { names: readonly string[]; mean: Float32Array; std: Float32Array }>;
  let faces: AlignedFace[];

  beforeAll(async () => {
    engine = await createEngine('compiled');
    const listening: Engine = {
      backend: engine.backend,
      picture: engine.picture,
      dispose: () => engine.dispose(),
      async loadNetwork(artifact) {
        const network = await engine.loadNetwork(artifact);
        return {
          async run(input, shape) {
            const outputs = await network.run(input, shape);
            calls.push({ input: input.slice(), shape, outputs });
            return outputs;
          },
          dispose: () => network.dispose(),
        };
      },
    };
    const pack = await openPack(openWeights());
    refiner = await createFaceRefiner(pack, listening, model);
    statistics = new Map();
    for (const { region = '', outputNames: names = [], normalization = '' } of pack.modelsOf('refine')) {
      const tensors = await pack.readTensors(pack.model(normalization));
      const [mean, std] = ['mean', 'std'].map((name) => Float32Array.from(tensors.get(name)?.data ?? []));
      statistics.set(region, { names, mean, std });
    }
    const [face] = await plain.align(photo, boxes);
    // As it is; and turned so far to either side that the far eye is not seen: the viewer's direction has a sine of 0.81 and 0.83.
    faces = [face, ...[0.81, -0.81, 0.83, -0.83].map((sine) => turnedTo(face, sine))];
  });
  afterAll(() => engine.dispose());

  function turnedTo({ roiBox, params }: AlignedFace, sine: number): AlignedFace {
    const turned = params.slice();
    const scale = Math.hypot(params[0], params[1], params[2]);
    const cosine = Math.sqrt(1 - sine ** 2);
    turned.set([cosine * scale, 0, -sine * scale]);
    turned.set([0, scale, 0], 4);
    turned.set([sine * scale, 0, cosine * scale], 8);
    return { roiBox, params: turned };
  }

  /** The viewer's direction: the camera's last row, of length 1. */
  function viewOf({ params }: AlignedFace): [number, number] {
    const length = Math.hypot(params[8], params[9], params[10]);
    return [params[8] / length, params[9] / length];
  }

  /** A point that moves with the shape: of the mean, and by each coefficient. */
  function shaped({ params }: AlignedFace, mean: number, ofShape: (i: number) => number): number {
    let value = mean;
    for (let i = 0; i < model.shapeCount; i++) value += params[12 + i] * ofShape(i);
    return value;
  }

  function eyeAt(face: AlignedFace, side: number): number[] {
    const centres = model.acting?.eyeCentres ?? [];
    const stride = 1 + model.shapeCount;
    return [0, 1, 2].map((axis) => {
      const first = (3 * side + axis) * stride;
      return shaped(face, centres[first], (i) => centres[first + 1 + i]);
    });
  }

  function lipsAt(face: AlignedFace): number[] {
    const rows = (axis: number) => Array.from({ length: 20 }, (_, i) => model.keypointIndices[3 * (48 + i) + axis]);
    return [0, 1, 2].map((axis) => {
      const meanOf = (at: (row: number) => number) => rows(axis).reduce((sum, row) => sum + at(row) / 20, 0);
      return shaped(
        face,
        meanOf((row) => model.meanShape[row]),
        (i) => meanOf((row) => model.shapeBasis[row * model.shapeCount + i]),
      );
    });
  }

  /** A row of a batch, channel by channel. */
  function channelsOf({ input, shape }: Call, row: number): Float32Array[] {
    const channels = shape[3];
    return Array.from({ length: channels }, (_, k) =>
      Float32Array.from({ length: 64 * 64 }, (_, i) => input[(row * 64 * 64 + i) * channels + k]),
    );
  }

  /** @param span - micrometres. */
  function cropChannels(face: AlignedFace, [x, y, z]: number[], span: number, mirrored: boolean): Float32Array[] {
    const crop = cutRefineCrop(photo, face, { centre: [x, y, z], span, mirrored });
    return [0, 1, 2].map((k) => crop.filter((_, i) => i % 3 === k));
  }

  test('crops of each eye, its own first and both as a left one, and of the mouth, also mirrored; then where the viewer is', async () => {
    calls.length = 0;
    await refiner.refine(photo, faces);
    const [eyes, mouth] = calls;
    expect(calls).toHaveLength(2);
    expect(eyes.shape).toEqual([10, 64, 64, 8]);
    expect(mouth.shape).toEqual([10, 64, 64, 5]);
    for (const [i, face] of faces.entries()) {
      const [viewX, viewY] = viewOf(face);
      const crops = [0, 1].map((side) => {
        const [x, y, z] = eyeAt(face, side);
        return cropChannels(face, [x, y + 5_000, z + 10_000], 60_000, side === 1);
      });
      for (const side of [0, 1]) {
        const channels = channelsOf(eyes, 2 * i + side);
        const expected = [...crops[side], ...crops[1 - side]];
        for (let k = 0; k < 6; k++) expectClose(channels[k], expected[k], { maxAbs: 2e-3 });
        expect(channels[6].every((value) => Math.abs(value - (side === 0 ? viewX : -viewX)) < 1e-6)).toBe(true);
        expect(channels[7].every((value) => Math.abs(value - viewY) < 1e-6)).toBe(true);
      }
      const [x, y, z] = lipsAt(face);
      for (const mirrored of [false, true]) {
        const channels = channelsOf(mouth, 2 * i + Number(mirrored));
        const expected = cropChannels(face, [x, y - 8_000, z], 72_000, mirrored);
        for (let k = 0; k < 3; k++) expectClose(channels[k], expected[k], { maxAbs: 2e-3 });
        expect(channels[3].every((value) => Math.abs(value - (mirrored ? -viewX : viewX)) < 1e-6)).toBe(true);
        expect(channels[4].every((value) => Math.abs(value - viewY) < 1e-6)).toBe(true);
      }
    }
  });

  test('blinks are three quarters theirs, the rest half, the gaze that of both eyes; an eye that is not seen does not count', async () => {
    calls.length = 0;
    const refined = await refiner.refine(photo, faces);
    const answer = (call: Call, region: string, row: number): Map<string, number> => {
      const { names, mean, std } = statistics.get(region) ?? { names: [], mean: [], std: [] };
      const { data } = call.outputs[0];
      return new Map(names.map((name, k) => [name, data[row * names.length + k] * std[k] + mean[k]]));
    };
    const bounded = (value: number): number => Math.max(0, Math.min(1, value));
    const names = model.expressionNames ?? [];
    for (const [i, face] of faces.entries()) {
      const given = (name: string): number => face.params[column(name)];
      const [viewX] = viewOf(face);
      const seen = [0, 1].filter((side) => (side === 0 ? -viewX : viewX) < 0.82);
      expect(seen).toEqual([[0, 1], [0, 1], [0, 1], [0], [1]][i]);
      const eyes = [0, 1].map((side) => answer(calls[0], 'eyes', 2 * i + side));
      const [mouth, mirrored] = [0, 1].map((row) => answer(calls[1], 'mouth', 2 * i + row));
      const gaze = [...face.params.subarray(GAZE)];
      for (const side of seen) {
        gaze[2 * side] = (side === 0 ? 1 : -1) * (eyes[side].get('yaw') ?? NaN);
        gaze[2 * side + 1] = eyes[side].get('pitch') ?? NaN;
      }
      if (seen.length === 2) {
        const [yaw, pitch] = [(gaze[0] + gaze[2]) / 2, (gaze[1] + gaze[3]) / 2];
        gaze.splice(0, 4, yaw - 0.96, pitch, yaw + 0.96, pitch);
      }
      const expected = names.map((name) => {
        const look = lookOf(name);
        if (look !== undefined) return seen.includes(look.eye) ? lookCoefficient(look, gaze) : given(name);
        // Those of one side are known by the network without it.
        const values = seen.flatMap((side) => {
          const word = side === 0 ? 'Left' : 'Right';
          const own = name.endsWith(word) ? eyes[side].get(name.slice(0, -word.length)) : undefined;
          return own ?? eyes[side].get(name) ?? [];
        });
        let value = given(name);
        if (values.length > 0) {
          const theirs = bounded(values.reduce((sum, one) => sum + one, 0) / values.length);
          value += (name.startsWith('eyeBlink') ? 0.75 : 0.5) * (theirs - value);
        }
        const other = name.replace(/(Left|Right)$/, (side) => (side === 'Left' ? 'Right' : 'Left'));
        const [asSeen, inMirror] = [mouth.get(name), mirrored.get(other)];
        if (asSeen === undefined || inMirror === undefined) return value;
        return (value + bounded((asSeen + inMirror) / 2)) / 2;
      });
      const found = refined[i].params;
      expectClose(found.subarray(POSE_AND_SHAPE, GAZE), expected, { maxAbs: 1e-5 });
      expectClose(found.subarray(GAZE), gaze, { maxAbs: 1e-3 });
    }
  });

  test('of more faces than go through a network at once, each gets its own', async () => {
    const many = Array.from({ length: 66 }, (_, i) => ({
      roiBox: { ...faces[0].roiBox, xMin: faces[0].roiBox.xMin + (i % 7), xMax: faces[0].roiBox.xMax + (i % 7) },
      params: faces[0].params,
    }));
    calls.length = 0;
    const together = await refiner.refine(photo, many);
    expect(calls.map(({ shape }) => shape[0])).toEqual([128, 128, 4, 4]);
    for (const i of [0, 5, 63, 64, 65]) {
      const [alone] = await refiner.refine(photo, [many[i]]);
      expectClose(together[i].params, alone.params, { maxAbs: 1e-5 });
    }
  });
});

test("the pack's networks are those that are built here", async () => {
  const pack = await openPack(openWeights());
  const models = pack.modelsOf('refine').filter(({ outputNames }) => outputNames !== undefined);
  expect(models.map(({ region }) => region).sort()).toEqual(['eyes', 'mouth']);
  for (const entry of models) {
    const { modelTopology, weightSpecs } = await pack.readNetwork(entry);
    const built = refineNetwork(entry.region === 'eyes' ? 8 : 5, entry.outputNames?.length ?? 0);
    expect(modelTopology).toEqual(built.modelTopology);
    expect(weightSpecs.map(({ name, shape }) => [name, shape])).toEqual(
      built.weightSpecs.map(({ name, shape }) => [name, shape]),
    );
  }
});
