/** Packs with the real architectures and weights made by a formula, for tests without weight files. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { networkModel, normalizationModel } from '../../converters/convert-regressor.ts';
import { type NewModel, writePack } from '../../converters/write-pack.ts';
import { formulaFaceboxes, formulaRegressor } from '../../development/formula.ts';
import { formulaValues, smallFaceMaps, smallMorphableModel } from './small-pack.ts';

const ORIGIN = { licence: { name: 'CC0-1.0' }, source: { description: 'made by a formula' } };
const NORMALIZATION = 'formula-normalization';

/** De-normalisation that gives a face of a plausible size in the crop. */
function plausibleNormalization(): NewModel {
  const mean = new Float32Array(62);
  mean.set([3.5e-4, 0, 0, 60, 0, 5.8e-4, 0, 74, 0, 0, 3.5e-4, -67]);
  const std = formulaValues(62, 3).map((value) => 1e-5 * (1.5 + value));
  const tensors = new Map([
    ['mean', { shape: [62], data: mean }],
    ['std', { shape: [62], data: std }],
  ]);
  return normalizationModel(NORMALIZATION, tensors, 'formula', ORIGIN);
}

function networks(): NewModel[] {
  const regressor = formulaRegressor('mobilenet_v1_x0.25').stateDict;
  return [
    networkModel('faceboxes', formulaFaceboxes().stateDict, 'formula', ORIGIN, () => NORMALIZATION),
    networkModel('mb025', regressor, 'formula', ORIGIN, () => NORMALIZATION),
    plausibleNormalization(),
  ];
}

const folder = mkdtempSync(join(tmpdir(), 'tddfa-formula-pack-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const written = new Map<string, Promise<string>>();

function packOnce(name: string, models: () => NewModel[]): Promise<string> {
  const path = join(folder, name);
  const pack =
    written.get(name) ?? writePack(path, { name, description: 'For tests', models: models() }).then(() => path);
  written.set(name, pack);
  return pack;
}

/** Folder of a pack with FaceBoxes, a MobileNet-V1 x0.25, a morphable model of 70 vertices and its maps. */
export function formulaPack(): Promise<string> {
  return packOnce('whole', () => [...networks(), smallMorphableModel(), smallFaceMaps()]);
}

/** Folder of the same without the morphable model and the maps. */
export function formulaPackWithoutModel(): Promise<string> {
  return packOnce('networks', networks);
}
