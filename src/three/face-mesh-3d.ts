import {
  BufferAttribute,
  BufferGeometry,
  DynamicDrawUsage,
  type Material,
  Mesh,
  MeshNormalMaterial,
  Sphere,
  Vector3,
} from 'three';
import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { expressionTargets, targetWeights } from '../geometry/expression-targets.ts';
import type { SurfaceSource } from '../geometry/face-surface.ts';
import { HeadSurface, METRES_PER_VALUE } from '../geometry/head-surface.ts';
import { LANDMARK_COUNT } from '../geometry/landmark-regions.ts';
import { DEFAULT_INTEROCULAR_MM, withClosedMouth } from '../geometry/mesh.ts';
import { vertexNormals } from '../geometry/normals.ts';
import { CAMERA_PARAM_COUNT, checkParamCount } from '../geometry/params.ts';
import { surfaceMatrix } from '../geometry/pose.ts';
import { requireFaceMaps } from '../geometry/required-parts.ts';
import { type SplitMesh, splitAtSeams } from '../geometry/split-at-seams.ts';
import type { AlignedFace } from '../types.ts';
import { OCCLUDER_RENDER_ORDER, OccluderMaterial } from './occluder.ts';

/** Options of {@link FaceMesh3D}. */
export interface FaceMesh3DOptions {
  /**
   * Default `MeshNormalMaterial`, which needs neither a texture nor lights. With an `OccluderMaterial` the face is
   * drawn first.
   */
  readonly material?: Material;
  /**
   * What is between the lips: skin (`closed`, the default), or whatever the model has there, a hole or a pocket
   * (`open`).
   */
  readonly mouth?: 'closed' | 'open';
  /**
   * Keeps the face at rest with one named morph target per expression, instead of rewriting the positions for each
   * face: for puppets and exporters. The shape is that of the first face until `reshape`. Default false.
   */
  readonly morphTargets?: boolean;
  /** Whether to compute normals, which lit materials need. Default true. */
  readonly normals?: boolean;
  /**
   * Distance between the pupils of the model's mean face, mm: sets the scale from model units to metres. Default 63.
   */
  readonly interocularMm?: number;
}

const FACE_MESH_OPTION_NAMES: OptionNames<FaceMesh3DOptions> = {
  material: true,
  mouth: true,
  morphTargets: true,
  normals: true,
  interocularMm: true,
};

/** Faces deform within the mean face's bounding sphere enlarged by this factor. */
const SPHERE_GROWTH = 1.6;

/**
 * A face in a three.js scene: the dense mesh with texture coordinates, in the head's own frame: metres, x to the
 * person's left, y up, z out of the face.
 *
 * `update` writes a face into it: shape and expression into the geometry's arrays, which are reused, and place and pose
 * into `matrix`, so that under a `PhotoCamera` it lies on the photo exactly where `reconstruct` puts it. Objects added
 * to it move with the head. It is hidden until the first `update`.
 */
export class FaceMesh3D extends Mesh<BufferGeometry, Material> {
  readonly isFaceMesh3D = true;
  override readonly type = 'FaceMesh3D';
  readonly #head: HeadSurface;
  readonly #triangles: Uint32Array;
  readonly #split: SplitMesh;
  readonly #hasMorphTargets: boolean;
  /** `[vertexCount x 3]`; undefined if there are none. */
  readonly #normals: Float32Array | undefined;
  readonly #surfaceMatrix = new Float32Array(16);
  readonly #unitsPerMetre: Vector3;
  /** Parameters of the face that is shown; their camera part is ignored. */
  readonly #params: Float32Array;
  #isShaped = false;

