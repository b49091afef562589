import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BackendName } from '../engine/engine.ts';
import { MOST_ENLARGEMENT } from '../engine/weights/pack-manifest.ts';
import { createFaceAligner, DEFAULT_BACKEND, type FaceAligner } from '../face-aligner.ts';
import { findPack } from './find-pack.ts';
import { createProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** Flags of every command that aligns faces. */
export interface AlignerFlags {
  readonly weights?: string;
  readonly regressor?: string;
  readonly backend: BackendName;
  readonly subdivisions?: number;
  readonly maxEnlargement?: number;
}

/** Names that `--backend` takes. */
export const BACKENDS: readonly BackendName[] = ['compiled', 'wasm', 'cpu', 'tensorflow', 'webgl', 'webgpu'];

/** Adds `--weights`, `--regressor`, `--backend`, `--subdivisions` and `--max-enlargement` to a command. */
export function addAlignerFlags(command: Command): Command {
  return command
    .option('-w, --weights <pack>', 'weight pack: a folder, a URL, or a name from tddfa weights list')
    .option(
      '-r, --regressor <name>',
      'network of the pack that regresses the parameters; mb1 also matches open-mb1 (default: mb1, else the first of the pack, such as open-mb05)',
    )
    .addOption(
      new Option('-b, --backend <name>', 'backend that runs the networks').choices(BACKENDS).default(DEFAULT_BACKEND),
    )
    .option(
      '--subdivisions <n>',
      'subdivision steps for a model stored as a coarse mesh, 0..3; each step quadruples the vertices (default: 1)',
      parseSubdivisions,
    )
    .option(
      '--max-enlargement <times>',
      `enlarge small images up to this many times to find small faces, 1..${MOST_ENLARGEMENT}; images of 1080x720 and larger are not enlarged (default: 1; 2 with the open pack)`,
      parseEnlargement,
    );
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
  const pack = await findPack(terminal.env, flags.weights);
  const progress = createProgress(terminal, 'bytes');
  try {
    return await createFaceAligner({
      weights: pack.source,
      backend: flags.backend,
      signal: terminal.signal,
      onProgress: ({ file, loadedBytes, totalBytes }) => progress.update(file, loadedBytes, totalBytes),
      ...(flags.regressor !== undefined && { regressor: flags.regressor }),
      ...(flags.subdivisions !== undefined && { subdivisions: flags.subdivisions }),
      ...(flags.maxEnlargement !== undefined && { detector: { maxEnlargement: flags.maxEnlargement } }),
    });
  } finally {
    progress.stop();
  }
}
