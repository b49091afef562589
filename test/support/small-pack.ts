import type { NewModel, NewPack } from '../../converters/write-pack.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { LayersModelBuilder } from '../../src/engine/layers-model-builder.ts';
import type { Tensor } from '../../src/engine/weights/tensor-file.ts';

const VERTEX_COUNT = 70;
const ORIGIN = { licence: { name: 'CC0-1.0' }, source: { description: 'made by a formula' } };

/** Numbers between -1 and 1 from a formula; the same for the same seed. */
export function formulaValues(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin((i + 1) * 12.9898 + seed * 78.233));
}

/** A real, tiny network `[?, size, size, 3] -> [?, outputs]` in a pooling and a dense layer, as a Layers artifact. */
export function smallNetwork(size: number, outputs: number, seed = 1): LayersArtifact {
  const kernel = formulaValues(3 * outputs, seed);
  const bias = formulaValues(outputs, seed + 1);
  const weightData = new Float32Array(kernel.length + bias.length);
  weightData.set(kernel);
  weightData.set(bias, kernel.length);
  const model = new LayersModelBuilder('small');
  const pool = model.globalAveragePooling2d('pool', model.input('input', [size, size, 3]));
  return { ...model.build([model.dense('dense', pool, outputs)]), weightData: weightData.buffer };
}

/** Normalization and regressor of 62 outputs. */
export function smallRegressor(name: string, seed = 1): NewModel[] {
  return [
    {
      name,
      role: 'regressor',
      architecture: 'small',
      inputSize: 120,
      outputCount: 62,
      shapeCount: 40,
      expressionCount: 10,
      normalization: `${name}-normalization`,
      ...ORIGIN,
      artifact: smallNetwork(120, 62, seed),
    },
    {
      name: `${name}-normalization`,
      role: 'normalization',
      outputCount: 62,
      ...ORIGIN,
      tensors: new Map([
        ['mean', { shape: [62], data: formulaValues(62, seed + 2) }],
        ['std', { shape: [62], data: formulaValues(62, seed + 3).map((value) => 1.5 + value) }],
      ]),
    },
  ];
}

/** A morphable model of 70 vertices. */
export function smallMorphableModel(): NewModel {
  const rows = VERTEX_COUNT * 3;
  return {
    name: 'shape',
    role: 'morphable-model',
    shapeCount: 41,
    expressionCount: 10,
    ...ORIGIN,
    tensors: new Map([
      ['meanShape', { shape: [rows], data: formulaValues(rows, 4).map((value) => value * 1e5) }],
      ['shapeBasis', { shape: [rows, 41], data: formulaValues(rows * 41, 5) }],
      ['expressionBasis', { shape: [rows, 10], data: formulaValues(rows * 10, 6) }],
      ['keypointIndices', { shape: [204], data: Uint32Array.from({ length: 204 }, (_, i) => i) }],
    ]),
    float16Tensors: ['shapeBasis', 'expressionBasis'],
  };
}

/** Maps for `smallMorphableModel`: a strip of triangles. */
export function smallFaceMaps(): NewModel {
  const triangles = Uint32Array.from({ length: (VERTEX_COUNT - 2) * 3 }, (_, i) => Math.floor(i / 3) + (i % 3));
  return {
    name: 'maps',
    role: 'face-maps',
    ...ORIGIN,
    tensors: new Map([
      ['triangles', { shape: [triangles.length / 3, 3], data: triangles }],
      ['nccCodes', { shape: [VERTEX_COUNT, 3], data: formulaValues(VERTEX_COUNT * 3, 7).map(Math.abs) }],
      ['uvs', { shape: [VERTEX_COUNT, 2], data: formulaValues(VERTEX_COUNT * 2, 8).map(Math.abs) }],
      ['regions/nose', { shape: [3], data: Uint32Array.of(3, 4, 5) }],
    ]),
  };
}

/** A mesh of 6 x 9 quads for a morphable model that is subdivided on reading. */
export function smallCoarseMaps(): NewModel {
  const columns = 7;
  const quads: number[] = [];
  for (let v = 0; v + columns < VERTEX_COUNT; v++) {
    if (v % columns < columns - 1) quads.push(v, v + 1, v + columns + 1, v + columns);
  }
  const corners = { shape: [quads.length / 4, 4], data: Uint32Array.from(quads) };
  return {
    name: 'maps',
    role: 'face-maps',
    ...ORIGIN,
    tensors: new Map<string, Tensor>([
      ['quads', corners],
      ['uvQuads', corners],
      ['uvs', { shape: [VERTEX_COUNT, 2], data: formulaValues(VERTEX_COUNT * 2, 8).map(Math.abs) }],
      ['regions/nose', { shape: [4], data: Uint32Array.of(0, 1, 7, 8) }],
    ]),
  };
}

/** A complete pack of a few kilobytes with one model per role; its networks are real but know nothing about faces. */
export function smallPack(): NewPack {
  return {
    name: 'small',
    description: 'A pack for tests',
    models: [
      { name: 'boxes', role: 'detector', ...ORIGIN, artifact: smallNetwork(32, 4, 9) },
      ...smallRegressor('tiny'),
      smallMorphableModel(),
      smallFaceMaps(),
    ],
  };
}
