import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { pMapIterable } from 'p-map';
import { printable, WeightFormatError, WorkerFailedError } from '../errors.ts';
import type { FaceAlignerOptions } from '../face-aligner.ts';
import { writeFileAtomically } from '../files/write-file-atomically.ts';
import {
  type AlignedResult,
  describeFailed,
  type PictureIdentity,
  type PictureResult,
  type ResultHeader,
} from '../results/result-line.ts';
import { type AlignerFlags, addAlignerFlags, describeRunOf, loadAligner } from './aligner-flags.ts';
import { CliError, usageError } from './cli-error.ts';
import { describeError } from './describe-error.ts';
import type { FoundFaces } from './found-faces.ts';
import { readGivenBoxes } from './given-boxes.ts';
import { addInputFlags, type InputImage, type InputPlaces, listInputs } from './input-images.ts';
import { addMeshFlags, type MeshFlags, type MeshPlan, meshFiles, planMeshes } from './mesh-files.ts';
import { parseShare, parseWholeNumber } from './number-flags.ts';
import { originalMeaning } from './original-options.ts';
import { createOutputNames } from './output-names.ts';
import { nameWritten } from './output-paths.ts';
import {
  alignPicture,
  defaultJobs,
  MAX_JOBS,
  ofImage,
  openPictureAligner,
  type PictureAligner,
  resultOf,
  resultOfPicture,
} from './picture-aligner.ts';
import { addPictureFlags, type PictureFlags, type PicturePlan, pictureFiles, planPictures } from './picture-files.ts';
import { createProgress } from './progress.ts';
import { type InputBytes, inputName, isStdin, readInputImage } from './read-input-image.ts';
import { reportError } from './report-error.ts';
import {
  addResultFlags,
  checkResultFlags,
  hasStreams,
  isOnStdout,
  openResultOutputs,
  type ResultFlags,
  type ResultOutputs,
} from './result-outputs.ts';
import { createTally } from './tally.ts';
import { coloursFor, type Terminal } from './terminal.ts';

interface AlignFlags extends AlignerFlags, PictureFlags, MeshFlags, ResultFlags {
  readonly boxes?: string;
  readonly out?: string;
  readonly minScore?: number;
  readonly recursive?: boolean;
  readonly filesFrom?: string;
  readonly null?: boolean;
  readonly jobs?: number;
  readonly maxErrors?: number;
}

const EXAMPLES = `
Examples:
  $ tddfa align portrait.jpg                          boxes and head pose, as text
  $ tddfa align portrait.jpg --json -                 everything, as JSON on stdout
  $ tddfa align photos/ --out drawn --draw landmarks,pose
  $ tddfa align portrait.jpg --draw render,depth,pncc --sheet --background black
  $ tddfa align portrait.jpg --mesh glb,obj           textured meshes for Blender and three.js
  $ tddfa align group.jpg --boxes boxes.json --json group.json
  $ tddfa align photos/ --recursive --jsonl faces.jsonl --resume     thousands of photos; resumes after a break
  $ find photos -name '*.jpg' | tddfa align --files-from - --jsonl - | jq .path
`;

/** By default, fewer pictures than this do not justify starting threads. */
const FEW_INPUTS = 8;
/** At least this many results may wait for an earlier picture. */
const LEAST_AHEAD = 32;

/** Registers `tddfa align`. */
export function registerAlign(program: Command, terminal: Terminal): void {
  const command = addInputFlags(
    addAlignerFlags(program.command('align'))
      .description('find the faces of photos: boxes, head pose, 3DMM parameters, 68 landmarks')
      .argument('[image...]', 'picture files (JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF) or folders of them; - for stdin'),
  )
    .option(
      '--jobs <n>',
      'pictures to align at once, each in its own thread (default: one per core; 1 for fewer than 8 pictures)',
      parseJobs,
    )
    .option('--boxes <file>', 'use the boxes in this JSON file instead of detecting faces')
    .option('--min-score <number>', 'ignore detections below this score, 0..1 (default: 0.5)', parseShare)
    .option('--max-errors <n>', 'give up when more pictures than this have failed (default: never)', (text) =>
      parseWholeNumber(text, 0),
    );
  addResultFlags(command).option(
    '-o, --out <folder>',
    "folder for pictures and meshes (default: the current folder); the original's -o 2d_sparse is --draw landmarks",
  );
  addMeshFlags(addPictureFlags(command))
    .addHelpText('after', EXAMPLES)
    .action((images: string[], flags: AlignFlags) => align(images, flags, terminal));
}

function parseJobs(text: string): number {
  const value = parseWholeNumber(text, 1);
  if (value <= MAX_JOBS) return value;
  throw new InvalidArgumentError(`expected at most ${MAX_JOBS}, got '${text}'`);
}

/** What became of one picture. */
interface Outcome {
  readonly result: PictureResult;
  /** Path of its files below the output folder, without extension. */
  readonly name: string;
  /** Files that were written about it. */
  readonly written: readonly string[];
  /** Why there are no faces. */
  readonly error?: unknown;
}

