/** Faces followed in a page, with the networks in the worker. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { COUNT_WASM_MEMORY, COUNTED_WORKER } from '../../development/count-wasm-memory.ts';
import type { LocalServer } from '../../development/local-server.ts';
import { growthPerStep } from '../../development/memory-growth.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import {
  describeWithChromium,
  LIBRARY_PAGE,
  LIBRARY_SCRIPT,
  openLibraryPage,
  startSite,
  useBrowserBundle,
  useChromium,
} from '../support/chromium.ts';
import { LONG_TASK_MS, mainThreadTasks } from '../support/main-thread.ts';
import { describeWithShared, repositoryRoot } from '../support/shared.ts';

declare const tddfa: typeof import('../../src/browser.ts');
declare const follow: (start: number, count: number) => Promise<string[]>;
declare const wasmBytes: () => Promise<number>;
declare const performance: { measureUserAgentSpecificMemory(): Promise<{ readonly bytes: number }> };

const EXAMPLES = join(repositoryRoot, 'examples');

/** Only isolated pages may measure their memory. */
const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

/** What a frame may leave behind on page and worker together, bytes; 242 measured, code that V8 compiles (0.6 over 8000 frames). */
const GROWTH_MAX = 750;

describeWithChromium('a tracker on an aligner in a worker', () => {
  const browser = useChromium(['--enable-blink-features=ForceEagerMeasureMemory']);
  const bundle = useBrowserBundle();

  describeWithShared('with the reference weights', () => {
    let server: LocalServer;
    let page: Page;
    beforeAll(async () => {
      const folders = { '/bundle/': bundle(), '/pack/': await upstreamPack(), '/examples/': EXAMPLES };
      const files = {
        '/index.html': LIBRARY_PAGE,
        '/main.js': LIBRARY_SCRIPT,
        '/worker.js': COUNTED_WORKER,
        '/count.js': COUNT_WASM_MEMORY,
      };
      server = await startSite({ folders, files, headers: ISOLATION });
      ({ page } = await openLibraryPage(browser(), server.url));
      await page.evaluate(async () => {
        const aligner = await tddfa.createFaceAlignerWorker({
          weights: tddfa.httpWeights('/pack/'),
          createWorker: () => new Worker('/worker.js', { type: 'module' }),
        });
        const tracker = tddfa.createFaceTracker(aligner, { detectEvery: 50 });
        const photo = await tddfa.readPixels(await (await fetch('/examples/astronaut.png')).blob(), { maxSide: 256 });
        const channel = new BroadcastChannel('memory');
        Object.assign(globalThis, {
          async follow(start: number, count: number) {
            const seen = new Set<string>();
            for (let i = start; i < start + count; i++) {
              // Each frame is an object of its own, as those of a video are.
              const image = { data: photo.data.slice(), width: photo.width, height: photo.height };
              const faces = await tracker.next(image, i * 40);
              seen.add(faces.map(({ id, how }) => `${id} ${how}`).join());
              if (image.data.length !== photo.data.length) seen.add('its pixels are gone');
            }
            return [...seen];
          },
          wasmBytes: () =>
            new Promise<number>((resolve) => {
              channel.onmessage = ({ data }) => resolve(data);
              channel.postMessage('how many');
            }),
        });
      });
    });
    afterAll(async () => {
      await page.close();
      await server.close();
    });

    test('leaves the main thread free, from the start on', async () => {
      const { page: fresh } = await openLibraryPage(browser(), server.url);
      await browser().startTracing(fresh, { categories: ['toplevel', 'devtools.timeline'] });
      await fresh.reload();
      await fresh.waitForFunction(() => 'tddfa' in globalThis);
      const last = await fresh.evaluate(async () => {
        const aligner = await tddfa.createFaceAlignerWorker({ weights: tddfa.httpWeights('/pack/') });
        const tracker = tddfa.createFaceTracker(aligner);
        const photo = await (await fetch('/examples/astronaut.png')).blob();
        let how = '';
        for (let i = 0; i < 30; i++) {
          const [face] = await tracker.next(await tddfa.readPixels(photo), i * 40);
          how = face?.how ?? 'no face';
        }
        aligner.dispose();
        return how;
      });
      const tasks = mainThreadTasks(await browser().stopTracing(), server.url);
      await fresh.close();
      expect(last).toBe('track');
      // A trace that says nothing proves nothing.
      expect(tasks.length).toBeGreaterThan(30);
      expect(Math.max(...tasks)).toBeGreaterThan(1);
      expect(Math.max(...tasks)).toBeLessThan(LONG_TASK_MS);
    });

    test('follows a face for 1000 frames, which leave nothing behind', async () => {
      expect(await page.evaluate(() => follow(0, 2))).toEqual(['0 detect+refine', '0 track']);
      const wasmBefore = await page.evaluate(() => wasmBytes());
      const growth = await growthPerStep({
        stepsPerWindow: 125,
        async run(start, count) {
          expect(await page.evaluate(([from, n]) => follow(from, n), [start + 2, count] as const)).toEqual(['0 track']);
        },
        collectAndRead: async () => (await page.evaluate(() => performance.measureUserAgentSpecificMemory())).bytes,
      });
      expect(growth).toBeLessThan(GROWTH_MAX);
      expect(wasmBefore).toBeGreaterThan(1_000_000);
      expect(await page.evaluate(() => wasmBytes())).toBe(wasmBefore);
    });
  });
});
