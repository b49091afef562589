import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { fileWeights } from '../engine/weights/file-source.ts';
import type { WeightStorage } from '../engine/weights/layers-file.ts';
import { openPack, type Pack } from '../engine/weights/open-pack.ts';
import { modelBytes } from '../engine/weights/pack-manifest.ts';
import type { WeightProgress } from '../engine/weights/weight-source.ts';
import { printable } from '../errors.ts';
import { createFaceAligner } from '../face-aligner.ts';
import { timerDelay } from '../timer-delay.ts';
import { CliError } from './cli-error.ts';
import { describeError } from './describe-error.ts';
import {
  cacheFolder,
  type FoundPack,
  findPack,
  HOW_TO_GET_A_PACK,
  listPacks,
  PULLED_PACK,
  packCacheFolder,
} from './find-pack.ts';
import { parsePositive } from './number-flags.ts';
import { licenceNotices, packTable } from './pack-table.ts';
import { createProgress } from './progress.ts';
import { canPrompt, confirm } from './prompt.ts';
import { pullWeights } from './pull-weights.ts';
import { storageOption } from './storage-option.ts';
import { coloursFor, type Terminal } from './terminal.ts';
import {
  ACADEMIC_LICENCE_TEXT,
  ACADEMIC_MODELS,
  CODE_LICENCE_TEXT,
  UPSTREAM_COMMIT,
  UPSTREAM_MODELS,
  UPSTREAM_URL,
  type UpstreamModel,
} from './upstream-files.ts';

const EXAMPLES = `
Examples:
  $ tddfa weights pull                                  show the licences, ask, download, convert
  $ tddfa weights pull --accept-licence --only mb1,faceboxes
  $ tddfa weights pull --from ~/3DDFA_V2                the same from a clone of the original
  $ tddfa weights list
  $ tddfa weights verify packs/mine
`;

const PULL_NOTES = `
Without the morphable model (--only mb1,mb05,faceboxes) you get boxes, parameters and pose, but no landmarks or meshes;
everything downloaded is then under the MIT licence.
`;

export function registerWeights(program: Command, terminal: Terminal): void {
  const weights = program
    .command('weights')
    .description('list, check and download weight packs')
    .addHelpText('after', EXAMPLES);
  weights
    .command('list')
    .description('list the packs, the one in use first')
    .option('--json', 'print JSON')
    .action((options: { json?: true }) => list(options, terminal));
  weights
    .command('verify')
    .description('check every file of the given packs (default: all packs)')
    .argument('[packs...]', 'folders, URLs or names of packs')
    .action((packs: string[]) => verify(packs, terminal));
  weights
    .command('pull')
    .description("download the original's weights, check them and convert them into a pack")
    .option('--from <place>', 'folder or URL with the files, laid out as in the original', UPSTREAM_URL)
    .option('--only <models>', `models to download, comma-separated: ${UPSTREAM_MODELS.join(', ')}`, parseModels)
    .option('-o, --out <folder>', 'pack to write (default: in your cache folder)')
    .addOption(storageOption())
    .option('--accept-licence', 'accept the licences without being asked')
    .option(
      '--timeout <minutes>',
      'give up after this long; what has been downloaded is kept for the next run',
      parsePositive,
    )
    .addHelpText('after', PULL_NOTES)
    .action((options: PullCommandOptions) => pull(options, terminal));
}

async function list({ json }: { json?: true }, terminal: Terminal): Promise<void> {
  const found = await listPacks(terminal.env);
  const packs: { place: FoundPack; pack?: Pack; problem?: string }[] = [];
  for (const place of found) {
    try {
      packs.push({ place, pack: await openPack(place.source, { signal: terminal.signal }) });
    } catch (error) {
      terminal.signal.throwIfAborted();
      packs.push({ place, problem: describeError(error) });
    }
  }
  if (json) {
    const document = packs.map(({ place: { location, foundBy }, pack, problem }) => ({
      location,
      foundBy,
      ...(problem === undefined ? pack?.manifest : { problem }),
    }));
    terminal.stdout.write(`${JSON.stringify({ packs: document }, null, 2)}\n`);
  } else {
    if (packs.length === 0) terminal.stdout.write(`no weights found: ${HOW_TO_GET_A_PACK}\n`);
    const { bold, red } = coloursFor(terminal.stdout, terminal.env);
    for (const { place, pack, problem } of packs) {
      const lines =
        pack === undefined
          ? [red(problem ?? '')]
          : [
              pack.manifest.description,
              ...packTable(pack.manifest.models),
              ...licenceNotices(pack.manifest.models).map((notice) => `note: ${notice}`),
            ];
      terminal.stdout.write(
        `${bold(printable(place.location))} (${place.foundBy})\n${lines.map((line) => `  ${line}\n`).join('')}`,
      );
    }
  }
  const bad = packs.filter(({ problem }) => problem !== undefined).length;
  if (bad > 0) throw new CliError(`${bad} of ${packs.length} packs cannot be read`);
}

