/** A small pack with an acting model: 52 named expressions, eyes that turn, lids that meet, and networks made by a formula. */
import { networkModel, normalizationModel } from '../../converters/convert-regressor.ts';
import type { NamedTensor } from '../../converters/tensor.ts';
import type { NewModel, NewPack } from '../../converters/write-pack.ts';
import { formulaFaceboxes, formulaRegressor } from '../../development/formula.ts';
import { eyeVerticesOf, formulaActingModel } from './formula-acting-model.ts';
import { formulaValues } from './small-pack.ts';

const ORIGIN = { licence: { name: 'CC0-1.0' }, source: { description: 'made by a formula' } };
const SHAPES = 40;
const ACTING_OUTPUTS = 56;

/** The ten expressions of the original's layout as combinations: the i-th is columns 5i and 5i + 1. */
export function formulaCombinations(): Float32Array {
  const combinations = new Float32Array(52 * 10);
  for (let k = 0; k < 10; k++) {
    combinations[5 * k * 10 + k] = 1;
    combinations[(5 * k + 1) * 10 + k] = 0.5;
  }
  return combinations;
}

function morphableModel(): NewModel {
  const model = formulaActingModel();
  const rows = 3 * model.vertexCount;
  return {
    name: 'face',
    role: 'morphable-model',
    shapeCount: SHAPES,
    expressionCount: 52,
    expressionNames: model.expressionNames ?? [],
    ...ORIGIN,
    tensors: new Map([
      ['meanShape', { shape: [rows], data: model.meanShape }],
      ['shapeBasis', { shape: [rows, SHAPES], data: model.shapeBasis }],
      ['expressionBasis', { shape: [rows, 52], data: model.expressionBasis }],
      ['keypointIndices', { shape: [204], data: model.keypointIndices }],
      ['expressionCombinations', { shape: [52, 10], data: formulaCombinations() }],
      ['lidGaps', { shape: [2, 1 + SHAPES + 52], data: model.acting?.lidGaps ?? new Float32Array(0) }],
      ['eyeCentres', { shape: [6, 1 + SHAPES], data: model.acting?.eyeCentres ?? new Float32Array(0) }],
      ['contourVertices', { shape: [17, 4], data: model.contour?.vertices ?? new Uint32Array(0) }],
      ['contourOutward', { shape: [17, 2], data: model.contour?.outward ?? new Float32Array(0) }],
    ]),
  };
}

function faceMaps(): NewModel {
  const { vertexCount } = formulaActingModel();
  const triangles = Uint32Array.from({ length: (vertexCount - 2) * 3 }, (_, i) => Math.floor(i / 3) + (i % 3));
  const [left, right] = eyeVerticesOf();
  return {
    name: 'maps',
    role: 'face-maps',
    ...ORIGIN,
    tensors: new Map([
      ['triangles', { shape: [triangles.length / 3, 3], data: triangles }],
      ['nccCodes', { shape: [vertexCount, 3], data: formulaValues(vertexCount * 3, 7).map(Math.abs) }],
      ['uvs', { shape: [vertexCount, 2], data: formulaValues(vertexCount * 2, 8).map(Math.abs) }],
      ['regions/leftEye', { shape: [left.length], data: left }],
      ['regions/rightEye', { shape: [right.length], data: right }],
    ]),
  };
}

/** Mean and deviation of both outputs of the two-headed network. */
export function actingNormalization(): Map<string, NamedTensor> {
  const mean = new Float32Array(62);
  mean.set([3.5e-4, 0, 0, 60, 0, 5.8e-4, 0, 74, 0, 0, 3.5e-4, -67]);
  return new Map([
    ['mean', { shape: [62], data: mean }],
    ['std', { shape: [62], data: formulaValues(62, 3).map((value) => 1e-5 * (1.5 + value)) }],
    ['expression_mean', { shape: [ACTING_OUTPUTS], data: formulaValues(ACTING_OUTPUTS, 11).map((v) => 0.5 + v / 2) }],
    ['expression_std', { shape: [ACTING_OUTPUTS], data: formulaValues(ACTING_OUTPUTS, 12).map((v) => 0.2 + v / 10) }],
  ]);
}

/** A MobileNet-V1 x0.25 made by a formula, with a second head on its features. */
export function twoHeadedStateDict(): Map<string, NamedTensor> {
  const { stateDict } = formulaRegressor('mobilenet_v1_x0.25');
  const features = 256;
  return new Map([
    ...stateDict,
    ['fc_expression.weight', { shape: [ACTING_OUTPUTS, features], data: formulaValues(ACTING_OUTPUTS * features, 13) }],
    ['fc_expression.bias', { shape: [ACTING_OUTPUTS], data: formulaValues(ACTING_OUTPUTS, 14) }],
  ]);
}

/** FaceBoxes, a regressor with two heads (`two`), one with the original's alone (`one`), the model and its maps. */
export function actingPack(): NewPack {
  const single = new Map([...actingNormalization()].filter(([name]) => name === 'mean' || name === 'std'));
  return {
    name: 'acting',
    description: 'For tests',
    models: [
      networkModel('faceboxes', formulaFaceboxes().stateDict, 'formula', ORIGIN, () => ''),
      networkModel('two', twoHeadedStateDict(), 'formula', ORIGIN, () => 'two-normalization'),
      normalizationModel('two-normalization', actingNormalization(), 'formula', ORIGIN),
      networkModel(
        'one',
        formulaRegressor('mobilenet_v1_x0.25').stateDict,
        'formula',
        ORIGIN,
        () => 'one-normalization',
      ),
      normalizationModel('one-normalization', single, 'formula', ORIGIN),
      morphableModel(),
      faceMaps(),
    ],
  };
}
