import { readFileSync } from 'node:fs';
import { decode } from 'fast-png';
import type { RgbImage } from '../src/types.ts';

/** Reads an 8-bit RGB or RGBA PNG as RGB bytes; small and independent of the package's own image files. */
export function readPng(path: string): RgbImage {
  const { data, width, height, channels, depth } = decode(readFileSync(path));
  if (depth !== 8 || (channels !== 3 && channels !== 4))
    throw new Error(`${path}: ${channels} channels of ${depth} bits`);
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) pixels[3 * i + channel] = data[channels * i + channel];
  }
  return { data: pixels, width, height };
}
