import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Jimp } from 'jimp';
import { repositoryRoot } from '../development/paths.ts';
import { type BenchBackend, plainBackends } from '../src/bench/backends.ts';
import { denseFaceBenchmarks } from '../src/bench/kernels.ts';
import type { Benchmark, NamedBenchmark } from '../src/bench/measure.ts';
import { networkBenchmarks } from '../src/bench/networks.ts';
import { PICTURE_SIZES } from '../src/bench/pack-benchmarks.ts';
import { photoBenchmarks } from '../src/bench/photo.ts';
import { fileWeights } from '../src/engine/weights/file-source.ts';
import { openPack, type Pack } from '../src/engine/weights/open-pack.ts';
import { createFaceAligner } from '../src/face-aligner.ts';
import { loadFacePack } from '../src/models/face-pack.ts';

/** Folder of the pack that ships with the package. */
export const OPEN_PACK = join(repositoryRoot, 'weights', 'open');

/** The open pack's networks, loading it, its mesh, and a photo: needs only the repository. */
export async function openPackBenchmarks(pack: Pack, backends: readonly BenchBackend[]): Promise<NamedBenchmark[]> {
  const { morphableModel } = await loadFacePack(pack);
  if (morphableModel === undefined) throw new Error('the open pack has no morphable model');
  const single = plainBackends(backends);
  const photo = { photo: await portraitPhoto(), weights: fileWeights(OPEN_PACK) };
  return [
    { name: 'loading', make: () => loading(single) },
    ...networkBenchmarks(pack, backends, { batches: [1], sizes: PICTURE_SIZES }),
    ...denseFaceBenchmarks(single, morphableModel),
    ...photoBenchmarks(backends, photo, true),
  ].map(({ name, make }) => ({ name: `open pack: ${name}`, make }));
}

/** From nothing to a face aligner, in a process that has done so before; networks are compiled when they first run. */
function loading(backends: readonly BenchBackend[]): Benchmark {
  const read = async (): Promise<unknown> => loadFacePack(await openPack(fileWeights(OPEN_PACK)));
  const load = (backend: BenchBackend) => async (): Promise<void> => {
    const weights = fileWeights(OPEN_PACK);
    (await createFaceAligner({ weights, backend: backend.backend, ...backend.options })).dispose();
  };
  return {
    cases: [
      { backend: 'reading and subdividing', run: read },
      ...backends.map((backend) => ({ backend: backend.name, run: load(backend) })),
    ],
    dispose: () => {},
  };
}

/** The bundled portrait, enlarged to the height of a JPEG of 1280 x 720. */
async function portraitPhoto(): Promise<string> {
  const folder = join(repositoryRoot, 'bench', '.build');
  const path = join(folder, 'portrait.jpg');
  const portrait = await Jimp.read(join(repositoryRoot, 'examples', 'astronaut.png'));
  const photo = new Jimp({ width: 1280, height: 720, color: 0x808080ff });
  photo.composite(portrait.resize({ w: 720, h: 720 }), 280, 0);
  mkdirSync(folder, { recursive: true });
  await writeFile(path, await photo.getBuffer('image/jpeg', { quality: 90 }));
  return path;
}
