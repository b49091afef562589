/**
 * Faces in the head's own frame, computed by whatever reconstructs faces on photos: an aligner receives the face with a
 * camera that neither turns nor moves it.
 */

import type { AlignedFace, MorphableModel, RoiBox } from '../types.ts';
import type { SurfaceSource } from './face-surface.ts';
import { pupilDistance } from './mesh.ts';
import { type PackedModel, packLandmarks, reconstruct } from './morphable-model.ts';
import { CAMERA_PARAM_COUNT, checkParamCount, paramCount } from './params.ts';
import { requireMorphableModel } from './required-parts.ts';
import { CROP_SIZE } from './similarity-transform.ts';

/** For this crop `reconstruct` leaves scales as they are. */
const UNIT_BOX: RoiBox = { xMin: 0, yMin: 0, xMax: CROP_SIZE, yMax: CROP_SIZE };

/** Computed in millimetres, where float32 and the offsets of the crop agree best. */
export const METRES_PER_VALUE = 0.001;

/** The vertices and landmarks of one head, in arrays that are reused from face to face. */
export class HeadSurface {
  readonly model: MorphableModel;
  /** Metres per unit of the model. */
  readonly metresPerUnit: number;
  /** `[vertexCount x 3]` mm, y DOWN, as `evaluate` left them; x to the person's left, z out of the face. */
  readonly vertices: Float32Array;
  /** Added to z of `vertices`. */
  zOffset = 0;
  /** `[68 x 3]` mm, y up. */
  readonly landmarks: Float32Array;
  /** What was evaluated last: the shape and expression of a face, on a crop of its own. */
  readonly face: AlignedFace;
  readonly #source: SurfaceSource;
  readonly #packed: PackedModel;
  /** A landmark whose z is that of its own vertex, and that vertex: one of upstream's landmarks is an exception. */
  readonly #reference: readonly [landmark: number, vertex: number];

  /**
   * @param interocularMm - distance between the pupils of the model's mean face.
   * @throws WeightFormatError if there is no morphable model; RangeError for a distance that is not positive.
   */
  constructor(source: SurfaceSource, interocularMm: number) {
    if (!(interocularMm > 0 && interocularMm < Infinity)) {
      throw new RangeError(`interocularMm: expected a positive length, got ${interocularMm}`);
    }
    this.#source = source;
    this.model = requireMorphableModel(source);
    const { keypointIndices, meanShape, vertexCount } = this.model;
    this.metresPerUnit =
      (interocularMm * METRES_PER_VALUE) / pupilDistance(Float32Array.from(keypointIndices, (row) => meanShape[row]));
    this.vertices = new Float32Array(3 * vertexCount);
    this.landmarks = new Float32Array(keypointIndices.length);
    this.#packed = packLandmarks(this.model);
    this.face = { roiBox: UNIT_BOX, params: new Float32Array(paramCount(this.model)) };
    this.#reference = referenceOf(keypointIndices);
  }

  /**
   * Computes `vertices`, `landmarks` and `zOffset`.
   * @param params - of a face; its camera is ignored.
   * @throws RangeError for a number of parameters other than the model's.
   */
  evaluate(params: Float32Array): void {
    checkParamCount(params, this.model);
    const own = this.face.params;
    own.set(params);
    own.fill(0, 0, CAMERA_PARAM_COUNT);
    // A 3x4 matrix, row-major, that undoes what the crop does.
    for (const diagonal of [0, 5, 10]) own[diagonal] = this.metresPerUnit / METRES_PER_VALUE;
    own[3] = 1;
    own[7] = CROP_SIZE;
    this.#source.reconstruct(this.face, { dense: true, dst: this.vertices });
    const { landmarks } = this;
    reconstruct(this.#packed, own, landmarks);
    for (let i = 0; i < landmarks.length; i += 3) {
      landmarks[i] = landmarks[i] - 1;
      landmarks[i + 1] = landmarks[i + 1] - CROP_SIZE;
    }
    // An aligner's `reconstruct` has the zero of z at the farthest vertex.
    const [landmark, vertex] = this.#reference;
    this.zOffset = landmarks[3 * landmark + 2] - this.vertices[3 * vertex + 2];
  }
}

function referenceOf(keypointIndices: Uint32Array): [landmark: number, vertex: number] {
  for (let i = 0; i < keypointIndices.length; i += 3) {
    const vertex = keypointIndices[i] / 3;
    if (Number.isInteger(vertex) && keypointIndices[i + 2] === keypointIndices[i] + 2) return [i / 3, vertex];
  }
  throw new RangeError('keypointIndices: expected a landmark whose coordinates are those of one vertex');
}
