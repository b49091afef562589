/** The example that puts a face on another head, run as its reader runs it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';
import { faceMask } from '../../src/geometry/face-mask.ts';
import { resizePicture } from '../../src/geometry/resize-picture.ts';
import { type AlignedFace, createFaceAligner, type RgbaImage, readImage, writeImage } from '../../src/node.ts';
import { buildPackage } from '../support/build-package.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const PORTRAIT = join(repositoryRoot, 'examples', 'astronaut.png');
const SIDE = 640;
/** Px of the target's landmarks: the other face has its place and its expression. */
const MAX_SHIFT = 4;
/** Levels, of the means over the face. */
const MAX_COLOUR_SHIFT = 12;

/** The portrait as of somebody else: mirrored, larger, green and dark. */
function disguised(photo: RgbaImage): RgbaImage {
  const { data, width, height } = resizePicture(photo, SIDE, SIDE);
  const other = new Uint8Array(data.length);
  for (let i = 0; i < width * height; i++) {
    const from = (Math.floor(i / width) * width + (width - 1 - (i % width))) * 4;
    other.set([data[from] * 0.5, data[from + 1] * 0.8, data[from + 2] * 0.5, 255], i * 4);
  }
  return { data: other, width, height };
}

const folder = useTemporaryFolder();
beforeAll(buildPackage, 240_000);

test("the example swaps faces: pose, light and surroundings are the other photo's, the skin is not", async () => {
  const target = disguised(await readImage(PORTRAIT));
  await writeImage(folder('target.png'), target);
  const example = join(repositoryRoot, 'examples', 'face-swap.mjs');
  const files = [PORTRAIT, folder('target.png'), folder('swapped.png')];
  const { stderr } = await promisify(execFile)(process.execPath, [example, ...files]);
  expect(stderr).toBe('');
  const swapped = await readImage(folder('swapped.png'));
  expect([swapped.width, swapped.height]).toEqual([SIDE, SIDE]);

  const aligner = await createFaceAligner();
  const faceOf = async (image: RgbaImage): Promise<AlignedFace> =>
    (await aligner.align(image, await aligner.detect(image)))[0];
  const [face, other] = [await faceOf(target), await faceOf(swapped)];
  const [points, moved] = [aligner.reconstruct(face), aligner.reconstruct(other)];
  const shifts = Array.from({ length: 68 }, (_, i) =>
    Math.hypot(points[3 * i] - moved[3 * i], points[3 * i + 1] - moved[3 * i + 1]),
  );
  expect(shifts.reduce((sum, px) => sum + px / 68, 0)).toBeLessThan(MAX_SHIFT);

  if (aligner.faceMaps === undefined) throw new Error('the open pack has maps');
  const mask = faceMask(target, [aligner.reconstruct(face, { dense: true })], aligner.faceMaps);
  const sums = { inside: 0, outside: 0, before: [0, 0, 0], after: [0, 0, 0], count: 0 };
  for (const [i, value] of mask.data.entries()) {
    for (let c = 0; c < 3; c++) {
      const [was, is] = [target.data[4 * i + c], swapped.data[4 * i + c]];
      if (value === 0) sums.outside += Math.abs(was - is);
      else {
        sums.inside += Math.abs(was - is);
        sums.before[c] += was;
        sums.after[c] += is;
        sums.count++;
      }
    }
  }
  aligner.dispose();
  expect(sums.outside).toBe(0);
  // It is another face, not the same one again.
  expect(sums.inside / sums.count).toBeGreaterThan(3);
  for (let c = 0; c < 3; c++) {
    expect(Math.abs(sums.before[c] - sums.after[c]) / (sums.count / 3)).toBeLessThan(MAX_COLOUR_SHIFT);
  }
}, 120_000);
