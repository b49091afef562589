import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readImage } from '../src/image-files/read-image.ts';
import { encodePng } from '../src/image-files/write-image.ts';
import type { RgbaImage } from '../src/types.ts';
import { repositoryRoot } from './paths.ts';

/**
 * Writes pictures of one face that are all different: crops of the sample portrait, each from another corner.
 * @param side - of each picture, px, at most 448.
 * @returns their paths, in order.
 */
export async function writeNumberedCrops(folder: string, count: number, side: number): Promise<string[]> {
  const portrait = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
  mkdirSync(folder, { recursive: true });
  const room = portrait.width - side;
  const paths: string[] = [];
  for (let number = 0; number < count; number++) {
    const path = join(folder, `${String(number).padStart(4, '0')}.png`);
    // The face is in the upper middle.
    const left = (number * 7) % (room + 1);
    const top = number % Math.ceil(room / 4);
    writeFileSync(path, encodePng(crop(portrait, left, top, side)));
    paths.push(path);
  }
  return paths;
}

function crop({ data, width }: RgbaImage, left: number, top: number, side: number): RgbaImage {
  const cropped = new Uint8Array(side * side * 4);
  for (let row = 0; row < side; row++) {
    const start = ((top + row) * width + left) * 4;
    cropped.set(data.subarray(start, start + side * 4), row * side * 4);
  }
  return { data: cropped, width: side, height: side };
}
