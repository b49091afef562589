import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertUpstream } from '../converters/convert-upstream.ts';
import { writePack } from '../converters/write-pack.ts';
import type { WeightStorage } from '../src/engine/weights/layers-file.ts';
import { repositoryRoot, sharedPath } from './paths.ts';

/** What the bytes of a pack depend on. */
const SOURCES = ['converters', 'src/engine/weights', 'src/models'];

/**
 * Folder of the pack that `tddfa convert` makes from the reference data's upstream files: FaceBoxes, mb05, the morphable model
 * and the maps. Converted once per machine, and again when the files or the converters' sources change; several processes may
 * request it at once. Only for tests within `describeWithShared`; the folder must not be written to.
 */
export function upstreamPack({ storage = 'float32' }: { storage?: WeightStorage } = {}): Promise<string> {
  const pack = packs.get(storage) ?? convertOnce(storage);
  packs.set(storage, pack);
  return pack;
}

/** Packs that this process has requested. */
const packs = new Map<WeightStorage, Promise<string>>();

async function convertOnce(storage: WeightStorage): Promise<string> {
  const upstream = sharedPath('upstream');
  const key = createHash('sha256').update(`storage ${storage}`);
  const sources = SOURCES.map((folder) => join(repositoryRoot, folder));
  for (const folder of [upstream, ...sources]) await hashFolder(folder, key);
  const cache = join(tmpdir(), 'tddfa-test-packs');
  const folder = join(cache, key.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;

  await mkdir(cache, { recursive: true });
  const own = `${folder}-${randomUUID()}`;
  try {
    const { pack } = await convertUpstream(upstream);
    await writePack(own, pack, { storage });
    await rename(own, folder);
  } catch (error) {
    // Another process was faster: its pack is identical.
    if (!existsSync(folder)) throw error;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
  return folder;
}

async function hashFolder(folder: string, hash: ReturnType<typeof createHash>): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(file).update(await readFile(file));
}
