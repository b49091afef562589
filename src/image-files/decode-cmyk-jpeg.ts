import type { RgbaImage } from '../types.ts';
import type { JpegStructure } from './jpeg-structure.ts';

/** No limit: the size has been checked, and jpeg-js takes some 40 bytes a pixel of four components. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/**
 * Decodes a CMYK or YCCK JPEG by jpeg-js, because mozjpeg does not convert them.
 * @throws Error when it is damaged, or does not say by Adobe's marker whether its inks are inverted.
 */
export async function decodeCmykJpeg(bytes: Uint8Array, expected: JpegStructure): Promise<RgbaImage> {
  // Programs differ in what they make of it, so nobody knows its colours.
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
