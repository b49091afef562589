/** `using` and `await using`, as compilers write them out. */
import { beforeAll, expect, test } from '@jest/globals';
import { withAsyncDispose, withDispose } from '../src/disposable.ts';
import { DisposedError } from '../src/errors.ts';
import { createFaceAligner, createFaceAlignerPool, readImage } from '../src/node.ts';
import { buildPackage } from './support/build-package.ts';
import { repositoryRoot } from './support/shared.ts';

// The threads of a pool run what was built.
beforeAll(buildPackage, 240_000);

const portrait = await readImage(`${repositoryRoot}/examples/astronaut.png`);

test('an aligner is disposed of at the end of its block', async () => {
  const aligner = await createFaceAligner();
  aligner[Symbol.dispose]();
  aligner[Symbol.dispose]();
  await expect(aligner.detect(portrait)).rejects.toThrow(DisposedError);
});

test('a pool is too, and the block waits for its threads', async () => {
  const pool = await createFaceAlignerPool({ size: 1 });
  await pool[Symbol.asyncDispose]();
  await expect(pool.detect(portrait)).rejects.toThrow(DisposedError);
  const other = await createFaceAlignerPool({ size: 1 });
  other[Symbol.dispose]();
  await expect(other.detect(portrait)).rejects.toThrow(DisposedError);
});

test('it is the object itself that has the methods, and its getters stay getters', () => {
  let count = 0;
  const object = {
    get count() {
      return count;
    },
  };
  const disposable = withAsyncDispose(object, async () => {
    count += 10;
  });
  expect(disposable).toBe(object);
  disposable[Symbol.dispose]();
  expect(disposable.count).toBe(10);
  expect(withDispose({}, () => {})).toMatchObject({ [Symbol.dispose]: expect.any(Function) });
});
