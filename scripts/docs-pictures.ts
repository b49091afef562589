/**
 * `npm run docs:pictures`: regenerates the pictures of README.md and docs/ from the sample portrait and a pack, except those of
 * the page, which page-screenshots.ts makes. Needs Chromium.
 *
 *     npm run docs:pictures                        with the package's own weights, into docs/images/
 *     npm run docs:pictures -- PACK [FOLDER]       with others, into another folder
 *
 * Only pictures of an open pack may be committed.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { alignedCrop } from '../src/geometry/aligned-crop.ts';
import { faceMask, hideFaces } from '../src/geometry/face-mask.ts';
import { resizePicture } from '../src/geometry/resize-picture.ts';
import { arrangeSheet } from '../src/geometry/sheet.ts';
import { decodeImage } from '../src/image-files/decode-image.ts';
import { readImage } from '../src/image-files/read-image.ts';
import { writeImage } from '../src/image-files/write-image.ts';
import { createFaceAligner } from '../src/node.ts';
import type { RgbaImage } from '../src/types.ts';
import { drawCoordinates } from './draw-coordinates.ts';
import { screenshotMesh } from './mesh-screenshot.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** The head of the sample portrait, px of it. */
const HEAD = { left: 112, top: 8, size: 224 };
/** Side of a picture of the head. */
const CELL = 400;
/** For README.md. */
const PORTRAIT_KINDS = ['landmarks', 'render', 'depth', 'pncc', 'pose'];
/** For the page about pictures. */
const ALL_KINDS = ['landmarks', 'points', 'render', 'depth', 'pncc', 'uv-texture', 'frontal', 'pose', 'boxes'];
const TURNS_DEGREES = [-40, 0, 40];
const TURNED_SIZE = 320;
const JPEG_QUALITY = 88;

/**
 * @param pack - folder of a pack with a model.
 * @param folder - where the pictures go.
 * @throws Error if the pack finds no face in the portrait.
 */
export async function makeDocsPictures(pack: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'tddfa-docs-'));
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'coordinates.svg'), drawCoordinates());

    const head = resizePicture(cropped(await readImage(join(ROOT, 'examples/astronaut.png'))), CELL, CELL);
    await writeImage(join(work, 'head.png'), head);
    // As a user runs it: the command, in its own process.
    await promisify(execFile)(
      process.execPath,
      [
        ...['--import', 'tsx', 'src/cli/main.ts', 'align', join(work, 'head.png')],
        ...['--weights', resolve(pack), '--out', work, '--draw', ALL_KINDS.join(','), '--mesh', 'glb'],
      ],
      { cwd: ROOT },
    );
    const mesh = join(work, 'head.glb');
    const drawn = (kind: string): Promise<RgbaImage> => readImage(join(work, `head.${kind}.png`));
    const turned = await decodeImage(await screenshotMesh(mesh, CELL, [-30]));

    const portrait = [...(await Promise.all(PORTRAIT_KINDS.map(drawn))), turned];
    await writeJpeg(
      join(folder, 'portrait.jpg'),
      arrangeSheet(portrait, { labels: [...PORTRAIT_KINDS, 'glb, in three.js'], columns: 3 }),
    );
    await writeJpeg(
      join(folder, 'pictures.jpg'),
      arrangeSheet(await Promise.all(ALL_KINDS.map(drawn)), { labels: ALL_KINDS, columns: 3, maxSide: 1000 }),
    );
    await writeJpeg(join(folder, 'faces.jpg'), await facePictures(pack, head));
    const views = await screenshotMesh(mesh, TURNED_SIZE, TURNS_DEGREES);
    await writeJpeg(join(folder, 'mesh.jpg'), await decodeImage(views));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function cropped({ data, width }: RgbaImage): RgbaImage {
  const { left, top, size } = HEAD;
  const part = new Uint8Array(size * size * 4);
  for (let y = 0; y < size; y++) {
    const from = ((top + y) * width + left) * 4;
    part.set(data.subarray(from, from + size * 4), y * size * 4);
  }
  return { data: part, width: size, height: size };
}

/** Pictures of a face in a photo that take one call each. */
async function facePictures(pack: string, head: RgbaImage): Promise<RgbaImage> {
  const aligner = await createFaceAligner({ weights: resolve(pack) });
  try {
    const [face] = await aligner.align(head, await aligner.detect(head));
    if (face === undefined || aligner.faceMaps === undefined) throw new Error(`${pack}: no face, or no mesh`);
    const meshes = [aligner.reconstruct(face, { dense: true })];
    const mask = faceMask(head, meshes, aligner.faceMaps);
    const white = Uint8Array.from({ length: mask.data.length * 4 }, (_, i) => (i % 4 === 3 ? 255 : mask.data[i >> 2]));
    const pictures = {
      alignedCrop: resizePicture(alignedCrop(head, aligner.reconstruct(face), { size: 112 }), CELL, CELL),
      faceMask: { ...head, data: white },
      'hideFaces: blur': hideFaces(head, meshes, aligner.faceMaps),
      'hideFaces: pixelate': hideFaces(head, meshes, aligner.faceMaps, { how: 'pixelate' }),
    };
    return arrangeSheet(Object.values(pictures), { labels: Object.keys(pictures), columns: 4 });
  } finally {
    aligner.dispose();
  }
}

const writeJpeg = (path: string, image: RgbaImage): Promise<void> => writeImage(path, image, { quality: JPEG_QUALITY });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [pack = join(ROOT, 'weights/open'), folder = join(ROOT, 'docs/images')] = process.argv.slice(2);
  await makeDocsPictures(pack, folder);
}
