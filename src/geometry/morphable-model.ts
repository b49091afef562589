/**
 * Vertices from parameters: one matrix-vector product over the whole model, 5.9 million multiply-adds for a dense face.
 *
 * Alternatives tried, 38365 vertices x 50 columns, Node 20, one thread, median ms of 20 interleaved rounds on a quiet
 * machine (ratios hold on a busy one):
 *
 *   rows as stored, three dot products at once            3.6
 *   blocks of 3 rows, columns within the block            4.1
 *   blocks of 6 rows (2 vertices)                         2.6   <- this file
 *   blocks of 9, 12, 15 rows                              2.9, 3.0, 3.6   (registers run out)
 *   blocks of 6, 9, 12, 15 rows in float64                2.9, 2.6, 2.8, 3.0   (saves the widening, doubles the memory)
 *   blocks of 6 rows, two or five columns per round       0.95x, 1.3x of this file
 *   blocks of 6 rows, int16 columns with a scale each     1.1x   (halves the memory, but the time goes into arithmetic)
 *   two faces in one pass, against two calls              0.75x  <- `reconstructFaces`
 *
 * So plain JavaScript is bound by arithmetic, not by memory: a load, a widening, a multiply and an add per number.
 */
import type { FaceActing, MorphableModel, ParamLayout } from '../types.ts';
import { columnWeights, turnEyes } from './acting.ts';
import { CAMERA_PARAM_COUNT, checkParamCount } from './params.ts';

/** Rows computed together: x, y, z of two vertices. */
const BLOCK = 6;

/** Rows of a morphable model in the order in which `reconstruct` reads them. Made by `packModel` or `packLandmarks`. */
export interface PackedModel extends ParamLayout {
  readonly vertexCount: number;
  /** `[blocks x (1 + shapeCount + expressionCount) x 6]`: mean, then each column; the last block may repeat a vertex. */
  readonly blocks: Float32Array;
  /** For a model that acts. */
  readonly acting?: FaceActing;
}

/**
 * Packs the whole model, for dense faces. Copies it: the model itself is not needed afterwards.
 * @throws RangeError if the model's arrays do not fit its counts, or it has fewer than 2 vertices.
 */
export function packModel(model: MorphableModel): PackedModel {
  const rows = Uint32Array.from({ length: 3 * model.vertexCount }, (_, row) => row);
  return packRows(model, rows, model.acting);
}

/**
 * Packs the rows of the 68 landmarks, for sparse faces.
 * @throws RangeError if the model's arrays do not fit its counts, or a keypoint index lies outside it.
 */
export function packLandmarks(model: MorphableModel): PackedModel {
  // No landmark lies on an eyeball.
  const acting = model.acting && { ...model.acting, eyeVertices: [new Uint32Array(0), new Uint32Array(0)] as const };
  return packRows(model, model.keypointIndices, acting);
}

function packRows(model: MorphableModel, rows: Uint32Array, acting: FaceActing | undefined): PackedModel {
  const { vertexCount: modelVertexCount, shapeCount, expressionCount } = model;
  const { meanShape, shapeBasis, expressionBasis } = model;
  const modelRowCount = 3 * modelVertexCount;
  checkLength('meanShape', meanShape, modelRowCount);
  checkLength('shapeBasis', shapeBasis, modelRowCount * shapeCount);
  checkLength('expressionBasis', expressionBasis, modelRowCount * expressionCount);
  if (rows.length % 3 !== 0 || rows.length < BLOCK) {
    throw new RangeError(`rows: expected x, y and z of at least 2 vertices, got ${rows.length} rows`);
  }
  const stride = (1 + shapeCount + expressionCount) * BLOCK;
  const blockCount = Math.ceil(rows.length / BLOCK);
  const blocks = new Float32Array(blockCount * stride);
  for (let block = 0; block < blockCount; block++) {
    const firstRow = firstRowOfBlock(block, rows.length / 3);
    for (let lane = 0; lane < BLOCK; lane++) {
      const row = rows[firstRow + lane];
      if (row >= modelRowCount) {
        throw new RangeError(`keypointIndices: expected rows below ${modelRowCount}, got ${row}`);
      }
      let to = block * stride + lane;
      blocks[to] = meanShape[row];
      for (let column = 0; column < shapeCount; column++) {
        to += BLOCK;
        blocks[to] = shapeBasis[row * shapeCount + column];
      }
      for (let column = 0; column < expressionCount; column++) {
        to += BLOCK;
        blocks[to] = expressionBasis[row * expressionCount + column];
      }
    }
  }
  return {
    vertexCount: rows.length / 3,
    shapeCount,
    expressionCount,
    ...(model.gazeCount !== undefined && { gazeCount: model.gazeCount }),
    blocks,
    ...(acting && { acting }),
  };
}

