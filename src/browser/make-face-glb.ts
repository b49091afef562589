import { TddfaError } from '../errors.ts';
import { faceGlbOf } from '../geometry/face-glb.ts';
import type { FaceMeshOptions } from '../geometry/face-mesh.ts';
import type { SurfaceSource } from '../geometry/face-surface.ts';
import type { Picture } from '../geometry/picture.ts';
import type { AlignedFace, RgbaImage } from '../types.ts';

/** What `faceGlb` loads on its first call. */
export function makeFaceGlb(
  image: RgbaImage,
  face: AlignedFace | readonly AlignedFace[],
  source: SurfaceSource,
  options: FaceMeshOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return faceGlbOf(image, face, source, options, encodePng);
}

async function encodePng({ data, width, height }: Picture): Promise<Uint8Array> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (context === null) throw new TddfaError(`the browser has no canvas of ${width} x ${height}`);
  context.putImageData(new ImageData(data, width, height), 0, 0);
  return new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer());
}
