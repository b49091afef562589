/**
 * `npm run bench:browser`: how fast the page and the library are in headless Chromium: first result, main thread, camera.
 * Needs Debian's Chromium, ffmpeg, and the reference data beside the repository, or `--weights` and `--video`.
 */
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import {
  LIBRARY_PAGE,
  LIBRARY_SCRIPT,
  launchChromium,
  openLibraryPage,
  startSite,
} from '../development/browser-site.ts';
import { bundleGeometry } from '../development/bundle-geometry.ts';
import { countFrom } from '../development/parse-count.ts';
import { repositoryRoot, sharedPath } from '../development/paths.ts';
import { syntheticFace } from '../development/synthetic-face.ts';
import { upstreamPack } from '../development/upstream-pack.ts';
import { bundleBrowser } from '../scripts/bundle-browser.js';
import { quantile, sorted } from '../src/bench/measure.ts';
import { describeMachine, machineLine } from '../src/bench/report.ts';
import { commit } from './commit.ts';
import { saveResults } from './save-results.ts';

declare const tddfa: typeof import('../src/browser.ts');
interface LongTask {
  /** Since navigation, ms. */
  readonly start: number;
  readonly duration: number;
}

/** What `WATCH` records on a page. */
declare const watched: { readonly longTasks: LongTask[]; firstResultMs: number | undefined };

/** Faster than real cameras, so that the camera is not the bottleneck. */
const CAMERA_FRAMES_PER_SECOND = 60;
const CAMERA_SECONDS = 8;
const DRAWING_ROUNDS = 60;

const options = new Command('bench:browser')
  .option('--weights <folder>', 'pack')
  .option('--video <file>', 'video with one face, played as the camera')
  .option('--visits <count>', 'visits to the page with cached weights', countFrom(1), 20)
  .option('--save <name>', 'write bench/results/browser-<name>.json')
  .parse()
  .opts<{ weights?: string; video?: string; visits: number; save?: string }>();

const machine = describeMachine(commit());
console.log(machineLine(machine));
const results: Record<string, number> = {};
const report = (name: string, value: number, unit: string): void => {
  results[`${name}, ${unit}`] = value;
  console.log(`  ${name.padEnd(60)} ${value.toFixed(1).padStart(8)} ${unit}`);
};

const folder = join(repositoryRoot, 'bench', '.build');
const camera = join(folder, 'camera.y4m');
await mkdir(folder, { recursive: true });
execFileSync('ffmpeg', [
  ...['-v', 'error', '-y', '-i', options.video ?? sharedPath('photos', 'obama.mp4'), '-an', '-pix_fmt', 'yuv420p'],
  ...['-vf', `setpts=N/${CAMERA_FRAMES_PER_SECOND}/TB,scale=640:480,setsar=1`, '-r', String(CAMERA_FRAMES_PER_SECOND)],
  camera,
]);
await bundleBrowser(join(folder, 'library'));
await build({
  root: join(repositoryRoot, 'web'),
  logLevel: 'error',
  build: { outDir: join(folder, 'site'), emptyOutDir: true },
});
const pack = options.weights ?? (await upstreamPack());
const server = await startSite({
  folders: { '/': join(folder, 'site'), '/bundle/': join(folder, 'library'), '/pack/': pack },
  files: {
    '/library.html': LIBRARY_PAGE,
    '/main.js': LIBRARY_SCRIPT,
    '/geometry.js': await bundleGeometry(),
    '/plain-geometry.js': await bundleGeometry({ webAssembly: false }),
  },
});
const browser: Browser = await launchChromium([
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  `--use-file-for-fake-video-capture=${camera}`,
]);
console.log(`Chromium ${browser.version()}`);

/** What a page logs to its console once its 3D view is drawn. */
const DRAWN = 'the 3D view is drawn';

