/** Which parts of a face the camera sees. */

import type { FaceMaps, MorphableModel } from '../types.ts';
import { boundingBox } from './box.ts';
import { checkMapsArgument, checkModelArgument } from './check-surface-arguments.ts';
import { LANDMARK_COUNT } from './landmark-regions.ts';
import { vertexNormals } from './normals.ts';
import { checkVertices } from './picture.ts';
import { rasterize } from './rasterize.ts';

/**
 * Larger side, px, of the depth picture in which vertices are looked up, whatever the size of the face in its photo.
 */
const DEPTH_SIZE = 160;
/**
 * How far, in those px, a vertex may lie behind the surface that is seen in its pixel, in addition to what the slope
 * explains.
 */
const DEPTH_TOLERANCE = 1.5;
/** Cosines between normal and view at which a surface counts as turned away, and as seen full on. */
export const GRAZING = 0.2;
export const FULL = 0.5;

/**
 * How well each vertex is seen, considering the face alone: what it hides of itself counts, other things in the photo
 * and its borders do not.
 * @param vertices - `[n x 3]`, image px.
 * @param maps - the mesh's triangles.
 * @returns `[n]`: 0 for vertices behind others or turned away, 1 for those seen at less than 60 degrees from their
 *   normal, falling to 0 at 78 degrees.
 * @throws RangeError for coordinates that are not finite or do not fit the triangles.
 */
export function vertexVisibility(vertices: Float32Array, maps: Pick<FaceMaps, 'triangles'>): Float32Array {
  const { facing, depths, isSeen } = lookAt(vertices, maps);
  const visibility = new Float32Array(facing.length);
  for (let i = 0; i < facing.length; i++) {
    const cosine = facing[i];
    if (cosine <= GRAZING) continue;
    const share = isSeen(vertices[i * 3], vertices[i * 3 + 1], depths[i], cosine);
    visibility[i] = share * easeInOut(cosine, GRAZING, FULL);
  }
  return visibility;
}

/** 0 up to `low`, 1 from `high` on, and smoothly between. */
export function easeInOut(value: number, low: number, high: number): number {
  if (value <= low) return 0;
  if (value >= high) return 1;
  const share = (value - low) / (high - low);
  return share * share * (3 - 2 * share);
}

/** What the camera sees of a face. */
export interface FaceView {
  /** `[n]`: cosine between each vertex's normal and the view, whether it lies behind others or not. */
  readonly facing: Float32Array;
  /** `[n]`: depth of each vertex, as `isSeen` takes it. */
  readonly depths: Float32Array;
  /**
   * Whether a place on the face's surface lies in front of all others.
   * @param x - image px.
   * @param y - image px.
   * @param depth - from `depths`.
   * @param cosine - between its normal and the view.
   * @returns 1 in front, 0 behind.
   */
  isSeen(x: number, y: number, depth: number, cosine: number): number;
  /**
   * How far a place on the photo lies within the face's outline.
   * @param x - image px.
   * @param y - image px.
   * @returns px of a picture in which the face's larger side has 160; 0 outside.
   */
  insideOutline(x: number, y: number): number;
}

/**
 * Looks at a face from the camera.
 * @param vertices - `[n x 3]`, image px.
 * @throws RangeError for coordinates that are not finite or do not fit the triangles.
 */
