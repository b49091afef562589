import type { RgbaImage } from '../types.ts';

/**
 * Rotates a picture upright by its EXIF orientation.
 * @param orientation - 1..8; 1 returns the picture itself.
 * @see EXIF 2.32, tag 274: where row 0 and column 0 of the stored picture are displayed
 */
export function turnUpright(image: RgbaImage, orientation: number): RgbaImage {
  if (orientation === 1) return image;
  const isTransposed = orientation >= 5;
  const width = isTransposed ? image.height : image.width;
  const height = isTransposed ? image.width : image.height;
  // In pixels of the stored picture: where the displayed one begins, and the steps to its next column and row.
  const isFromRight = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8;
  const isFromBottom = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7;
  const alongRow = isFromRight ? -1 : 1;
  const alongColumn = isFromBottom ? -image.width : image.width;
  const first = (isFromRight ? image.width - 1 : 0) + (isFromBottom ? (image.height - 1) * image.width : 0);
  const columnStep = isTransposed ? alongColumn : alongRow;
  const rowStep = isTransposed ? alongRow : alongColumn;

  const stored = asPixels(image.data);
  const shown = new Uint32Array(width * height);
  for (let y = 0; y < height; y++) {
    let from = first + y * rowStep;
    for (let x = 0; x < width; x++) {
      shown[y * width + x] = stored[from];
      from += columnStep;
    }
  }
  return { data: new Uint8Array(shown.buffer), width, height };
}

/** The same bytes, four at a time. */
function asPixels(data: Uint8Array | Uint8ClampedArray): Uint32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : Uint8Array.from(data);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}