/** Records when the first result is reported, and every main-thread task over 50 ms. */
const WATCH = `
  globalThis.watched = { longTasks: [], firstResultMs: undefined };
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) watched.longTasks.push({ start: startTime, duration });
  }).observe({ type: 'longtask', buffered: true });
  addEventListener('DOMContentLoaded', () => {
    const status = document.getElementById('status');
    if (status === null) return;
    new MutationObserver(() => {
      if (watched.firstResultMs === undefined && /face.* found/.test(status.textContent)) {
        watched.firstResultMs = performance.now();
      }
    }).observe(status, { childList: true });
    const viewer = document.getElementById('viewer');
    new MutationObserver(() => {
      if (viewer.dataset.drawn === 'true') console.debug('${DRAWN}');
    }).observe(viewer, { attributeFilter: ['data-drawn'] });
  });
`;

async function newContext(): Promise<BrowserContext> {
  const context = await browser.newContext({ permissions: ['camera'] });
  await context.addInitScript(WATCH);
  return context;
}

async function openPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  // No locator: the script that Playwright evaluates for one would be the page's longest task, 10 ms of CPU time.
  const drawn = page.waitForEvent('console', { predicate: (message) => message.text() === DRAWN });
  await page.goto(`${server.url}/?pack=pack/`);
  await drawn;
  // Catches late tasks too.
  await page.waitForTimeout(1000);
  return page;
}

console.log(`\nThe page: ${options.visits} visits with cached weights, after one without`);
const firstResults: number[] = [];
const longTasks: LongTask[][] = [];
const visitor = await newContext();
for (let visit = 0; visit <= options.visits; visit++) {
  const page = await openPage(visitor);
  const seen = await page.evaluate(() => watched);
  if (visit === 0) report('first result at the first visit', seen.firstResultMs ?? Number.NaN, 'ms');
  else firstResults.push(seen.firstResultMs ?? Number.NaN);
  longTasks.push(seen.longTasks);
  await page.close();
}
report('first result, median', quantile(sorted(firstResults), 0.5), 'ms');
report('first result, slowest', quantile(sorted(firstResults), 1), 'ms');
reportLongTasks('a visit', longTasks);
await visitor.close();

console.log(`\nThe page with a camera, 640x480, ${CAMERA_FRAMES_PER_SECOND} frames/s offered`);
for (const surface of ['None', 'Mesh']) {
  const context = await newContext();
  const page = await openPage(context);
  await page.getByRole('radio', { name: surface }).check();
  await page.getByRole('checkbox', { name: 'Landmarks' }).check();
  await page.getByRole('button', { name: 'Use the camera' }).click();
  await page.locator('#timings td').last().filter({ hasText: /^\d+$/ }).waitFor({ state: 'attached' });
  await page.waitForTimeout(2000);
  await page.evaluate(() => watched.longTasks.splice(0));
  const rows: number[][] = [];
  for (let i = 0; i < CAMERA_SECONDS * 5; i++) {
    await page.waitForTimeout(200);
    rows.push((await page.locator('#timings td').allTextContents()).map(Number));
  }
  const column = (index: number): number => quantile(sorted(rows.map((row) => row[index])), 0.5);
  const drawn = surface === 'None' ? 'landmarks' : 'mesh and landmarks';
  report(`${drawn}, median`, column(5), 'frames/s');
  for (const [index, stage] of ['reading', 'detection', 'tracking', 'dense mesh', 'drawing'].entries()) {
    if (index !== 1) report(`${drawn}, ${stage}`, column(index), 'ms');
  }
  reportLongTasks(`${drawn}, ${CAMERA_SECONDS} s`, [await page.evaluate(() => watched.longTasks)]);
  await context.close();
}

console.log(
  '\nThe library with a camera, 640x480: readPixels, createFaceAlignerWorker and createFaceTracker, nothing drawn',
);
{
  const context = await newContext();
  const { page } = await openLibraryPage(context, `${server.url}/library.html`);
  const seen = await page.evaluate(async (seconds) => {
    const aligner = await tddfa.createFaceAlignerWorker({ weights: tddfa.httpWeights('/pack/') });
    const tracker = tddfa.createFaceTracker(aligner);
    const video = document.createElement('video');
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    await video.play();
    let frames = 0;
    let tracked = 0;
    let start = 0;
    for (;;) {
      await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
      const now = performance.now();
      const faces = await tracker.next(await tddfa.readPixels(video), now);
      // The first frames start the camera and the detector.
      if (start === 0) {
        if (faces.length > 0) start = performance.now();
        continue;
      }
      frames++;
      if (faces.some(({ how }) => how === 'track')) tracked++;
      if (now - start > seconds * 1000) break;
    }
    const took = (performance.now() - start) / 1000;
    return { width: video.videoWidth, rate: frames / took, tracked: tracked / frames };
  }, CAMERA_SECONDS);
  if (seen.width !== 640) throw new Error(`the camera frame is ${seen.width} px wide`);
  report('tracked', seen.rate, 'frames/s');
  report('frames with a tracked face', 100 * seen.tracked, '%');
  reportLongTasks('at start and while tracking', [await page.evaluate(() => watched.longTasks)]);
  await context.close();
}

