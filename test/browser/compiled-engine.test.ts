import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { repositoryRoot } from '../../development/paths.ts';
import { describeWithChromium, openPage, startSite, useChromium } from '../support/chromium.ts';
import { runSmallNetwork, type SmallRun } from '../support/small-network-run.ts';

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Test</title>
<link rel="icon" href="data:,"><script type="module" src="/bundle/small-network-run.js"></script></html>`;

/** What makes a page cross-origin isolated. */
const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

describeWithChromium('the compiled engine in a browser', () => {
  const browser = useChromium();
  let bundle = '';
  beforeAll(async () => {
    bundle = await mkdtemp(join(tmpdir(), 'tddfa-engine-'));
    await build({
      entryPoints: [join(repositoryRoot, 'test/support/small-network-run.ts')],
      outdir: bundle,
      bundle: true,
      format: 'esm',
      platform: 'browser',
      logLevel: 'silent',
    });
  });
  afterAll(() => rm(bundle, { recursive: true, force: true }));

  async function runInBrowser(threads: number, headers: Record<string, string>): Promise<SmallRun> {
    const site = await startSite({ folders: { '/bundle/': bundle }, files: { '/index.html': PAGE }, headers });
    try {
      const { page } = await openPage(browser(), `${site.url}/`);
      await page.waitForFunction(() => 'runSmallNetwork' in globalThis);
      const result = await page.evaluate(
        (count) => (globalThis as unknown as { runSmallNetwork: typeof runSmallNetwork }).runSmallNetwork(count),
        threads,
      );
      await page.close();
      return result;
    } finally {
      await site.close();
    }
  }

  test('gives what it gives in Node', async () => {
    const result = await runInBrowser(1, {});
    // The browser has fused multiply-add, Node 20 has not.
    const expected = await runSmallNetwork(1);
    expect(result.error).toBeUndefined();
    expect(result.threads).toEqual({ count: 1 });
    for (const [i, value] of expected.output.entries()) expect(result.output[i]).toBeCloseTo(value, 5);
  });

  test('shares the work between workers on an isolated page, and says why not on others', async () => {
    const alone = await runInBrowser(1, ISOLATION);
    const together = await runInBrowser(2, ISOLATION);
    expect(together.threads).toEqual({ count: 2 });
    expect(together.output).toEqual(alone.output);
    const without = await runInBrowser(2, {});
    expect(without.threads).toEqual({ count: 1, reason: expect.stringMatching(/cross-origin isolated/) });
    expect(without.output).toEqual(alone.output);
    const noBlobs = { ...ISOLATION, 'content-security-policy': "script-src 'self' 'wasm-unsafe-eval'" };
    const blocked = await runInBrowser(2, noBlobs);
    expect(blocked.threads).toEqual({ count: 1, reason: expect.stringMatching(/workers do not start/) });
    expect(blocked.output).toEqual(alone.output);
  });

  test('names the policy that forbids it, and what to do', async () => {
    const { error } = await runInBrowser(1, { 'content-security-policy': "script-src 'self'" });
    expect(error).toMatch(/^BackendUnavailableError: .*'wasm-unsafe-eval'.*'cpu' or 'webgl'/);
  });
});
