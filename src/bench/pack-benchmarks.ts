import type { Pack } from '../engine/weights/open-pack.ts';
import type { MorphableModel } from '../types.ts';
import { type BenchBackend, plainBackends } from './backends.ts';
import { kernelBenchmarks } from './kernels.ts';
import type { NamedBenchmark } from './measure.ts';
import { networkBenchmarks, type Size } from './networks.ts';
import { type PhotoFiles, photoBenchmarks } from './photo.ts';

/** What to time. */
export interface BenchSubjects {
  readonly pack: Pack;
  /** For dense faces. */
  readonly model: MorphableModel | undefined;
  /** For the whole path; its pack needs a detector. */
  readonly photo: (PhotoFiles & { readonly hasModel: boolean }) | undefined;
}

/** Batch sizes of the regressors. */
const BATCHES = [1, 4];
/** Picture sizes of the detectors. */
export const PICTURE_SIZES: readonly Size[] = [
  [1080, 607],
  [540, 360],
];

/** The benchmarks of a pack: its networks, the work outside them, the whole path of a photo. */
export function packBenchmarks(
  { pack, model, photo }: BenchSubjects,
  backends: readonly BenchBackend[],
): NamedBenchmark[] {
  return [
    ...networkBenchmarks(pack, backends, { batches: BATCHES, sizes: PICTURE_SIZES }),
    ...kernelBenchmarks(plainBackends(backends), model),
    ...(photo ? photoBenchmarks(backends, photo, photo.hasModel) : []),
  ];
}
