import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { printable, VideoFileError } from '../errors.ts';
import type { FaceAligner } from '../face-aligner.ts';
import { writeFileAtomically } from '../files/write-file-atomically.ts';
import { boundingBox } from '../geometry/box.ts';
import { createFaceFilm, type FaceFilm } from '../geometry/face-film.ts';
import { writeGlb } from '../geometry/glb.ts';
import { METRES_PER_MM } from '../geometry/mesh.ts';
import type { Background } from '../geometry/picture.ts';
import { requireFaceMaps, requireMorphableModel } from '../geometry/required-parts.ts';
import { animationFormat } from '../image-files/animation-format.ts';
import { encodePng } from '../image-files/write-image.ts';
import { DRAWINGS, type DrawableFace, type DrawingKind, drawOverlays, OVERLAY_KINDS } from '../results/drawings.ts';
import { describeFrame } from '../results/video-document.ts';
import {
  createMeanSmoother,
  type MeanSmoothingOptions,
  SMOOTHING_PRESETS,
  type SmoothingPreset,
} from '../video/smoothing.ts';
import { createFaceTracker, type FaceTracker, type TrackedFace, type TrackingMode } from '../video/tracker.ts';
import { isImagePattern } from '../video-files/image-pattern.ts';
import { findImageSequence, readImageSequence, writeImageSequence } from '../video-files/image-sequence.ts';
import { openPipe } from '../video-files/open-pipe.ts';
import { readVideo, type VideoSource } from '../video-files/read-video.ts';
import { spoolFilm } from '../video-files/spool-film.ts';
import type { FrameSink, FrameSource, VideoFrame } from '../video-files/video-frame.ts';
import { writeVideo } from '../video-files/write-video.ts';
import { type AlignerFlags, addAlignerFlags, openAligner } from './aligner-flags.ts';
import { CliError, EXIT_STATUS, usageError } from './cli-error.ts';
import { expandImagePath, hasImageEnding } from './input-images.ts';
import { openLineWriter } from './line-writer.ts';
import { parsePositive, parseShare, parseWholeNumber } from './number-flags.ts';
import { originalMeaning } from './original-options.ts';
import { checkJsonPath, nameWritten } from './output-paths.ts';
import { DRAWING_ALIASES, parseKinds } from './picture-files.ts';
import { createProgress } from './progress.ts';
import { coloursFor, type Terminal } from './terminal.ts';

interface VideoFlags extends AlignerFlags {
  readonly out?: string;
  readonly draw?: string;
  readonly background: Background;
  readonly json?: string;
  readonly mesh?: 'glb';
  readonly start?: number;
  readonly end?: number;
  readonly mode: TrackingMode;
  readonly smoothing?: SmoothingPreset | 'mean' | 'none';
  readonly framesBefore: number;
  readonly framesAfter: number;
  readonly maxFaces?: number;
  readonly detectEvery?: number;
  readonly minScore?: number;
  readonly lockIdentity?: boolean;
  readonly roiFrom?: 'landmarks' | 'vertices';
  readonly frameRate?: number;
  readonly audio: boolean;
}

/** A tracked face with everything that drawings need; its points are smoothed according to `--smoothing`. */
interface DrawnFace extends DrawableFace {
  readonly tracked: TrackedFace;
}

const EXAMPLES = `
Examples:
  $ tddfa video clip.mp4 --out drawn.mp4                   landmarks on every face, with the sound
  $ tddfa video clip.mp4 --out mesh.mp4 --draw render,pose
  $ tddfa video clip.mp4 --json - | jq '.faces[0].pose'    one line of JSON per frame
  $ tddfa video clip.mp4 --mesh glb                        clip.glb: animated faces, for Blender and three.js
  $ tddfa video clip.mp4 --start 100 --end 199 --json part.jsonl
  $ tddfa video frames/ --out drawn/%05d.png --frame-rate 30   pictures in and out: no ffmpeg needed
  $ tddfa video clip.mp4 --mode upstream --smoothing mean --out as-the-original.mp4
`;

