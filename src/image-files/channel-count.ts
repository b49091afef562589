import { checkImageArgument } from '../check-arguments.ts';
import type { RgbaImage, RgbImage } from '../types.ts';

/** @throws RangeError for data that is neither RGB nor RGBA of its size; TypeError for anything other than an image. */
export function channelCount(image: RgbaImage | RgbImage): 3 | 4 {
  checkImageArgument(image);
  const { data, width, height } = image;
  const channels = data.length / (width * height);
  if (channels === 3 || channels === 4) return channels;
  throw new RangeError(`image.data has ${data.length} bytes, expected 3 or 4 for each of ${width}x${height} pixels`);
}
