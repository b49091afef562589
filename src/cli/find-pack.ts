import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import envPaths from 'env-paths';
import { fileWeights } from '../engine/weights/file-source.ts';
import { httpWeights } from '../engine/weights/http-source.ts';
import { PACK_FILE } from '../engine/weights/pack-manifest.ts';
import type { WeightSource } from '../engine/weights/weight-source.ts';
import { nameOfReplaced, restoreFolder } from '../files/replace-folder.ts';
import { shippedPacks } from '../package-files.ts';
import { CliError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

/** Name of the pack that `weights pull` makes, in the cache. */
export const PULLED_PACK = '3ddfa-v2';

/** What to do if no pack is found: one line, for every command that needs a pack. */
export const HOW_TO_GET_A_PACK =
  "run 'tddfa weights pull' to download the original's weights, or name a pack with --weights or TDDFA_WEIGHTS";

/** A place with a pack. */
export interface FoundPack {
  /** Folder or URL. */
  readonly location: string;
  readonly source: WeightSource;
  readonly foundBy: 'option' | 'TDDFA_WEIGHTS' | 'shipped' | 'cache';
}

type Environment = Terminal['env'];

/**
 * The pack to use: the first of `option`, `TDDFA_WEIGHTS`, the packs shipped with this package and those in the user's
 * cache, in this order.
 * @param option - value of `--weights`: a folder, a URL, or the name of a pack that `listPacks` finds.
 * @param places.flag - the flag that sets it, for messages.
 * @param places.shipped - folder of the packs that came with this package.
 * @throws CliError if the given value is not a pack, or nothing is found.
 */
export async function findPack(
  env: Environment,
  option?: string,
  { flag = '--weights', shipped = shippedPacks() }: { readonly flag?: string; readonly shipped?: string } = {},
): Promise<FoundPack> {
  if (option !== undefined) return givenPack(env, option, 'option', shipped, flag);
  const fromEnvironment = env.TDDFA_WEIGHTS;
  if (fromEnvironment) return givenPack(env, fromEnvironment, 'TDDFA_WEIGHTS', shipped);
  const [first] = await installedPacks(env, shipped);
  if (first === undefined) throw new CliError(`no weights found: ${HOW_TO_GET_A_PACK}`);
  return first;
}

/**
 * Every pack that `findPack` could choose, in its order: that of `TDDFA_WEIGHTS`, the shipped ones, those in the cache.
 * A wrong `TDDFA_WEIGHTS` is in the list and fails when it is read.
 */
export async function listPacks(env: Environment, shipped = shippedPacks()): Promise<FoundPack[]> {
  const given = env.TDDFA_WEIGHTS ? [await listedPack(env, env.TDDFA_WEIGHTS, shipped)] : [];
  const installed = await installedPacks(env, shipped);
  return [...given, ...installed.filter((pack) => given.every((other) => other.location !== pack.location))];
}

/** Where this user's downloads and pulled packs are: `TDDFA_CACHE`, or the usual place on this system. */
export function cacheFolder(env: Environment): string {
  return env.TDDFA_CACHE || envPaths('tddfa', { suffix: '' }).cache;
}

/** Where pulled packs are. */
export function packCacheFolder(env: Environment): string {
  return join(cacheFolder(env), 'packs');
}

async function givenPack(
  env: Environment,
  given: string,
  foundBy: FoundPack['foundBy'],
  shipped: string,
  what: string = foundBy,
): Promise<FoundPack> {
  if (/^https?:\/\//.test(given)) return { location: given, source: httpWeights(given), foundBy };
  if (await hasPack(given)) return { location: given, source: fileWeights(given), foundBy };
  const named = (await installedPacks(env, shipped)).find((pack) => basename(pack.location) === given);
  if (named !== undefined) return { ...named, foundBy };
  if (given === PULLED_PACK) {
    throw new CliError(`${what}: the pack ${given} is not on this machine yet: run 'tddfa weights pull' first`);
  }
  throw new CliError(`${what}: there is no pack in ${given} (no ${PACK_FILE})`);
}

async function listedPack(env: Environment, given: string, shipped: string): Promise<FoundPack> {
  try {
    return await givenPack(env, given, 'TDDFA_WEIGHTS', shipped);
  } catch {
    return { location: given, source: fileWeights(given), foundBy: 'TDDFA_WEIGHTS' };
  }
}

async function installedPacks(env: Environment, shippedFolder: string): Promise<FoundPack[]> {
  const shipped = await packsIn(shippedFolder, 'shipped');
  const cached = await packsIn(packCacheFolder(env), 'cache');
  // The pulled pack comes before others that somebody put there.
  const isPulled = ({ location }: FoundPack) => basename(location) === PULLED_PACK;
  return [...shipped, ...cached.filter(isPulled), ...cached.filter((pack) => !isPulled(pack))];
}

async function packsIn(folder: string, foundBy: FoundPack['foundBy']): Promise<FoundPack[]> {
  const there = await readdir(folder).catch(() => []);
  // Packs whose change was interrupted by a kill are restored.
  const names = [...new Set(there.map((name) => nameOfReplaced(name) ?? name))];
  const packs: FoundPack[] = [];
  for (const name of names.sort()) {
    const location = join(folder, name);
    // A name with a dot is a pack that is being written.
    if (name.startsWith('.') || !(await hasPack(location))) continue;
    packs.push({ location, source: fileWeights(location), foundBy });
  }
  return packs;
}

async function hasPack(folder: string): Promise<boolean> {
  try {
    await restoreFolder(resolve(folder)).catch(() => {});
    return (await stat(join(folder, PACK_FILE))).isFile();
  } catch {
    return false;
  }
}
