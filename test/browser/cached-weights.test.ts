/** Weights kept by the browser from visit to visit. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import type { LocalServer } from '../../development/local-server.ts';
import type { CachedWeightsOptions } from '../../src/engine/weights/cached-source.ts';
import {
  describeWithChromium,
  LIBRARY_PAGE,
  LIBRARY_SCRIPT,
  openLibraryPage,
  startSite,
  useBrowserBundle,
  useChromium,
} from '../support/chromium.ts';
import { formulaPack } from '../support/formula-pack.ts';

declare const tddfa: typeof import('../../src/browser.ts');

describeWithChromium('cachedWeights', () => {
  const browser = useChromium();
  const bundle = useBrowserBundle();
  let server: LocalServer;
  let context: BrowserContext;
  let page: Page;
  let damage: string | undefined;

  beforeAll(async () => {
    server = await startSite({
      folders: { '/bundle/': bundle(), '/pack/': await formulaPack() },
      files: { '/index.html': LIBRARY_PAGE, '/main.js': LIBRARY_SCRIPT },
      tamper: (path, bytes) => (damage !== undefined && path.endsWith(damage) ? bytes.map((byte) => byte ^ 1) : bytes),
    });
  });
  afterAll(() => server.close());
  afterEach(() => context.close());

  async function open(): Promise<void> {
    damage = undefined;
    context = await browser().newContext();
    ({ page } = await openLibraryPage(context, server.url));
  }

  /** Makes an aligner; gives its parameters of a grey picture, the files asked of the server, and the warnings. */
  async function visit(options: Omit<CachedWeightsOptions, 'onWarning'> = {}) {
    const before = server.requests.length;
    const result = await page.evaluate(async (cacheOptions) => {
      const warnings: string[] = [];
      const { digest } = SubtleCrypto.prototype;
      let hashCount = 0;
      SubtleCrypto.prototype.digest = function (...given) {
        hashCount++;
        return digest.apply(this, given);
      };
      const weights = tddfa.cachedWeights(tddfa.httpWeights('/pack/'), {
        ...cacheOptions,
        onWarning: (warning) => warnings.push(warning.message),
      });
      try {
        const aligner = await tddfa.createFaceAligner({ weights, backend: 'compiled' });
        const image = { data: new Uint8Array(64 * 64 * 4).fill(90), width: 64, height: 64 };
        const [face] = await aligner.align(image, [{ xMin: 8, yMin: 8, xMax: 56, yMax: 56 }]);
        aligner.dispose();
        return { params: [...(face?.params ?? [])], warnings, error: '', hashCount };
      } catch (error) {
        return { params: [], warnings, error: String(error), hashCount };
      } finally {
        SubtleCrypto.prototype.digest = digest;
      }
    }, options);
    const requests = server.requests.slice(before).filter((request) => request.includes('/pack/'));
    return { ...result, requests };
  }

  test('asks for nothing at the second visit', async () => {
    await open();
    const first = await visit();
    expect(first).toMatchObject({ error: '', warnings: [] });
    expect(first.requests.length).toBeGreaterThan(4);
    await page.reload();
    await page.waitForFunction(() => 'tddfa' in globalThis);
    const second = await visit();
    expect(second).toEqual({ ...first, requests: [] });
    // Each file once, at both visits; the manifest has no sum of its own.
    expect(first.hashCount).toBe(first.requests.length - 1);
  });

  test('asks for the manifest alone when told to look for news', async () => {
    await open();
    await visit();
    expect((await visit({ revalidate: true })).requests).toEqual(['GET /pack/pack.json']);
  });

  test('does not keep what arrives damaged, and heals', async () => {
    await open();
    damage = '.bin';
    const damaged = await visit();
    expect(damaged.error).toMatch(/^WeightFormatError: .*is damaged: wrong SHA-256/);
    damage = undefined;
    expect(await visit()).toMatchObject({ error: '', warnings: [] });
    expect((await visit()).requests).toEqual([]);
  });

  test('replaces what was damaged in store', async () => {
    await open();
    const first = await visit();
    const replaced = await page.evaluate(async (name) => {
      const cache = await caches.open(name);
      const keys = (await cache.keys()).filter(({ url }) => url.includes('sha256'));
      for (const key of keys) await cache.put(key, new Response(new Uint8Array(5)));
      return keys.length;
    }, 'tddfa-weights');
    const second = await visit();
    expect(second).toMatchObject({ error: '', params: first.params });
    expect(second.requests).toHaveLength(replaced);
    expect((await visit()).requests).toEqual([]);
  });

  test('goes on without a store, with one warning', async () => {
    await open();
    await page.evaluate(() => {
      Cache.prototype.put = () => Promise.reject(new DOMException('the disk is full', 'QuotaExceededError'));
    });
    expect(await visit()).toMatchObject({ error: '', warnings: ['the disk is full'] });
    await page.evaluate(() => Object.defineProperty(globalThis, 'caches', { value: undefined }));
    const visited = await visit();
    expect(visited).toMatchObject({ error: '', warnings: [expect.stringContaining('no Cache API')] });
    expect(visited.requests.length).toBeGreaterThan(4);
  });

  test('is cleared', async () => {
    await open();
    await visit();
    expect(await page.evaluate(() => tddfa.clearCachedWeights())).toBe(true);
    expect((await visit()).requests.length).toBeGreaterThan(4);
  });
});