console.log('\nA page that draws a dense face beside createFaceAlignerWorker, 1536 x 689 px');
{
  const context = await newContext();
  const { page } = await openLibraryPage(context, `${server.url}/library.html`);
  const { vertices, maps } = syntheticFace(500, 340, 135, 196, 196);
  const mesh = { vertices: [...vertices], triangles: [...maps.triangles], nccCodes: [...maps.nccCodes] };
  const times = await page.evaluate(drawInTurns, { ...mesh, rounds: DRAWING_ROUNDS });
  for (const [name, milliseconds] of Object.entries(times)) {
    report(`${name}, first`, milliseconds[0], 'ms');
    report(`${name}, median`, quantile(sorted(milliseconds.slice(1)), 0.5), 'ms');
  }
  await context.close();
}

await browser.close();
await server.close();
if (options.save !== undefined)
  await saveResults(`browser-${options.save}`, { machine, chromium: browser.version(), results });

/** Runs on the page: times each drawing, alternating the geometry with and without its kernel; the first run is a cold one. */
async function drawInTurns({
  vertices,
  triangles,
  nccCodes,
  rounds,
}: {
  readonly vertices: readonly number[];
  readonly triangles: readonly number[];
  readonly nccCodes: readonly number[];
  readonly rounds: number;
}): Promise<Record<string, number[]>> {
  type Geometry = typeof import('../src/geometry.ts');
  const load = (path: string): Promise<Geometry> => import(path);
  const aligner = await tddfa.createFaceAlignerWorker({ weights: tddfa.httpWeights('/pack/') });
  const image = { data: new Uint8Array(1536 * 689 * 4).fill(90), width: 1536, height: 689 };
  const face = Float32Array.from(vertices);
  const maps = { triangles: Uint32Array.from(triangles), nccCodes: Float32Array.from(nccCodes) };
  const kinds = { 'with the kernel': await load('/geometry.js'), plain: await load('/plain-geometry.js') };
  const drawings: Record<string, (geometry: Geometry) => unknown> = {
    render: ({ drawRender }) => drawRender(image, [face], maps),
    pncc: ({ drawPncc }) => drawPncc(image, [face], maps),
    depth: ({ drawDepth }) => drawDepth(image, [face], maps),
    normals: ({ vertexNormals }) => vertexNormals(face, maps.triangles),
  };
  const times: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [drawing, draw] of Object.entries(drawings)) {
      for (const [kind, geometry] of Object.entries(kinds)) {
        const start = performance.now();
        draw(geometry);
        const name = `${drawing}, ${kind}`;
        times[name] ??= [];
        times[name].push(performance.now() - start);
      }
    }
    // Yields to the browser.
    await new Promise((resolve) => setTimeout(resolve));
  }
  aligner.dispose();
  return times;
}

function reportLongTasks(name: string, tasks: readonly (readonly LongTask[])[]): void {
  const longest = tasks.map((seen) => Math.max(0, ...seen.map(({ duration }) => duration)));
  report(`${name}: longest task over 50 ms, median (0: none)`, quantile(sorted(longest), 0.5), 'ms');
  report(`${name}: longest task over 50 ms, worst (0: none)`, Math.max(...longest), 'ms');
  if (tasks.length > 1)
    report(`${name}: with a task over 50 ms`, longest.filter((worst) => worst > 0).length, 'visits');
  for (const { start, duration } of tasks.flat())
    console.log(`    ${duration} ms, ${start.toFixed(0)} ms after navigation`);
}
