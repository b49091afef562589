/** The aligner in a module worker: the same interface, pixels that move, errors, cancellation. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { LocalServer } from '../../development/local-server.ts';
import {
  describeWithChromium,
  LIBRARY_PAGE,
  LIBRARY_SCRIPT,
  openLibraryPage,
  startSite,
  useBrowserBundle,
  useChromium,
} from '../support/chromium.ts';
import { formulaPack, formulaPackWithoutModel } from '../support/formula-pack.ts';

declare const tddfa: typeof import('../../src/browser.ts');

/** Between dense vertices computed on the page in JavaScript and in WebAssembly, px; 2.3e-5 measured. */
const DENSE_MAX_ABS = 7e-5;

describeWithChromium('createFaceAlignerWorker', () => {
  const browser = useChromium();
  const bundle = useBrowserBundle();
  let server: LocalServer;
  let page: Page;

  beforeAll(async () => {
    server = await startSite({
      folders: { '/bundle/': bundle(), '/pack/': await formulaPack(), '/bare/': await formulaPackWithoutModel() },
      files: { '/index.html': LIBRARY_PAGE, '/main.js': LIBRARY_SCRIPT, '/broken.js': 'throw new Error("broken")' },
    });
    ({ page } = await openLibraryPage(browser(), server.url));
  });
  afterAll(() => server.close());

  test('gives what the aligner gives, method for method', async () => {
    const { same, furthest } = await page.evaluate(async () => {
      const noise = (width: number, height: number) => {
        const data = new Uint8Array(width * height * 4);
        for (let i = 0; i < data.length; i++) data[i] = (i * 48271) % 251;
        return { data, width, height };
      };
      const results: string[] = [];
      const surfaces: Float32Array[] = [];
      for (const create of [tddfa.createFaceAligner, tddfa.createFaceAlignerWorker]) {
        const aligner = await create({ weights: tddfa.httpWeights('/pack/'), backend: 'compiled' });
        const image = noise(160, 120);
        const boxes = await aligner.detect(image, { confidenceThreshold: 0.1 });
        const coarse = await aligner.detect(image, { confidenceThreshold: 0.1, strategy: 'coarse-to-fine' });
        const [box = { xMin: 20, yMin: 20, xMax: 90, yMax: 100 }] = boxes;
        const faces = await aligner.align(image, [box, { xMin: 5, yMin: 5, xMax: 60, yMax: 60 }]);
        const tracked = await aligner.alignToLandmarks(image, faces);
        const crops = await aligner.alignCrops(image, [{ xMin: 0, yMin: 0, xMax: 100, yMax: 100 }]);
        const [face] = faces;
        if (face === undefined) throw new Error('two boxes give two faces');
        const { backend, packName, hasDetector, regressor, regressors, licences, morphableModel, faceMaps } = aligner;
        const facts = { backend, packName, hasDetector, regressor, regressors, licences };
        const summary = { ...facts, boxes, coarse, faces, tracked, crops };
        results.push(JSON.stringify([summary, aligner.reconstruct(face), morphableModel, faceMaps]));
        surfaces.push(aligner.reconstruct(face, { dense: true }));
        aligner.dispose();
      }
      const [onPage = [], inWorker = []] = surfaces;
      let furthest = 0;
      for (let i = 0; i < onPage.length; i++) {
        furthest = Math.max(furthest, Math.abs(onPage[i] - inWorker[i]));
      }
      return { same: results[0] === results[1], furthest };
    });
    expect(same).toBe(true);
    expect(furthest).toBeLessThan(DENSE_MAX_ABS);
  });

  test('refuses mistakes with what to do, as the aligner of the page does, and takes an address for weights', async () => {
    const messages = await page.evaluate(async () => {
      const loose = (call: unknown) => call as (...args: unknown[]) => unknown;
      const results: string[][] = [];
      for (const create of [tddfa.createFaceAligner, tddfa.createFaceAlignerWorker]) {
        const aligner = await create({ weights: '/pack/' });
        const image = { data: new Uint8Array(64 * 64 * 4).fill(90), width: 64, height: 64 };
        const box = { xMin: 8, yMin: 8, xMax: 56, yMax: 56 };
        const faces = await aligner.align(image, [box]);
        const fresh = { data: new Uint8Array(64 * 64 * 4).fill(90), width: 64, height: 64 };
        const calls = [
          () => loose(aligner.detect)(new Image()),
          () => loose(aligner.detect)(fresh, { minimumScore: 1 }),
          () => loose(aligner.align)(fresh),
          () => loose(aligner.align)(fresh, box),
          () => loose(aligner.align)(fresh, [{ x: 1, y: 2 }]),
          () => loose(aligner.reconstruct)(faces),
          () => loose(aligner.reconstruct)(faces[0], true),
          () => loose(create)({ weights: '/pack/', minScore: 1 }),
          () => loose(create)(),
          () => loose(tddfa.readPixels)(fresh, { maxSize: 1 }),
          () => loose(tddfa.followVideo)('camera', () => {}, { aligner, tracker: { maxface: 1 } }),
        ];
        const told: string[] = [];
        for (const call of calls) {
          try {
            await call();
            told.push('was accepted');
          } catch (error) {
            told.push(String(error));
          }
        }
        results.push(told);
        aligner.dispose();
      }
      return results;
    });
    for (const told of messages) {
      expect(told).toEqual([
        expect.stringMatching(/^TypeError: image: .*HTMLImageElement; await .* readPixels\(source\) in a browser$/),
        expect.stringMatching(/^TypeError: options: .*'minimumScore'; did you mean 'minScore'\?$/),
        expect.stringMatching(/^TypeError: boxes: expected a list of boxes, got undefined; /),
        expect.stringMatching(/^TypeError: boxes: expected a list of boxes, got \{ xMin, /),
        expect.stringMatching(/^TypeError: boxes\[0\]: expected a box, got \{ x, y \}; /),
        expect.stringMatching(/^TypeError: face: expected a face, got a list of 1; /),
        expect.stringMatching(/^TypeError: options: expected \{ dense: … \}, got true$/),
        expect.stringMatching(/^TypeError: options: .*'minScore'; put it in detector: /),
        expect.stringMatching(/^TypeError: options: expected \{ weights: … \}, got null$/),
        expect.stringMatching(/^TypeError: options: .*'maxSize'; did you mean 'maxSide'\?$/),
        expect.stringMatching(/^TypeError: options: .*'maxface'; did you mean 'maxFaces'\?$/),
      ]);
    }
  });

  test('moves the pixels by default and still knows the image; keeps them when asked to', async () => {
    const result = await page.evaluate(async () => {
      const weights = tddfa.httpWeights('/pack/');
      const box = { xMin: 8, yMin: 8, xMax: 56, yMax: 56 };
      const image = () => ({ data: new Uint8Array(64 * 64 * 4).fill(90), width: 64, height: 64 });
      const moving = await tddfa.createFaceAlignerWorker({ weights, backend: 'compiled' });
      const moved = image();
      const [first] = await moving.align(moved, [box]);
      const bytesAfterMove = moved.data.length;
      const [second] = await moving.align(moved, [box]);
      const shared = image();
      const buffer = new Uint8Array(64 * 64 * 4 + 8).fill(90);
      const part = { ...shared, data: buffer.subarray(4, -4) };
      const [third] = await moving.align(part, [box]);
      const lost = { ...moved, data: new Uint8Array(0) };
      const error = await moving.align(lost, [box]).catch((e: unknown) => String(e));
      const keeping = await tddfa.createFaceAlignerWorker({ weights, backend: 'compiled', keepPixels: true });
      const kept = image();
      const [fourth] = await keeping.align(kept, [box]);
      const texts = [first, second, third, fourth].map((face) => JSON.stringify(face?.params));
      moving.dispose();
      keeping.dispose();
      return { bytesAfterMove, same: new Set(texts).size, part: part.data.length, kept: kept.data.length, error };
    });
    expect(result).toMatchObject({ bytesAfterMove: 0, same: 1, part: 64 * 64 * 4, kept: 64 * 64 * 4 });
    expect(result.error).toMatch(/^TypeError: image: its pixels are gone: .*keepPixels/);
  });

  test('holds a bounded number of moved images', async () => {
    const result = await page.evaluate(async () => {
      const aligner = await tddfa.createFaceAlignerWorker({
        weights: tddfa.httpWeights('/pack/'),
        backend: 'compiled',
      });
      const size = 2048; // 16 MiB each
      const images = Array.from({ length: 12 }, () => ({
        data: new Uint8Array(size * size * 4),
        width: size,
        height: size,
      }));
      for (const image of images) await aligner.align(image, [{ xMin: 8, yMin: 8, xMax: 56, yMax: 56 }]);
      const answers: string[] = [];
      for (const image of images) {
        const answer = aligner.align(image, [{ xMin: 8, yMin: 8, xMax: 56, yMax: 56 }]);
        answers.push(
          await answer.then(
            () => 'here',
            () => 'gone',
          ),
        );
      }
      aligner.dispose();
      return answers;
    });
    expect(result).toEqual([...new Array(4).fill('gone'), ...new Array(8).fill('here')]);
  });

  test('throws the errors of the aligner, of the same classes', async () => {
    const result = await page.evaluate(async () => {
      const create = (url: string, regressor?: string) =>
        tddfa.createFaceAlignerWorker({
          weights: tddfa.httpWeights(url),
          backend: 'compiled',
          ...(regressor === undefined ? {} : { regressor }),
        });
      const describe = (promise: Promise<unknown>) =>
        promise.then(
          () => 'no error',
          (e: unknown) => `${(e as Error).name}: ${(e as Error).message}`,
        );
      const missing = await create('/none/').catch((e: unknown) => e);
      const bare = await create('/bare/');
      const [face] = await bare.align({ data: new Uint8Array(64 * 64 * 4), width: 64, height: 64 }, [
        { xMin: 8, yMin: 8, xMax: 56, yMax: 56 },
      ]);
      let surface = 'no error';
      try {
        if (face) bare.reconstruct(face);
      } catch (e) {
        surface = `${(e as Error).name}: ${(e as Error).message}`;
      }
      const image = { data: new Uint8Array(64 * 64 * 4), width: 64, height: 64 };
      const wrongBox = await describe(bare.align(image, [{ xMin: 90, yMin: 0, xMax: 99, yMax: 9 }]));
      const pending = describe(bare.detect({ data: new Uint8Array(640 * 640 * 4), width: 640, height: 640 }));
      bare.dispose();
      bare.dispose();
      return {
        isLoadError: missing instanceof tddfa.WeightLoadError && missing.status,
        regressor: await describe(create('/pack/', 'none')),
        surface,
        wrongBox,
        pending: await pending,
        disposed: await describe(bare.detect(image)),
      };
    });
    expect(result.isLoadError).toBe(404);
    expect(result.regressor).toMatch(/^RangeError: .*no regressor 'none'/);
    expect(result.surface).toMatch(/^WeightFormatError: .*no morphable model$/);
    expect(result.wrongBox).toMatch(/^RangeError: boxes\[0\]: expected a box that overlaps/);
    expect(result.pending).toMatch(/^DisposedError: /);
    expect(result.disposed).toMatch(/^DisposedError: /);
  });

  test('reports progress that never falls, and ends when told to', async () => {
    const result = await page.evaluate(async () => {
      const weights = tddfa.httpWeights('/pack/');
      const progress: { file: string; loadedBytes: number; totalBytes?: number }[] = [];
      const listener = (event: (typeof progress)[number]) => progress.push(event);
      const aligner = await tddfa.createFaceAlignerWorker({ weights, backend: 'compiled', onProgress: listener });
      aligner.dispose();
      const controller = new AbortController();
      const abort = () => controller.abort(new Error('enough'));
      const error = await tddfa
        .createFaceAlignerWorker({ weights, backend: 'compiled', signal: controller.signal, onProgress: abort })
        .then(
          () => 'made',
          (e: Error) => e.message,
        );
      return { progress, error };
    });
    const files = new Set(result.progress.map(({ file }) => file));
    expect(files.size).toBeGreaterThan(4);
    for (const file of files) {
      const loaded = result.progress.filter((event) => event.file === file).map(({ loadedBytes }) => loadedBytes);
      expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
      const last = result.progress.filter((event) => event.file === file).at(-1);
      expect(last?.loadedBytes).toBe(last?.totalBytes);
    }
    expect(result.error).toBe('enough');
  });

  test('says so where the worker does not start', async () => {
    const messages = await page.evaluate(async () => {
      const messages: string[] = [];
      for (const script of ['/none.js', '/broken.js']) {
        const error = await tddfa
          .createFaceAlignerWorker({
            weights: tddfa.httpWeights('/pack/'),
            createWorker: () => new Worker(script, { type: 'module' }),
          })
          .catch((e: unknown) => e);
        messages.push(String(error));
      }
      return messages;
    });
    expect(messages[0]).toMatch(/^WorkerFailedError: the worker failed: its script cannot be loaded/);
    expect(messages[1]).toMatch(/^WorkerFailedError: the worker failed: .*broken/);
  });
});
