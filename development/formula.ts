/** Networks with weights made by a stated formula, so that they can be tested without any weight file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamedTensor } from '../converters/tensor.ts';
import { CENTRED, MEAN_SUBTRACTED, toNetworkInput } from '../src/engine/image/network-input.ts';
import { resizeRegion } from '../src/engine/image/resize.ts';
import { roundToPixels } from '../src/engine/image/round-to-pixels.ts';
import type { RgbImage } from '../src/types.ts';
import { repositoryRoot } from './paths.ts';
import { readPng } from './read-png.ts';
import { readFloat32 } from './reference.ts';

type TensorShapes = readonly (readonly [name: string, shape: readonly number[]])[];

/** Path of a file that comes with the repository's tests. */
export function fixturePath(...parts: string[]): string {
  return join(repositoryRoot, 'test', 'fixtures', ...parts);
}

const regressors: Readonly<Record<string, { tensors: TensorShapes; gain?: number; output: number[] }>> = JSON.parse(
  readFileSync(fixturePath('formula-weights.json'), 'utf8'),
).models;

const faceboxes: { tensors: TensorShapes; priorCount: number } = JSON.parse(
  readFileSync(fixturePath('formula-faceboxes', 'rule.json'), 'utf8'),
);

/** Names of the regressors in `formula-weights.json`. */
export const formulaRegressorNames: readonly string[] = Object.keys(regressors);

/** A regressor's tensors as torch would store them, and what torch computes from `astronautCropInput`. */
export function formulaRegressor(name: string): { stateDict: Map<string, NamedTensor>; output: readonly number[] } {
  const regressor = regressors[name];
  if (regressor === undefined) throw new Error(`no regressor '${name}' in formula-weights.json`);
  const gain = regressor.gain ?? (name === 'resnet22' ? 1.5 : 6);
  return { stateDict: formulaTensors(regressor.tensors, () => gain), output: regressor.output };
}

/** The detector's tensors as torch would store them, and what torch computes from `faceboxesInput`. */
export function formulaFaceboxes(): {
  stateDict: Map<string, NamedTensor>;
  priorCount: number;
  loc: Float32Array;
  conf: Float32Array;
} {
  const gain = (name: string) => (name === 'conv1.conv.weight' ? 0.01 : /^(loc|conf)\./.test(name) ? 0.5 : 6);
  return {
    stateDict: formulaTensors(faceboxes.tensors, gain),
    priorCount: faceboxes.priorCount,
    loc: readFloat32(fixturePath('formula-faceboxes', 'loc.f32')),
    conf: readFloat32(fixturePath('formula-faceboxes', 'conf.f32')),
  };
}

/** The astronaut's portrait. */
export function astronaut(): RgbImage {
  return readPng(join(repositoryRoot, 'examples', 'astronaut.png'));
}

/** The crop that the reference makes of the astronaut's face, as a batch `[1, 120, 120, 3]`. */
export function astronautCropInput(): Float32Array {
  const roiBox = {
    xMin: 148.16363525390625,
    yMin: 57.922635345458986,
    xMax: 303.16363525390625,
    yMax: 212.92263534545899,
  };
  return toNetworkInput(resizeRegion(astronaut(), roundToPixels(roiBox), 120, 120), CENTRED);
}

/** Part of the astronaut's portrait as a batch `[1, 163, 217, 3]`: odd sizes, which no stride divides. */
export function faceboxesInput(): { input: Float32Array; shape: [1, number, number, 3] } {
  const { data, width } = astronaut();
  const [top, left, cropHeight, cropWidth] = [100, 100, 163, 217];
  const pixels = new Uint8Array(cropHeight * cropWidth * 3);
  for (let row = 0; row < cropHeight; row++) {
    const start = ((top + row) * width + left) * 3;
    pixels.set(data.subarray(start, start + cropWidth * 3), row * cropWidth * 3);
  }
  const input = toNetworkInput({ data: pixels, width: cropWidth, height: cropHeight }, MEAN_SUBTRACTED);
  return { input, shape: [1, cropHeight, cropWidth, 3] };
}

function formulaTensors(tensors: TensorShapes, gain: (name: string) => number): Map<string, NamedTensor> {
  const { imul } = Math; // Looking up a global is slow inside jest.
  let state = 1;
  const stateDict = new Map<string, NamedTensor>();
  for (const [name, shape] of tensors) {
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
    const fanIn = data.length / shape[0];
    const isScale = shape.length === 1 && /\.(running_var|weight)$/.test(name);
    const amplitude = shape.length > 1 ? Math.sqrt(gain(name) / fanIn) : 0.1;
    for (let i = 0; i < data.length; i++) {
      state = (imul(1664525, state) + 1013904223) >>> 0;
      const uniform = state / 2 ** 32;
      data[i] = isScale ? 0.5 + uniform : (2 * uniform - 1) * amplitude;
    }
    stateDict.set(name, { shape, data });
  }
  return stateDict;
}