async function align(imageArguments: readonly string[], given: AlignFlags, terminal: Terminal): Promise<void> {
  checkResultFlags(given);
  const { out: _, ...others } = given;
  const meant = originalMeaning(given, true, terminal);
  const flags: AlignFlags = meant === undefined ? given : { ...others, ...meant };
  const places = inputPlaces(imageArguments, flags);
  const meshPlan = planMeshes(flags);
  const picturePlan = planPictures(flags, flags.out !== undefined && meshPlan.kinds.length === 0);
  const detection = flags.minScore === undefined ? {} : { minScore: flags.minScore };
  const givenBoxes = flags.boxes === undefined ? undefined : await readGivenBoxes(flags.boxes);
  const isDrawn = picturePlan.kinds.length + meshPlan.kinds.length > 0;
  const saysEach = !hasStreams(flags) && !isOnStdout(flags);
  const { signal } = terminal;
  const documents = [flags.json, flags.jsonl, flags.csv, flags.pts, flags.coco];
  const writesFiles =
    picturePlan.kinds.length + meshPlan.kinds.length > 0 ||
    documents.some((path) => path !== undefined && path !== '-');
  if (writesFiles) terminal.goOnUnread?.();

  // Also ends a list whose next line has not arrived.
  const listing = new AbortController();
  const stopListing = (): void => listing.abort(signal.reason);
  signal.addEventListener('abort', stopListing, { once: true });
  const inputs = listInputs(places, { stdin: terminal.stdin, signal: listing.signal });
  const progress = createProgress(terminal, 'items');
  let pictures: PictureAligner | undefined;
  let outputs: ResultOutputs | undefined;
  const tally = createTally();
  try {
    signal.throwIfAborted();
    const { all, isFew } = await lookAhead(inputs, places.filesFrom === undefined ? FEW_INPUTS : 0);
    const jobs = flags.jobs ?? (isFew ? 1 : defaultJobs());
    const load = (options: FaceAlignerOptions) => openPictureAligner(options, jobs);
    const opened = await loadAligner(flags, terminal, load, flags.refine === true);
    pictures = opened;
    const { aligner } = opened;
    if ((flags.pts !== undefined || flags.coco !== undefined) && aligner.morphableModel === undefined) {
      const flag = flags.pts === undefined ? '--coco' : '--pts';
      throw new CliError(`${flag}: the pack ${aligner.packName} has no face model and therefore no landmarks`);
    }
    const describeRun = async (): Promise<ResultHeader> => {
      const boxes = flags.boxes === undefined ? undefined : await sumOf(flags.boxes);
      return describeRunOf(flags, aligner, { minScore: flags.minScore, boxes }, terminal);
    };
    const { held, heldCount, write, finish } = await openResultOutputs(flags, describeRun, terminal).then((files) => {
      outputs = files;
      return files;
    });
    const total = countInputs(places, terminal, listing.signal);

    const work = async ({ path, name, error: missing }: NamedInput): Promise<Outcome | 'held'> => {
      signal.throwIfAborted();
      let read: InputBytes | undefined;
      try {
        if (heldCount > 0 && held(await identify(path))) return 'held';
        if (missing !== undefined) throw missing;
        read = await readInputImage(path, terminal);
        const options = { boxes: givenBoxes?.boxesOf(path), detection };
        if (!isDrawn) return { result: await resultOfPicture(opened, read, options), name, written: [] };
        const found = await alignPicture(opened, read, options);
        const written = await writeFiles(found, picturePlan, meshPlan, join(flags.out ?? '.', name));
        return { result: resultOf(read, found), name, written };
      } catch (error) {
        signal.throwIfAborted();
        // A picture can crash its thread; if no new thread can be started, the others must not fail one by one.
        if (error instanceof WorkerFailedError) await opened.checkUsable();
        return {
          result: describeFailed(read ?? (await identify(path)), describeError(error)),
          name,
          written: [],
          error,
        };
      }
    };

    tally.start();
    const options = { concurrency: jobs + 1, backpressure: Math.max(4 * jobs, LEAST_AHEAD) };
    for await (const outcome of pMapIterable(named(all), work, options)) {
      signal.throwIfAborted();
      tally.add(outcome === 'held' ? outcome : outcome.result);
      if (!isFew || tally.count > 1) progress.update(tally.rate(total.value), tally.count, total.value);
      if (outcome === 'held') continue;
      const { result, name, written, error } = outcome;
      try {
        await write(result, name);
        if (error !== undefined) {
          progress.stop();
          reportError(error, terminal);
          if (tally.failedCount > (flags.maxErrors ?? Infinity)) {
            throw new CliError(`gave up: more than ${flags.maxErrors} pictures failed (--max-errors)`);
          }
        }
        if (saysEach && 'faces' in result) {
          progress.stop();
          terminal.stdout.write(summarise(result, terminal));
        }
        if (!hasStreams(flags)) nameWritten(written, terminal, isOnStdout(flags));
      } catch (failure) {
        stopListing();
        throw failure;
      }
    }
    await finish();
  } finally {
    signal.removeEventListener('abort', stopListing);
    progress.stop();
    await outputs?.close();
    await pictures?.dispose();
    if (isLarge(flags) && outputs !== undefined) terminal.stderr.write(`${tally.summary()}\n`);
  }
  if (tally.failedCount > 0) throw someFailed(tally.failedCount);
}

