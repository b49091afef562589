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
import {
  lagOf,
  MOTION_FRAME_MS,
  meanDistance,
  movedPicture,
  swingingFace,
  type Turning,
} from '../development/motion-scenes.ts';
import { repositoryRoot, sharedPath } from '../development/paths.ts';
import { tremble } from '../development/tremble.ts';
import { upstreamPack } from '../development/upstream-pack.ts';
import { withNoise } from '../development/video-scene.ts';
import { quantile, sorted } from '../src/bench/measure.ts';
import { describeMachine, machineLine } from '../src/bench/report.ts';
import type { BackendName } from '../src/engine/engine.ts';
import { fileWeights } from '../src/engine/weights/file-source.ts';
import { createFaceAligner, type FaceAligner } from '../src/face-aligner.ts';
import { readImage } from '../src/image-files/read-image.ts';
import { drawLineCharts, type Series } from '../src/results/line-chart.ts';
import type { AlignedFace, RgbaImage } from '../src/types.ts';
import {
  createMeanSmoother,
  createParamSmoother,
  type ParamSmoothingOptions,
  SMOOTHING_PRESETS,
} from '../src/video/smoothing.ts';
import { createFaceTracker, type FaceTrackerOptions } from '../src/video/tracker.ts';
import { readVideo } from '../src/video-files/read-video.ts';
import { commit } from './commit.ts';
import { saveResults } from './save-results.ts';

// Node 20 knows relaxed SIMD, but only when asked to.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');

const FRAME_MS = 40;
const STILL_FRAMES = 40;
const NOISE_LEVELS = 5;
/** One frame of the film moved by this many px per frame, at most `MOVE_PX` in all. */
const SPEEDS = [2, 5, 10, 20, 40];
const MOVE_PX = 400;
const PRESETS = ['calm', 'balanced', 'quick'] as const;
const SWINGS: Readonly<Record<string, Turning>> = {
  'turning slowly': { yawDegrees: 30, pitchDegrees: 0, nearer: 0, periodFrames: 90 },
  'turning fast': { yawDegrees: 30, pitchDegrees: 0, nearer: 0, periodFrames: 30 },
  nodding: { yawDegrees: 0, pitchDegrees: 15, nearer: 0, periodFrames: 30 },
  'coming nearer': { yawDegrees: 0, pitchDegrees: 0, nearer: 0.25, periodFrames: 60 },
};
const CURVE_SCALES = [0.4, 0.5, 0.6, 0.8, 1, 1.2, 1.5, 2];
const MEMORY_FRAMES = 2000;
/** How often the film is played to time its frames. */
const PASSES = 6;

const options = new Command('bench:video')
  .option('--backend <name>', 'what runs the networks', 'compiled')
  .option('--weights <folder>', 'pack')
  .option('--video <file>', 'video with one face')
  .option('--smoothness', 'only smoothness and lag, which do not depend on the load of the machine')
  .option('--save <name>', 'write bench/results/video-<name>.json and .svg; with --smoothness, smoothness-<name>')
  .parse()
  .opts<{ backend: BackendName; weights?: string; video?: string; smoothness?: true; save?: string }>();

const machine = describeMachine(commit());
console.log(machineLine(machine));
const film = options.video ?? sharedPath('photos', 'obama.mp4');
const weights = options.weights ?? (await upstreamPack());
if (!existsSync(film)) throw new Error(`${film} does not exist; pass --video`);
const aligner = await createFaceAligner({ weights: fileWeights(weights), backend: options.backend });
console.log(`${aligner.backend}, ${aligner.regressor}`);
const results: Record<string, number> = {};
const report = (name: string, value: number, unit: string): void => {
  results[`${name}, ${unit}`] = value;
  console.log(`  ${name.padEnd(56)} ${value.toFixed(3).padStart(9)} ${unit}`);
};

/** Runs the detector on the first frame only: what a tracked frame takes. */
const NO_DETECTION: FaceTrackerOptions = { detectEvery: 1_000_000 };

const frames: RgbaImage[] = [];
for await (const { image } of (await readVideo(film)).frames()) frames.push(image);

await reportSmoothness();
if (options.smoothness === undefined) {
  await reportTimes();
  await reportMemory();
}
aligner.dispose();
if (options.save !== undefined) {
  await saveResults(resultName(), { machine, backend: options.backend, results });
}

/** Name of its files in bench/results, without their extension. */
function resultName(): string {
  return `${options.smoothness === undefined ? 'video' : 'smoothness'}-${options.save}`;
}

async function reportTimes(): Promise<void> {
  console.log('\nTime per tracked frame, without decoding');
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
    const input = ['-v', 'error', '-y', '-stream_loop', '7', '-i', film, '-an'];
    execFileSync('ffmpeg', [...input, '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', long]);
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
}

async function reportMemory(): Promise<void> {
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
}

