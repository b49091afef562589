/** A pack whose model acts, from a checkpoint with two heads to faces with named expressions and gaze. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { writePack } from '../../converters/write-pack.ts';
import { astronaut } from '../../development/formula.ts';
import { createFaceAligner, type FaceAligner, fileWeights } from '../../src/node.ts';
import { actingPack, formulaCombinations } from '../support/acting-pack.ts';
import { expectClose } from '../support/expect-close.ts';
import { ARKIT_NAMES } from '../support/formula-acting-model.ts';
import { formulaPack } from '../support/formula-pack.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();
const BOXES = [{ xMin: 160, yMin: 60, xMax: 300, yMax: 210 }];
/** Between backends, of coefficients up to 1 and angles of some degrees; measured 4e-6. */
const MAX_BACKEND_DIFFERENCE = 3e-5;

const rgba = () => {
  const { data, width, height } = astronaut();
  const pixels = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) pixels.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return { data: pixels, width, height };
};

async function paramsWith(regressor: string, backend: 'compiled' | 'cpu' = 'compiled'): Promise<Float32Array> {
  const aligner = await createFaceAligner({ weights: fileWeights(at('pack')), regressor, backend });
  const [face] = await aligner.align(rgba(), BOXES);
  aligner.dispose();
  return face.params;
}

describe('a pack whose model acts', () => {
  let aligner: FaceAligner;
  beforeAll(async () => {
    await writePack(at('pack'), actingPack());
    aligner = await createFaceAligner({ weights: fileWeights(at('pack')), regressor: 'two' });
    return () => aligner.dispose();
  });

  test('gives 108 parameters, the first 52 of the network that knows ten expressions', async () => {
    const [face] = await aligner.align(rgba(), BOXES);
    expect(face.params).toHaveLength(108);
    expectClose(face.params.subarray(0, 52), (await paramsWith('one')).subarray(0, 52), { maxAbs: 0 });
  });

  test('names 52 expressions from 0 to 1, and the gaze', async () => {
    const [face] = await aligner.align(rgba(), BOXES);
    const named = aligner.expressions(face);
    expect(Object.keys(named)).toEqual(ARKIT_NAMES);
    const values = Object.values(named);
    expect(Math.min(...values)).toBe(0);
    expect(Math.max(...values)).toBe(1);
    expect(values.some((value) => value > 0 && value < 1)).toBe(true);
    expect(aligner.gaze(face)).toEqual({
      left: { yawDegrees: 0 - face.params[104], pitchDegrees: 0 - face.params[105] },
      right: { yawDegrees: 0 - face.params[106], pitchDegrees: 0 - face.params[107] },
    });
  });

  test('makes the 52 of ten where the network has no second head', async () => {
    const params = await paramsWith('one');
    const combinations = formulaCombinations();
    expect(params).toHaveLength(108);
    expect([...params.subarray(104)]).toEqual([0, 0, 0, 0]);
    // Each of the ten shows in two columns.
    for (let k = 0; k < 10; k++) {
      const ten = params[52 + 5 * k];
      for (let i = 0; i < 52; i++) {
        if (combinations[10 * i + k] !== 0) expect(params[52 + i]).toBeCloseTo(combinations[10 * i + k] * ten, 6);
      }
    }
  });

  test('gives the same on tfjs as compiled', async () => {
    const [compiled, cpu] = [await paramsWith('two'), await paramsWith('two', 'cpu')];
    expectClose(cpu.subarray(52), compiled.subarray(52), { maxAbs: MAX_BACKEND_DIFFERENCE });
  });

  test('rebuilds the same face in WebAssembly as in JavaScript', async () => {
    const [face] = await aligner.align(rgba(), BOXES);
    const plain = await createFaceAligner({ weights: fileWeights(at('pack')), regressor: 'two', backend: 'cpu' });
    for (const dense of [false, true]) {
      expectClose(aligner.reconstruct(face, { dense }), plain.reconstruct(face, { dense }), { maxAbs: 2e-3 });
    }
    plain.dispose();
  });

  test('a pack without the new parts is as before', async () => {
    const old = await createFaceAligner({ weights: fileWeights(await formulaPack()) });
    const [face] = await old.align(rgba(), BOXES);
    expect(face.params).toHaveLength(62);
    expect(old.gaze(face)).toBeUndefined();
    expect(old.morphableModel).not.toHaveProperty('acting');
    expect(old.morphableModel).not.toHaveProperty('gazeCount');
    old.dispose();
  });
});
