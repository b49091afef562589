/** `tddfa/react` in its example, built as its user builds it, in a real Chromium whose camera plays a film of a moving face. */
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { cameraFlags, writeCameraFilm } from '../../development/camera-film.ts';
import type { LocalServer } from '../../development/local-server.ts';
import { repositoryRoot } from '../../development/paths.ts';
import { buildPackage } from '../support/build-package.ts';
import { describeWithChromium, launchChromium, openPage, startSite } from '../support/chromium.ts';

/** Streams that the page's cameras gave. */
declare const opened: MediaStream[];

/** Counts cameras, before the page's own script. */
const COUNT_CAMERAS = `
globalThis.opened = [];
const media = navigator.mediaDevices;
const original = media.getUserMedia.bind(media);
media.getUserMedia = async (constraints) => {
  const stream = await original(constraints);
  opened.push(stream);
  return stream;
};`;

describeWithChromium('tddfa/react', () => {
  let folder = '';
  let browser: Browser;
  let server: LocalServer;

  beforeAll(async () => {
    await buildPackage();
    folder = await mkdtemp(join(tmpdir(), 'tddfa-react-'));
    const example = join(folder, 'example');
    await cp(join(repositoryRoot, 'examples/react'), example, { recursive: true });
    // Packages are found as after `npm install`. Links are followed, so that there is one React.
    await mkdir(join(folder, 'node_modules'));
    for (const name of ['react', 'react-dom', 'three', '@react-three']) {
      await symlink(join(repositoryRoot, 'node_modules', name), join(folder, 'node_modules', name));
    }
    await symlink(repositoryRoot, join(folder, 'node_modules', 'tddfa'));
    const source = join(example, 'main.jsx');
    const { outputFiles } = await build({
      entryPoints: [source],
      bundle: true,
      write: false,
      format: 'esm',
      jsx: 'automatic',
      define: { 'process.env.NODE_ENV': '"production"' },
      logLevel: 'error',
    });
    browser = await launchChromium(['--use-angle=swiftshader', ...cameraFlags(writeCameraFilm(folder))]);
    server = await startSite({
      folders: { '/': `${example}/`, '/pack/': join(repositoryRoot, 'weights/open/') },
      files: { '/main.jsx': outputFiles[0]?.text ?? '' },
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const trackStates = (page: Page): Promise<string[]> =>
    page.evaluate(() => opened.flatMap((stream) => stream.getTracks().map(({ readyState }) => readyState)));

  test('a component of react-three-fiber follows the camera, and closes it', async () => {
    const context = await browser.newContext();
    await context.addInitScript(COUNT_CAMERAS);
    const { page, errors } = await openPage(context, `${server.url}/index.html`);
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await page.getByRole('status').filter({ hasText: 'running' }).waitFor();
    // The halo over the head: yellow, which nothing else of the scene is.
    await page.waitForFunction(
      () =>
        new Promise<boolean>((resolve) =>
          requestAnimationFrame(() => {
            const canvas = document.querySelector('canvas');
            if (canvas === null || canvas.width === 0) return resolve(false);
            const context = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
            context?.drawImage(canvas, 0, 0);
            const data = context?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
            let yellow = 0;
            for (let i = 0; i < data.length; i += 4) {
              if (data[i] > 200 && data[i + 1] > 150 && data[i + 2] < 60) yellow++;
            }
            resolve(yellow > 100);
          }),
        ),
    );
    expect(await trackStates(page)).toEqual(['live']);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.waitForFunction(() =>
      opened.flatMap((stream) => stream.getTracks()).every(({ readyState }) => readyState === 'ended'),
    );
    expect(errors).toEqual([]);
    await context.close();
  });
});