/** Registers `tddfa video`. */
export function registerVideo(program: Command, terminal: Terminal): void {
  const wholeFrom = (least: number) => (text: string) => parseWholeNumber(text, least);
  addAlignerFlags(program.command('video'))
    .description('track the faces of a video: ids, head pose, 3DMM parameters, landmarks, drawings')
    .argument(
      '<input...>',
      'a video file or named pipe, - for stdin, or pictures: files, a folder, or a pattern such as frames/%05d.png',
    )
    .option('-o, --out <file>', 'video to write (mp4, mov, mkv, webm, gif …), or a folder or pattern for pictures')
    .option('-d, --draw <kinds>', `what to draw, comma-separated: ${OVERLAY_KINDS.join(', ')} (default: landmarks)`)
    .addOption(new Option('--background <kind>', 'what to draw on').choices(['image', 'black']).default('image'))
    .option('-j, --json <file>', 'write JSON Lines, one frame per line; - for stdout')
    .addOption(
      new Option('-m, --mesh <kind>', 'write each face as an animated mesh, with morph weights, beside --out').choices([
        'glb',
      ]),
    )
    .option('-s, --start <frame>', 'first frame, counted from 0 (default: 0)', wholeFrom(0))
    .option('-e, --end <frame>', 'last frame (default: the last in the video)', wholeFrom(0))
    .addOption(
      new Option(
        '--mode <name>',
        'robust tracks several faces; upstream follows the original: one face, never checked again',
      )
        .choices(['robust', 'upstream'])
        .default('robust'),
    )
    .addOption(
      new Option(
        '--smoothing <how>',
        'calm, balanced and quick need no frames ahead; mean averages frames before and after (default: balanced)',
      ).choices([...Object.keys(SMOOTHING_PRESETS), 'mean', 'none']),
    )
    .option('--frames-before <number>', 'with --smoothing mean: frames before the current one', wholeFrom(0), 1)
    .option('--frames-after <number>', 'with --smoothing mean: frames after the current one', wholeFrom(0), 1)
    .option('--max-faces <number>', 'track at most this many faces (default: 4)', wholeFrom(1))
    .option('--detect-every <frames>', 'look for new faces every N frames (default: 15)', wholeFrom(1))
    .option('--min-score <number>', 'ignore detections below this score, 0..1 (default: 0.5)', parseShare)
    .option('--lock-identity', 'keep one shape per face, so that its mesh does not pulsate')
    .addOption(
      new Option('--roi-from <points>', 'with --mode upstream: points that the next crop is centred on')
        .choices(['landmarks', 'vertices'])
        .default('landmarks'),
    )
    .option('--frame-rate <number>', 'frames per second when the input is pictures (default: 25)', parsePositive)
    .option('--no-audio', 'leave out the sound')
    .addHelpText('after', EXAMPLES)
    .action((inputs: string[], flags: VideoFlags) => video(inputs, flags, terminal));
}

/** Reads a video; one from stdin or a named pipe is first stored in a temporary file. */
async function video(inputs: readonly string[], given: VideoFlags, terminal: Terminal): Promise<void> {
  checkJsonPath(given.json);
  const meant = originalMeaning(given, false, terminal);
  const draw = meant !== undefined && 'draw' in meant ? { draw: meant.draw } : {};
  const flags: VideoFlags = meant === undefined ? given : { ...given, ...draw, out: originalVideoName(inputs) };
  const meshPath = flags.mesh && meshPathFor(inputs, flags);
  const [input = '', ...others] = inputs;
  const isStdin = input === '-';
  const isPipe = isStdin || (await stat(input).catch(() => undefined))?.isFIFO() === true;
  if (others.length > 0 || !isPipe) return trackVideo(inputs, flags, meshPath, terminal);
  const name = isStdin ? 'stdin' : input;
  const stream = isStdin ? terminal.stdin : await openPipe(input, terminal.signal);
  const spooled = await spoolFilm(stream, name, terminal.signal);
  const rename = (text: string): string => text.replaceAll(spooled.path, name);
  try {
    await trackVideo([spooled.path], flags, meshPath, terminal, rename);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes(spooled.path)) throw error;
    throw new CliError(rename(error.message), { cause: error });
  } finally {
    await spooled.remove();
  }
}

