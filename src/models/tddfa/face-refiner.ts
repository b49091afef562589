/**
 * Refines the eyes and the mouth of an aligned face with two small networks, on crops with about twice the pixels that
 * the regressor's crop has for them. The gaze is then theirs, averaged over both eyes; blinks are three quarters theirs
 * and one quarter the regressor's, and everything else is the mean of theirs and the regressor's, which on rendered
 * faces is nearer to the truth than either.
 *
 * A crop depends on pose and shape alone: its centre is a fixed point in the model's frame, the model's up is up, and
 * its side is a length of the model. So expressions move things within a crop, but never the crop. Both eyes are made
 * to look like a left one, and the eye network gets them as six channels, its own eye first, so that it serves both
 * sides. The mouth network runs on the mouth both as it is and mirrored, and its results are averaged. Two more
 * channels are constant over the crop: the direction to the viewer in the head's frame, x and y.
 * @see training/tddfa_training/refine_crops.py
 */
import type { Engine, Network } from '../../engine/engine.ts';
import type { Pack } from '../../engine/weights/open-pack.ts';
import type { PackModel } from '../../engine/weights/pack-manifest.ts';
import { WeightFormatError } from '../../errors.ts';
import { eyeCentre, lookCoefficient, lookOf } from '../../geometry/acting.ts';
import { CAMERA_PARAM_COUNT } from '../../geometry/params.ts';
import type { AlignedFace, MorphableModel, RgbaImage } from '../../types.ts';
import { cutRefineCrop, type ModelPoint, REFINE_COLOURS, type RefineCrop } from './refine-crop.ts';
import { REFINE_SIZE } from './refine-network.ts';

/** Refines the expressions and the gaze of faces. */
export interface FaceRefiner {
  /**
   * @param faces - aligned on this image; not changed.
   * @returns faces with the same crops, poses and shapes.
   * @throws DisposedError.
   */
  refine(image: RgbaImage, faces: readonly AlignedFace[]): Promise<AlignedFace[]>;
}

/** The type of `FaceAlignerOptions.refine`: `createFaceRefiner`. */
export type CreateFaceRefiner = (pack: Pack, engine: Engine, model: MorphableModel | undefined) => Promise<FaceRefiner>;

type Region = NonNullable<PackModel['region']>;

/** Micrometres: a crop's side, and the offset of its centre from the eyeball's centre or the middle of closed lips. */
const SPANS: Readonly<Record<Region, number>> = { eyes: 60_000, mouth: 72_000 };
const OFFSETS: Readonly<Record<Region, ModelPoint>> = { eyes: [0, 5_000, 10_000], mouth: [0, -8_000, 0] };
/** Landmarks of the lips. */
const [FIRST_LIP, LAST_LIP] = [48, 67];
const POSE_CHANNELS = 2;
/** Sine of 55 degrees; from there on the far eye is hidden. */
const HIDDEN_SINE = 0.82;
/** How far each eye turns inwards, as the lines of sight meet in front: the mean over the rendered faces. */
const INWARD_DEGREES = 0.96;
/**
 * Weight of these networks' outputs against the regressor's: on 768 rendered faces outside the hold-out, 0.8 and 0.7
 * are best for blinks, and anything between 0.4 and 0.7 is nearly the same for the rest.
 */
const [BLINK_SHARE, SHARE] = [0.75, 0.5];
const SIDES = ['Left', 'Right'] as const;
/** Faces whose crops go through a network at once. */
const MAX_BATCH = 64;

interface RefineWeights {
  readonly network: Network;
  readonly names: readonly string[];
  readonly mean: Float32Array;
  readonly std: Float32Array;
}

/**
 * Loads a pack's networks for eyes and mouth.
 * @throws WeightFormatError if the pack has none, or no model that acts.
 */
export async function loadFaceRefiner(
  pack: Pack,
  engine: Engine,
  model: MorphableModel | undefined,
): Promise<FaceRefiner> {
  const acting = model?.acting;
  const models = pack.modelsOf('refine');
  if (model === undefined || acting === undefined || models.length === 0) {
    throw new WeightFormatError(pack.manifest.name, 'this pack has no networks that refine eyes and mouths');
  }
  const regions = new Map<Region, RefineWeights>();
  for (const entry of models) {
    if (entry.region !== undefined) regions.set(entry.region, await readWeights(pack, engine, entry));
  }
  const lips = lipsOf(model);
  // In a thread the model's arrays move to the owner.
  const eyeCentres = acting.eyeCentres.slice();

  return {
    async refine(image, faces) {
      const refined = faces.map(({ roiBox, params }) => ({ roiBox, params: params.slice() }));
      const [eyes, mouth] = [regions.get('eyes'), regions.get('mouth')];
      for (let start = 0; start < faces.length; start += MAX_BATCH) {
        const some = refined.slice(start, start + MAX_BATCH);
        const before = faces.slice(start, start + MAX_BATCH);
        if (eyes) await refineEyes(image, before, some, eyes, model, eyeCentres);
        if (mouth) await refineMouths(image, before, some, mouth, model, lips);
      }
      return refined;
    },
  };
}

