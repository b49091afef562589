/**
 * `npm run bench:live`: the loop of docs/three.md in headless Chromium, with graphics in software: a camera of 640x480, `followVideo`,
 * the face's own skin on a `FaceMesh3D`, frame and mesh on one canvas. Reports frames/s and where the time goes.
 *
 * `--frames 10000` feeds frames as fast as they are consumed instead of waiting for a camera, and reports the memory they leave
 * behind: on the heaps of page and worker, in WebAssembly and on the graphics card. Needs Debian's Chromium and ffmpeg.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { CDPSession, Page } from 'playwright-core';
import { launchChromium, openPage, startSite } from '../development/browser-site.ts';
import { cameraFlags, writeCameraFilm } from '../development/camera-film.ts';
import { COUNT_WASM_MEMORY, COUNTED_WORKER } from '../development/count-wasm-memory.ts';
import { countFrom } from '../development/parse-count.ts';
import { repositoryRoot } from '../development/paths.ts';
import { bundleBrowser } from '../scripts/bundle-browser.js';
import { describeMachine, machineLine } from '../src/bench/report.ts';
import { commit } from './commit.ts';
import { saveResults } from './save-results.ts';

const options = new Command('bench:live')
  .option('--weights <folder>', 'pack', join(repositoryRoot, 'weights', 'open'))
  .option('--seconds <count>', 'duration with the camera', countFrom(1), 15)
  .option('--frames <count>', 'feed this many frames instead, and measure memory; at least 100', countFrom(1))
  .option('--save <name>', 'write bench/results/live-<name>.json')
  .parse()
  .opts<{ weights: string; seconds: number; frames?: number; save?: string }>();

/** Faster than real cameras, so that the camera is not the bottleneck. */
const CAMERA_FRAMES_PER_SECOND = 60;
const WARM_UP_FRAMES = 60;
/** Memory readings, evenly spaced over the frames after warm-up. */
const READINGS = 10;

/** Frames and their times, ms. */
interface Tally {
  readonly milliseconds: number;
  readonly results: number;
  /** Frames on which a mesh was drawn. */
  readonly rendered: number;
  readonly dropped: number;
  /** Screen refreshes in the meantime. */
  readonly refreshes: number;
  readonly stages: Readonly<Record<string, number>>;
}

/** What the page holds: bytes and counts. */
interface Held {
  readonly heapBytes: number;
  readonly wasmBytes: number;
  readonly geometries: number;
  readonly textures: number;
  readonly programs: number;
  /** WebGL buffers, textures and so on that were created and not deleted. */
  readonly objects: number;
}