  /**
   * @param source - the aligner, in a worker or not, or anything else with a model and maps.
   * @throws WeightFormatError if the pack has no model or no triangles; TypeError or RangeError naming the invalid
   *   option.
   */
  constructor(source: SurfaceSource, options: FaceMesh3DOptions = {}) {
    checkOptionNames(options, FACE_MESH_OPTION_NAMES);
    const { mouth = 'closed', morphTargets = false, normals = true, interocularMm = DEFAULT_INTEROCULAR_MM } = options;
    if (mouth !== 'closed' && mouth !== 'open') {
      throw new TypeError(`mouth: expected 'closed' or 'open', got '${String(mouth)}'`);
    }
    const { material = new MeshNormalMaterial() } = options;
    const maps = requireFaceMaps(source);
    const head = new HeadSurface(source, interocularMm);
    const { triangles, uvs, uvTriangles } = mouth === 'closed' ? withClosedMouth(maps) : maps;
    const { vertexCount } = head.model;
    const split = splitAtSeams({ vertexCount, triangles, ...(uvTriangles && { uvTriangles }) });
    super(newGeometry(split, uvs, normals), material);
    this.#head = head;
    this.#triangles = triangles;
    this.#split = split;
    this.#hasMorphTargets = morphTargets;
    this.#normals = normals ? new Float32Array(3 * vertexCount) : undefined;
    this.#unitsPerMetre = new Vector3().setScalar(1 / head.metresPerUnit);
    this.#params = new Float32Array(head.face.params.length);
    if (material instanceof OccluderMaterial) this.renderOrder = OCCLUDER_RENDER_ORDER;
    this.matrixAutoUpdate = false;
    this.visible = false;
    this.#write(this.#params);
    if (morphTargets) this.#writeTargets();
    this.geometry.computeBoundingSphere();
    const { boundingSphere } = this.geometry;
    if (boundingSphere !== null) boundingSphere.radius *= SPHERE_GROWTH;
  }