/** @param rename - replaces the path of the temporary file with the name of the video. */
async function trackVideo(
  inputs: readonly string[],
  flags: VideoFlags,
  meshPath: string | undefined,
  terminal: Terminal,
  rename: (text: string) => string = (text) => text,
): Promise<void> {
  const kinds = parseDrawings(flags);
  if (flags.start !== undefined && flags.end !== undefined && flags.end < flags.start) {
    throw usageError(`--end: expected at least --start (${flags.start}), got ${flags.end}`);
  }
  if (flags.out !== undefined || (flags.json !== undefined && flags.json !== '-')) terminal.goOnUnread?.();
  const source = await openSource(inputs, flags, terminal, rename);
  const sink = flags.out === undefined ? undefined : await openSink(flags.out, source, flags, terminal);
  const aligner = await openAligner(flags, terminal);
  const lines = flags.json === undefined ? undefined : openLineWriter(flags.json, terminal);
  const progress = createProgress(terminal, 'items');
  const startedAt = performance.now();
  const rate = (count: number): number => (count * 1000) / (performance.now() - startedAt);
  const ids = new Set<number>();
  let frameCount = 0;
  let size = '';
  /** Why the video ended early. */
  let early: VideoFileError | undefined;
  /** The frame that is being encoded while the next one is computed. */
  let writing: Promise<void> | undefined;
  let film: FaceFilm | undefined;
  /** The file that was not written because there was no face. */
  let missing: string | undefined;

  async function emit({ index, timeMs, image }: VideoFrame, faces: readonly DrawnFace[]): Promise<void> {
    const tracked = faces.map(({ tracked: face, landmarks }) => ({ ...face, landmarks }));
    await lines?.write(JSON.stringify(describeFrame(index, timeMs, tracked, aligner.morphableModel)));
    film?.add(image, timeMs, tracked);
    if (sink === undefined) return;
    const drawn = drawOverlays(image, kinds, faces, aligner, { background: flags.background });
    await writing;
    writing = source.isRegular ? sink.write(drawn) : sink.write(drawn, timeMs);
    // Thrown at the next frame.
    writing.catch(() => {});
  }

  try {
    const tracker = makeTracker(aligner, flags);
    const needed = new Set(sink === undefined ? [] : kinds.map((kind) => DRAWINGS[kind].needs));
    if (needed.has('surface')) requireFaceMaps(aligner);
    if (meshPath !== undefined) {
      film = createFaceFilm(requireMorphableModel(aligner), requireFaceMaps(aligner), { encode: encodePng });
    }
    const isDense = needed.has('surface') || needed.has('vertices');
    const smoother =
      flags.smoothing === 'mean'
        ? createDelay({ framesBefore: flags.framesBefore, framesAfter: flags.framesAfter })
        : undefined;
    try {
      for await (const frame of source.frames()) {
        if (terminal.signal.aborted) break;
        const faces = (await tracker.next(frame.image, frame.timeMs)).map((face) => toDrawn(face, tracker, isDense));
        for (const { id } of faces.map(({ tracked }) => tracked)) ids.add(id);
        const ready = smoother === undefined ? { frame, faces } : smoother.push(frame, faces);
        if (ready !== undefined) await emit(ready.frame, ready.faces);
        size ||= `${frame.image.width}x${frame.image.height}`;
        frameCount++;
        const speed = rate(frameCount);
        progress.update(progressLabel(speed, frameCount, source.frameCount), frameCount, source.frameCount);
      }
    } catch (error) {
      // What was found up to that point is kept.
      if (error instanceof VideoFileError && error.framesRead !== undefined && frameCount > 0) early = error;
      else if (!terminal.signal.aborted) throw error;
    }
    for (const { frame, faces } of smoother?.flush() ?? []) await emit(frame, faces);
    await writing;
    progress.stop();
    if (frameCount === 0) {
      terminal.signal.throwIfAborted();
      throw new CliError(
        `${source.path}: there are no frames ${flags.start === undefined ? 'in it' : 'in this range'}`,
      );
    }
    const acted = film?.faces() ?? [];
    if (meshPath !== undefined && acted.length > 0) {
      await writeFileAtomically(meshPath, writeGlb(acted, { unitScale: METRES_PER_MM }));
    } else missing = meshPath;
    await sink?.finish();
    await lines?.finish();
  } catch (error) {
    progress.stop();
    await writing?.catch(() => {});
    await sink?.abort();
    await lines?.abort();
    throw error;
  } finally {
    aligner.dispose();
  }

  if (flags.json !== '-') {
    const count = ids.size === 1 ? '1 face' : `${ids.size || 'no'} faces`;
    const name = coloursFor(terminal.stdout, terminal.env).bold(printable(rename(source.path)));
    terminal.stdout.write(
      `${name}  ${size}  ${frameCount} frames, ${rate(frameCount).toFixed(1)} a second  ${count}\n`,
    );
  }
  const written = [flags.out, flags.json, missing === undefined ? meshPath : undefined];
  nameWritten(written, terminal, flags.json === '-');
  const kept = written.filter((path) => path !== undefined && path !== '-');
  const words = kept.length === 0 ? '' : `; ${kept.join(' and ')} ${kept.length === 1 ? 'ends' : 'end'} there`;
  if (terminal.signal.aborted) {
    throw new CliError(`interrupted after ${frameCount} frames${words}`, { exitStatus: EXIT_STATUS.interrupted });
  }
  if (early !== undefined) throw new CliError(`${early.message}${words}`, { cause: early });
  if (missing !== undefined) throw new CliError(`${source.path}: no face found, so ${missing} was not written`);
}