export function lookAt(vertices: Float32Array, maps: Pick<FaceMaps, 'triangles'>): FaceView {
  checkVertices(vertices, 'vertices');
  checkMapsArgument(maps);
  const { triangles } = maps;
  const count = vertices.length / 3;
  const facing = new Float32Array(count);
  const depths = new Float32Array(count);
  const { xMin, yMin, xMax, yMax } = boundingBox(vertices);
  const extent = Math.max(xMax - xMin, yMax - yMin);
  if (!(extent > 0)) return { facing, depths, isSeen: () => 0, insideOutline: () => 0 };
  const scale = (DEPTH_SIZE - 1) / extent;
  const scaled = new Float32Array(vertices.length);
  // Scale does not turn normals.
  const normals = vertexNormals(vertices, triangles);
  for (let i = 0, j = 0; i < count; i++, j += 3) {
    scaled[j] = (vertices[j] - xMin) * scale;
    scaled[j + 1] = (vertices[j + 1] - yMin) * scale;
    const depth = vertices[j + 2] * scale;
    scaled[j + 2] = depth;
    depths[i] = depth;
    facing[i] = normals[j + 2];
  }
  const raster = rasterize([scaled], triangles, DEPTH_SIZE, DEPTH_SIZE);
  const { width, height, fragments } = raster;
  // Where there is no face, nothing lies in front.
  const surface = raster.depth.map((depth, pixel) => (fragments[pixel] === 0 ? Number.POSITIVE_INFINITY : depth));
  const lastColumn = width - 1;
  const lastRow = height - 1;
  const left = -raster.xMin - xMin * scale;
  const top = -raster.yMin - yMin * scale;
  const columnOf = (x: number): number => Math.min(lastColumn, Math.max(0, Math.floor(x * scale + left)));
  const rowOf = (y: number): number => Math.min(lastRow, Math.max(0, Math.floor(y * scale + top)));
  /** Made on first use. */
  let toOutline: Float32Array | undefined;
  return {
    facing,
    depths,
    insideOutline(x, y) {
      toOutline ??= distanceToOutline(fragments, width, height);
      return toOutline[rowOf(y) * width + columnOf(x)];
    },
    isSeen(x, y, depth, cosine) {
      // The four pixels around the place: beside an edge, the surface further back is seen as well as the nearer one.
      const column = columnOf(x);
      const row = rowOf(y);
      const pixel = row * width + column;
      const across = column < lastColumn ? 1 : 0;
      const down = row < lastRow ? width : 0;
      const farthest = Math.min(
        surface[pixel],
        surface[pixel + across],
        surface[pixel + down],
        surface[pixel + down + across],
      );
      // The pixel's centre is up to a px away in x and in y, and the surface may rise by its slope on the way.
      const rise = Math.sqrt(0.5 * Math.max(0, 1 - cosine * cosine)) / cosine;
      return farthest - depth > rise + DEPTH_TOLERANCE && farthest < Number.POSITIVE_INFINITY ? 0 : 1;
    },
  };
}

/**
 * For each pixel, the distance in pixels to the outside of the face, along rows and columns; beyond the picture there
 * is no face. Holes in the mesh, such as the mouth, count as inside.
 */
function distanceToOutline(fragments: ArrayLike<number>, width: number, height: number): Float32Array {
  const distances = new Float32Array(width * height).fill(Number.POSITIVE_INFINITY);
  const isOutside = (column: number, row: number): boolean =>
    column < 0 || row < 0 || column >= width || row >= height || distances[row * width + column] === 0;
  // Empty pixels beside the outside are outside too: from all sides inwards, until nothing is added.
  for (let isGrowing = true; isGrowing; ) {
    isGrowing = false;
    for (let k = 0; k < 2 * distances.length; k++) {
      const pixel = k < distances.length ? k : 2 * distances.length - 1 - k;
      if (fragments[pixel] !== 0 || distances[pixel] === 0) continue;
      const [column, row] = [pixel % width, Math.floor(pixel / width)];
      const isBeside =
        isOutside(column - 1, row) ||
        isOutside(column + 1, row) ||
        isOutside(column, row - 1) ||
        isOutside(column, row + 1);
      if (!isBeside) continue;
      distances[pixel] = 0;
      isGrowing = true;
    }
  }
  for (const step of [1, -1]) {
    for (let k = 0; k < distances.length; k++) {
      const pixel = step > 0 ? k : distances.length - 1 - k;
      const column = pixel % width;
      const beside = column - step < 0 || column - step >= width ? 0 : distances[pixel - step];
      const above = distances[pixel - step * width] ?? 0;
      distances[pixel] = Math.min(distances[pixel], beside + 1, above + 1);
    }
  }
  return distances;
}

/**
 * How well each of the 68 landmarks is seen, judged by its vertex.
 * @param visibility - `[n]`, from `vertexVisibility`.
 * @param model - its `keypointIndices` list the vertices that are landmarks.
 * @returns `[68]`, 0..1.
 * @throws RangeError if a landmark is not among the vertices.
 */
export function landmarkVisibility(
  visibility: Float32Array,
  model: Pick<MorphableModel, 'keypointIndices'>,
): Float32Array {
  checkModelArgument(model);
  const { keypointIndices } = model;
  return Float32Array.from({ length: LANDMARK_COUNT }, (_, i) => {
    const value = visibility[Math.floor(keypointIndices[i * 3] / 3)];
    if (value === undefined) {
      throw new RangeError(`visibility: expected a value for landmark ${i}'s vertex, got ${visibility.length} values`);
    }
    return value;
  });
}
