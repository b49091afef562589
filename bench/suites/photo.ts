import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { createFaceAligner } from '../../src/face-aligner.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import { repositoryRoot, sharedPath } from '../../test/support/paths.ts';
import { upstreamPack } from '../../test/support/upstream-pack.ts';
import type { BenchBackend } from '../backends.ts';
import type { BenchCase, Benchmark } from '../measure.ts';

/** Where weights and photo come from; by default the reference data beside the repository, if it is there. */
export interface PhotoOptions {
  readonly weights?: string | undefined;
  readonly photo?: string | undefined;
}

/** A photo file in, landmarks or a dense face out, and what the stages of that take. */
export async function* photoBenchmarks(
  backends: readonly BenchBackend[],
  options: PhotoOptions,
): AsyncGenerator<[string, () => Promise<Benchmark>]> {
  const photo = options.photo ?? sharedPhoto();
  const weights = options.weights ?? (existsSync(sharedPath('upstream')) ? await upstreamPack() : undefined);
  if (photo === undefined || weights === undefined) return;
  const files = { photo, weights };
  yield ['photo: file to 68 landmarks', () => makeBenchmark(backends, files, 'landmarks')];
  yield ['photo: file to dense face', () => makeBenchmark(backends, files, 'dense')];
  yield ['photo stage: decode', () => makeBenchmark(backends, files, 'decode')];
  yield ['photo stage: detect', () => makeBenchmark(backends, files, 'detect')];
  yield ['photo stage: align one face', () => makeBenchmark(backends, files, 'align')];
}

async function makeBenchmark(
  backends: readonly BenchBackend[],
  { photo, weights }: { photo: string; weights: string },
  until: 'landmarks' | 'dense' | 'decode' | 'detect' | 'align',
): Promise<Benchmark> {
  const image = await readImage(photo);
  if (until === 'decode') {
    return { name: '', cases: [{ backend: 'any', run: () => readImage(photo) }], dispose: () => {} };
  }
  const disposals: (() => void)[] = [];
  const cases: BenchCase[] = [];
  let expected: Float32Array | undefined;
  // The last backend is the reference of the errors; it comes first here.
  for (const { name, backend, options } of [...backends].reverse()) {
    if (backend === 'cpu') continue;
    const aligner = await createFaceAligner({ weights: fileWeights(weights), backend, ...options });
    disposals.push(() => aligner.dispose());
    const boxes = (await aligner.detect(image)).slice(0, 1);
    if (boxes.length === 0) throw new Error(`${photo}: no face found`);
    const wholePath = async (): Promise<Float32Array> => {
      const read = await readImage(photo);
      const [face] = await aligner.align(read, (await aligner.detect(read)).slice(0, 1));
      if (!face) throw new Error(`${photo}: no face found`);
      return aligner.reconstruct(face, { dense: until === 'dense' });
    };
    const points = await wholePath();
    expected ??= points;
    const value = points.reduce(
      (worst, number, i) => Math.max(worst, Math.abs(number - (expected?.[i] ?? Number.NaN))),
      0,
    );
    const run =
      until === 'detect'
        ? () => aligner.detect(image)
        : until === 'align'
          ? () => aligner.align(image, boxes)
          : wholePath;
    cases.unshift({ backend: name, run, error: { value, of: 'px from the last backend' } });
  }
  return { name: '', cases, dispose: () => disposals.forEach((dispose) => void dispose()) };
}

/** A frame of the reference video as a JPEG of 1280 x 720. */
function sharedPhoto(): string | undefined {
  const video = sharedPath('photos', 'obama.mp4');
  if (!existsSync(video)) return undefined;
  const photo = join(repositoryRoot, 'bench', '.build', 'frame.jpg');
  if (!existsSync(photo)) {
    execFileSync('ffmpeg', ['-loglevel', 'error', '-i', video, '-frames:v', '1', '-q:v', '2', '-y', photo]);
  }
  return photo;
}
