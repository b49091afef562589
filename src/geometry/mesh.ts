/** A mesh in the form that files need, and ways to make one from a face. */
import type { FaceMaps, RgbaImage } from '../types.ts';
import { checkMeshArgument } from './check-surface-arguments.ts';
import { LANDMARK_REGIONS } from './landmark-regions.ts';
import { mouthPatch } from './mesh-holes.ts';
import { checkImage, checkIndices, checkVertices } from './picture.ts';

/** A triangle mesh in a right-handed frame with y up: what PLY, OBJ and glTF files hold. */
export interface Mesh {
  /** `[n x 3]`. Float64 where coordinates must survive to the last digit of a text file. */
  readonly positions: Float32Array | Float64Array;
  /** `[m x 3]` vertex indices, counter-clockwise from outside. */
  readonly triangles: Uint32Array;
  /** `[n x 3]` red, green, blue, 0..255. */
  readonly colours?: Uint8Array;
  /** `[n x 3]`, unit. */
  readonly normals?: Float32Array;
  /** `[k x 2]`, 0..1, v upwards: one per vertex unless `uvTriangles` is present. */
  readonly uvs?: Float32Array;
  /** `[m x 3]` rows of `uvs`, one per triangle corner. */
  readonly uvTriangles?: Uint32Array;
}

/**
 * Checks that a mesh's arrays fit together.
 * @throws RangeError if they do not, or if a coordinate is not finite; TypeError for anything other than a mesh.
 */
export function checkMesh(mesh: Mesh, name = 'mesh'): void {
  checkMeshArgument(mesh, name);
  const { positions, triangles, colours, normals, uvs, uvTriangles } = mesh;
  checkVertices(positions, `${name}.positions`);
  const count = positions.length / 3;
  checkIndices(triangles, count, `${name}.triangles`);
  if (colours !== undefined && colours.length !== count * 3) {
    throw new RangeError(`${name}.colours: expected ${count} x 3 bytes, got ${colours.length}`);
  }
  if (normals !== undefined) checkVertices(normals, `${name}.normals`, count);
  if (uvTriangles !== undefined) {
    if (uvTriangles.length !== triangles.length) {
      throw new RangeError(`${name}.uvTriangles: expected ${triangles.length} indices, got ${uvTriangles.length}`);
    }
    checkIndices(uvTriangles, uvs === undefined ? 0 : uvs.length / 2, `${name}.uvTriangles`);
  } else if (uvs !== undefined && uvs.length !== count * 2) {
    throw new RangeError(`${name}.uvs: expected ${count} x 2 coordinates, got ${uvs.length}`);
  }
}

/**
 * Colours of vertices: the nearest pixel to each; outside the image, the nearest on its border.
 * @param vertices - `[n x 3]`, image px.
 * @returns `[n x 3]` red, green, blue.
 * @see utils/functions.py `get_colors` (3DDFA_V2 1b6c676), which also moves the caller's vertices into the image
 */
export function vertexColours(image: RgbaImage, vertices: Float32Array): Uint8Array {
  checkImage(image);
  checkVertices(vertices, 'vertices');
  const { data, width, height } = image;
  const colours = new Uint8Array(vertices.length);
  for (let i = 0; i < vertices.length; i += 3) {
    const x = roundHalfToEven(Math.min(Math.max(vertices[i], 0), width - 1));
    const y = roundHalfToEven(Math.min(Math.max(vertices[i + 1], 0), height - 1));
    const pixel = (y * width + x) * 4;
    colours[i] = data[pixel];
    colours[i + 1] = data[pixel + 1];
    colours[i + 2] = data[pixel + 2];
  }
  return colours;
}

/** Rounds as numpy does. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/**
 * Vertices in the frame of their photo with y turned up: the photo's bottom left corner is the origin, the unit is one
 * px.
 * @param vertices - `[n x 3]`, image px, y down.
 * @param imageHeight - px.
 */
export function toPhotoFrame(vertices: Float32Array, imageHeight: number): Float64Array {
  const positions = Float64Array.from(vertices);
  for (let i = 1; i < positions.length; i += 3) positions[i] = imageHeight - positions[i];
  return positions;
}