async function readWeights(pack: Pack, engine: Engine, model: PackModel): Promise<RefineWeights> {
  const { outputNames = [], normalization = '' } = model;
  const tensors = await pack.readTensors(pack.model(normalization));
  const numbers = (name: string): Float32Array => {
    const data = tensors.get(name)?.data;
    if (!(data instanceof Float32Array) || data.length !== outputNames.length) {
      const [expected, actual] = [`${outputNames.length} numbers`, `${data?.length ?? 'none'}`];
      throw new WeightFormatError(normalization, 'does not fit', { tensor: name, expected, actual });
    }
    return data;
  };
  const [mean, std] = [numbers('mean'), numbers('std')];
  // A network this small has no ranges, and would gain little from them.
  const network = await engine.loadNetwork({ ...(await pack.readNetwork(model)), precision: 'float32' });
  return { network, names: outputNames, mean, std };
}

/** Middle of the lips of the mean shape, and what each shape coefficient adds to it: `[3 x (1 + shapeCount)]`. */
function lipsOf({ meanShape, shapeBasis, shapeCount, keypointIndices }: MorphableModel): Float32Array {
  const lips = new Float32Array(3 * (1 + shapeCount));
  const count = LAST_LIP - FIRST_LIP + 1;
  for (let landmark = FIRST_LIP; landmark <= LAST_LIP; landmark++) {
    for (let axis = 0; axis < 3; axis++) {
      const row = keypointIndices[3 * landmark + axis];
      const to = axis * (1 + shapeCount);
      lips[to] += meanShape[row] / count;
      for (let i = 0; i < shapeCount; i++) lips[to + 1 + i] += shapeBasis[row * shapeCount + i] / count;
    }
  }
  return lips;
}

async function refineEyes(
  image: RgbaImage,
  faces: readonly AlignedFace[],
  refined: readonly AlignedFace[],
  weights: RefineWeights,
  model: MorphableModel,
  eyeCentres: Float32Array,
): Promise<void> {
  const channels = 2 * REFINE_COLOURS + POSE_CHANNELS;
  const input = new Float32Array(2 * faces.length * REFINE_SIZE * REFINE_SIZE * channels);
  for (const [i, face] of faces.entries()) {
    const [x, y] = viewOf(face.params);
    for (const side of [0, 1]) {
      const centre = eyeCentre(eyeCentres, side, face.params, model.shapeCount);
      const cut = cutRefineCrop(image, face, cropOf('eyes', centre, side === 1));
      // The first colours of its own input, and the second ones of the other eye's.
      place(cut, input, 2 * i + side, channels, 0);
      place(cut, input, 2 * i + 1 - side, channels, REFINE_COLOURS);
      fill([side === 0 ? x : -x, y], input, 2 * i + side, channels);
    }
  }
  const outputs = await run(weights, input, 2 * faces.length, channels);
  const columns = new Map((model.expressionNames ?? []).map((name, column) => [name, column]));
  const start = CAMERA_PARAM_COUNT + model.shapeCount;
  const gazeStart = start + model.expressionCount;
  for (const [i, { params }] of refined.entries()) {
    const [x] = viewOf(params);
    const isSeen = [-x < HIDDEN_SINE, x < HIDDEN_SINE];
    const bothOf = new Map<number, number[]>();
    for (const [side, word] of SIDES.entries()) {
      if (!isSeen[side]) continue;
      for (const [k, name] of weights.names.entries()) {
        const value = outputs[2 * i + side][k];
        if (name === 'yaw') params[gazeStart + 2 * side] = side === 0 ? value : -value;
        else if (name === 'pitch') params[gazeStart + 2 * side + 1] = value;
        else {
          const column = columns.get(name) ?? columns.get(`${name}${word}`);
          if (column !== undefined) bothOf.set(column, [...(bothOf.get(column) ?? []), value]);
        }
      }
    }
    for (const [column, values] of bothOf) {
      const value = bounded(values.reduce((sum, one) => sum + one / values.length, 0));
      const isBlink = model.expressionNames?.[column]?.startsWith('eyeBlink') === true;
      const share = isBlink ? BLINK_SHARE : SHARE;
      params[start + column] += share * (value - params[start + column]);
    }
    if (!weights.names.includes('yaw')) continue;
    const gaze = params.subarray(gazeStart);
    if (isSeen[0] && isSeen[1]) turnTogether(gaze);
    for (const [name, column] of columns) {
      const look = lookOf(name);
      if (look !== undefined && isSeen[look.eye]) params[start + column] = lookCoefficient(look, gaze);
    }
  }
}