async function verify(names: readonly string[], terminal: Terminal): Promise<void> {
  const { env, signal, stdout } = terminal;
  const places: FoundPack[] = [];
  for (const name of names) places.push(await findPack(env, name));
  if (names.length === 0) places.push(...(await listPacks(env)));
  if (places.length === 0) throw new CliError(`no weights found: ${HOW_TO_GET_A_PACK}`);
  const { green, red } = coloursFor(stdout, env);
  let bad = 0;
  for (const { location, source } of places) {
    const progress = createProgress(terminal, 'bytes');
    const onProgress = ({ file, loadedBytes, totalBytes }: WeightProgress) =>
      progress.update(file, loadedBytes, totalBytes);
    try {
      const pack = await openPack(source, { signal, onProgress });
      await pack.verify();
      // Whole is not all: the parts must fit each other, and the networks must load.
      for (const { name } of pack.modelsOf('regressor')) {
        (await createFaceAligner({ weights: source, regressor: name, signal })).dispose();
      }
      progress.stop();
      const bytes = pack.manifest.models.reduce((sum, model) => sum + modelBytes(model), 0);
      const models = pack.manifest.models.map((model) => model.name).join(', ');
      stdout.write(`${green('ok')}   ${printable(location)}: ${models} (${(bytes / 1e6).toFixed(1)} MB)\n`);
    } catch (error) {
      progress.stop();
      signal.throwIfAborted();
      stdout.write(`${red('bad')}  ${printable(location)}: ${describeError(error)}\n`);
      bad++;
    }
  }
  if (bad > 0) throw new CliError(`${bad} of ${places.length} packs ${bad === 1 ? 'is' : 'are'} bad`);
}

interface PullCommandOptions {
  readonly from: string;
  readonly only?: readonly UpstreamModel[];
  readonly out?: string;
  readonly storage: WeightStorage;
  readonly acceptLicence?: true;
  readonly timeout?: number;
}

async function pull(options: PullCommandOptions, terminal: Terminal): Promise<void> {
  const { env, signal, stdout } = terminal;
  const models = wantedModels(options.only ?? UPSTREAM_MODELS);
  const out = options.out ?? join(packCacheFolder(env), PULLED_PACK);
  if (await isPulled(out, models, signal)) {
    stdout.write(`${printable(out)}\n  already holds ${models.join(', ')}\n`);
    return;
  }
  terminal.goOnUnread?.();
  await acceptLicence(models, options.acceptLicence === true, terminal);

  const downloads = join(cacheFolder(env), 'downloads', UPSTREAM_COMMIT);
  const progress = createProgress(terminal, 'bytes');
  try {
    const pulled = await pullWeights(
      {
        from: options.from.replace(/(?<!:\/)\/+$/, ''),
        models,
        downloads,
        out,
        storage: options.storage,
        signal: options.timeout === undefined ? signal : AbortSignal.any([signal, timeLimit(options.timeout)]),
        onProgress: (file, loadedBytes, totalBytes) => progress.update(file, loadedBytes, totalBytes),
        onWait: () => void terminal.stderr.write('note: another tddfa is downloading; waiting for it\n'),
      },
      () => isPulled(out, models, signal),
    );
    progress.stop();
    if (pulled === undefined) {
      stdout.write(`${printable(out)}\n  already holds ${models.join(', ')}\n`);
      return;
    }
    const { manifest } = pulled;
    stdout.write(
      `${printable(out)}\n${packTable(manifest.models)
        .map((line) => `  ${line}\n`)
        .join('')}  use it with --weights ${printable(options.out ?? PULLED_PACK)}\n`,
    );
  } finally {
    progress.stop();
  }
}

/** A signal whose reason is a one-line message that explains how to resume. */
function timeLimit(minutes: number): AbortSignal {
  const controller = new AbortController();
  const reason = new CliError(`not finished after ${minutes} minutes (--timeout); run it again to resume`);
  setTimeout(() => controller.abort(reason), timerDelay(minutes * 60_000)).unref();
  return controller.signal;
}

/** A regressor is useless without its mean and standard deviation. */
function wantedModels(asked: readonly UpstreamModel[]): UpstreamModel[] {
  const needsNormalization = asked.includes('mb1') || asked.includes('mb05');
  return needsNormalization ? [...asked, 'param-mean-std-62d'] : [...asked];
}

async function isPulled(out: string, models: readonly UpstreamModel[], signal: AbortSignal): Promise<boolean> {
  try {
    const pack = await openPack(fileWeights(out), { signal });
    await pack.verify(models.map((name) => pack.model(name)));
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

async function acceptLicence(models: readonly UpstreamModel[], isAccepted: boolean, terminal: Terminal): Promise<void> {
  const isAcademic = models.some((model) => ACADEMIC_MODELS.includes(model));
  const text = isAcademic ? `${CODE_LICENCE_TEXT}\n${'-'.repeat(80)}\n\n${ACADEMIC_LICENCE_TEXT}` : CODE_LICENCE_TEXT;
  terminal.stdout.write(`${text}\n`);
  if (isAccepted) return;
  if (!canPrompt(terminal)) {
    throw new CliError('nothing downloaded: pass --accept-licence if you accept the licences above');
  }
  if (await confirm(terminal, 'Do you accept these licences?')) return;
  throw new CliError('nothing downloaded: the licences were not accepted');
}

function parseModels(text: string): UpstreamModel[] {
  return text.split(',').map((part) => {
    const model = UPSTREAM_MODELS.find((name) => name === part.trim());
    if (model === undefined) throw new InvalidArgumentError(`Allowed models are ${UPSTREAM_MODELS.join(', ')}.`);
    return model;
  });
}