/** How vertices are brought into a metric frame: `position = (vertex - origin) * scale` with y turned up. */
export interface MetricPlacement {
  /** `[3]`, image px, y down: what becomes 0, 0, 0. */
  readonly origin: readonly [x: number, y: number, z: number];
  /** Millimetres per px. */
  readonly scale: number;
}

/** Distance between an adult's pupils: the mean of men and women in the ANSUR II survey is close to 63 mm. */
export const DEFAULT_INTEROCULAR_MM = 63;

/** glTF uses metres. */
export const METRES_PER_MM = 0.001;

/**
 * Metric frames for the faces in one photo: y up, in millimetres derived from the distance between the pupils, which
 * supplies the scale that a single photo lacks. A single face has the centre of its bounds at the origin; several stand
 * side by side as in the photo.
 * @param faces - per face its dense vertices `[n x 3]` and its landmarks `[68 x 3]`, image px.
 * @param interocularMm - distance between the pupils; the same for all.
 * @throws RangeError for landmarks whose eyes coincide, or a distance that is not positive.
 */
export function metricPlacements(
  faces: readonly { readonly vertices: Float32Array; readonly landmarks: Float32Array }[],
  interocularMm = DEFAULT_INTEROCULAR_MM,
): MetricPlacement[] {
  if (!(interocularMm > 0 && interocularMm < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`interocularMm: expected a positive length, got ${interocularMm}`);
  }
  const centres = faces.map(({ vertices }) => centreOfBounds(vertices));
  const scales = faces.map(({ landmarks }, index) => {
    const distance = pupilDistance(landmarks);
    if (!(distance > 0))
      throw new RangeError(`faces[${index}].landmarks: expected eyes apart, got a distance of ${distance}`);
    return interocularMm / distance;
  });
  const meanScale = scales.reduce((sum, scale) => sum + scale / scales.length, 0);
  const middle = [0, 1, 2].map((axis) => centres.reduce((sum, centre) => sum + centre[axis] / centres.length, 0));
  return centres.map((centre, index) => {
    const scale = scales[index];
    // The face's centre goes to (centre - middle) * meanScale: own size, shared placement.
    const [x, y, z] = centre.map((value, axis) => value - ((value - middle[axis]) * meanScale) / scale);
    return { origin: [x, y, z], scale };
  });
}

/** Vertices in a metric frame, millimetres, y up. */
export function toMetricFrame(vertices: Float32Array, { origin, scale }: MetricPlacement): Float64Array {
  const positions = new Float64Array(vertices.length);
  for (let i = 0; i < vertices.length; i += 3) {
    positions[i] = (vertices[i] - origin[0]) * scale;
    positions[i + 1] = (origin[1] - vertices[i + 1]) * scale;
    positions[i + 2] = (vertices[i + 2] - origin[2]) * scale;
  }
  return positions;
}

/** Distance between the centres of the eyes' outlines, in the landmarks' unit. */
export function pupilDistance(landmarks: Float32Array): number {
  const centre = (indices: readonly number[]): number[] =>
    [0, 1, 2].map((axis) => indices.reduce((sum, index) => sum + landmarks[index * 3 + axis] / indices.length, 0));
  const right = centre(LANDMARK_REGIONS.rightEye);
  const left = centre(LANDMARK_REGIONS.leftEye);
  return Math.hypot(...right.map((value, axis) => value - left[axis]));
}

function centreOfBounds(vertices: Float32Array): number[] {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < vertices.length; i++) {
    const value = vertices[i];
    const axis = i % 3;
    if (value < low[axis]) low[axis] = value;
    if (value > high[axis]) high[axis] = value;
  }
  return low.map((value, axis) => (value + high[axis]) / 2);
}

/** Maps whose mesh has its mouth closed by skin across the lips, for textures that show what is between them. */
export function withClosedMouth(maps: FaceMaps): FaceMaps {
  return mouthPatch(maps).closed;
}
