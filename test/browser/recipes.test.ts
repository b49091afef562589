/** The example folders, built with the package as it is published, and run. */
import { statSync } from 'node:fs';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { build } from 'vite';
import webpack, { type Configuration } from 'webpack';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { buildPackage } from '../support/build-package.ts';
import { describeWithChromium, openPage, startSite, useChromium } from '../support/chromium.ts';
import { describeWithShared, repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const BUILD_TIMEOUT_MS = 240_000;
/** The page's scripts and the worker's, not compressed; tfjs would add 480 kB or more. */
const MAX_SCRIPT_BYTES = 400_000;

describeWithChromium('an application of the package', () => {
  const browser = useChromium();
  const folder = useTemporaryFolder();

  beforeAll(async () => {
    await buildPackage();
    await mkdir(folder('node_modules'));
    await symlink(repositoryRoot, folder('node_modules', 'tddfa'));
    await cp(join(repositoryRoot, 'examples'), folder('examples'), { recursive: true });
  }, BUILD_TIMEOUT_MS);

  /** Runs the application and sees that what it loads is smaller than tfjs alone would be. */
  async function expectNoTfjs(site: string): Promise<void> {
    const scripts = (await run(site)).filter((request) => request.endsWith('.js'));
    const sizes = scripts.map((request) => statSync(join(site, request.replace('GET /', ''))).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_SCRIPT_BYTES);
  }

  /** Chooses the portrait on a page; gives what it says, and what the page asked for. */
  async function run(site: string) {
    const server = await startSite({ folders: { '/': site, '/pack/': await upstreamPack() } });
    const { page, errors } = await openPage(browser(), `${server.url}/index.html`);
    await page.getByText('ready').waitFor();
    await page.getByLabel('A photo').setInputFiles(join(repositoryRoot, 'examples', 'astronaut.png'));
    const output = page.locator('output').filter({ hasText: /^faces/ });
    await output.waitFor();
    const text = await output.textContent();
    await page.close();
    await server.close();
    expect(errors).toEqual([]);
    expect(text).toMatch(/^faces: 1; yaw: 1\.5°$/);
    return server.requests.filter((request) => /\.(js|wasm)/.test(request));
  }

  describeWithShared('finds the face in the portrait', () => {
    test(
      'with Vite',
      async () => {
        const root = folder('examples', 'vite');
        await build({ root, logLevel: 'error' });
        await expectNoTfjs(join(root, 'dist'));
      },
      BUILD_TIMEOUT_MS,
    );

    test(
      'with webpack',
      async () => {
        const root = folder('examples', 'webpack');
        const config = (await import(join(root, 'webpack.config.js'))) as { default: Configuration };
        const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
          webpack(config.default, (error, result) => (error ? reject(error) : resolve(result)));
        });
        expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({ errors: [], warnings: [] });
        await expectNoTfjs(root);
      },
      BUILD_TIMEOUT_MS,
    );

    test('without a bundler', async () => {
      const root = folder('examples', 'script');
      await cp(join(repositoryRoot, 'dist', 'browser'), join(root, 'tddfa'), { recursive: true });
      const requests = await run(root);
      expect(requests).toContain('GET /tddfa/aligner-worker.js');
      expect(requests.filter((request) => request.includes('/chunks/dist'))).toEqual([]);
    });
  });
});
