import { openPack } from '../engine/weights/open-pack.ts';
import type { WeightSource } from '../engine/weights/weight-source.ts';
import { createFaceAligner } from '../face-aligner.ts';
import { readImage } from '../image-files/read-image.ts';
import { chooseRegressor } from '../models/face-pack.ts';
import type { BenchBackend } from './backends.ts';
import type { BenchCase, Benchmark, NamedBenchmark } from './measure.ts';
import { pinningNewThreads } from './pin-threads.ts';

/** The inputs of the photo benchmarks. */
export interface PhotoFiles {
  /** A picture file with a face. */
  readonly photo: string;
  readonly weights: WeightSource;
}

/** From a photo file to landmarks or a dense face, if the pack has a model, and the time of each stage. */
export function photoBenchmarks(
  backends: readonly BenchBackend[],
  files: PhotoFiles,
  hasModel: boolean,
): NamedBenchmark[] {
  const make = (until: Parameters<typeof makeBenchmark>[2]) => () => makeBenchmark(backends, files, until);
  const whole = [
    { name: 'photo: file to 68 landmarks', make: make('landmarks') },
    { name: 'photo: file to dense face', make: make('dense') },
  ];
  return [
    ...(hasModel ? whole : []),
    { name: 'photo stage: decode', make: make('decode') },
    { name: 'photo stage: detect', make: make('detect') },
    { name: 'photo stage: detect coarse-to-fine', make: make('detect coarse-to-fine') },
    { name: 'photo stage: align one face', make: make('align') },
  ];
}

async function makeBenchmark(
  backends: readonly BenchBackend[],
  { photo, weights }: PhotoFiles,
  until: 'landmarks' | 'dense' | 'decode' | 'detect' | 'detect coarse-to-fine' | 'align',
): Promise<Benchmark> {
  const image = await readImage(photo);
  if (until === 'decode') {
    return { cases: [{ backend: 'any', run: () => readImage(photo) }], dispose: () => {} };
  }
  const disposals: (() => void)[] = [];
  const cases: BenchCase[] = [];
  let expected: Float32Array | undefined;
  const withRanges = await hasRanges(weights);
  const able = backends.filter(({ options: { precision } }) => withRanges || precision !== 'int8');
  // The last backend is the reference of the errors; it comes first here.
  for (const { name, backend, options } of able.reverse()) {
    const aligner = await pinningNewThreads(options.threads, () => createFaceAligner({ weights, backend, ...options }));
    disposals.push(() => aligner.dispose());
    const boxes = (await aligner.detect(image)).slice(0, 1);
    if (boxes.length === 0) throw new RangeError(`${photo}: no face found`);
    const wholePath = async (): Promise<Float32Array> => {
      const read = await readImage(photo);
      const [face] = await aligner.align(read, (await aligner.detect(read)).slice(0, 1));
      if (!face) throw new RangeError(`${photo}: no face found`);
      return aligner.morphableModel ? aligner.reconstruct(face, { dense: until === 'dense' }) : face.params;
    };
    const points = await wholePath();
    expected ??= points;
    const value = points.reduce(
      (worst, number, i) => Math.max(worst, Math.abs(number - (expected?.[i] ?? Number.NaN))),
      0,
    );
    const runs = {
      landmarks: wholePath,
      dense: wholePath,
      detect: () => aligner.detect(image),
      'detect coarse-to-fine': () => aligner.detect(image, { strategy: 'coarse-to-fine' }),
      align: () => aligner.align(image, boxes),
    } as const;
    const run = runs[until];
    cases.unshift({ backend: name, run, error: { value, of: 'px from the last backend' } });
  }
  return { cases, dispose: () => disposals.forEach((dispose) => void dispose()) };
}

/** Whether every network can run in int8. */
async function hasRanges(weights: WeightSource): Promise<boolean> {
  const pack = await openPack(weights);
  const [detector] = pack.modelsOf('detector');
  return [detector, chooseRegressor(pack)].every((model) => model?.ranges !== undefined);
}