function checkLength(name: string, array: Float32Array, expected: number): void {
  if (array.length !== expected) throw new RangeError(`${name}: expected ${expected} numbers, got ${array.length}`);
}

/** An odd last vertex shares its block with the one before it, which is then computed twice. */
function firstRowOfBlock(block: number, vertexCount: number): number {
  return Math.min(block * BLOCK, 3 * vertexCount - BLOCK);
}

/**
 * Reconstructs the vertices of one face from its parameters, in crop space.
 *
 *   vertices = R · (meanShape + shapeBasis · shape + expressionBasis · expression) + t
 *
 * For a model that acts, blinks are weighted so that lids meet at 1, and eyeballs are turned; see acting.ts.
 * `cropToImage` maps the vertices to the image.
 * @param model - from `packModel` (dense) or `packLandmarks` (68).
 * @param params - `[12 + shapeCount + expressionCount (+ gazeCount)]`, de-normalised; layout in params.ts.
 * @param dst - `[vertexCount x 3]`; a new array if absent. With it, nothing is allocated (except for a model that
 *   acts).
 * @returns `dst`: xyz interleaved, px of the 120 x 120 crop, 1-based, y up, z larger nearer to the viewer.
 * @throws RangeError if the number of parameters or the length of `dst` does not fit the model.
 * @see TDDFA.py `recon_vers` (3DDFA_V2 1b6c676)
 */
export function reconstruct(
  model: PackedModel,
  params: Float32Array,
  dst: Float32Array = new Float32Array(3 * model.vertexCount),
): Float32Array {
  checkFace(model, params, dst);
  reconstructOne(model, linearWeights(model, params), dst);
  turn(model, params, dst);
  return dst;
}

/**
 * Reconstructs several faces, two per pass over the model, which takes about 3/4 of the time of one after the other.
 * @param model - from `packModel` (dense) or `packLandmarks` (68).
 * @param faces - the parameters of each face, as `reconstruct` takes them.
 * @param dsts - `[vertexCount x 3]` for each face; new arrays if absent.
 * @returns `dsts`: what `reconstruct` gives for each face.
 * @throws RangeError as `reconstruct` does, or if there is not one array for each face; nothing is then written.
 */
export function reconstructFaces(
  model: PackedModel,
  faces: readonly Float32Array[],
  dsts: readonly Float32Array[] = faces.map(() => new Float32Array(3 * model.vertexCount)),
): readonly Float32Array[] {
  if (dsts.length !== faces.length) {
    throw new RangeError(`dsts: expected an array for each of the ${faces.length} faces, got ${dsts.length}`);
  }
  for (let i = 0; i < faces.length; i++) checkFace(model, faces[i], dsts[i]);
  let face = 0;
  for (; face + 1 < faces.length; face += 2) {
    const [one, other] = [linearWeights(model, faces[face]), linearWeights(model, faces[face + 1])];
    reconstructTwo(model, one, other, dsts[face], dsts[face + 1]);
  }
  if (face < faces.length) reconstructOne(model, linearWeights(model, faces[face]), dsts[face]);
  for (const [i, params] of faces.entries()) turn(model, params, dsts[i]);
  return dsts;
}

