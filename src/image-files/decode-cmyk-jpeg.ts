import type { RgbaImage } from '../types.ts';
import type { JpegStructure } from './jpeg-structure.ts';

/** No limit: the size has been checked, and jpeg-js takes about 40 bytes per pixel of four components. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/**
 * Decodes a CMYK or YCCK JPEG with jpeg-js, because mozjpeg does not convert them.
 * @throws Error if it is damaged, or has no Adobe marker to tell whether its inks are inverted.
 */
export async function decodeCmykJpeg(bytes: Uint8Array, expected: JpegStructure): Promise<RgbaImage> {
  // Programs interpret it differently, so its colours are unknown.
  if (expected.adobeTransform === undefined) throw new Error("CMYK JPEG without Adobe's marker is not supported");
  const { default: jpeg } = await import('jpeg-js');
  const { data, width, height } = jpeg.decode(bytes, {
    useTArray: true,
    tolerantDecoding: false,
    maxResolutionInMP: NO_LIMIT,
    maxMemoryUsageInMB: NO_LIMIT,
  });
  if (width !== expected.width || height !== expected.height) throw new Error('the JPEG data is damaged');
  return { data, width, height };
}
