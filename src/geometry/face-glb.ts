import type { AlignedFace, RgbaImage } from '../types.ts';
import { type FaceMeshesOptions, type FaceMeshOptions, faceMesh, faceMeshes } from './face-mesh.ts';
import type { SurfaceSource } from './face-surface.ts';
import { writeGlb } from './glb.ts';
import { METRES_PER_MM } from './mesh.ts';
import type { UvTexture } from './picture.ts';

/**
 * A face, or several side by side, as a GLB file: {@link faceMesh} and `writeGlb` in one.
 * @param encodeTexture - makes a PNG or JPEG file of the skin.
 * @returns the file's bytes; in metres, or in px of the photo with `frame: 'photo'`.
 * @throws as both of these do.
 */
export async function faceGlbOf(
  image: RgbaImage,
  face: AlignedFace | readonly AlignedFace[],
  source: SurfaceSource,
  options: FaceMeshOptions,
  encodeTexture: (texture: UvTexture) => Uint8Array | Promise<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const meshes = isList(face) ? faceMeshes(image, face, source, options) : [faceMesh(image, face, source, options)];
  const faces = await Promise.all(
    meshes.map(async ({ texture, ...mesh }) => ({
      ...mesh,
      ...(texture && { texture: await encodeTexture(texture) }),
    })),
  );
  const frame: FaceMeshesOptions['frame'] = options.frame ?? 'metric';
  return writeGlb(faces, { unitScale: frame === 'metric' ? METRES_PER_MM : 1 });
}

function isList(face: AlignedFace | readonly AlignedFace[]): face is readonly AlignedFace[] {
  return Array.isArray(face);
}
