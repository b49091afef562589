import type { RgbaImage } from '../types.ts';

/** Texels wider than this come from invalid coordinates. */
const MAX_BLOCK = 4096;

/** A part of a photo, scaled down. */
export interface ShrunkPhoto {
  readonly image: RgbaImage;
  /** px of `image`. */
  readonly vertices: Float32Array;
  /** How many px of the photo one px of `image` is wide, and where in the photo its corner lies. */
  readonly block: number;
  readonly left: number;
  readonly top: number;
}

/**
 * The part of a photo that holds a face, with blocks of px averaged into one if a texel is wider than one px: sampling
 * single px would show some of the finest detail and skip the rest.
 */
export function shrinkPhoto(image: RgbaImage, vertices: Float32Array, pixelsPerTexel: number): ShrunkPhoto {
  const block = 2 ** Math.floor(Math.log2(Math.max(1, pixelsPerTexel)));
  const area = areaOf(image, vertices);
  const { left, top, right, bottom } = area;
  if (block < 2 || block > MAX_BLOCK || right <= left || bottom <= top)
    return { image, vertices, block: 1, left: 0, top: 0 };

  const moved = vertices.slice();
  for (let i = 0; i < moved.length; i += 3) {
    moved[i] = (moved[i] - left + 0.5) / block - 0.5;
    moved[i + 1] = (moved[i + 1] - top + 0.5) / block - 0.5;
  }
  return { image: averageBlocks(image, area, block), vertices: moved, block, left, top };
}

/** Columns and rows of a photo: the first, and the end. */
interface PhotoArea {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The part of a photo that holds the vertices. */
function areaOf(image: RgbaImage, vertices: Float32Array): PhotoArea {
  let xMin = image.width;
  let yMin = image.height;
  let xMax = 0;
  let yMax = 0;
  for (let i = 0; i < vertices.length; i += 3) {
    const x = vertices[i];
    const y = vertices[i + 1];
    if (x < xMin) xMin = x;
    if (x > xMax) xMax = x;
    if (y < yMin) yMin = y;
    if (y > yMax) yMax = y;
  }
  return {
    left: Math.max(0, Math.floor(xMin)),
    top: Math.max(0, Math.floor(yMin)),
    right: Math.min(image.width, Math.ceil(xMax) + 1),
    bottom: Math.min(image.height, Math.ceil(yMax) + 1),
  };
}

/** Means of blocks of px; at the area's right and bottom edges, of what is left of them. */
function averageBlocks(image: RgbaImage, { left, top, right, bottom }: PhotoArea, block: number): RgbaImage {
  const width = Math.ceil((right - left) / block);
  const height = Math.ceil((bottom - top) / block);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const lastRow = Math.min(bottom, top + (y + 1) * block);
    for (let x = 0; x < width; x++) {
      const lastColumn = Math.min(right, left + (x + 1) * block);
      let red = 0;
      let green = 0;
      let blue = 0;
      let count = 0;
      for (let row = top + y * block; row < lastRow; row++) {
        for (let column = left + x * block; column < lastColumn; column++) {
          const pixel = (row * image.width + column) * 4;
          red += image.data[pixel];
          green += image.data[pixel + 1];
          blue += image.data[pixel + 2];
          count++;
        }
      }
      const target = (y * width + x) * 4;
      data[target] = red / count;
      data[target + 1] = green / count;
      data[target + 2] = blue / count;
      data[target + 3] = 255;
    }
  }
  return { data, width, height };
}
