import type { RgbaImage, RgbImage } from '../types.ts';

/** @throws RangeError for data that is neither RGB nor RGBA of its size. */
export function channelCount({ data, width, height }: RgbaImage | RgbImage): 3 | 4 {
  const channels = data.length / (width * height);
  if (channels === 3 || channels === 4) return channels;
  throw new RangeError(`image.data has ${data.length} bytes, expected 3 or 4 for each of ${width}x${height} pixels`);
}
