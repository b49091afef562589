import type { Raster } from './raster.ts';

/**
 * Visits the pixels of a raster in which something is seen, row by row.
 * @param canvasWidth - of the picture that the raster is a part of, px.
 * @param visit - receives the pixel's place in the raster, and that of its first byte in the picture's RGBA.
 */
export function forEachSeenPixel(
  { xMin, yMin, width, height, fragments }: Raster,
  canvasWidth: number,
  visit: (pixel: number, target: number) => void,
): void {
  for (let y = 0, pixel = 0; y < height; y++) {
    let target = ((y + yMin) * canvasWidth + xMin) * 4;
    for (let x = 0; x < width; x++, pixel++, target += 4) {
      if (fragments[pixel] !== 0) visit(pixel, target);
    }
  }
}