/** Where the mesh goes: beside the output of `--out`, or in the current folder; named after the video. */
function meshPathFor([input = '']: readonly string[], { out }: VideoFlags): string {
  const isFile = out !== undefined && extname(out) !== '' && !isImagePattern(basename(out));
  const [folder, named] = isFile ? [dirname(out), out] : [out === undefined ? '.' : folderOf(out), input];
  const name = basename(named, extname(named));
  return join(folder, `${name === '-' || isImagePattern(name) || name === '' ? 'film' : name}.glb`);
}

/** The folder of a pattern, or the folder itself. */
function folderOf(out: string): string {
  return isImagePattern(basename(out)) ? dirname(out) : out;
}

/** Where the video requested by the original's `-o` goes: the original also names it after its input. */
function originalVideoName([input = '']: readonly string[]): string {
  return `${basename(input, extname(input))}.drawn.mp4`;
}

function progressLabel(framesPerSecond: number, done: number, total: number | undefined): string {
  const speed = `${framesPerSecond.toFixed(1)} frames/s`;
  if (total === undefined) return speed;
  const seconds = Math.max(0, Math.round((total - done) / framesPerSecond));
  return `${speed}, ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`;
}

function makeTracker(aligner: FaceAligner, flags: VideoFlags): FaceTracker {
  return createFaceTracker(aligner, {
    mode: flags.mode,
    ...(flags.smoothing !== undefined && { smoothing: flags.smoothing === 'mean' ? 'none' : flags.smoothing }),
    ...(flags.maxFaces !== undefined && { maxFaces: flags.maxFaces }),
    ...(flags.detectEvery !== undefined && { detectEvery: flags.detectEvery }),
    ...(flags.minScore !== undefined && { detector: { minScore: flags.minScore } }),
    ...(flags.lockIdentity !== undefined && { lockIdentity: flags.lockIdentity }),
    ...(flags.roiFrom !== undefined && { roiFrom: flags.roiFrom }),
  });
}

function toDrawn(tracked: TrackedFace, tracker: FaceTracker, isDense: boolean): DrawnFace {
  const vertices = isDense ? tracker.reconstruct(tracked, { dense: true }) : new Float32Array(0);
  return drawnFace(tracked, tracked.landmarks, vertices);
}

/** @param vertices - all of them; empty if no drawing needs them. */
function drawnFace(tracked: TrackedFace, landmarks: Float32Array, vertices: Float32Array): DrawnFace {
  return { tracked, aligned: tracked, box: boundingBox(landmarks), landmarks, vertices, label: `#${tracked.id}` };
}

interface ReadyFrame {
  readonly frame: VideoFrame;
  readonly faces: readonly DrawnFace[];
}

/** Holds frames back until the mean over the frames after them is known. */
function createDelay(options: Required<MeanSmoothingOptions>) {
  const smoother = createMeanSmoother(options);
  const waiting: ReadyFrame[] = [];

  function release(smooth: readonly { readonly id: number; readonly points: Float32Array }[]): ReadyFrame {
    const { frame, faces } = waiting.shift() as ReadyFrame;
    return {
      frame,
      faces: faces.map(({ tracked, landmarks }) => {
        const points = smooth.find(({ id }) => id === tracked.id)?.points ?? landmarks;
        const end = landmarks.length;
        return drawnFace(tracked, points.subarray(0, end), points.subarray(end));
      }),
    };
  }

  return {
    push(frame: VideoFrame, faces: readonly DrawnFace[]): ReadyFrame | undefined {
      waiting.push({ frame, faces });
      const smooth = smoother.push(
        faces.map(({ tracked, landmarks, vertices }) => ({ id: tracked.id, points: concatenate(landmarks, vertices) })),
      );
      return smooth && release(smooth);
    },
    flush: (): ReadyFrame[] => smoother.flush().map(release),
  };
}

