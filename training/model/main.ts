/**
 * `npm run train:model [-- --out DIR]`: builds the morphable model and the renderer's head rig from MakeHuman's data.
 *
 * Writes NumPy files for the Python side of training, and `model.json` with names and measured figures. Takes about two
 * minutes; the result is identical to the last bit on every run.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FULL_LOOK_DEGREES } from '../../src/geometry/acting.ts';
import { subdivideFace } from '../../src/geometry/subdivide-face.ts';
import { BLENDSHAPE_NAMES } from './blendshape-names.ts';
import { NAMED_EXPRESSIONS } from './expressions.ts';
import {
  buildFaceModel,
  buildHeadSpace,
  contourStrips,
  expressionCombinations,
  eyeballs,
  interleaveColumns,
  lidGaps,
  multiplyMatrices,
  SHAPE_COUNT,
} from './face-model.ts';
import { buildFaceSurface } from './face-surface.ts';
import { fetchMakeHuman, trainingCache } from './fetch-makehuman.ts';
import { buildHeadRig, readHeadRigParts } from './head-rig.ts';
import { readMakeHuman } from './makehuman.ts';
import { writeNpy } from './npy.ts';

const SEED = 2020;
const SAMPLE_COUNT = 2000;
const HELD_OUT_COUNT = 400;

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(trainingCache(), 'model') },
    samples: { type: 'string', default: String(SAMPLE_COUNT) },
  },
});
const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const folder = fetchMakeHuman();
const makeHuman = readMakeHuman(folder);
const surface = buildFaceSurface(makeHuman);
const rigParts = readHeadRigParts(makeHuman, surface, folder);
const head = buildHeadSpace(makeHuman, surface, {
  seed: SEED,
  sampleCount: Number(values.samples),
  heldOutCount: HELD_OUT_COUNT,
  extraVertices: rigParts.baseVertices,
  onProgress: log,
});
const coarse = buildFaceModel(surface, head);
const { model, maps } = subdivideFace(coarse, 1);
const rig = buildHeadRig(makeHuman, surface, rigParts, head);

mkdirSync(values.out, { recursive: true });
const combinations = expressionCombinations();
const file = (name: string): string => join(values.out, `${name}.npy`);
for (const [prefix, { vertexCount, meanShape, shapeBasis, expressionBasis, keypointIndices, expressionCount }] of [
  ['coarse', coarse.model],
  ['dense', model],
] as const) {
  const ten = multiplyMatrices(expressionBasis, combinations, expressionCount);
  writeNpy(file(`${prefix}-mean`), meanShape, [vertexCount, 3]);
  writeNpy(file(`${prefix}-shape-basis`), shapeBasis, [3 * vertexCount, SHAPE_COUNT]);
  writeNpy(file(`${prefix}-blendshape-basis`), expressionBasis, [3 * vertexCount, expressionCount]);
  writeNpy(file(`${prefix}-expression-basis`), ten, [3 * vertexCount, NAMED_EXPRESSIONS.length]);
  writeNpy(file(`${prefix}-keypoints`), keypointIndices, [keypointIndices.length]);
}
writeNpy(file('coarse-quads'), coarse.mesh.quads, [coarse.mesh.quads.length / 4, 4]);
writeNpy(file('coarse-uvs'), coarse.mesh.uvs, [coarse.mesh.uvs.length / 2, 2]);
writeNpy(file('coarse-uv-quads'), coarse.mesh.uvQuads, [coarse.mesh.uvQuads.length / 4, 4]);
writeNpy(file('dense-triangles'), maps.triangles, [maps.triangles.length / 3, 3]);
writeNpy(file('combinations'), combinations, [BLENDSHAPE_NAMES.length, NAMED_EXPRESSIONS.length]);
const modelColumns = [...head.identities.modes.slice(0, SHAPE_COUNT), ...head.blendshapes];
writeNpy(file('model-lid-gap'), lidGaps(head, modelColumns), [2, 1 + modelColumns.length]);
const balls = eyeballs(surface, head, SHAPE_COUNT);
writeNpy(file('eye-centres-mean'), balls.centres, [2, 3]);
writeNpy(file('eye-centres-basis'), interleaveColumns(balls.centreModes), [6, SHAPE_COUNT]);
const contour = contourStrips(surface, coarse.model.meanShape);
writeNpy(file('contour-vertices'), contour.vertices, [17, contour.width]);
writeNpy(file('contour-outward'), contour.outward, [17, 2]);
const rigVertexCount = rig.mean.length / 3;
writeNpy(file('rig-mean'), rig.mean, [rigVertexCount, 3]);
writeNpy(file('rig-identity-basis'), rig.identityBasis, [rig.mean.length, head.identities.modes.length]);
writeNpy(file('rig-unit-basis'), rig.unitBasis, [rig.mean.length, rig.unitNames.length]);
writeNpy(file('rig-lid-gap'), rig.lidGaps, [2, 1 + head.identities.modes.length + rig.unitNames.length]);
writeNpy(file('rig-quads'), rig.quads, [rig.quads.length / 4, 4]);
writeNpy(file('rig-corner-uvs'), rig.cornerUvs, [rig.quads.length / 4, 4, 2]);
writeFileSync(
  join(values.out, 'model.json'),
  `${JSON.stringify(
    {
      source: folder,
      seed: SEED,
      samples: Number(values.samples),
      expressions: NAMED_EXPRESSIONS.map(({ name, shapes }) => ({ name, units: shapes })),
      blendshapes: BLENDSHAPE_NAMES,
      gaze: { fullDegrees: FULL_LOOK_DEGREES },
      units: rig.unitNames,
      parts: rig.names,
      partVertexStarts: [...rig.vertexStarts],
      partQuadStarts: [...rig.quadStarts],
      regions: Object.fromEntries(Object.entries(coarse.regions).map(([name, list]) => [name, [...list]])),
      heldOut: head.report,
    },
    null,
    1,
  )}\n`,
);
for (const line of head.report) {
  log(
    `${line.modeCount} modes: training ${line.trainingVariance.toFixed(4)}, hold-out ${line.heldOutVariance.toFixed(4)}, ` +
      `rms ${line.rmsMm.toFixed(3)} mm, landmarks ${line.landmarkMeanMm.toFixed(3)} mm`,
  );
}
log(
  `${coarse.model.vertexCount} coarse and ${model.vertexCount} dense vertices, rig ${rigVertexCount}; written to ${values.out}`,
);
