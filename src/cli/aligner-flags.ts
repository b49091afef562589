import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BackendName } from '../engine/engine.ts';
import { PRECISIONS, type Precision } from '../engine/quantization.ts';
import { MOST_ENLARGEMENT } from '../engine/weights/pack-manifest.ts';
import { createFaceAligner, DEFAULT_BACKEND, type FaceAligner, type FaceAlignerOptions } from '../face-aligner.ts';
import { DETECTOR_DEFAULTS, DETECTOR_STRATEGIES, type DetectorStrategy } from '../models/faceboxes/detector.ts';
import { createFaceRefiner } from '../models/tddfa/create-face-refiner.ts';
import { packageVersion } from '../package-files.ts';
import { describeRun, type ResultHeader } from '../results/result-line.ts';
import { describeWeights } from './describe-weights.ts';
import { findPack } from './find-pack.ts';
import { createProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** Flags shared by all commands that align faces. */
export interface AlignerFlags {
  readonly weights?: string;
  readonly regressor?: string;
  readonly backend: BackendName;
  readonly subdivisions?: number;
  readonly maxEnlargement?: number;
  readonly detectorStrategy?: DetectorStrategy;
  readonly refine?: boolean;
  readonly precision?: Precision;
}

/** Names that `--backend` accepts. */
export const BACKENDS: readonly BackendName[] = ['compiled', 'wasm', 'cpu', 'tensorflow', 'webgl', 'webgpu'];

/** Adds the flags of {@link AlignerFlags} to a command. */
export function addAlignerFlags(command: Command): Command {
  return command
    .option('-w, --weights <pack>', 'weight pack: a folder, a URL, or a name from tddfa weights list')
    .option(
      '-r, --regressor <name>',
      'network in the pack that regresses the parameters; mb1 also matches open-mb1 (default: mb1, else the first in the pack, such as open-mb05)',
    )
    .addOption(
      new Option('-b, --backend <name>', 'backend that runs the networks').choices(BACKENDS).default(DEFAULT_BACKEND),
    )
    .addOption(
      new Option(
        '--precision <type>',
        'number format of the networks; int8 is faster but needs a pack with ranges (default: set by the pack, else float32)',
      ).choices(PRECISIONS),
    )
    .option(
      '--subdivisions <n>',
      'subdivision steps for a model stored as a coarse mesh, 0..3; each step quadruples the vertices (default: 1)',
      parseSubdivisions,
    )
    .option(
      '--max-enlargement <times>',
      `enlarge small images by up to this factor to find small faces, 1..${MOST_ENLARGEMENT}; images of 1080x720 and larger are not enlarged (default: 1; 2 with the open pack)`,
      parseEnlargement,
    )
    .addOption(
      new Option(
        '--detector-strategy <name>',
        `how to search for faces; coarse-to-fine searches at half size first, then again only where there may be small faces (default: ${DETECTOR_DEFAULTS.strategy})`,
      ).choices(DETECTOR_STRATEGIES),
    )
    .option('--refine', 'refine eyes and mouths in a second pass: better blinks, gaze and mouths (with the open pack)');
}

function parseSubdivisions(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value <= 3) return value;
  throw new InvalidArgumentError(`expected 0, 1, 2 or 3, got '${text}'`);
}

function parseEnlargement(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 1 && value <= MOST_ENLARGEMENT) return value;
  throw new InvalidArgumentError(`expected a number from 1 to ${MOST_ENLARGEMENT}, got '${text}'`);
}

/** Finds the pack and loads it, with a progress bar on a terminal. */
export async function openAligner(flags: AlignerFlags, terminal: Terminal): Promise<FaceAligner> {
  return loadAligner(flags, terminal, createFaceAligner, flags.refine === true);
}

/**
 * Finds the pack named by the flags and loads it, with a progress bar on a terminal.
 * @param load - `createFaceAligner`, or a function with the same options.
 * @param isRefined - whether eyes and mouths are refined in a second pass.
 */
export async function loadAligner<Loaded>(
  flags: AlignerFlags,
  terminal: Terminal,
  load: (options: FaceAlignerOptions) => Promise<Loaded>,
  isRefined = false,
): Promise<Loaded> {
  const pack = await findPack(terminal.env, flags.weights);
  const progress = createProgress(terminal, 'bytes');
  try {
    return await load({
      weights: pack.source,
      backend: flags.backend,
      signal: terminal.signal,
      onProgress: ({ file, loadedBytes, totalBytes }) => progress.update(file, loadedBytes, totalBytes),
      ...(flags.regressor !== undefined && { regressor: flags.regressor }),
      ...(flags.precision !== undefined && { precision: flags.precision }),
      ...(flags.subdivisions !== undefined && { subdivisions: flags.subdivisions }),
      ...(isRefined && { refine: createFaceRefiner }),
      detector: {
        ...(flags.maxEnlargement !== undefined && { maxEnlargement: flags.maxEnlargement }),
        ...(flags.detectorStrategy !== undefined && { strategy: flags.detectorStrategy }),
      },
    });
  } finally {
    progress.stop();
  }
}

/**
 * How results are made: the header of their file.
 * @param aligner - loaded with the same flags.
 * @param others - what the results depend on apart from the flags shared by all aligners.
 */
export async function describeRunOf(
  flags: AlignerFlags,
  aligner: Pick<FaceAligner, 'backend' | 'regressor'>,
  others: Readonly<Record<string, string | number | undefined>>,
  terminal: Terminal,
): Promise<ResultHeader> {
  const { source } = await findPack(terminal.env, flags.weights);
  const { backend, regressor } = aligner;
  const { subdivisions, maxEnlargement, detectorStrategy } = flags;
  const refine = flags.refine === true ? 'eyes and mouth' : undefined;
  const options = Object.entries({
    ...{ backend, regressor, subdivisions, maxEnlargement, detectorStrategy, refine },
    ...others,
  });
  const given = options.filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  return describeRun(packageVersion(), await describeWeights(source, terminal.signal), Object.fromEntries(given));
}