/** How much jitter smoothing leaves, and how far it lags; the plot shows what each preset trades for what. */
async function reportSmoothness(): Promise<void> {
  console.log('\nSmoothness: what is left of the mean second difference of landmarks, and lag in frames of 1/30 s');
  const photo = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
  const still = Array.from({ length: STILL_FRAMES }, (_, i) => withNoise(photo, NOISE_LEVELS, i + 1));
  const rawStill = await rawFaces(still);
  const moved = new Map<number, AlignedFace[]>();
  for (const speed of SPEEDS) moved.set(speed, await rawFaces(movedPicture(frames[0], speed, MOVE_PX)));
  const rawFilm = await rawFaces(frames);

  const lagAt = (speed: number, smoothing: ParamSmoothingOptions): ReturnType<typeof lagOf> => {
    const raw = moved.get(speed) ?? [];
    return lagOf(landmarksOf(raw), landmarksOf(smoothed(raw, smoothing)), speed);
  };
  const trembleLeft = (raw: readonly AlignedFace[], smoothing: ParamSmoothingOptions, frameMs?: number): number =>
    tremble(landmarksOf(smoothed(raw, smoothing, frameMs))) / tremble(landmarksOf(raw));

  report('still photo with noise, unsmoothed', tremble(landmarksOf(rawStill)), 'px');
  const [face] = rawFilm;
  const { width, height } = faceSizeOf(face);
  report('film, size of the face', Math.sqrt(width * height), 'px');
  report('film, unsmoothed', tremble(landmarksOf(rawFilm)), 'px');
  const lagSeries: Series[] = [];
  for (const preset of PRESETS) {
    const smoothing = SMOOTHING_PRESETS[preset];
    report(`${preset}: still photo with noise`, trembleLeft(rawStill, smoothing), 'of unsmoothed');
    report(`${preset}: film`, trembleLeft(rawFilm, smoothing, FRAME_MS), 'of unsmoothed');
    const smoothFilm = landmarksOf(smoothed(rawFilm, smoothing, FRAME_MS));
    report(`${preset}: film, mean distance from unsmoothed`, meanDistance(landmarksOf(rawFilm), smoothFilm), 'px');
    for (const speed of SPEEDS) {
      const { mean, greatest } = lagAt(speed, smoothing);
      report(`${preset}: ${speed} px a frame, lag`, mean, 'frames');
      report(`${preset}: ${speed} px a frame, greatest lag at the start`, greatest, 'frames');
    }
    lagSeries.push({ name: preset, points: SPEEDS.map((speed) => [speed, lagAt(speed, smoothing).mean]) });
  }
  const mean = meanOver(landmarksOf(rawFilm));
  report('film, mean over 3 frames', tremble(mean) / tremble(landmarksOf(rawFilm)), 'of unsmoothed');

  if (aligner.faceMaps !== undefined) {
    const [box] = await aligner.detect(photo);
    const [portrait] = await aligner.align(photo, [box]);
    for (const [name, turning] of Object.entries(SWINGS)) {
      const raw = await rawFaces(swingingFace(aligner, photo, portrait, turning));
      for (const preset of PRESETS) {
        const distance = meanDistance(landmarksOf(raw), landmarksOf(smoothed(raw, SMOOTHING_PRESETS[preset])));
        report(`${preset}: ${name}, mean distance from unsmoothed`, distance, 'px');
      }
    }
  }

  // One curve: the balanced preset's sizes, made larger and smaller.
  const curve = CURVE_SCALES.map((scale): [number, number] => {
    const smoothing = scaledCamera(SMOOTHING_PRESETS.balanced, scale);
    return [trembleLeft(rawStill, smoothing), lagAt(SPEEDS[0], smoothing).mean];
  });
  const places = PRESETS.map((preset): Series => {
    const x = trembleLeft(rawStill, SMOOTHING_PRESETS[preset]);
    const y = lagAt(SPEEDS[0], SMOOTHING_PRESETS[preset]).mean;
    return {
      name: preset,
      points: [
        [x, 0],
        [x, y],
        [0, y],
      ],
    };
  });
  if (options.save === undefined) return;
  const plot = drawLineCharts([
    { title: 'Lag against speed', xLabel: 'px per frame', yLabel: 'frames', xMax: 40, yMax: 1, series: lagSeries },
    {
      title: `Lag at ${SPEEDS[0]} px per frame against jitter`,
      xLabel: 'remaining jitter on a still photo with noise',
      yLabel: 'frames',
      xMax: 0.5,
      yMax: 1,
      series: [...places, { name: 'balanced, scaled sizes', points: curve }],
    },
  ]);
  await writeFile(join(repositoryRoot, 'bench', 'results', `${resultName()}.svg`), plot);
}

function scaledCamera(options: ParamSmoothingOptions, scale: number): ParamSmoothingOptions {
  const { camera } = options;
  return {
    ...options,
    camera: { ...camera, stepSize: camera.stepSize * scale, driftSize: camera.driftSize * scale },
  };
}

/** The face of each frame, unsmoothed. */
async function rawFaces(images: Iterable<RgbaImage>): Promise<AlignedFace[]> {
  const own = createFaceTracker(aligner, { smoothing: 'none' });
  const found: AlignedFace[] = [];
  for (const image of images) {
    const [face] = await own.next(image, found.length * MOTION_FRAME_MS);
    if (face === undefined) throw new Error(`no face in frame ${found.length}`);
    found.push(face);
  }
  return found;
}

function smoothed(
  faces: readonly AlignedFace[],
  smoothing: ParamSmoothingOptions,
  frameMs = MOTION_FRAME_MS,
): AlignedFace[] {
  const { morphableModel } = aligner;
  if (morphableModel === undefined) throw new Error('the pack has no morphable model');
  const smoother = createParamSmoother(morphableModel, smoothing);
  return faces.map((face, i) => smoother.next(face, i * frameMs));
}

function landmarksOf(faces: readonly AlignedFace[]): Float32Array[] {
  return faces.map((face) => aligner.reconstruct(face));
}

function faceSizeOf(face: AlignedFace): { width: number; height: number } {
  const points = aligner.reconstruct(face);
  const spread = (axis: number): number => {
    const values = Array.from({ length: points.length / 3 }, (_, i) => points[3 * i + axis]);
    return Math.max(...values) - Math.min(...values);
  };
  return { width: spread(0), height: spread(1) };
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
    // A restarted film is a jump, which calls the detector; the first pass warms V8 up.
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
