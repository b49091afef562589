import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { BasePack } from '../../converters/complete-pack.ts';
import type { Conversion } from '../../converters/conversion.ts';
import { convertCheckpoint } from '../../converters/convert-checkpoint.ts';
import { CONVERT_UPSTREAM_DEFAULTS, convertUpstream } from '../../converters/convert-upstream.ts';
import { restorePack, writePack } from '../../converters/write-pack.ts';
import { fileWeights } from '../engine/weights/file-source.ts';
import type { WeightStorage } from '../engine/weights/layers-file.ts';
import { openPack } from '../engine/weights/open-pack.ts';
import { NAME_PATTERN, PACK_FILE, type PackManifest } from '../engine/weights/pack-manifest.ts';
import { printable } from '../errors.ts';
import { usageError } from './cli-error.ts';
import { findPack, listPacks } from './find-pack.ts';
import { licenceNotices, packTable } from './pack-table.ts';
import { createProgress } from './progress.ts';
import { storageOption } from './storage-option.ts';
import type { Terminal } from './terminal.ts';

interface ConvertOptions {
  readonly out: string;
  readonly name?: string;
  readonly meanStd?: string;
  readonly state?: string;
  /** False after `--no-base`. */
  readonly base?: string | boolean;
  readonly licence?: string;
  readonly source?: string;
  readonly shapeCount?: number;
  readonly expressionCount?: number;
  readonly storage: WeightStorage;
}

const EXAMPLES = `
Examples:
  $ tddfa convert 3DDFA_V2/ --out packs/3ddfa-v2          the original's weights/ and configs/
  $ tddfa convert 3DDFA_V2/ --out packs/small --storage float16
  $ tddfa convert my.pth --out packs/3ddfa-v2 --name mine    your own network, added to them
  $ tddfa convert my.pth --out packs/mine --mean-std param_mean_std.pkl    a pack that works on its own
  $ tddfa convert my.pth --out packs/mine --mean-std mean_std.npz --state ema
`;

export function registerConvert(program: Command, terminal: Terminal): void {
  program
    .command('convert')
    .description("turn the original's files, or a checkpoint of your own, into a weight pack")
    .argument('<source>', '3DDFA_V2 folder, or a checkpoint: .pth (both formats) or .safetensors')
    .requiredOption('-o, --out <folder>', 'pack to write; if it exists, the models are added to it')
    .option('--name <name>', 'name of the model (checkpoints; default: the name of the file)', parseName)
    .option('--mean-std <file>', "mean and std of a regressor's outputs: .pkl, .npz, .npy, .mat or JSON (checkpoints)")
    .option(
      '--state <name>',
      'which weights to use if a checkpoint has several, such as ema beside model (checkpoints)',
    )
    .option(
      '--base <pack>',
      'pack that supplies missing parts: detector, morphable model (checkpoints; default: the first in tddfa weights list)',
    )
    .option('--no-base', 'write the checkpoint alone, even if the pack then does not work on its own')
    .option('--licence <name>', 'licence of the weights, for the manifest (checkpoints)')
    .option('--source <text>', 'origin of the weights, for the manifest (checkpoints)')
    .option(
      '--shape-count <n>',
      `columns of the shape basis to keep (folders; default ${CONVERT_UPSTREAM_DEFAULTS.shapeCount})`,
      parseCount,
    )
    .option(
      '--expression-count <n>',
      `columns of the expression basis to keep (folders; default ${CONVERT_UPSTREAM_DEFAULTS.expressionCount})`,
      parseCount,
    )
    .addOption(storageOption())
    .addHelpText('after', EXAMPLES)
    .action((source: string, options: ConvertOptions) => convert(source, options, terminal));
}

async function convert(source: string, options: ConvertOptions, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const isFolder = (await stat(source)).isDirectory();
  refuseOptions(options, isFolder);
  terminal.goOnUnread?.();
  await restorePack(options.out);
  const progress = createProgress(terminal, 'items');
  let conversion: Conversion;
  try {
    let done = 0;
    conversion = isFolder
      ? await convertUpstream(source, { ...options, signal, onFile: (file) => progress.update(file, done++) })
      : await convertCheckpoint(source, {
          name: options.name ?? nameOfFile(source),
          meanStdFile: options.meanStd,
          existing: await existingManifest(options.out),
          base: await openBase(options.base, terminal),
          state: options.state,
          ...(options.licence === undefined ? undefined : { licence: { name: options.licence } }),
          source: options.source,
        });
  } finally {
    progress.stop();
  }
  const { pack, notices } = conversion;
  const { manifest, replaced } = await writePack(options.out, pack, {
    storage: options.storage,
    signal,
    onWait: () =>
      void terminal.stderr.write(`note: another tddfa is writing ${printable(options.out)}; waiting for it\n`),
  });

  const { models, copies = [] } = pack;
  const names = [...models.map(({ name }) => name), ...copies.map(({ model }) => model.name)];
  const written = manifest.models.filter(({ name }) => names.includes(name));
  terminal.stdout.write(
    `${printable(options.out)}\n${packTable(written)
      .map((line) => `  ${line}\n`)
      .join('')}`,
  );
  if (replaced.length > 0) printNotices(terminal, [`replaced: ${replaced.join(', ')}`]);
  printNotices(terminal, [...notices, ...licenceNotices(written)]);
}

function printNotices(terminal: Terminal, lines: readonly string[]): void {
  // Names come from the file: none may break the line or control the terminal.
  for (const line of lines) terminal.stderr.write(`note: ${printable(line)}\n`);
}

function refuseOptions(options: ConvertOptions, isFolder: boolean): void {
  const flags = isFolder
    ? (['name', 'meanStd', 'state', 'base', 'licence', 'source'] as const)
    : (['shapeCount', 'expressionCount'] as const);
  for (const key of flags) {
    // `--no-base` is a default of true.
    if (options[key] === undefined || options[key] === true) continue;
    const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw usageError(`${flag} is for ${isFolder ? 'checkpoints' : 'folders'} only`);
  }
}

/** A checkpoint's own name, limited to the characters allowed in a model's name. */
function nameOfFile(path: string): string {
  const stem = basename(path).replace(/(\.(gz|zip|pth|pt|ckpt|bin|safetensors|npz|tar))+$/i, '');
  const name = stem
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^[-_]+|[-_]+$/g, '')
    .slice(0, 64);
  if (name === '') throw usageError(`${path}: no model name in the file name; pass --name <name>`);
  return name;
}

/** The pack that supplies what a checkpoint lacks; none after `--no-base`, or if none is found. */
async function openBase(named: string | boolean | undefined, terminal: Terminal): Promise<BasePack | undefined> {
  if (named === false) return undefined;
  const { env, signal } = terminal;
  if (typeof named === 'string') {
    const { source } = await findPack(env, named, { flag: '--base' });
    return { pack: await openPack(source, { signal }), isNamed: true };
  }
  const [first] = await listPacks(env);
  return first && { pack: await openPack(first.source, { signal }), isNamed: false };
}

async function existingManifest(folder: string): Promise<PackManifest | undefined> {
  try {
    await stat(join(folder, PACK_FILE));
  } catch {
    return undefined;
  }
  return (await openPack(fileWeights(folder))).manifest;
}

function parseName(text: string): string {
  if (!NAME_PATTERN.test(text)) throw new InvalidArgumentError('A name consists of letters, digits, "_" and "-".');
  return text;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 1000) {
    throw new InvalidArgumentError('A count is a number from 1 to 1000.');
  }
  return count;
}
