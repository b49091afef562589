/**
 * `npm run bench:video`: how smooth tracked faces are, how far they lag, how long a frame takes, and whether memory grows.
 * Needs ffmpeg and the reference data beside the repository, or `--weights` and `--video`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import { growthPerStep } from '../development/memory-growth.ts';
import { repositoryRoot, sharedPath } from '../development/paths.ts';
import { meanX, tremble } from '../development/tremble.ts';
import { upstreamPack } from '../development/upstream-pack.ts';
import { type Placement, scene, withNoise } from '../development/video-scene.ts';
import { quantile, sorted } from '../src/bench/measure.ts';
import { describeMachine, machineLine } from '../src/bench/report.ts';
import type { BackendName } from '../src/engine/engine.ts';
import { fileWeights } from '../src/engine/weights/file-source.ts';
import { createFaceAligner, type FaceAligner } from '../src/face-aligner.ts';
import { readImage } from '../src/image-files/read-image.ts';
import type { RgbaImage } from '../src/types.ts';
import { createMeanSmoother } from '../src/video/smoothing.ts';
import { createFaceTracker, type FaceTrackerOptions } from '../src/video/tracker.ts';
import { readVideo } from '../src/video-files/read-video.ts';
import { commit } from './commit.ts';

// Node 20 knows relaxed SIMD, but only when asked to.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');

const FRAME_MS = 40;
const STILL_FRAMES = 40;
const NOISE_LEVELS = 5;
const SWEEP_FRAMES = 35;
const SWEEP_PX = 20;
const MEMORY_FRAMES = 2000;
/** Times the film is played for the times of a frame. */
const PASSES = 6;

const options = new Command('bench:video')
  .option('--backend <name>', 'what runs the networks', 'compiled')
  .option('--weights <folder>', 'pack')
  .option('--video <file>', 'film with one face')
  .option('--save <name>', 'write bench/results/video-<name>.json')
  .parse()
  .opts<{ backend: BackendName; weights?: string; video?: string; save?: string }>();

const machine = describeMachine(commit());
console.log(machineLine(machine));
const film = options.video ?? sharedPath('photos', 'obama.mp4');
const weights = options.weights ?? (await upstreamPack());
if (!existsSync(film)) throw new Error(`${film} is not there; give --video`);
const aligner = await createFaceAligner({ weights: fileWeights(weights), backend: options.backend });
console.log(`${aligner.backend}, ${aligner.regressor}`);
const results: Record<string, number> = {};
const report = (name: string, value: number, unit: string): void => {
  results[`${name}, ${unit}`] = value;
  console.log(`  ${name.padEnd(56)} ${value.toFixed(3).padStart(9)} ${unit}`);
};

/** Never asks the detector but for the first frame: what a tracked frame takes. */
const NO_DETECTION: FaceTrackerOptions = { detectEvery: 1_000_000 };

const frames: RgbaImage[] = [];
for await (const { image } of (await readVideo(film)).frames()) frames.push(image);
const photo = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
const still = Array.from({ length: STILL_FRAMES }, (_, i) => withNoise(photo, NOISE_LEVELS, i + 1));
const sweep = Array.from({ length: SWEEP_FRAMES }, (_, i) => shifted(photo, SWEEP_PX * Math.max(0, i - 5)));

console.log('\nSmoothness: mean second difference of landmarks, as a part of the unsmoothed; lag in frames');
for (const [name, sequence] of [
  ['still photo with noise', still],
  ['film', frames],
] as const) {
  const raw = await landmarksOf(sequence, { smoothing: 'none' });
  report(`${name}, unsmoothed`, tremble(raw), 'px');
  report(`${name}, one-euro`, tremble(await landmarksOf(sequence, {})) / tremble(raw), 'of unsmoothed');
  report(
    `${name}, one-euro, locked identity`,
    tremble(await landmarksOf(sequence, { lockIdentity: true })) / tremble(raw),
    'of unsmoothed',
  );
  report(`${name}, mean over 3 frames`, tremble(meanOver(raw)) / tremble(raw), 'of unsmoothed');
}
const rawSweep = await landmarksOf(sweep, { smoothing: 'none' });
const smoothSweep = await landmarksOf(sweep, {});
const lags = smoothSweep.map((points, i) => (meanX(rawSweep[i] ?? points) - meanX(points)) / SWEEP_PX);
report('photo moved by 20 px a frame, one-euro, greatest lag', Math.max(...lags), 'frames');
report('photo moved by 20 px a frame, one-euro, lag in the end', lags.at(-1) ?? Number.NaN, 'frames');

