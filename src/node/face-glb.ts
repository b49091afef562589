import { faceGlbOf } from '../geometry/face-glb.ts';
import type { FaceMeshOptions } from '../geometry/face-mesh.ts';
import type { SurfaceSource } from '../geometry/face-surface.ts';
import { encodeOpaquePng } from '../image-files/write-image.ts';
import type { AlignedFace, RgbaImage } from '../types.ts';

/**
 * Makes a GLB file of a face, or of several beside each other: the mesh in metres with the photo's skin and the expression as morph
 * targets.
 * @param image - the photo.
 * @param face - as it was aligned on the photo.
 * @param source - the aligner, or anything else with a model and maps.
 * @param options - as those of `faceMesh`; with several faces those of `faceMeshes`.
 * @returns the file's bytes.
 * @throws WeightFormatError where the pack has no morphable model or no triangles; RangeError for no face at all; RangeError or
 *   TypeError for an option that makes no sense.
 */
export function faceGlb(
  image: RgbaImage,
  face: AlignedFace | readonly AlignedFace[],
  source: SurfaceSource,
  options: FaceMeshOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return faceGlbOf(image, face, source, options, encodeOpaquePng);
}