function linearWeights(model: PackedModel, params: Float32Array): Float32Array {
  return model.acting === undefined ? params : columnWeights(params, model, model.acting);
}

function turn(model: PackedModel, params: Float32Array, vertices: Float32Array): void {
  if (model.acting !== undefined) turnEyes(vertices, params, model, model.acting);
}

function checkFace(model: PackedModel, params: Float32Array, dst: Float32Array): void {
  checkParamCount(params, model);
  checkLength('dst', dst, 3 * model.vertexCount);
}

function reconstructOne(model: PackedModel, params: Float32Array, dst: Float32Array): void {
  const blocks = model.blocks;
  const paramCount = params.length;
  for (let block = 0, at = 0; at < blocks.length; block++) {
    let x0 = blocks[at];
    let y0 = blocks[at + 1];
    let z0 = blocks[at + 2];
    let x1 = blocks[at + 3];
    let y1 = blocks[at + 4];
    let z1 = blocks[at + 5];
    at += BLOCK;
    for (let i = CAMERA_PARAM_COUNT; i < paramCount; i++, at += BLOCK) {
      const weight = params[i];
      x0 += weight * blocks[at];
      y0 += weight * blocks[at + 1];
      z0 += weight * blocks[at + 2];
      x1 += weight * blocks[at + 3];
      y1 += weight * blocks[at + 4];
      z1 += weight * blocks[at + 5];
    }
    const row = firstRowOfBlock(block, model.vertexCount);
    writeVertex(params, x0, y0, z0, dst, row);
    writeVertex(params, x1, y1, z1, dst, row + 3);
  }
}

/** `reconstructOne` for two faces: each number of the model is loaded and widened once. */
function reconstructTwo(
  model: PackedModel,
  params: Float32Array,
  otherParams: Float32Array,
  dst: Float32Array,
  otherDst: Float32Array,
): void {
  const blocks = model.blocks;
  const paramCount = params.length;
  for (let block = 0, at = 0; at < blocks.length; block++) {
    let x0 = blocks[at];
    let otherX0 = x0;
    let y0 = blocks[at + 1];
    let otherY0 = y0;
    let z0 = blocks[at + 2];
    let otherZ0 = z0;
    let x1 = blocks[at + 3];
    let otherX1 = x1;
    let y1 = blocks[at + 4];
    let otherY1 = y1;
    let z1 = blocks[at + 5];
    let otherZ1 = z1;
    at += BLOCK;
    for (let i = CAMERA_PARAM_COUNT; i < paramCount; i++, at += BLOCK) {
      const weight = params[i];
      const otherWeight = otherParams[i];
      const a = blocks[at];
      x0 += weight * a;
      otherX0 += otherWeight * a;
      const b = blocks[at + 1];
      y0 += weight * b;
      otherY0 += otherWeight * b;
      const c = blocks[at + 2];
      z0 += weight * c;
      otherZ0 += otherWeight * c;
      const d = blocks[at + 3];
      x1 += weight * d;
      otherX1 += otherWeight * d;
      const e = blocks[at + 4];
      y1 += weight * e;
      otherY1 += otherWeight * e;
      const f = blocks[at + 5];
      z1 += weight * f;
      otherZ1 += otherWeight * f;
    }
    const row = firstRowOfBlock(block, model.vertexCount);
    writeVertex(params, x0, y0, z0, dst, row);
    writeVertex(params, x1, y1, z1, dst, row + 3);
    writeVertex(otherParams, otherX0, otherY0, otherZ0, otherDst, row);
    writeVertex(otherParams, otherX1, otherY1, otherZ1, otherDst, row + 3);
  }
}

/** Applies the camera, the first 12 of `params`. */
function writeVertex(params: Float32Array, x: number, y: number, z: number, dst: Float32Array, row: number): void {
  dst[row] = params[0] * x + params[1] * y + params[2] * z + params[3];
  dst[row + 1] = params[4] * x + params[5] * y + params[6] * z + params[7];
  dst[row + 2] = params[8] * x + params[9] * y + params[10] * z + params[11];
}
