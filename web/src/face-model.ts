import {
  extractUvTexture,
  frontalFace,
  metricPlacements,
  splitParams,
  toMetricFrame,
  vertexNormals,
  withClosedMouth,
} from '../../src/geometry.ts';
import type { AlignedFace, FaceAligner, FaceBox, FaceMaps, RgbaImage, TrackedFace } from '../../src/index.ts';
import { SHAPE_SLIDERS } from './coefficients.ts';
import type { FaceEdit, FaceMesh, FaceSurface } from './studio-protocol.ts';

const TEXTURE_SIZE = 512;
const CAMERA_PARAM_COUNT = 12;

/** A face of the present picture; what is asked for first is computed first. */
export class FaceModel {
  readonly aligned: AlignedFace;
  readonly box: FaceBox | undefined;
  readonly id: number | undefined;
  readonly #aligner: FaceAligner;
  #landmarks: Float32Array | undefined;
  #vertices: Float32Array | undefined;

  constructor(aligner: FaceAligner, aligned: AlignedFace | TrackedFace, box?: FaceBox) {
    this.#aligner = aligner;
    this.aligned = aligned;
    this.box = box;
    this.id = 'id' in aligned ? aligned.id : undefined;
    this.#landmarks = 'landmarks' in aligned ? aligned.landmarks : undefined;
  }

  get hasModel(): boolean {
    return this.#aligner.morphableModel !== undefined;
  }

  /** `[68 x 3]`, px of the image. */
  get landmarks(): Float32Array {
    this.#landmarks ??= this.#aligner.reconstruct(this.aligned);
    return this.#landmarks;
  }

  /** `[n x 3]`, px of the image. */
  get vertices(): Float32Array {
    this.#vertices ??= this.#aligner.reconstruct(this.aligned, { dense: true });
    return this.#vertices;
  }

  get maps(): FaceMaps {
    const { faceMaps } = this.#aligner;
    if (faceMaps === undefined) throw new Error('This pack has no triangles, so there is no mesh.');
    return faceMaps;
  }

  get model() {
    const { morphableModel } = this.#aligner;
    if (morphableModel === undefined) throw new Error('This pack has no morphable model, so there is no mesh.');
    return morphableModel;
  }

  /** What the sliders show. */
  coefficients(): { readonly expression: readonly number[]; readonly shape: readonly number[] } {
    const { morphableModel } = this.#aligner;
    if (morphableModel === undefined) return { expression: [], shape: [] };
    const { expression, shape } = splitParams(this.aligned.params, morphableModel);
    return { expression: [...expression], shape: [...shape.subarray(0, SHAPE_SLIDERS)] };
  }

  /** The face with the coefficients and the pose of an edit. */
  edited({ expression, shape, frontal }: FaceEdit): AlignedFace {
    const params = this.aligned.params.slice();
    params.set(shape, CAMERA_PARAM_COUNT);
    params.set(expression, CAMERA_PARAM_COUNT + this.model.shapeCount);
    const face = { roiBox: this.aligned.roiBox, params };
    return frontal ? frontalFace(face, this.model) : face;
  }

  /** Vertices of an edited face in millimetres, y up, around the middle of the face as it is on the photo. */
  metric(edit: FaceEdit): { readonly positions: Float64Array; readonly scale: number } {
    const vertices = this.#aligner.reconstruct(this.edited(edit), { dense: true });
    const [placement] = metricPlacements([{ vertices: this.vertices, landmarks: this.landmarks }]);
    if (placement === undefined) throw new RangeError('one face has one placement');
    const [middle] = metricPlacements([{ vertices, landmarks: this.landmarks }]);
    const origin = middle?.origin ?? placement.origin;
    return { positions: toMetricFrame(vertices, { origin, scale: placement.scale }), scale: placement.scale };
  }

  surface(edit: FaceEdit): FaceSurface {
    const positions = Float32Array.from(this.metric(edit).positions);
    const { triangles } = this.maps;
    const normals = vertexNormals(positions, triangles, { yAxis: 'up' });
    const corners = cornersOf(this.maps);
    return { positions: gather(positions, corners.vertexOf), normals: gather(normals, corners.vertexOf) };
  }

  async mesh(photo: RgbaImage, edit: FaceEdit): Promise<FaceMesh> {
    const { uvs, triangles } = cornersOf(this.maps);
    const { data, width, height } = this.texture(photo);
    const texture = await createImageBitmap(new ImageData(data, width, height));
    return { ...this.surface(edit), uvs: uvs.slice(), triangles: triangles.slice(), texture };
  }

  /** The skin of the photo, with what it does not show taken from the other side. */
  texture(photo: RgbaImage) {
    return extractUvTexture(photo, this.vertices, this.maps, { size: TEXTURE_SIZE, hidden: 'mirror', fill: true });
  }
}

export type FoundFace = FaceModel;

/** Vertices for a graphics card, which has one index for positions and texture coordinates alike. */
interface Corners {
  /** Vertex of the model, for each of the card's. */
  readonly vertexOf: Uint32Array;
  readonly uvs: Float32Array;
  readonly triangles: Uint32Array;
}

const cornersByMaps = new WeakMap<FaceMaps, Corners>();

function cornersOf(maps: FaceMaps): Corners {
  const known = cornersByMaps.get(maps) ?? makeCorners(withClosedMouth(maps));
  cornersByMaps.set(maps, known);
  return known;
}

function makeCorners({ triangles, uvs, uvTriangles = triangles, nccCodes }: FaceMaps): Corners {
  const vertexCount = nccCodes.length / 3;
  if (uvTriangles === triangles) {
    return { vertexOf: Uint32Array.from({ length: vertexCount }, (_, i) => i), uvs, triangles };
  }
  const indices = new Map<number, number>();
  const vertexOf: number[] = [];
  const uvOf: number[] = [];
  const uvCount = uvs.length / 2;
  const indexed = triangles.map((vertex, corner) => {
    const uv = uvTriangles[corner];
    const key = vertex * uvCount + uv;
    const known = indices.get(key);
    if (known !== undefined) return known;
    indices.set(key, vertexOf.length);
    uvOf.push(uv);
    return vertexOf.push(vertex) - 1;
  });
  const cornerUvs = Float32Array.from({ length: uvOf.length * 2 }, (_, i) => uvs[uvOf[i >> 1] * 2 + (i & 1)]);
  return { vertexOf: Uint32Array.from(vertexOf), uvs: cornerUvs, triangles: indexed };
}

function gather(points: Float32Array, vertexOf: Uint32Array): Float32Array {
  const gathered = new Float32Array(vertexOf.length * 3);
  for (let i = 0; i < vertexOf.length; i++) {
    const from = vertexOf[i] * 3;
    gathered[i * 3] = points[from];
    gathered[i * 3 + 1] = points[from + 1];
    gathered[i * 3 + 2] = points[from + 2];
  }
  return gathered;
}