/**
 * Both eyes look at the same thing, so the network's results for the two are combined, in place. On rendered faces that
 * is 0.6 degrees nearer to the truth.
 * @param gaze - yaw and pitch of the left eye, then of the right one.
 */
function turnTogether(gaze: Float32Array): void {
  const [yaw, pitch] = [(gaze[0] + gaze[2]) / 2, (gaze[1] + gaze[3]) / 2];
  gaze.set([yaw - INWARD_DEGREES, pitch, yaw + INWARD_DEGREES, pitch]);
}

async function refineMouths(
  image: RgbaImage,
  faces: readonly AlignedFace[],
  refined: readonly AlignedFace[],
  weights: RefineWeights,
  model: MorphableModel,
  lips: Float32Array,
): Promise<void> {
  const channels = REFINE_COLOURS + POSE_CHANNELS;
  const input = new Float32Array(2 * faces.length * REFINE_SIZE * REFINE_SIZE * channels);
  for (const [i, face] of faces.entries()) {
    const centre = eyeCentre(lips, 0, face.params, model.shapeCount);
    const [x, y] = viewOf(face.params);
    for (const mirrored of [0, 1]) {
      place(cutRefineCrop(image, face, cropOf('mouth', centre, mirrored === 1)), input, 2 * i + mirrored, channels, 0);
      fill([mirrored === 0 ? x : -x, y], input, 2 * i + mirrored, channels);
    }
  }
  const outputs = await run(weights, input, 2 * faces.length, channels);
  const otherSides = weights.names.map((name) => weights.names.indexOf(otherSide(name)));
  for (const [i, { params }] of refined.entries()) {
    for (const [k, name] of weights.names.entries()) {
      const column = model.expressionNames?.indexOf(name) ?? -1;
      const at = CAMERA_PARAM_COUNT + model.shapeCount + column;
      const both = bounded((outputs[2 * i][k] + outputs[2 * i + 1][otherSides[k]]) / 2);
      if (column >= 0) params[at] += SHARE * (both - params[at]);
    }
  }
}

/** The name of an expression on a mirrored face. */
function otherSide(name: string): string {
  return name.replace(/(Left|Right)$/, (side) => (side === 'Left' ? 'Right' : 'Left'));
}

async function run(
  { network, names, mean, std }: RefineWeights,
  input: Float32Array,
  count: number,
  channels: number,
): Promise<Float32Array[]> {
  const [output] = await network.run(input, [count, REFINE_SIZE, REFINE_SIZE, channels]);
  if (output === undefined || output.data.length !== count * names.length) {
    const [expected, actual] = [`[${count}, ${names.length}]`, `[${output?.shape.join(', ')}]`];
    throw new WeightFormatError('a refining network', 'does not fit the normalisation', { expected, actual });
  }
  return Array.from({ length: count }, (_, i) =>
    mean.map((value, k) => output.data[i * names.length + k] * std[k] + value),
  );
}

function bounded(coefficient: number): number {
  return Math.min(Math.max(coefficient, 0), 1);
}

/** The direction to the viewer in the head's frame: x, y. */
function viewOf(params: Float32Array): readonly [number, number] {
  const length = Math.hypot(params[8], params[9], params[10]);
  return length > 0 ? [params[8] / length, params[9] / length] : [0, 0];
}

/** @param centre - of the eyeball or of the closed lips. */
function cropOf(region: Region, centre: ModelPoint, mirrored = false): RefineCrop {
  const [x, y, z] = centre;
  const [right, up, forward] = OFFSETS[region];
  return { centre: [x + right, y + up, z + forward], span: SPANS[region], mirrored };
}

/** Copies a crop's colours into the channels of a batch from `first` on. */
function place(crop: Float32Array, input: Float32Array, index: number, channels: number, first: number): void {
  const start = index * REFINE_SIZE * REFINE_SIZE * channels + first;
  for (let i = 0; i < REFINE_SIZE * REFINE_SIZE; i++) {
    for (let k = 0; k < REFINE_COLOURS; k++) input[start + i * channels + k] = crop[i * REFINE_COLOURS + k];
  }
}

/** Fills the last channels of a crop of a batch. */
function fill(values: readonly number[], input: Float32Array, index: number, channels: number): void {
  const start = index * REFINE_SIZE * REFINE_SIZE * channels + channels - values.length;
  for (let i = 0; i < REFINE_SIZE * REFINE_SIZE; i++) {
    for (const [k, value] of values.entries()) input[start + i * channels + k] = value;
  }
}
