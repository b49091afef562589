/** Which parts of a face the camera sees. */

import type { FaceMaps, MorphableModel } from '../types.ts';
import { boundingBox } from './box.ts';
import { LANDMARK_COUNT } from './landmark-regions.ts';
import { vertexNormals } from './normals.ts';
import { checkVertices } from './picture.ts';
import { rasterize } from './rasterize.ts';

/** Larger side, px, of the depth picture in which vertices are looked up; whatever the size of the face in its photo. */
const DEPTH_SIZE = 160;
/** How far, in those px, a vertex may lie behind the surface that is seen in its pixel, beside what the slope explains. */
const DEPTH_TOLERANCE = 1.5;
/** Cosines between normal and view at which a surface counts as turned away, and as seen full on. */
export const GRAZING = 0.2;
export const FULL = 0.5;

/**
 * How well each vertex is seen, the face alone: what it hides of itself counts, other things in the photo and its borders do
 * not.
 * @param vertices - `[n x 3]`, image px.
 * @param maps - the mesh's triangles.
 * @returns `[n]`: 0 for vertices behind others or turned away, 1 for those seen at less than 60 degrees from their normal,
 *   falling to 0 at 78 degrees.
 * @throws RangeError for coordinates that are not finite or do not fit the triangles.
 */
export function vertexVisibility(vertices: Float32Array, maps: Pick<FaceMaps, 'triangles'>): Float32Array {
  return easeInOut(visibleFacing(vertices, maps), GRAZING, FULL);
}

/** Values as 0 up to `low`, 1 from `high` on, and smoothly between. */
export function easeInOut(values: Float32Array, low: number, high: number): Float32Array {
  const eased = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value <= low) continue;
    const share = Math.min(1, (value - low) / (high - low));
    eased[i] = share * share * (3 - 2 * share);
  }
  return eased;
}

/**
 * How much each vertex is turned to the camera.
 * @returns `[n]`: cosine between normal and view; 0 for vertices behind others, or so far turned away that nothing is seen of them.
 * @throws RangeError for coordinates that are not finite or do not fit the triangles.
 */
export function visibleFacing(vertices: Float32Array, maps: Pick<FaceMaps, 'triangles'>): Float32Array {
  checkVertices(vertices, 'vertices');
  const { triangles } = maps;
  const count = vertices.length / 3;
  const visible = new Float32Array(count);
  const { xMin, yMin, xMax, yMax } = boundingBox(vertices);
  const extent = Math.max(xMax - xMin, yMax - yMin);
  if (!(extent > 0)) return visible;
  const scale = (DEPTH_SIZE - 1) / extent;
  const scaled = new Float32Array(vertices.length);
  for (let i = 0; i < vertices.length; i += 3) {
    scaled[i] = ((vertices[i] as number) - xMin) * scale;
    scaled[i + 1] = ((vertices[i + 1] as number) - yMin) * scale;
    scaled[i + 2] = (vertices[i + 2] as number) * scale;
  }
  const raster = rasterize([scaled], triangles, DEPTH_SIZE, DEPTH_SIZE);
  // Scale does not turn normals.
  const normals = vertexNormals(vertices, triangles);
  for (let i = 0, j = 0; i < count; i++, j += 3) {
    const facing = normals[j + 2] as number;
    if (facing <= GRAZING) continue;
    const column = (((scaled[j] as number) + 0.5) | 0) - raster.xMin;
    const row = (((scaled[j + 1] as number) + 0.5) | 0) - raster.yMin;
    const pixel = row * raster.width + column;
    if (column < raster.width && row < raster.height && raster.fragments[pixel] !== 0) {
      // The pixel's centre is up to half a px away in x and in y, and the surface may rise by its slope on the way.
      const rise = (0.5 * (Math.abs(normals[j] as number) + Math.abs(normals[j + 1] as number))) / facing;
      if ((raster.depth[pixel] as number) - (scaled[j + 2] as number) > rise + DEPTH_TOLERANCE) continue;
    }
    visible[i] = facing;
  }
  return visible;
}

/**
 * How well each of the 68 landmarks is seen, by the vertices that they are.
 * @param visibility - `[n]`, from `vertexVisibility`.
 * @param model - of which `keypointIndices` says which vertices are landmarks.
 * @returns `[68]`, 0..1.
 * @throws RangeError where a landmark is not among the vertices.
 */
export function landmarkVisibility(
  visibility: Float32Array,
  { keypointIndices }: Pick<MorphableModel, 'keypointIndices'>,
): Float32Array {
  return Float32Array.from({ length: LANDMARK_COUNT }, (_, i) => {
    const value = visibility[Math.floor((keypointIndices[i * 3] as number) / 3)];
    if (value === undefined) {
      throw new RangeError(`visibility: expected a value for landmark ${i}'s vertex, got ${visibility.length} values`);
    }
    return value;
  });
}
