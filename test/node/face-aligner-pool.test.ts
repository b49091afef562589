/** The pool of threads: it is an aligner like any other, loses no call, and leaves the caller's arrays alone. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createFaceAligner,
  createFaceAlignerPool,
  createFaceRefiner,
  DisposedError,
  type FaceAligner,
  type FaceAlignerPool,
  ImageDecodeError,
  openWeights,
  QueueFullError,
  type RgbaImage,
  readImage,
  type WeightSource,
  WorkerFailedError,
} from '../../src/node.ts';
import { buildPackage } from '../support/build-package.ts';
import { repositoryRoot } from '../support/shared.ts';

const PORTRAIT = join(repositoryRoot, 'examples', 'astronaut.png');
const POOL_SCRIPT = join(repositoryRoot, 'dist', 'src', 'node', 'pool-worker.js');

function isSame(a: Uint8Array | Uint8ClampedArray, b: Uint8Array | Uint8ClampedArray): boolean {
  return Buffer.from(a).equals(Buffer.from(b));
}

/** The pack, and how often each of its files was read. */
function countedWeights(): { weights: WeightSource; reads: Map<string, number> } {
  const source = openWeights();
  const reads = new Map<string, number>();
  return {
    reads,
    weights: {
      describe: () => source.describe(),
      read(path, options) {
        reads.set(path, (reads.get(path) ?? 0) + 1);
        return source.read(path, options);
      },
    },
  };
}