function inputPlaces(paths: readonly string[], flags: AlignFlags): InputPlaces {
  const { filesFrom, recursive = false, null: isNullSeparated = false, resume } = flags;
  if (paths.length === 0 && filesFrom === undefined) {
    throw usageError("missing required argument 'image': name pictures, folders of them, or a list with --files-from");
  }
  if (isStdin(filesFrom) && paths.some(isStdin)) {
    throw usageError('--files-from -: standard input is the list and cannot also be a picture');
  }
  if (isNullSeparated && filesFrom === undefined) throw usageError('--null: only with --files-from');
  if (resume && paths.some(isStdin))
    throw usageError('--resume: a picture from standard input has no name to recognise it by');
  return { paths, isRecursive: recursive, filesFrom, isNullSeparated };
}

/** Whether the command line suggests more than a few pictures, which get a summary line at the end. */
function isLarge(flags: AlignFlags): boolean {
  const { filesFrom, recursive, jobs } = flags;
  return hasStreams(flags) || filesFrom !== undefined || recursive === true || jobs !== undefined;
}

/** Each failure already has its own line. */
function someFailed(count: number): CliError {
  return new CliError(count === 1 ? '1 input failed' : `${count} inputs failed`);
}

/** Whether there are fewer items than `count`, and all the items. */
async function lookAhead<Item>(
  items: AsyncGenerator<Item>,
  count: number,
): Promise<{ readonly isFew: boolean; readonly all: AsyncGenerator<Item> }> {
  const first: Item[] = [];
  let isFew = false;
  while (!isFew && first.length < count) {
    const { done, value } = await items.next();
    if (done) isFew = true;
    else first.push(value);
  }
  async function* all(): AsyncGenerator<Item> {
    yield* first.splice(0);
    yield* items;
  }
  return { isFew, all: all() };
}

/** An input and the name of its files. */
interface NamedInput extends InputImage {
  readonly name: string;
}

async function* named(inputs: AsyncIterable<InputImage>): AsyncGenerator<NamedInput> {
  const nameOf = createOutputNames();
  for await (const input of inputs) yield { ...input, name: nameOf(input.stem) };
}

/** Counts the inputs in the background, for the time left, if it is shown and the list can be read twice. */
function countInputs(
  places: InputPlaces,
  { stderr, stdin }: Terminal,
  signal: AbortSignal,
): { readonly value?: number } {
  const total: { value?: number } = {};
  const run = async (): Promise<void> => {
    if (stderr.isTTY !== true || isStdin(places.filesFrom)) return;
    if (places.filesFrom !== undefined && !(await stat(places.filesFrom)).isFile()) return;
    let count = 0;
    for await (const _ of listInputs(places, { stdin, signal })) count++;
    total.value = count;
  };
  // Any error here also occurs when the inputs themselves are read.
  run().catch(() => {});
  return total;
}

/** The file's current identity, without reading it. */
async function identify(path: string): Promise<PictureIdentity> {
  const found = isStdin(path) ? undefined : await stat(path).catch(() => undefined);
  const name = { path: inputName(path) };
  return found?.isFile() ? { ...name, size: found.size, mtimeMs: Math.trunc(found.mtimeMs) } : name;
}

async function sumOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/**
 * Writes the pictures and meshes of a photo.
 * @param place - path of the files, without extension.
 * @returns the paths of the files.
 */
async function writeFiles(
  found: FoundFaces,
  picturePlan: PicturePlan,
  meshPlan: MeshPlan,
  place: string,
): Promise<string[]> {
  const stem = basename(place);
  const written: string[] = [];
  try {
    for (const files of [pictureFiles(found, picturePlan, stem), meshFiles(found, meshPlan, stem)]) {
      for (const { name, bytes } of files) {
        const file = join(dirname(place), name);
        await writeFileAtomically(file, bytes);
        written.push(file);
      }
    }
  } catch (error) {
    throw error instanceof WeightFormatError ? ofImage(found.path, error) : error;
  }
  return written;
}

function summarise({ path, width, height, faces }: AlignedResult, terminal: Terminal): string {
  const colours = coloursFor(terminal.stdout, terminal.env);
  const count = faces.length === 1 ? '1 face' : `${faces.length || 'no'} faces`;
  const lines = faces.map(({ box, pose }, index) => {
    const corners = [box.xMin, box.yMin, box.xMax, box.yMax].map((side) => side.toFixed(0)).join(', ');
    const angles = `yaw ${degrees(pose.yawDegrees)}  pitch ${degrees(pose.pitchDegrees)}  roll ${degrees(pose.rollDegrees)}`;
    return `  ${index + 1}  score ${box.score.toFixed(3)}  ${angles}  box ${corners}\n`;
  });
  return `${colours.bold(printable(path))}  ${width}x${height}  ${count}\n${lines.join('')}`;
}

function degrees(value: number): string {
  return `${value.toFixed(1)}\u00b0`.padStart(7);
}
