/** A face as a GLB file in one call. */
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger, NodeIO } from '@gltf-transform/core';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type AlignedFace,
  createFaceAligner,
  type FaceAligner,
  faceGlb,
  type RgbaImage,
  readImage,
} from '../../src/node.ts';
import { runCli } from '../support/run-cli.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const PORTRAIT = join(repositoryRoot, 'examples', 'astronaut.png');
/** A face, ears not included, m: from chin to hairline, by measures of many people 0.15..0.24. */
const FACE_HEIGHTS = [0.14, 0.26] as const;

// Of the extensions it needs none that changes what is looked at here.
const reader = new NodeIO().setLogger(new Logger(Logger.Verbosity.SILENT));

let aligner: FaceAligner;
let image: RgbaImage;
let faces: AlignedFace[];
const folder = useTemporaryFolder();
beforeAll(async () => {
  aligner = await createFaceAligner();
  image = await readImage(PORTRAIT);
  faces = await aligner.align(image, await aligner.detect(image));
});
afterAll(() => aligner.dispose());

test('is the file that the command writes, with skin, expressions and metres', async () => {
  const bytes = await faceGlb(image, faces[0], aligner);
  await copyFile(PORTRAIT, folder('portrait.png'));
  const { status } = await runCli(['align', folder('portrait.png'), '--mesh', 'glb', '--out', folder()]);
  expect(status).toBe(0);
  expect(Buffer.from(bytes).equals(await readFile(folder('portrait.glb')))).toBe(true);
  const root = (await reader.readBinary(bytes)).getRoot();
  const [texture] = root.listTextures();
  expect([texture?.getMimeType(), texture?.getSize()]).toEqual(['image/png', [256, 256]]);
  const [primitive] = root.listMeshes()[0]?.listPrimitives() ?? [];
  expect(primitive?.listTargets()).toHaveLength(52);
  const [lowest, highest] = [
    primitive?.getAttribute('POSITION')?.getMin([]),
    primitive?.getAttribute('POSITION')?.getMax([]),
  ];
  const height = Number(highest?.[1]) - Number(lowest?.[1]);
  expect(height).toBeGreaterThan(FACE_HEIGHTS[0]);
  expect(height).toBeLessThan(FACE_HEIGHTS[1]);
});

test('has several faces, px of the photo, no texture, or another expression', async () => {
  const meshesOf = async (bytes: Uint8Array) => (await reader.readBinary(bytes)).getRoot().listMeshes();
  expect(await meshesOf(await faceGlb(image, [faces[0], faces[0]], aligner))).toHaveLength(2);
  const [flat] = await meshesOf(await faceGlb(image, faces, aligner, { frame: 'photo', texture: false }));
  const highest = flat?.listPrimitives()[0]?.getAttribute('POSITION')?.getMax([]) ?? [];
  expect(Math.max(...highest)).toBeGreaterThan(100);
  expect(flat?.listPrimitives()[0]?.getMaterial()?.getBaseColorTexture()).toBeNull();
  const edited = { ...faces[0], params: faces[0].params.map((value, i) => (i >= 12 && i < 52 ? 0 : value)) };
  const [own, other] = await Promise.all([{}, { edited }].map((options) => faceGlb(image, faces[0], aligner, options)));
  expect(Buffer.from(own).equals(other)).toBe(false);
  await expect(faceGlb(image, [], aligner)).rejects.toThrow('faces: expected at least one, got none');
});
