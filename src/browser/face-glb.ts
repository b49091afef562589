import type { FaceMeshOptions } from '../geometry/face-mesh.ts';
import type { SurfaceSource } from '../geometry/face-surface.ts';
import type { AlignedFace, RgbaImage } from '../types.ts';

/**
 * Makes a GLB file of a face, or of several side by side, as `faceGlb` of `tddfa/node` does: the mesh in metres with
 * the photo's skin and the expression as morph targets. For a download:
 * `new Blob([bytes], { type: 'model/gltf-binary' })`.
 *
 * The code that makes meshes is loaded on the first call.
 * @param image - the photo, with its pixels: an aligner in a worker leaves them there with `keepPixels: true`.
 * @param face - as aligned on the photo.
 * @param source - the aligner, or anything else with a model and maps.
 * @param options - those of `faceMesh`; with several faces, those of `faceMeshes`.
 * @returns the file's bytes.
 * @throws WeightFormatError if the pack has no morphable model or no triangles; RangeError for no faces at all, or
 *   pixels that have moved; RangeError or TypeError for an invalid option.
 */
export async function faceGlb(
  image: RgbaImage,
  face: AlignedFace | readonly AlignedFace[],
  source: SurfaceSource,
  options: FaceMeshOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return (await import('./make-face-glb.ts')).makeFaceGlb(image, face, source, options);
}
