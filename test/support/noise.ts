import { randomNumbers } from '../../development/random.ts';
import type { RgbaImage } from '../../src/types.ts';

/** A picture of random bytes, the same for the same seed; RGB or RGBA according to `channels`. */
export function noise(width: number, height: number, channels: 3 | 4, seed: number): RgbaImage & { data: Uint8Array } {
  const next = randomNumbers(seed);
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) data[i] = next() * 256;
  return { data, width, height };
}
