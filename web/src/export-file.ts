import { zipSync } from 'fflate';
import { faceGlb } from '../../src/browser/face-glb.ts';
import { writeMtl, writeObj, writePly } from '../../src/geometry.ts';
import type { FaceAligner, RgbaImage } from '../../src/index.ts';
import { describeFace } from '../../src/results/align-document.ts';
import type { FoundFace } from '../../src/results/found-face.ts';
import { applyEdit, type EditedFace, meshOf } from './face-edit.ts';
import type { ExportedFile, ExportKind } from './studio-protocol.ts';

/** What is exported. */
interface Scene {
  /** The chosen face, with the sliders where they are. */
  readonly chosen: EditedFace;
  readonly faces: readonly FoundFace[];
  /** The photo with the overlays. */
  readonly picture: RgbaImage;
  readonly aligner: FaceAligner;
}

/** Makes a file of the chosen face or of the whole picture. */
export async function exportFile(
  { kind, name }: { readonly kind: ExportKind; readonly name: string },
  scene: Scene,
): Promise<ExportedFile> {
  const stem = name.replace(/\.[^.]*$/, '').replace(/[^A-Za-z0-9_-]+/g, '_') || 'face';
  switch (kind) {
    case 'png':
      return { name: `${stem}.png`, blob: await pngOf(scene.picture) };
    case 'json':
      return { name: `${stem}.json`, blob: new Blob([jsonOf(name, scene)], { type: 'application/json' }) };
    case 'ply':
      return { name: `${stem}.ply`, blob: new Blob([plyOf(scene)]) };
    case 'obj':
      return { name: `${stem}-obj.zip`, blob: await objOf(stem, scene) };
    case 'glb':
      return { name: `${stem}.glb`, blob: await glbOf(scene) };
  }
}

function plyOf({ chosen, aligner }: Scene): Uint8Array<ArrayBuffer> {
  return writePly([meshOf(chosen, aligner, { texture: false, expression: false }).mesh]);
}

async function glbOf({ chosen, aligner }: Scene): Promise<Blob> {
  const { photo, face, edit } = chosen;
  const bytes = await faceGlb(photo, face, aligner, { edited: applyEdit(face, edit, aligner) });
  return new Blob([bytes], { type: 'model/gltf-binary' });
}

/** The mesh, its material and its texture, which only work together. */
async function objOf(stem: string, { chosen, aligner }: Scene): Promise<Blob> {
  const { mesh, texture } = meshOf(chosen, aligner, { expression: false });
  const material = { file: `${stem}.mtl`, textures: [`${stem}.png`] };
  const files = {
    [`${stem}.obj`]: writeObj([mesh], { material }),
    [material.file]: writeMtl(material),
    ...(texture && { [`${stem}.png`]: await pngBytesOf(texture) }),
  };
  return new Blob([zipSync(files)], { type: 'application/zip' });
}

function jsonOf(name: string, { faces, chosen: { photo } }: Scene): string {
  const { width, height } = photo;
  return `${JSON.stringify({ images: [{ file: name, width, height, faces: faces.map(describeFace) }] }, null, 2)}\n`;
}

async function pngBytesOf(image: RgbaImage): Promise<Uint8Array> {
  return new Uint8Array(await (await pngOf(image)).arrayBuffer());
}

async function pngOf({ data, width, height }: RgbaImage): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}
