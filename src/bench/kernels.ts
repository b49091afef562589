import { MEAN_SUBTRACTED, toNetworkInput } from '../engine/image/network-input.ts';
import { resizeImage } from '../engine/image/resize.ts';
import { createLinearModelKernel } from '../engine/kernels/linear-model.ts';
import { createPictureKernel } from '../engine/kernels/picture.ts';
import { packModel, reconstruct } from '../geometry/morphable-model.ts';
import { decodeBoxes, selectConfident } from '../models/faceboxes/decode.ts';
import { priorBoxes } from '../models/faceboxes/prior-boxes.ts';
import type { MorphableModel } from '../types.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import type { BenchBackend } from './backends.ts';
import type { BenchCase, Benchmark, NamedBenchmark } from './measure.ts';
import { noise } from './noise.ts';

/** Work outside the networks: dense faces, the detector's input, the boxes. */
export function kernelBenchmarks(
  backends: readonly BenchBackend[],
  model: MorphableModel | undefined,
): NamedBenchmark[] {
  return [
    ...(model ? denseFaceBenchmarks(backends, model) : []),
    { name: 'resize 1280x720 to 1080x607', make: () => resize(false) },
    { name: 'resize to network input', make: () => resize(true) },
    { name: 'decode 13781 priors', make: decode },
  ];
}

/** All vertices of one face and of four, from their parameters. */
export function denseFaceBenchmarks(backends: readonly BenchBackend[], model: MorphableModel): NamedBenchmark[] {
  const forms = backends.flatMap(({ options }) => options.simd ?? []);
  return [
    { name: `dense face, ${model.vertexCount} vertices`, make: () => denseFaces(model, forms, 1) },
    { name: 'dense faces, four at once', make: () => denseFaces(model, forms, 4) },
  ];
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Largest shift of a vertex by one column, in the model's unit. */
const COLUMN_SHIFT = 1e3;

function denseFaces(model: MorphableModel, forms: readonly ('plain' | 'fma')[], count: number): Benchmark {
  const { vertexCount, shapeCount, expressionCount } = model;
  // The kernels evaluate the basis alone; eyelid contact and eye rotation are applied before and after it.
  const { acting, gazeCount, ...linearModel } = model;
  const rows = 3 * vertexCount;
  // Models differ in the units of their coefficients: the original's shape columns are 1e5 times smaller than the open
  // pack's.
  const amplitudes = [model.shapeBasis, model.expressionBasis].map((basis) => COLUMN_SHIFT / (largest(basis) || 1));
  const params = Array.from({ length: count }, (_, i) => {
    const values = noise(12 + shapeCount + expressionCount, i + 1);
    for (let j = 12; j < values.length; j++) {
      values[j] = values[j] * amplitudes[j < 12 + shapeCount ? 0 : 1];
    }
    values.set([5e-4, 1e-4, 0, 60, -1e-4, 5e-4, 1e-5, 60, 1e-5, 0, 5e-4, -60]);
    return values;
  });
  const dsts = params.map(() => new Float32Array(rows));
  const packed = packModel(linearModel);
  const expected = params.map((one) => reconstruct(packed, one));
  const cases: BenchCase[] = [
    { backend: 'reading the basis', run: readingBasis((shapeCount + expressionCount) * rows * 4) },
    {
      backend: 'plain JavaScript',
      run: () => {
        for (const [i, one] of params.entries()) reconstruct(packed, one, dsts[i]);
      },
    },
  ];
  const linear = {
    pointCount: vertexCount,
    mean: model.meanShape,
    bases: [
      { data: model.shapeBasis, columns: shapeCount },
      { data: model.expressionBasis, columns: expressionCount },
    ],
  };
  for (const simd of forms) {
    for (const basis of ['float32', 'int16'] as const) {
      const kernel = createLinearModelKernel(linear, { simd, basis });
      const points = kernel.evaluate(params);
      let value = 0;
      for (const [i, one] of points.entries()) {
        for (const [j, number] of one.entries()) value = Math.max(value, Math.abs(number - (expected[i]?.[j] ?? 0)));
      }
      const run = (): unknown => kernel.evaluate(params, dsts);
      cases.push({ backend: `compiled, ${simd}, ${basis}`, run, error: { value, of: 'px' } });
    }
  }
  return { cases, dispose: () => {} };
}

/** Reads this many bytes with vector loads and does next to nothing with them: the limit set by memory. */
function readingBasis(bytes: number): () => void {
  const builder = new ModuleBuilder();
  const end = Math.floor(bytes / 128) * 128;
  builder.addFunction(
    'read',
    [],
    (f) => {
      const at = f.local('i32');
      const sums = f.locals('v128', 8);
      f.stepBelow(at, 128, end, () => {
        for (const [i, sum] of sums.entries()) {
          f.get(sum)
            .get(at)
            .memory('v128.load', i * 16)
            .op('f32x4.add')
            .set(sum);
        }
      });
      f.i32(0);
      for (const [i, sum] of sums.entries()) {
        f.get(sum);
        if (i > 0) f.op('f32x4.add');
      }
      f.memory('v128.store');
    },
    { exported: true },
  );
  const pages = Math.ceil(bytes / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages });
  new Float32Array(memory.buffer).fill(0.5);
  const module = new WebAssembly.Module(builder.encode({ minimumPages: pages }));
  return new WebAssembly.Instance(module, { env: { memory } }).exports.read as () => void;
}

function resize(asInput: boolean): Benchmark {
  const data = Uint8Array.from(noise(1280 * 720 * 4, 127), (value) => value + 128);
  const image = { data, width: 1280, height: 720 };
  const whole = { left: 0, top: 0, width: 1280, height: 720 };
  const bytes = new Uint8Array(1080 * 607 * 3);
  const floats = new Float32Array(bytes.length);
  const kernel = createPictureKernel();
  const plain = (): ArrayLike<number> => {
    const resized = resizeImage(image, 1080, 607, bytes);
    return asInput ? toNetworkInput(resized, MEAN_SUBTRACTED, floats) : resized.data;
  };
  const simd = (): ArrayLike<number> =>
    asInput
      ? kernel.toNetworkInput(image, whole, 1080, 607, MEAN_SUBTRACTED, floats)
      : kernel.resize(image, whole, 1080, 607, bytes).data;
  const expected = Array.from(plain());
  const actual = simd();
  const value = expected.reduce((worst, number, i) => Math.max(worst, Math.abs(number - (actual[i] ?? Number.NaN))), 0);
  const cases: BenchCase[] = [
    { backend: 'plain JavaScript', run: plain },
    { backend: 'compiled', run: simd, error: { value, of: 'levels' } },
  ];
  return { cases, dispose: () => {} };
}

function decode(): Benchmark {
  const priors = priorBoxes(1080, 607);
  const count = priors.length / 4;
  const loc = noise(priors.length, 1);
  // Two in a thousand may be faces.
  const conf = noise(2 * count, 1).map((value) => (value > 0.996 ? 0.9 : 0.01));
  const run = (): unknown => decodeBoxes(loc, priors, selectConfident(conf, 0.05), 1080, 607, 0.84375);
  return { cases: [{ backend: 'plain JavaScript', run }], dispose: () => {} };
}
