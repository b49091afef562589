/** Eyes and mouths looked at again by the open pack's small networks. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writePack } from '../../../converters/write-pack.ts';
import { createEngine } from '../../../src/engine/create-engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { fileWeights } from '../../../src/engine/weights/file-source.ts';
import { openPack } from '../../../src/engine/weights/open-pack.ts';
import { createFaceRefiner } from '../../../src/models/tddfa/create-face-refiner.ts';
import type { FaceRefiner } from '../../../src/models/tddfa/face-refiner.ts';
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
  test('leaves pose and shape, and what its networks do not give', async () => {
    const [[before], [after]] = await Promise.all([plain.align(photo, boxes), refining.align(photo, boxes)]);
    const [a, b] = [before?.params ?? new Float32Array(0), after?.params ?? new Float32Array(0)];
    expect(b).toHaveLength(a.length);
    expect(b.subarray(0, POSE_AND_SHAPE)).toEqual(a.subarray(0, POSE_AND_SHAPE));
    expect(after?.roiBox).toEqual(before?.roiBox);
    for (const name of ['cheekPuff', 'jawLeft', 'eyeWideLeft']) expect(b[column(name)]).toBe(a[column(name)]);
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

  test("sees in a mirror image the left eye's lids and look as the right one's", async () => {
    const [face] = await plain.align(photo, boxes);
    if (face === undefined) throw new Error('no face');
    const params = face.params.slice();
    params.fill(0, 12);
    const here: AlignedFace = { roiBox: face.roiBox, params };
    const { engine, refiner } = await refinerOn('compiled');
    const [seen] = await refiner.refine(photo, [here]);
    const [inMirror] = await refiner.refine(mirrored(photo), [mirroredFace(here, photo.width)]);
    const [a, b] = [seen?.params ?? [], inMirror?.params ?? []];
    for (const name of ['eyeBlink', 'eyeSquint', 'browDown']) {
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
      'this pack has no networks that look at eyes and mouths again',
    );
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
