/** Many aligners one after the other, and many calls at once. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { writePack } from '../../converters/write-pack.ts';
import { growthPerStep } from '../../development/memory-growth.ts';
import { randomNumbers } from '../../development/random.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { createFaceAligner, type FaceAligner } from '../../src/face-aligner.ts';
import { createFaceAlignerPool } from '../../src/node/face-aligner-pool.ts';
import type { RgbaImage } from '../../src/types.ts';
import { buildPackage } from '../support/build-package.ts';
import { formulaPack } from '../support/formula-pack.ts';
import { smallPack } from '../support/small-pack.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
/** Of one window of memory; there are eight. */
const ALIGNERS = 13;
/** An aligner of the small pack has 35 kB of weights. */
const MAX_GROWTH_BYTES = 8192;
const CALLS = 200;
const BOX = { xMin: 10, yMin: 5, xMax: 40, yMax: 44 };

function pictures(count: number): RgbaImage[] {
  const random = randomNumbers(7);
  return Array.from({ length: count }, () => {
    const [width, height] = [48 + Math.floor(random() * 16), 48 + Math.floor(random() * 16)];
    const data = Uint8Array.from({ length: width * height * 4 }, () => random() * 256);
    return { width, height, data };
  });
}

describe('aligners, made and disposed of, leave nothing behind:', () => {
  const [image] = pictures(1);

  async function make(backend: 'compiled' | 'cpu'): Promise<void> {
    const aligner = await createFaceAligner({ weights: fileWeights(temporary('small')), backend });
    expect(await aligner.align(image, [BOX])).toHaveLength(1);
    aligner.dispose();
  }
  beforeAll(() => writePack(temporary('small'), smallPack()));

  test('a hundred, in memory', async () => {
    const growth = await growthPerStep({
      stepsPerWindow: ALIGNERS,
      run: async (_, count) => {
        for (let i = 0; i < count; i++) await make('compiled');
      },
    });
    expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
  });

  test('a hundred, in the books of tfjs', async () => {
    await make('cpu');
    const { numTensors, numDataBuffers, numBytes } = tf.memory();
    for (let i = 0; i < 100; i++) await make('cpu');
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers, numBytes });
  });
});

describe('200 calls at once give what one after the other gives', () => {
  const images = pictures(5);
  const kinds = [
    (aligner: FaceAligner, image: RgbaImage) => aligner.detect(image),
    (aligner: FaceAligner, image: RgbaImage) => aligner.align(image, [BOX]),
    (aligner: FaceAligner, image: RgbaImage) => aligner.alignCrops(image, [BOX, { ...BOX, xMin: 0 }]),
  ];
  const call = (aligner: FaceAligner, i: number) => kinds[i % kinds.length](aligner, images[i % images.length]);
  const expected: unknown[] = [];
  let weights = fileWeights('');

  beforeAll(async () => {
    await buildPackage();
    weights = fileWeights(await formulaPack());
    const aligner = await createFaceAligner({ weights });
    for (let i = 0; i < kinds.length * images.length; i++) expected.push(await call(aligner, i));
    aligner.dispose();
  }, 240_000);

  const makers: readonly [string, () => Promise<FaceAligner>][] = [
    ['an aligner', () => createFaceAligner({ weights })],
    ['an aligner on two threads', () => createFaceAligner({ weights, threads: 2 })],
    ['a pool', () => createFaceAlignerPool({ weights, size: 2 })],
  ];
  test.each(makers)('of %s', async (_name, make) => {
    const aligner = await make();
    try {
      const results = await Promise.all(Array.from({ length: CALLS }, (_, i) => call(aligner, i)));
      expect(results).toEqual(Array.from({ length: CALLS }, (_, i) => expected[i % expected.length]));
    } finally {
      await aligner.dispose();
    }
  });
});
