import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'jpeg-js';
import { readImage } from '../src/image-files/read-image.ts';
import type { RgbaImage } from '../src/types.ts';
import { repositoryRoot } from './paths.ts';

const WIDTH = 1280;
const HEIGHT = 720;
/** Beyond these, photos are links to them. */
const DISTINCT = 200;

/**
 * Writes 1280x720 JPEGs with one face each: different crops of the portrait in the repository.
 * @returns their paths, in order.
 */
export async function writePhotos(folder: string, count: number): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const portrait = await readImage(join(repositoryRoot, 'examples/astronaut.png'));
  const paths = Array.from({ length: count }, (_, i) => join(folder, `${i}.jpg`));
  for (const [i, path] of paths.entries()) {
    if (i < DISTINCT) writeFileSync(path, photo(portrait, i));
    else linkSync(paths[i % DISTINCT], path);
  }
  return paths;
}

/** The portrait, enlarged to fill the frame, moved a little from photo to photo. */
function photo(portrait: RgbaImage, i: number): Uint8Array {
  const data = Buffer.alloc(WIDTH * HEIGHT * 4, 255);
  const scale = portrait.width / (1000 + 2 * (i % 50));
  for (let y = 0; y < HEIGHT; y++) {
    const row = Math.min(portrait.height - 1, Math.floor(y * scale));
    for (let x = 0; x < WIDTH; x++) {
      const column = Math.min(portrait.width - 1, Math.floor(Math.max(0, x - 2 * (i % 70)) * scale));
      const from = (row * portrait.width + column) * 4;
      data.set(portrait.data.subarray(from, from + 3), (y * WIDTH + x) * 4);
    }
  }
  return encode({ data, width: WIDTH, height: HEIGHT }, 90).data;
}