describe('createFaceAlignerPool', () => {
  let image: RgbaImage;
  let alone: FaceAligner;
  const threads: Worker[] = [];
  const pools: FaceAlignerPool[] = [];

  /** A pool whose threads a test can end. */
  async function makePool(options: Parameters<typeof createFaceAlignerPool>[0] = {}): Promise<FaceAlignerPool> {
    const createWorker = (): Worker => {
      const thread = new Worker(POOL_SCRIPT);
      threads.push(thread);
      return thread;
    };
    const pool = await createFaceAlignerPool({ size: 2, createWorker, ...options });
    pools.push(pool);
    return pool;
  }

  beforeAll(async () => {
    await buildPackage();
    image = await readImage(PORTRAIT);
    alone = await createFaceAligner();
  });
  afterAll(async () => {
    alone.dispose();
    await Promise.all(pools.map((pool) => pool.dispose()));
  });

  test('looks at eyes and mouths again where asked', async () => {
    const pool = await makePool({ refine: true });
    const refining = await createFaceAligner({ refine: createFaceRefiner });
    const boxes = await refining.detect(image);
    const faces = await pool.align(image, boxes);
    expect(faces).toEqual(await refining.align(image, boxes));
    expect(faces).not.toEqual(await alone.align(image, boxes));
    refining.dispose();
    const refine = createFaceRefiner as unknown as boolean;
    await expect(createFaceAlignerPool({ refine })).rejects.toThrow(/^refine: expected true or false/);
  });

  test('gives what one aligner gives, from pixels and from a file, and reads each file once', async () => {
    const { weights, reads } = countedWeights();
    const pool = await makePool({ weights });
    const before = Uint8Array.from(image.data);
    const boxes = await pool.detect(image);
    expect(boxes).toEqual(await alone.detect(image));
    const coarse = { strategy: 'coarse-to-fine' } as const;
    expect(await pool.detect(image, coarse)).toEqual(await alone.detect(image, coarse));
    const [face] = await pool.align(image, boxes);
    const [expected] = await alone.align(image, boxes);
    expect(face).toEqual(expected);
    expect(await pool.alignToLandmarks(image, [face])).toEqual(await alone.alignToLandmarks(image, [face]));
    expect(await pool.alignCrops(image, [face.roiBox])).toEqual([expected]);
    expect(pool.reconstruct(face)).toEqual(alone.reconstruct(face));
    expect(pool.expressions(face)).toEqual(alone.expressions(face));
    expect(pool.faceMaps?.triangles.length).toBe(alone.faceMaps?.triangles.length);
    expect(isSame(image.data, before)).toBe(true);

    const file = await readFile(PORTRAIT);
    const bytes = Uint8Array.from(file);
    const decoded = await pool.decodeImage(file);
    expect(isSame(file, bytes)).toBe(true);
    expect(isSame(decoded.data, image.data)).toBe(true);
    expect(await pool.detect(decoded)).toEqual(boxes);
    expect(decoded.data.length).toBe(image.data.length);
    expect(await pool.alignFile(file)).toEqual({ width: 512, height: 512, boxes, faces: [expected] });
    const given = { width: 512, height: 512, boxes: [], faces: [expected] };
    expect(await pool.alignFile(file, { boxes })).toEqual(given);
    expect((await pool.alignFile(file, { detector: { minScore: 1 } })).faces).toEqual([]);
    expect(isSame(file, bytes)).toBe(true);

    expect([...reads.values()].every((count) => count === 1)).toBe(true);
    expect(reads.size).toBeGreaterThan(3);
  });

  test('passes on what the caller did wrong, and files that are no pictures', async () => {
    // A timer of that time would end at once.
    const pool = await makePool({ size: 1, startTimeoutMs: 2 ** 31 });
    const outside = [{ xMin: -9, yMin: -9, xMax: -1, yMax: -1 }];
    await expect(pool.align(image, outside)).rejects.toThrow(RangeError);
    await expect(pool.decodeImage(new TextEncoder().encode('no'), { path: 'a.png' })).rejects.toThrow(ImageDecodeError);
    const text = new TextEncoder().encode('no');
    await expect(pool.alignFile(text, { path: 'b.png' })).rejects.toMatchObject({
      name: 'ImageDecodeError',
      path: 'b.png',
    });
    await expect(pool.alignFile(await readFile(PORTRAIT), { boxes: outside })).rejects.toThrow(RangeError);
    await expect(pool.detect(image, { minScore: 7 })).rejects.toThrow(/minScore/);
    expect(await pool.detect(image)).toHaveLength(1);
  });

  test('refuses options that make no sense, and a pack that is not there, without leaving threads', async () => {
    await expect(createFaceAlignerPool({ size: 0 })).rejects.toThrow(
      'size: expected a whole number from 1 to 64, got 0',
    );
    await expect(createFaceAlignerPool({ maxQueued: 0.5 })).rejects.toThrow(/^maxQueued/);
    threads.length = 0;
    const missing: WeightSource = { describe: () => 'nowhere', read: () => Promise.reject(new Error('nowhere')) };
    await expect(makePool({ weights: missing })).rejects.toThrow('nowhere');
    await expect(makePool({ signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late');
    await Promise.all(threads.map((thread) => thread.terminate()));
  });

  test('a call beyond the queue is refused, an aborted one leaves it', async () => {
    const pool = await makePool({ size: 1, maxQueued: 2 });
    const stop = new AbortController();
    const calls = [pool.detect(image), pool.detect(image, { signal: stop.signal }), pool.detect(image)];
    expect(pool.queuedCount).toBe(2);
    await expect(pool.detect(image)).rejects.toThrow(QueueFullError);
    stop.abort(new Error('changed my mind'));
    expect(pool.queuedCount).toBe(1);
    await expect(calls[1]).rejects.toThrow('changed my mind');
    expect(await calls[0]).toEqual(await calls[2]);
    await expect(pool.detect(image, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  });

  test('no call is lost when threads die, and those who die are replaced', async () => {
    threads.length = 0;
    const pool = await makePool();
    const expected = await alone.detect(image);
    const calls = Array.from({ length: 12 }, () => pool.detect(image));
    await calls[1];
    for (const thread of [...threads]) void thread.terminate();
    expect(await Promise.all(calls)).toEqual(calls.map(() => expected));
    expect(threads.length).toBe(4);
  });

  test('a call whose threads die twice is rejected, and the pool goes on', async () => {
    const pool = await makePool({ size: 1 });
    const call = pool.detect(image);
    const error = call.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    void threads.at(-1)?.terminate();
    const count = threads.length;
    while (threads.length === count) await new Promise((resolve) => setTimeout(resolve, 1));
    // As soon as the call runs again: nothing waits any more.
    const killer = setInterval(() => {
      if (pool.queuedCount > 0) return;
      clearInterval(killer);
      void threads.at(-1)?.terminate();
    }, 0);
    expect(await error).toBeInstanceOf(WorkerFailedError);
    expect(await pool.detect(image)).toHaveLength(1);
  });

  test('a script that never answers is an error after the stated time', async () => {
    const createWorker = (): Worker => new Worker('setInterval(() => {}, 1000)', { eval: true });
    await expect(createFaceAlignerPool({ size: 1, createWorker, startTimeoutMs: 200 })).rejects.toThrow(
      /^the worker did not answer within 0.2 s/,
    );
    const broken = (): Worker => new Worker('throw new Error("broken")', { eval: true });
    await expect(createFaceAlignerPool({ size: 1, createWorker: broken })).rejects.toThrow('the worker failed: broken');
  });

  test('dispose rejects what waits; with `wait` it lets it end', async () => {
    const aborted = await makePool({ size: 1 });
    const calls = [aborted.detect(image), aborted.detect(image)].map((call) => call.catch((error: unknown) => error));
    await aborted.dispose();
    for (const call of calls) expect(await call).toBeInstanceOf(DisposedError);
    await expect(aborted.detect(image)).rejects.toThrow(DisposedError);
    expect(() => aborted.reconstruct({ roiBox: outsideBox, params: new Float32Array(62) })).toThrow(DisposedError);
    await aborted.dispose();

    const waited = await makePool({ size: 1 });
    const results = Promise.all([waited.detect(image), waited.detect(image)]);
    await waited.dispose({ wait: true });
    expect(await results).toHaveLength(2);
  });
});

const outsideBox = { xMin: 0, yMin: 0, xMax: 1, yMax: 1 };

describe('one aligner', () => {
  test('lets the event loop turn between calls that are awaited in a row', async () => {
    const image = await readImage(PORTRAIT);
    const aligner = await createFaceAligner();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const boxes = await aligner.detect(image);
    ticks = 0;
    const calls = 10;
    for (let i = 0; i < calls; i++) {
      await aligner.detect(image);
      await aligner.align(image, boxes);
    }
    const ticksInARow = ticks;
    ticks = 0;
    await Promise.all(Array.from({ length: calls }, () => aligner.detect(image)));
    clearInterval(timer);
    aligner.dispose();
    // Every call takes longer than the timer: one tick before each of them.
    expect(ticksInARow).toBeGreaterThanOrEqual(calls);
    expect(ticks).toBeGreaterThanOrEqual(calls - 1);
  });
});
