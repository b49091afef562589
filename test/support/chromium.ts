/** Chromium and its pages, for the tests of a file. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { CHROMIUM_PATH, launchChromium } from '../../development/browser-site.ts';
import { packageIsBuilt } from '../../development/package-is-built.ts';
import { repositoryRoot } from '../../development/paths.ts';
import { bundleBrowser } from '../../scripts/bundle-browser.js';

export * from '../../development/browser-site.ts';

/** A `describe` whose tests need Chromium: skipped if it is missing, failing under `CI=true`. */
export function describeWithChromium(name: string, body: () => void): void {
  if (existsSync(CHROMIUM_PATH)) {
    describe(name, body);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      test('has a Chromium', () => {
        throw new Error(`${CHROMIUM_PATH} is missing, and CI must not skip the tests that need it`);
      });
    });
  } else {
    describe.skip(`[chromium] ${name}`, body);
  }
}

/** A Chromium for the tests of a file. Call inside `describe`. */
export function useChromium(flags: readonly string[] = []): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await launchChromium(flags);
  });
  afterAll(() => browser?.close());
  return () => {
    if (browser === undefined) throw new Error('Chromium only starts in beforeAll');
    return browser;
  };
}

/** Folder with the browser bundles for the tests of a file: rebuilt if the sources have changed since the last build. */
export function useBrowserBundle(): () => string {
  let folder = join(repositoryRoot, 'dist', 'browser');
  let own: string | undefined;
  beforeAll(async () => {
    if (packageIsBuilt()) return;
    own = await mkdtemp(join(tmpdir(), 'tddfa-bundle-'));
    folder = own;
    await bundleBrowser(own);
  });
  afterAll(() => (own === undefined ? undefined : rm(own, { recursive: true, force: true })));
  return () => folder;
}
