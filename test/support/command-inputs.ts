import { mkdirSync, writeFileSync } from 'node:fs';
import { encodePng } from '../../src/image-files/write-image.ts';

/** Writes inputs of commands that need no real face: `photos/a.png`, a box in it as `boxes.json`, and landmarks as `marks.json`. */
export function writeCommandInputs(at: (path: string) => string): void {
  mkdirSync(at('photos'));
  writeFileSync(at('photos/a.png'), encodePng({ width: 60, height: 50, data: new Uint8Array(60 * 50 * 3).fill(90) }));
  writeFileSync(at('boxes.json'), JSON.stringify([{ xMin: 5, yMin: 5, xMax: 40, yMax: 40 }]));
  const landmarks = [0, 1].map((axis) => Array.from({ length: 68 }, (_, i) => axis + i / 2));
  writeFileSync(at('marks.json'), JSON.stringify([{ image: 'a.png', landmarks, roiBox: [5, 5, 45, 45] }]));
}
