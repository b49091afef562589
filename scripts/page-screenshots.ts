/**
 * `npx tsx scripts/page-screenshots.ts [--weights PACK] [--out FOLDER] [--all]`: pictures of the page in Chromium, with the open
 * pack by default. Makes docs/images/page.png and page-phone.png, and web/public/preview.jpg, the preview image of links to the
 * page; with `--out` all of them go there. `--all` adds its other states and sizes.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { build } from 'vite';
import { launchChromium, openPage, startSite } from '../development/browser-site.ts';
import { repositoryRoot } from '../development/paths.ts';

const options = new Command('page-screenshots')
  .option('--weights <folder>', 'pack', join(repositoryRoot, 'weights', 'open'))
  .option('--out <folder>', 'output folder; by default each picture goes to its place in the repository')
  .option('--all', 'also other sizes, empty and error states, the full-length page and every overlay')
  .parse()
  .opts<{ weights: string; out?: string; all?: boolean }>();
const out = options.out ?? join(repositoryRoot, 'docs', 'images');

const DESK: BrowserContextOptions = { viewport: { width: 1280, height: 900 }, colorScheme: 'light' };
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  colorScheme: 'dark',
  deviceScaleFactor: 2,
};

const PREVIEW_STYLE = `
  body { padding-top: 1rem; }
  h1 { font-size: 2.6rem; }
  header p { font-size: 1.35rem; }
  #photo, #solid { grid-row: 1; }
  nav, #top, .panel > :not(.stage) { display: none !important; }
  main { margin-top: 1rem; }
  .stage { height: 28.5rem; margin-bottom: 0; }
`;

const folder = await mkdtemp(join(tmpdir(), 'tddfa-page-'));
await mkdir(out, { recursive: true });
await build({
  root: join(repositoryRoot, 'web'),
  logLevel: 'error',
  build: { outDir: join(folder, 'site'), emptyOutDir: true },
});
const server = await startSite({ folders: { '/': join(folder, 'site'), '/pack/': resolve(options.weights) } });
const browser = await launchChromium();

async function picture(
  name: string,
  contextOptions: BrowserContextOptions,
  prepare: (page: Page) => Promise<unknown> = async () => {},
  { pack = 'pack/', fullPage = false, path = join(out, `${name}.png`) } = {},
): Promise<void> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...contextOptions });
  const { page } = await openPage(context, `${server.url}/?pack=${pack}`);
  if (pack === 'pack/') await page.locator('#viewer[data-drawn=true]').waitFor();
  else await page.getByRole('alert').waitFor();
  await prepare(page);
  // Waits until the last change is on the screen.
  await page.waitForTimeout(500);
  await page.screenshot({ path, fullPage, ...(path.endsWith('.jpg') && { quality: 88 }) });
  await context.close();
}

await picture('page', DESK);
await picture('page-phone', PHONE);
// The size of link previews, and without controls, which nobody can use in a picture.
await picture(
  'preview',
  { viewport: { width: 1200, height: 630 }, colorScheme: 'light' },
  (page) => page.addStyleTag({ content: PREVIEW_STYLE }),
  { path: join(options.out ?? join(repositoryRoot, 'web', 'public'), 'preview.jpg') },
);
if (options.all) {
  for (const [width, height] of [
    [1440, 900],
    [1024, 768],
    [390, 844],
    [844, 390],
  ] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await picture(`page-${width}x${height}-${colorScheme}`, { viewport: { width, height }, colorScheme });
    }
  }
  await picture('page-full', DESK, undefined, { fullPage: true });
  await picture('page-dark', { ...DESK, colorScheme: 'dark' });
  await picture('page-phone-full', { ...PHONE, colorScheme: 'light' }, undefined, { fullPage: true });
  await picture('page-empty', DESK, undefined, { pack: 'nowhere/' });
  await picture('page-empty-phone', PHONE, undefined, { pack: 'nowhere/' });
  await picture('page-no-camera', DESK, (page) => page.getByRole('button', { name: 'Use the camera' }).click());
  await picture('page-no-face', DESK, async (page) => {
    const plain = await page.evaluate(() => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
      const context = canvas.getContext('2d');
      if (context !== null) context.fillStyle = '#8899aa';
      context?.fillRect(0, 0, 320, 240);
      return canvas.toDataURL('image/png').split(',')[1] ?? '';
    });
    const buffer = Buffer.from(plain, 'base64');
    await page.locator('#file').setInputFiles({ name: 'wall.png', mimeType: 'image/png', buffer });
    await page
      .getByRole('status')
      .filter({ hasText: /No face/ })
      .waitFor();
  });
  for (const surface of ['Depth map', 'Position colours', 'None']) {
    await picture(`page-${surface.toLowerCase().replace(' ', '-')}`, DESK, async (page) => {
      await page.getByRole('radio', { name: surface }).check();
      for (const line of ['Landmarks', 'Pose', 'Boxes']) await page.getByRole('checkbox', { name: line }).check();
    });
  }
}
await browser.close();
await server.close();
await rm(folder, { recursive: true, force: true });
