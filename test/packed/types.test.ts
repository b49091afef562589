/** The declarations as a compiler of the user's sees them: strict, all libraries checked, with and without the platform's types. */
import { describe, expect, test } from '@jest/globals';
import { COMMAND_TIMEOUT_MS, usePackedProject } from '../support/packed-project.ts';

const RESOLUTIONS = [
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
];

const PROGRAM = `
import { createFaceTracker, type FaceAligner } from 'tddfa';
import { createFaceAligner, createFaceAlignerPool, fileWeights, type FaceAlignerPool, type FaceBox } from 'tddfa/node';
import { poseFromParams, writeGlb } from 'tddfa/geometry';
import 'tddfa/backends/wasm';
import 'tddfa/backends/cpu';
import 'tddfa/backends/webgl';
import 'tddfa/backends/webgpu';
import 'tddfa/backends/tensorflow';

export async function program(): Promise<number> {
  const aligner: FaceAligner = await createFaceAligner({ weights: fileWeights('x'), backend: 'wasm' });
  const image = { data: new Uint8Array(4), width: 1, height: 1 };
  const boxes: FaceBox[] = await aligner.detect(image, { minScore: 0.5 });
  const pool: FaceAlignerPool = await createFaceAlignerPool({ size: 2, maxQueued: 10 });
  createFaceTracker(pool);
  using short = await createFaceAligner();
  await using shortPool = await createFaceAlignerPool();
  const [face] = await pool.align(image, boxes);
  await pool.dispose({ wait: true });
  // @ts-expect-error: a box is no string
  const wrong: string = boxes[0];
  // @ts-expect-error: there is no such option
  await aligner.detect(image, { minimumScore: 0.5 });
  // @ts-expect-error: there is no such option
  await createFaceAligner({ weight: fileWeights('x') });
  // @ts-expect-error: there is no such backend
  await createFaceAligner({ backend: 'abacus' });
  // @ts-expect-error: there is no such option
  await createFaceAlignerPool({ threadCount: 2 });
  console.log(writeGlb.name, wrong, short.backend, shortPool.size);
  return poseFromParams(face.params).yawDegrees;
}

declare const console: { log(...values: unknown[]): void };
`;

const PAGE = `
import { createFaceAlignerWorker, httpWeights, readPixels } from 'tddfa/browser';
export const aligner = await createFaceAlignerWorker({ weights: httpWeights('/pack/') });
export const image = await readPixels(new Image());
// @ts-expect-error: there is no such option
await createFaceAlignerWorker({ weights: httpWeights('/pack/'), keepPixel: true });
`;

describe.each([['5.9'], ['latest']])('TypeScript %s', (version) => {
  const project = usePackedProject({
    packages: [`typescript@${version}`, '@types/node@22'],
    flags: ['--omit=optional'],
    files: { 'program.ts': PROGRAM, 'page.ts': PAGE },
  });

  async function errorsOf(file: string, options: object): Promise<string> {
    const compilerOptions = { noEmit: true, strict: true, skipLibCheck: false, target: 'es2022', ...options };
    await project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }));
    return (await project.run('npx', 'tsc', '-p', '.')).stdout;
  }

  test.each(RESOLUTIONS)(
    '%s, %s: no error without types of the platform',
    async (module, moduleResolution) => {
      const options = { module, moduleResolution, lib: ['ES2022'], types: [] };
      expect(await errorsOf('program.ts', options)).toBe('');
    },
    COMMAND_TIMEOUT_MS,
  );

  test(
    "no error with Node's types, nor with the DOM's",
    async () => {
      const nodenext = { module: 'nodenext', moduleResolution: 'nodenext' };
      const asIs = PROGRAM.replace(/declare const console.*\n/, '');
      await project.write('node-program.ts', asIs);
      expect(await errorsOf('node-program.ts', { ...nodenext, lib: ['ES2022'], types: ['node'] })).toBe('');
      expect(await errorsOf('page.ts', { ...nodenext, lib: ['ES2022', 'DOM'], types: [] })).toBe('');
      expect(await errorsOf('page.ts', { ...nodenext, lib: ['ES2022'], types: [] })).toBe('');
    },
    COMMAND_TIMEOUT_MS,
  );
});
