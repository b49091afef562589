import type { RgbaImage } from '../types.ts';
import { checkFirstGifFrame } from './gif-structure.ts';
import { firstTiffPage } from './tiff-structure.ts';

/** Formats left to jimp. */
export type JimpFormat = 'png' | 'bmp' | 'gif' | 'tiff';

/**
 * Decodes a picture by jimp's decoder for a format: the first frame or page.
 * @throws whatever the decoder throws; some throw strings.
 */
export async function decodeWithJimp(bytes: Uint8Array, format: JimpFormat): Promise<RgbaImage> {
  const { defaultFormats } = await import('jimp');
  const decoder = defaultFormats.map((make) => make()).find(({ mime }) => mime === `image/${format}`);
  if (decoder === undefined) throw new Error(`jimp has no decoder for ${format}`);
  if (format === 'gif') checkFirstGifFrame(bytes);
  const input = Buffer.from(format === 'tiff' ? firstTiffPage(bytes) : bytes);
  return checkComplete(await decoder.decode(input));
}

/** Decodes a CMYK JPEG, which mozjpeg does not convert, turned upright by its EXIF orientation. */
export async function decodeCmykJpeg(bytes: Uint8Array): Promise<RgbaImage> {
  const { Jimp } = await import('jimp');
  return checkComplete((await Jimp.fromBuffer(Buffer.from(bytes))).bitmap);
}

function checkComplete({ data, width, height }: RgbaImage): RgbaImage {
  if (data.length !== width * height * 4) throw new Error('the file is truncated');
  return { data, width, height };
}
