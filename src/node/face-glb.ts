import { faceGlbOf } from '../geometry/face-glb.ts';
import type { FaceMeshOptions } from '../geometry/face-mesh.ts';
import type { SurfaceSource } from '../geometry/face-surface.ts';
import { encodeOpaquePng } from '../image-files/write-image.ts';
import type { AlignedFace, RgbaImage } from '../types.ts';

/**
 * Creates a GLB file of one face, or of several side by side: the mesh in metres, textured from the photo, with
 * expressions as morph targets.
 * @param image - the photo.
 * @param face - one or more faces aligned on the photo.
 * @param source - the aligner, or anything else with a model and maps.
 * @param options - those of `faceMesh`; with several faces those of `faceMeshes`.
 * @returns the file's bytes.
 * @throws WeightFormatError if the pack has no morphable model or no triangles; RangeError if there are no faces;
 *   RangeError or TypeError for an invalid option.
 */
export function faceGlb(
  image: RgbaImage,
  face: AlignedFace | readonly AlignedFace[],
  source: SurfaceSource,
  options: FaceMeshOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return faceGlbOf(image, face, source, options, encodeOpaquePng);
}
