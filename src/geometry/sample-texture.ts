import { describeValue } from '../check-arguments.ts';
import type { RgbaImage } from '../types.ts';
import { checkImage } from './picture.ts';
import { pixelWords, samplePixels } from './sample-pixels.ts';

/**
 * Colours of a texture at given places: with `maps.uvs`, at a mesh's vertices.
 * @param texture - from `extractUvTexture`, or any other picture that is a texture, v upwards.
 * @param uvs - `[k x 2]`, 0..1; beyond, the texture's border is repeated.
 * @returns `[k x 3]` red, green, blue, 0..255, interpolated between texels.
 * @throws RangeError for a texture whose size and data disagree, or coordinates that are not finite or not in pairs.
 */
export function sampleTexture(texture: RgbaImage, uvs: Float32Array): Uint8Array {
  checkImage(texture);
  if (!ArrayBuffer.isView(uvs)) throw new TypeError(`uvs: expected a Float32Array of k x 2, got ${describeValue(uvs)}`);
  if (uvs.length % 2 !== 0) throw new RangeError(`uvs: expected k x 2 coordinates, got ${uvs.length}`);
  const { width, height } = texture;
  const pixels = pixelWords(texture);
  const colour = new Uint32Array(1);
  const bytes = new Uint8Array(colour.buffer);
  const colours = new Uint8Array((uvs.length / 2) * 3);
  for (let i = 0, j = 0; i < uvs.length; i += 2, j += 3) {
    const u = uvs[i];
    const v = uvs[i + 1];
    if (!Number.isFinite(u + v))
      throw new RangeError(`uvs: expected finite coordinates, got ${u}, ${v} in row ${i / 2}`);
    colour[0] = samplePixels(pixels, width, width - 1, height - 1, u * width - 0.5, (1 - v) * height - 0.5);
    colours.set(bytes.subarray(0, 3), j);
  }
  return colours;
}
