import { describe, expect, test } from '@jest/globals';
import { convertNetwork } from '../../converters/networks/convert-network.ts';
import { formulaFaceboxes, formulaRegressor } from '../../development/formula.ts';
import { createCompiledEngine } from '../../src/engine/compiled.ts';
import { startThreads } from '../../src/engine/threads.ts';
import { DisposedError } from '../../src/errors.ts';

type Shape = readonly [number, number, number, number];

function picture(shape: Shape, amplitude: number): Float32Array {
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.cos(i) * amplitude);
}

/** Of one processor. A thread that spins takes a whole one, or its share of a busy one; sleeping threads take 0.01. */
const SPINNING_SHARE = 0.2;

/** What this process takes of a processor in its quietest of several moments: collecting garbage must not count. */
async function leastProcessorShare(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let moment = 0; moment < 8; moment++) {
    const before = process.cpuUsage();
    const start = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 150));
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000 / (performance.now() - start));
  }
  return least;
}

const mobilenet = convertNetwork(formulaRegressor('mobilenet_v1_x0.25').stateDict, { file: 'mb025' }).artifact;
const faceboxes = convertNetwork(formulaFaceboxes().stateDict, { file: 'faceboxes' }).artifact;

describe('threads', () => {
  test.each([2, 3])('%i threads give the very numbers of one', async (threads) => {
    const one = await createCompiledEngine();
    const several = await createCompiledEngine({ threads });
    expect(several.threads).toEqual({ count: threads });
    const cases: [typeof mobilenet, Shape, number][] = [
      [mobilenet, [1, 120, 120, 3], 1],
      [mobilenet, [5, 120, 120, 3], 1],
      [faceboxes, [1, 131, 97, 3], 127],
      [faceboxes, [2, 1, 1, 3], 127],
    ];
    for (const [artifact, shape, amplitude] of cases) {
      const networks = [await one.loadNetwork(artifact), await several.loadNetwork(artifact)];
      for (let round = 0; round < 2; round++) {
        const input = picture(shape, amplitude + round / 7);
        const [expected, actual] = await Promise.all(networks.map((network) => network.run(input, shape)));
        expect(actual).toEqual(expected);
      }
      for (const network of networks) network.dispose();
    }
    one.dispose();
    several.dispose();
  });

  test('two networks share the threads, and many runs stay in step', async () => {
    const engine = await createCompiledEngine({ threads: 2, cachedSizes: 1 });
    const [small, detector] = [await engine.loadNetwork(mobilenet), await engine.loadNetwork(faceboxes)];
    const [a, b, c]: Shape[] = [
      [1, 120, 120, 3],
      [1, 33, 41, 3],
      [1, 41, 33, 3],
    ];
    const first = [
      await small.run(picture(a, 1), a),
      await detector.run(picture(b, 9), b),
      await detector.run(picture(c, 9), c),
    ];
    for (let i = 0; i < 10; i++) {
      const again = await Promise.all([
        small.run(picture(a, 1), a),
        detector.run(picture(b, 9), b),
        detector.run(picture(c, 9), c),
      ]);
      expect(again).toEqual(first);
    }
    engine.dispose();
  });

  test('nothing runs on after dispose', async () => {
    const engine = await createCompiledEngine({ threads: 2 });
    const network = await engine.loadNetwork(mobilenet);
    const shape: Shape = [1, 120, 120, 3];
    await network.run(picture(shape, 1), shape);
    const running = network.run(picture([2, 120, 120, 3], 1), [2, 120, 120, 3]);
    engine.dispose();
    engine.dispose();
    await expect(running).rejects.toThrow(DisposedError);
    expect(await leastProcessorShare()).toBeLessThan(SPINNING_SHARE);
    expect(engine.threads).toEqual({ count: 1, reason: 'the threads are disposed' });
  });

  test('what waits for the threads fails as they are disposed, and so does what comes later', async () => {
    const pool = await startThreads(2);
    if (!('load' in pool)) throw new Error(pool.reason);
    const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const waiting = pool.load(1, empty, memory);
    pool.dispose();
    await expect(waiting).rejects.toThrow('the threads are disposed');
    await expect(pool.load(2, empty, memory)).rejects.toThrow('the threads are disposed');
  });

  test('between runs the threads sleep', async () => {
    const engine = await createCompiledEngine({ threads: 2 });
    const network = await engine.loadNetwork(mobilenet);
    const shape: Shape = [1, 120, 120, 3];
    for (let i = 0; i < 5; i++) await network.run(picture(shape, 1), shape);
    expect(await leastProcessorShare()).toBeLessThan(SPINNING_SHARE);
    engine.dispose();
  });

  test('without SharedArrayBuffer one thread does it all and the reason is told', async () => {
    const { SharedArrayBuffer: original } = globalThis;
    Reflect.deleteProperty(globalThis, 'SharedArrayBuffer');
    try {
      const engine = await createCompiledEngine({ threads: 4 });
      expect(engine.threads).toEqual({ count: 1, reason: expect.stringMatching(/cross-origin isolated/) });
      const network = await engine.loadNetwork(mobilenet);
      await expect(network.run(picture([1, 120, 120, 3], 1), [1, 120, 120, 3])).resolves.toHaveLength(1);
      engine.dispose();
    } finally {
      globalThis.SharedArrayBuffer = original;
    }
  });

  test('refuses numbers that make no sense', async () => {
    for (const threads of [0, 1.5, -1, 65]) {
      await expect(createCompiledEngine({ threads })).rejects.toThrow(/threads: expected a whole number from 1 to 64/);
    }
  });
});