  /**
   * Shows a face in its place on the photo.
   * @param face - as returned by an aligner or tracker; undefined hides the mesh.
   * @throws RangeError for parameters of another model; the mesh is then left unchanged.
   */
  update(face: AlignedFace | undefined): this {
    if (face === undefined) {
      this.visible = false;
      return this;
    }
    checkParamCount(face.params, this.#head.model);
    if (this.#hasMorphTargets) {
      if (!this.#isShaped) this.reshape(face);
      this.express(face);
    } else {
      this.#show(face.params);
    }
    this.matrix.fromArray(surfaceMatrix(face, this.#surfaceMatrix)).scale(this.#unitsPerMetre);
    this.matrixWorldNeedsUpdate = true;
    this.visible = true;
    return this;
  }

  /**
   * Gives the face that is shown the expression and gaze of another. Its own shape, place and pose stay.
   * @throws RangeError for parameters of another model.
   */
  express({ params }: Pick<AlignedFace, 'params'>): this {
    const { model } = this.#head;
    checkParamCount(params, model);
    if (this.#hasMorphTargets) {
      const weights = targetWeights(params, model);
      this.morphTargetInfluences ??= [];
      for (let i = 0; i < weights.length; i++) this.morphTargetInfluences[i] = weights[i];
      return this;
    }
    const start = CAMERA_PARAM_COUNT + model.shapeCount;
    for (let i = start; i < params.length; i++) this.#params[i] = params[i];
    this.#show(this.#params);
    return this;
  }

  /**
   * Gives it the shape of a face. Morph targets are rebuilt in a new geometry; without them, `update` sets the shape
   * for every face.
   * @throws RangeError for parameters of another model.
   */
  reshape({ params }: Pick<AlignedFace, 'params'>): this {
    checkParamCount(params, this.#head.model);
    this.#show(params);
    if (this.#hasMorphTargets) {
      // three.js uploads a geometry's morph targets once and does not check them again.
      const old = this.geometry;
      this.geometry = old.clone();
      old.dispose();
      this.#writeTargets();
    }
    this.#isShaped = true;
    return this;
  }

  /**
   * Position of a landmark in the head's frame, for placing things on the nose or the ears.
   * @param index - 0..67, in iBUG order.
   * @param target - written to and returned.
   * @throws RangeError for an index outside 0..67.
   */
  landmark(index: number, target: Vector3 = new Vector3()): Vector3 {
    if (!Number.isInteger(index) || index < 0 || index >= LANDMARK_COUNT) {
      throw new RangeError(`index: expected a landmark 0..${LANDMARK_COUNT - 1}, got ${index}`);
    }
    return target.fromArray(this.#head.landmarks, 3 * index).multiplyScalar(METRES_PER_VALUE);
  }

  /** Frees the geometry's GPU resources; the material and its textures remain the caller's. */
  override dispose(): void {
    // Objects in older versions of three.js have no `dispose`.
    super.dispose?.();
    this.geometry.dispose();
  }

  #show(params: Float32Array): void {
    if (params !== this.#params) this.#params.set(params);
    this.#write(this.#params);
  }

  /** Writes the vertices for these parameters into the geometry. */
  #write(params: Float32Array): void {
    this.#head.evaluate(params);
    const { vertices, zOffset } = this.#head;
    const { vertexOf } = this.#split;
    const { position, normal } = this.geometry.attributes;
    const places = position.array;
    for (let i = 0, to = 0; i < vertexOf.length; i++, to += 3) {
      const from = 3 * vertexOf[i];
      places[to] = vertices[from] * METRES_PER_VALUE;
      places[to + 1] = -vertices[from + 1] * METRES_PER_VALUE;
      places[to + 2] = (vertices[from + 2] + zOffset) * METRES_PER_VALUE;
    }
    position.needsUpdate = true;
    if (this.#normals === undefined) return;
    vertexNormals(vertices, this.#triangles, {}, this.#normals);
    const directions = normal.array;
    for (let i = 0, to = 0; i < vertexOf.length; i++, to += 3) {
      const from = 3 * vertexOf[i];
      directions[to] = this.#normals[from];
      directions[to + 1] = -this.#normals[from + 1];
      directions[to + 2] = this.#normals[from + 2];
    }
    normal.needsUpdate = true;
  }

  /** Removes the expression from the geometry and adds the morph targets. */
  #writeTargets(): void {
    const { face, model, vertices, zOffset } = this.#head;
    const upright = Float32Array.from(vertices, (value, i) => [value, -value, value + zOffset][i % 3]);
    const { neutralPositions, displacements, names } = expressionTargets(upright, face, model);
    const { position } = this.geometry.attributes;
    this.#gather(neutralPositions, position.array);
    position.needsUpdate = true;
    this.geometry.morphTargetsRelative = true;
    this.geometry.morphAttributes.position = displacements.map((displacement, column) => {
      const target = new BufferAttribute(new Float32Array(position.array.length), 3);
      this.#gather(displacement, target.array);
      target.name = names[column];
      return target;
    });
    this.updateMorphTargets();
  }

  /** Copies `[vertexCount x 3]` values in mm to the split vertices, in metres. */
  #gather(values: Float32Array, target: ArrayLike<number> & { [index: number]: number }): void {
    const { vertexOf } = this.#split;
    for (let i = 0; i < vertexOf.length; i++) {
      for (let axis = 0; axis < 3; axis++) target[3 * i + axis] = values[3 * vertexOf[i] + axis] * METRES_PER_VALUE;
    }
  }
}

function newGeometry({ indices, vertexOf, uvOf }: SplitMesh, uvs: Float32Array, hasNormals: boolean): BufferGeometry {
  const geometry = new BufferGeometry();
  const perVertex = (width: number): Float32Array => new Float32Array(vertexOf.length * width);
  geometry.setIndex(new BufferAttribute(indices, 1));
  geometry.setAttribute('position', new BufferAttribute(perVertex(3), 3).setUsage(DynamicDrawUsage));
  if (hasNormals) geometry.setAttribute('normal', new BufferAttribute(perVertex(3), 3).setUsage(DynamicDrawUsage));
  const uv = perVertex(2);
  for (let i = 0; i < uvOf.length; i++) {
    uv[2 * i] = uvs[2 * uvOf[i]];
    uv[2 * i + 1] = uvs[2 * uvOf[i] + 1];
  }
  geometry.setAttribute('uv', new BufferAttribute(uv, 2));
  geometry.boundingSphere = new Sphere();
  return geometry;
}
