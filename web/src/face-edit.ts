/** Faces for the 3D view and for files, with the sliders where they are. */
import { type FaceMesh, faceMesh, frontalFace, splitParams, withClosedMouth } from '../../src/geometry.ts';
import type { AlignedFace, FaceAligner, FaceMaps, RgbaImage } from '../../src/index.ts';
import { SHAPE_SLIDERS } from './coefficients.ts';
import type { FaceEdit, FaceSurface, ViewedFace } from './studio-protocol.ts';

const CAMERA_PARAM_COUNT = 12;

/** A face of the photo, and what the sliders make of it. */
export interface EditedFace {
  readonly photo: RgbaImage;
  readonly face: AlignedFace;
  readonly edit: FaceEdit;
}

/** What the sliders show of a face as it was found: expressions, and gaze after them where the model has it. */
export function coefficientsIn(
  { params }: AlignedFace,
  { morphableModel }: FaceAligner,
): { readonly expression: readonly number[]; readonly shape: readonly number[] } {
  if (morphableModel === undefined) return { expression: [], shape: [] };
  const { expression, gaze, shape } = splitParams(params, morphableModel);
  return { expression: [...expression, ...gaze], shape: [...shape.subarray(0, SHAPE_SLIDERS)] };
}

/** The edited face as a mesh in millimetres; its colours are the photo's. */
export function meshOf(
  { photo, face, edit }: EditedFace,
  aligner: FaceAligner,
  options: { readonly texture?: false; readonly expression?: boolean } = {},
): FaceMesh {
  return faceMesh(photo, face, aligner, { ...options, edited: applyEdit(face, edit, aligner) });
}

/** Positions and normals for the 3D view. */
export function surfaceOf(edited: EditedFace, aligner: FaceAligner): FaceSurface {
  return surfaceFrom(meshOf(edited, aligner, { texture: false, expression: false }), aligner);
}

/** All that the 3D view shows of a face. */
export async function viewedFaceOf(edited: EditedFace, aligner: FaceAligner): Promise<ViewedFace> {
  const made = meshOf(edited, aligner, { expression: false });
  const { uvs, triangles } = cornersOf(aligner.faceMaps);
  if (made.texture === undefined) throw new TypeError('a mesh made with a texture has one');
  const { data, width, height } = made.texture;
  const texture = await createImageBitmap(new ImageData(data, width, height));
  return { ...surfaceFrom(made, aligner), uvs: uvs.slice(), triangles: triangles.slice(), texture };
}

function surfaceFrom({ mesh: { positions, normals } }: FaceMesh, { faceMaps }: FaceAligner): FaceSurface {
  const { vertexOf } = cornersOf(faceMaps);
  return { positions: gather(positions, vertexOf), normals: gather(normals ?? [], vertexOf) };
}

/** The face with the coefficients and the pose of an edit. */
function applyEdit(
  face: AlignedFace,
  { expression, shape, frontal }: FaceEdit,
  { morphableModel }: FaceAligner,
): AlignedFace {
  if (morphableModel === undefined) return face;
  const params = face.params.slice();
  params.set(shape, CAMERA_PARAM_COUNT);
  params.set(expression, CAMERA_PARAM_COUNT + morphableModel.shapeCount);
  const edited = { roiBox: face.roiBox, params };
  return frontal ? frontalFace(edited, morphableModel) : edited;
}

/** Vertices for a graphics card, which has one index for positions and texture coordinates alike. */
interface Corners {
  /** Vertex of the model, for each of the card's. */
  readonly vertexOf: Uint32Array;
  readonly uvs: Float32Array;
  readonly triangles: Uint32Array;
}

const cornersByMaps = new WeakMap<FaceMaps, Corners>();

function cornersOf(maps: FaceMaps | undefined): Corners {
  if (maps === undefined) throw new Error('This pack has no triangles, so there is no mesh.');
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

function gather(points: ArrayLike<number>, vertexOf: Uint32Array): Float32Array {
  const gathered = new Float32Array(vertexOf.length * 3);
  for (let i = 0; i < vertexOf.length; i++) {
    const from = vertexOf[i] * 3;
    gathered[i * 3] = points[from];
    gathered[i * 3 + 1] = points[from + 1];
    gathered[i * 3 + 2] = points[from + 2];
  }
  return gathered;
}
