/**
 * `npx tsx scripts/three-screenshots.ts [FILE]`: makes docs/images/three.jpg, the three.js examples running with the sample
 * portrait in front of Chromium's camera and a rendered face as mask and as puppet. Needs Chromium and ffmpeg.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { launchChromium, openPage, startSite } from '../development/browser-site.ts';
import { cameraFlags } from '../development/camera-film.ts';
import { routePackages } from '../development/example-packages.ts';
import { repositoryRoot } from '../development/paths.ts';
import { arrangeSheet } from '../src/geometry/sheet.ts';
import { decodeImage } from '../src/image-files/decode-image.ts';
import { writeImage } from '../src/image-files/write-image.ts';
import { bundleBrowser } from './bundle-browser.js';

/** The head of the sample portrait, px of it. */
const HEAD = 'crop=256:256:96:0';
const FACE = join(repositoryRoot, 'web/public/sample-two.jpg');
/** Time for the drawing to settle: the tracker, the skin. */
const SETTLED_MS = 4000;

const [, , file = join(repositoryRoot, 'docs/images/three.jpg')] = process.argv;
const folder = await mkdtemp(join(tmpdir(), 'tddfa-three-pictures-'));
const film = join(folder, 'camera.y4m');
execFileSync('ffmpeg', [
  ...['-v', 'error', '-loop', '1', '-r', '30', '-t', '2', '-i', join(repositoryRoot, 'examples/astronaut.png')],
  ...['-vf', `${HEAD},scale=480:480,pad=640:480:80:0:gray,format=yuv420p`, film],
]);
await bundleBrowser(join(folder, 'bundle'));
const server = await startSite({ folders: { '/examples/': join(repositoryRoot, 'examples/') } });
const browser = await launchChromium(['--use-angle=swiftshader', ...cameraFlags(film)]);

async function picture(name: string, start: (page: Page) => Promise<void>): ReturnType<typeof decodeImage> {
  const context = await browser.newContext({ viewport: { width: 700, height: 640 } });
  await routePackages(context, join(folder, 'bundle'));
  const { page } = await openPage(context, `${server.url}/examples/three/${name}.html`);
  await start(page);
  await page.getByRole('status').filter({ hasText: /^$/ }).waitFor({ state: 'attached' });
  await page.waitForTimeout(SETTLED_MS);
  const shown = await page.locator('canvas').screenshot();
  await context.close();
  return decodeImage(shown);
}

const pictures = {
  glasses: await picture('glasses', (page) => page.getByRole('button', { name: 'Use the camera' }).click()),
  mask: await picture('mask', (page) => page.getByLabel('Whose face?').setInputFiles(FACE)),
  puppet: await picture('puppet', (page) => page.getByLabel('Who is the puppet?').setInputFiles(FACE)),
};
await browser.close();
await server.close();
const sheet = arrangeSheet(Object.values(pictures), { labels: Object.keys(pictures), columns: 3, maxSide: 1200 });
await writeImage(file, sheet, { quality: 86 });
await rm(folder, { recursive: true, force: true });