function concatenate(a: Float32Array, b: Float32Array): Float32Array {
  const joined = new Float32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

async function openSource(
  inputs: readonly string[],
  flags: VideoFlags,
  terminal: Terminal,
  rename: (text: string) => string,
): Promise<FrameSource | VideoSource> {
  const range = {
    ...(flags.start !== undefined && { start: flags.start }),
    ...(flags.end !== undefined && { end: flags.end }),
  };
  const [input = '', ...others] = inputs;
  const found = await stat(input).catch(() => undefined);
  const pictures = (paths: readonly string[]): FrameSource =>
    readImageSequence(paths, {
      ...range,
      name: input,
      ...(flags.frameRate !== undefined && { frameRate: flags.frameRate }),
    });
  const isPictureFile = others.length === 0 && found?.isFile() === true && hasImageEnding(input);
  const film = isPictureFile ? animationFormat(await readFile(input)) : undefined;
  if (film === undefined && (others.length > 0 || found?.isDirectory() === true || hasImageEnding(input))) {
    if (found === undefined && others.length === 0 && isImagePattern(input))
      return pictures(await findImageSequence(input));
    const paths: string[] = [];
    for (const one of inputs) paths.push(...(await expandImagePath(one)));
    return pictures(paths);
  }
  if (flags.frameRate !== undefined)
    throw usageError('--frame-rate: only for pictures; a video file has its own frame rate');
  const { onWarning } = warnings(terminal);
  return readVideo(input, {
    ...range,
    signal: terminal.signal,
    ...ffmpegOptions(terminal),
    onWarning: (line) => onWarning(rename(line)),
  });
}

/** Prints warnings about problems that do not stop the command. */
function warnings({ stderr }: Terminal): { onWarning: (line: string) => void } {
  return { onWarning: (line) => void stderr.write(`tddfa: ${printable(line)}\n`) };
}

async function openSink(
  out: string,
  source: FrameSource | VideoSource,
  flags: VideoFlags,
  terminal: Terminal,
): Promise<FrameSink> {
  const isFolder = await stat(out).then(
    (found) => found.isDirectory(),
    () => extname(out) === '',
  );
  if (isFolder) return writeImageSequence(join(out, '%06d.png'), flags.start);
  if (isImagePattern(basename(out))) {
    if (extname(out).toLowerCase() !== '.png') throw usageError(`--out: pictures are written as PNG, got '${out}'`);
    return writeImageSequence(out, flags.start);
  }
  if (hasImageEnding(out) && extname(out).toLowerCase() !== '.gif') {
    throw usageError(`--out: '${out}' is one picture for many frames; use a pattern such as frames/%05d.png`);
  }
  // Otherwise the first frame determines the time.
  const firstFrameMs = 'firstFrameMs' in source ? source.firstFrameMs : 0;
  const startMs = source.isRegular ? firstFrameMs + ((flags.start ?? 0) * 1000) / source.frameRate : undefined;
  return writeVideo(out, {
    frameRate: 'exactFrameRate' in source ? source.exactFrameRate : source.frameRate,
    ...ffmpegOptions(terminal),
    ...warnings(terminal),
    ...(flags.audio &&
      source.hasAudio && {
        audio: { path: source.path, isWhole: !flags.start, ...(startMs !== undefined && { startMs }) },
      }),
  });
}

/** `TDDFA_FFMPEG` is the folder of ffmpeg and ffprobe if they are not on the PATH. */
function ffmpegOptions({ env }: Terminal): { ffmpegFolder?: string } {
  return env.TDDFA_FFMPEG ? { ffmpegFolder: env.TDDFA_FFMPEG } : {};
}

function parseDrawings({ draw, out }: VideoFlags): DrawingKind[] {
  if (draw !== undefined && out === undefined) throw usageError('--draw: needs --out for the drawn video');
  return parseKinds('--draw', draw ?? 'landmarks', OVERLAY_KINDS, DRAWING_ALIASES);
}