type Tddfa = typeof import('../src/browser.ts') & typeof import('../src/three.ts');
type Aligner = import('../src/browser.ts').FaceAligner;
declare const tddfa: Tddfa;
declare const THREE: typeof import('three');
declare const glObjects: { alive: number };
/** The loop, once `startLoop` has run. */
declare const live: {
  /** Waits for this many more frames, or ms. */
  run(until: { readonly frames: number } | { readonly milliseconds: number }): Promise<Tally>;
  held(): Promise<Held>;
};

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Live</title><link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "three": "/three/build/three.module.js" } }</script><canvas></canvas><script>
// tsx calls this to name functions; the functions of this file run unchanged on the page.
globalThis.__name = (named) => named;
${COUNT_WASM_MEMORY}
globalThis.glObjects = { alive: 0 };
for (const kind of ['Buffer', 'Texture', 'Framebuffer', 'Renderbuffer', 'VertexArray', 'Shader', 'Program', 'Query', 'Sampler', 'TransformFeedback']) {
  const { prototype } = WebGL2RenderingContext;
  const [create, remove] = [prototype['create' + kind], prototype['delete' + kind]];
  prototype['create' + kind] = function (...args) { glObjects.alive++; return create.apply(this, args); };
  prototype['delete' + kind] = function (object) { if (object) glObjects.alive--; return remove.call(this, object); };
}
</script><script type="module">
import * as THREE from 'three'; import * as browser from '/bundle/tddfa.js'; import * as three from '/bundle/three.js';
Object.assign(globalThis, { THREE, tddfa: { ...browser, ...three } });
</script></html>`;

const machine = describeMachine(commit());
console.log(machineLine(machine));

const folder = join(repositoryRoot, 'bench', '.build', 'live');
await mkdir(folder, { recursive: true });
await bundleBrowser(folder);
const film = writeCameraFilm(folder, CAMERA_FRAMES_PER_SECOND);
const server = await startSite({
  folders: {
    '/bundle/': folder,
    '/weights/': options.weights,
    '/three/': join(repositoryRoot, 'node_modules/three/'),
    '/examples/': join(repositoryRoot, 'examples/'),
  },
  files: { '/index.html': PAGE, '/worker.js': COUNTED_WORKER, '/count.js': COUNT_WASM_MEMORY },
  // Only isolated pages may measure their memory.
  headers: { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' },
});
const browser = await launchChromium([
  '--use-angle=swiftshader',
  '--enable-blink-features=ForceEagerMeasureMemory,MediaStreamInsertableStreams',
  ...cameraFlags(film),
]);
const three = JSON.parse(await readFile(join(repositoryRoot, 'node_modules/three/package.json'), 'utf8')) as {
  version: string;
};
console.log(`Chromium ${browser.version()}, three ${three.version}, graphics in software`);
const { page, errors } = await openPage(browser, server.url);
await page.waitForFunction(() => 'tddfa' in globalThis);
const system = await browser.newBrowserCDPSession();
try {
  await page.evaluate(startLoop, options.frames !== undefined);
  await page.evaluate((frames) => live.run({ frames }), WARM_UP_FRAMES);
  const results = options.frames === undefined ? await measureCamera(page) : await measureMemory(page, options.frames);
  if (errors.length > 0) throw new Error(errors.join('\n'));
  if (options.save !== undefined)
    await saveResults(`live-${options.save}`, { machine, chromium: browser.version(), results });
} finally {
  await browser.close();
  await server.close();
}

async function measureCamera(shown: Page): Promise<Tally> {
  const tally = await shown.evaluate((milliseconds) => live.run({ milliseconds }), options.seconds * 1000);
  console.log(`\nA camera of 640x480, ${CAMERA_FRAMES_PER_SECOND} frames/s offered, for ${options.seconds} s`);
  reportTally(tally);
  return tally;
}

function reportTally({ milliseconds, results, rendered, dropped, refreshes, stages }: Tally): void {
  const seconds = milliseconds / 1000;
  const line = (name: string, value: number, unit: string): void =>
    console.log(`  ${name.padEnd(60)} ${value.toFixed(1).padStart(8)} ${unit}`);
  line('results of faces', results / seconds, 'frames/s');
  line('frames shown with the textured mesh', rendered / seconds, 'frames/s');
  line('frames dropped', dropped / seconds, 'frames/s');
  line('refreshes of the screen', refreshes / seconds, 'per s');
  console.log('  per frame:');
  for (const [stage, sum] of Object.entries(stages)) line(`  ${stage}`, sum / results, 'ms');
}

async function measureMemory(shown: Page, frames: number): Promise<readonly object[]> {
  const perReading = Math.max(1, Math.floor(frames / READINGS));
  console.log(`\n${perReading * READINGS} frames, as fast as they are consumed; MB, and object counts`);
  const columns = ['frames', 'heaps', 'wasm', 'page', 'graphics', 'geometries', 'textures', 'programs', 'GL objects'];
  console.log(columns.map((name) => name.padStart(11)).join(''));
  const rows: object[] = [];
  for (let reading = 0; reading <= READINGS; reading++) {
    const tally = reading === 0 ? undefined : await shown.evaluate((count) => live.run({ frames: count }), perReading);
    if (tally !== undefined && tally.rendered < tally.results)
      throw new Error(`no face in ${tally.results - tally.rendered} of ${tally.results} frames`);
    const held = await shown.evaluate(() => live.held());
    const resident = await residentBytes(system);
    const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(2);
    const row = [
      ...[reading * perReading, megabytes(held.heapBytes), megabytes(held.wasmBytes)],
      ...[megabytes(resident.renderer), megabytes(resident.GPU)],
      ...[held.geometries, held.textures, held.programs, held.objects],
    ];
    console.log(row.map((value) => String(value).padStart(11)).join(''));
    rows.push({ frames: reading * perReading, ...held, residentBytes: resident, ...(tally && { tally }) });
    if (reading === READINGS && tally !== undefined) {
      console.log('\nThe last of these frames');
      reportTally(tally);
    }
  }
  return rows;
}

/** Memory that the system gave to Chromium's page and graphics processes; 0 without /proc. */
async function residentBytes(session: CDPSession): Promise<{ readonly renderer: number; readonly GPU: number }> {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const sums = { renderer: 0, GPU: 0 };
  for (const { type, id } of processInfo) {
    if (type !== 'renderer' && type !== 'GPU') continue;
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
    sums[type] += Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  }
  return sums;
}

/** Runs on the page: starts the loop, which then keeps running. @param isFed - no camera: as fast as frames are consumed. */
async function startLoop(isFed: boolean): Promise<void> {
  const stages: Record<string, number> = {};
  async function timed<Result>(stage: string, work: () => Result | Promise<Result>): Promise<Result> {
    const start = performance.now();
    const result = await work();
    stages[stage] = (stages[stage] ?? 0) + performance.now() - start;
    return result;
  }
  const inWorker = 'detecting and aligning in the worker';
  const timedAligner = (given: Aligner): Aligner => ({
    ...given,
    ...(given.keepingPixels && { keepingPixels: timedAligner(given.keepingPixels) }),
    detect: (...args) => timed(inWorker, () => given.detect(...args)),
    align: (...args) => timed(inWorker, () => given.align(...args)),
    alignCrops: (...args) => timed(inWorker, () => given.alignCrops(...args)),
  });
  const aligner = timedAligner(
    await tddfa.createFaceAlignerWorker({
      weights: tddfa.httpWeights('/weights/'),
      createWorker: () => new Worker('/worker.js', { type: 'module' }),
    }),
  );
  const canvas = document.querySelector('canvas');
  const context = canvas?.getContext('2d');
  if (!canvas || !context) throw new Error('there is no canvas');
  Object.assign(canvas, { width: 640, height: 480 });
  const renderer = new THREE.WebGLRenderer({ alpha: true, antialias: true });
  renderer.setSize(640, 480, false);
  const material = new THREE.MeshBasicMaterial();
  const mask = new tddfa.FaceMesh3D(aligner, { material, normals: false });
  const scene = new THREE.Scene().add(mask);
  const camera = new tddfa.PhotoCamera(640, 480);

  const counts = { results: 0, rendered: 0, dropped: 0, refreshes: 0 };
  const refresh = (): void => {
    counts.refreshes++;
    requestAnimationFrame(refresh);
  };
  requestAnimationFrame(refresh);
  let onFrame = (): void => {};
  let feed = (): Promise<void> => Promise.resolve();
  let source: 'camera' | MediaStream = 'camera';
  if (isFed) {
    const portrait = await createImageBitmap(await (await fetch('/examples/astronaut.png')).blob());
    const drawn = new OffscreenCanvas(640, 480);
    const pen = drawn.getContext('2d');
    type Generator = MediaStreamTrack & { readonly writable: WritableStream<VideoFrame> };
    const { MediaStreamTrackGenerator } = globalThis as unknown as {
      MediaStreamTrackGenerator?: new (options: { kind: 'video' }) => Generator;
    };
    if (MediaStreamTrackGenerator === undefined || pen === null) throw new Error('this Chromium cannot be fed frames');
    const track = new MediaStreamTrackGenerator({ kind: 'video' });
    const writer = track.writable.getWriter();
    let index = 0;
    feed = async () => {
      pen.fillStyle = 'gray';
      pen.fillRect(0, 0, 640, 480);
      pen.drawImage(portrait, 8 * Math.abs((index % 40) - 20), 0, 480, 480);
      await writer.write(new VideoFrame(drawn, { timestamp: index * 33_333 }));
      index++;
    };
    source = new MediaStream([track]);
  }
  const follower = tddfa.followVideo(
    source,
    async ({ faces, frame, dropped }) => {
      // The next one arrives while this one is drawn.
      if (isFed) await feed();
      const [face] = faces;
      counts.results++;
      counts.dropped += dropped;
      if (face !== undefined && material.map === null) {
        material.map = tddfa.frontalTexture(aligner, await tddfa.readPixels(frame), face);
        material.needsUpdate = true;
      }
      await timed('vertices, and writing them into the geometry', () => mask.update(face));
      await timed("three's render, as far as it is the page's work", () => renderer.render(scene, camera));
      await timed('drawing, until frame and mesh are on one canvas', () => {
        context.drawImage(frame, 0, 0);
        context.drawImage(renderer.domElement, 0, 0);
        // Waits for the graphics card.
        context.getImageData(0, 0, 1, 1);
      });
      if (face !== undefined) counts.rendered++;
      onFrame();
    },
    // Smoothed, as by default.
    { aligner, tracker: { maxFaces: 1 } },
  );
  follower.finished.catch((error: unknown) => console.error(String(error)));
  await follower.ready;
  if (isFed) await feed();

  const channel = new BroadcastChannel('memory');
  const inMemory = performance as unknown as { measureUserAgentSpecificMemory(): Promise<{ readonly bytes: number }> };
  const ownWasm = globalThis as unknown as { wasmBytes(): number };
  const loop: typeof live = {
    run: (until) =>
      new Promise((resolve) => {
        const start = performance.now();
        const before = { ...counts };
        for (const stage of Object.keys(stages)) stages[stage] = 0;
        onFrame = () => {
          const milliseconds = performance.now() - start;
          const isOver =
            'frames' in until ? counts.results - before.results >= until.frames : milliseconds >= until.milliseconds;
          if (!isOver) return;
          onFrame = () => {};
          const results = counts.results - before.results;
          const known = Object.values(stages).reduce((sum, value) => sum + value, 0);
          const rest = 'reading the frame, and waiting for it or for its turn';
          resolve({
            milliseconds,
            results,
            rendered: counts.rendered - before.rendered,
            dropped: counts.dropped - before.dropped,
            refreshes: counts.refreshes - before.refreshes,
            stages: { ...stages, [rest]: milliseconds - known },
          });
        };
      }),
    async held() {
      follower.pause();
      const workerBytes = await new Promise<number>((resolve) => {
        channel.onmessage = ({ data }) => resolve(data as number);
        channel.postMessage('how many');
      });
      const { bytes } = await inMemory.measureUserAgentSpecificMemory();
      const { memory, programs } = renderer.info;
      follower.resume();
      if (isFed) await feed();
      return {
        heapBytes: bytes,
        wasmBytes: workerBytes + ownWasm.wasmBytes(),
        geometries: memory.geometries,
        textures: memory.textures,
        programs: programs?.length ?? 0,
        objects: glObjects.alive,
      };
    },
  };
  Object.assign(globalThis, { live: loop });
}