console.log('\nTime of a tracked frame, all but decoding');
for (const [name, trackerOptions, dense] of [
  ['landmarks', {}, false],
  ['dense mesh', {}, true],
  ['dense mesh, locked identity', { lockIdentity: true }, true],
] as const) {
  const { wall, cpu } = await timeFrames({ ...NO_DETECTION, ...trackerOptions }, dense);
  report(`${name}, median`, quantile(wall, 0.5), 'ms');
  report(`${name}, tenth fastest`, quantile(wall, 0.1), 'ms');
  report(`${name}, processor time, median`, quantile(cpu, 0.5), 'ms');
}

console.log('\nEnd to end without drawing: ffmpeg decodes while frames are tracked');
const long = join(repositoryRoot, 'bench', '.build', 'long.mp4');
if (options.video === undefined && !existsSync(long)) {
  await mkdir(join(repositoryRoot, 'bench', '.build'), { recursive: true });
  const args = ['-v', 'error', '-y', '-stream_loop', '7', '-i', film, '-an', '-c:v', 'libx264', '-preset', 'veryfast'];
  execFileSync('ffmpeg', [...args, '-crf', '20', long]);
}
for (const [name, trackerOptions] of [
  ['tracked frames', NO_DETECTION],
  ['detection every 15 frames', {}],
] as const) {
  const tracker = createFaceTracker(aligner, trackerOptions);
  let count = 0;
  let from = 0;
  for await (const { image, timeMs } of (await readVideo(options.video ?? long)).frames()) {
    await tracker.next(image, timeMs);
    // The first frames start ffmpeg, and the detector.
    if (++count === 10) from = performance.now();
  }
  report(name, ((count - 10) * 1000) / (performance.now() - from), 'frames/s');
}

console.log(`\nMemory over ${MEMORY_FRAMES} frames`);
const tracker = createFaceTracker(aligner);
const growth = await growthPerStep({
  stepsPerWindow: MEMORY_FRAMES / 8,
  async run(start, count) {
    for (let i = start; i < start + count; i++) {
      await tracker.next(frames[i % frames.length], i * FRAME_MS);
    }
  },
});
report('heap and buffers that a frame leaves behind, median', growth, 'bytes');
report('resident in the end', process.memoryUsage().rss / 1e6, 'MB');

aligner.dispose();
if (options.save !== undefined) {
  const path = join(repositoryRoot, 'bench', 'results', `video-${options.save}.json`);
  await mkdir(join(repositoryRoot, 'bench', 'results'), { recursive: true });
  await writeFile(path, `${JSON.stringify({ machine, backend: options.backend, results }, null, 2)}\n`);
  console.log(`\nwritten: ${path}`);
}

/** The photo, so many px to the right on a wider frame. */
function shifted(image: RgbaImage, px: number): RgbaImage {
  const portrait = { data: withoutAlpha(image), size: image.width };
  const placement: Placement = { portrait, x: image.width / 2 + px, y: image.height / 2 };
  return scene(1280, image.height, [placement]);
}

function withoutAlpha({ data, width, height }: RgbaImage): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) rgb.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
  return rgb;
}

async function landmarksOf(images: readonly RgbaImage[], trackerOptions: FaceTrackerOptions): Promise<Float32Array[]> {
  const own = createFaceTracker(aligner, trackerOptions);
  const found: Float32Array[] = [];
  for (const [i, image] of images.entries()) {
    const [face] = await own.next(image, i * FRAME_MS);
    if (face === undefined) throw new Error(`no face in frame ${i}`);
    found.push(face.landmarks);
  }
  return found;
}

function meanOver(sequence: readonly Float32Array[]): Float32Array[] {
  const smoother = createMeanSmoother();
  const early = sequence.flatMap((points) => smoother.push([{ id: 0, points }]) ?? []);
  return [...early, ...smoother.flush().flat()].map(({ points }) => points);
}

async function timeFrames(
  trackerOptions: FaceTrackerOptions,
  dense: boolean,
): Promise<{ wall: number[]; cpu: number[] }> {
  const own = createFaceTracker(aligner, trackerOptions);
  const dst = new Float32Array(3 * vertexCountOf(aligner));
  const wall: number[] = [];
  const cpu: number[] = [];
  for (let i = 0; i < PASSES * frames.length; i++) {
    const processor = process.cpuUsage();
    const start = performance.now();
    const faces = await own.next(frames[i % frames.length], i * FRAME_MS);
    if (dense) for (const face of faces) own.reconstruct(face, { dense: true, dst });
    const took = performance.now() - start;
    const { user, system } = process.cpuUsage(processor);
    // A film that begins again is a jump, and calls the detector; the first pass is for V8.
    if (i >= frames.length && faces.every(({ how }) => how === 'track') && i % frames.length > 1) {
      wall.push(took);
      cpu.push((user + system) / 1000);
    }
  }
  return { wall: sorted(wall), cpu: sorted(cpu) };
}

function vertexCountOf({ morphableModel }: FaceAligner): number {
  return morphableModel?.vertexCount ?? 0;
}
