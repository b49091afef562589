/** The visible outline of a face's sides and jaw, instead of the jaw's fixed points. */
import type { AlignedFace, MorphableModel } from '../types.ts';

/** Landmarks of the sides and the jaw: the first of the 68. */
const JAW_COUNT = 17;

/**
 * For each landmark of the jaw, the vertex that lies farthest out on the picture among the strip of skin that runs from
 * the landmark inwards. Seen from the front these are mostly the landmarks themselves; on a face that turns away, the
 * far cheek's edge, as annotators of photographs mark it.
 * @param vertices - `[vertexCount x 3]`, dense, px of the crop, y up.
 * @returns `[17]` vertices; undefined if the model has no strips.
 * @see Zhu et al., High-Fidelity Pose and Expression Normalization, CVPR 2015, "landmark marching"
 */
export function contourVertices(
  vertices: Float32Array,
  { params }: Pick<AlignedFace, 'params'>,
  { contour }: MorphableModel,
): Uint32Array | undefined {
  if (contour === undefined) return undefined;
  const { vertices: strips, outward } = contour;
  const width = strips.length / JAW_COUNT;
  return Uint32Array.from({ length: JAW_COUNT }, (_, i) => {
    const [nx, ny] = [outward[2 * i], outward[2 * i + 1]];
    // Outwards on the picture: the direction as the camera sees it.
    const dx = params[0] * nx + params[1] * ny;
    const dy = params[4] * nx + params[5] * ny;
    let best = strips[i * width];
    let farthest = Number.NEGATIVE_INFINITY;
    for (let k = i * width; k < (i + 1) * width; k++) {
      const vertex = strips[k];
      const reach = vertices[3 * vertex] * dx + vertices[3 * vertex + 1] * dy;
      if (reach > farthest) [farthest, best] = [reach, vertex];
    }
    return best;
  });
}
