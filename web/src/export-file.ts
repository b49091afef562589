import { zipSync } from 'fflate';
import {
  expressionTargets,
  type Mesh,
  vertexColours,
  vertexNormals,
  withClosedMouth,
  writeGlb,
  writeMtl,
  writeObj,
  writePly,
} from '../../src/geometry.ts';
import { poseFromParams, type RgbaImage } from '../../src/index.ts';
import { describeFace } from '../../src/results/align-document.ts';
import type { FoundFace } from './face-model.ts';
import type { ExportedFile, ExportKind, FaceEdit } from './studio-protocol.ts';

/** What is exported. */
interface Scene {
  readonly face: FoundFace;
  readonly faces: readonly FoundFace[];
  readonly photo: RgbaImage;
  /** The photo with the overlays. */
  readonly picture: RgbaImage;
}

const METRES_PER_MM = 0.001;

/** Makes a file of the chosen face, with the sliders where they are, or of the whole picture. */
export async function exportFile(
  { kind, name, edit }: { readonly kind: ExportKind; readonly name: string; readonly edit: FaceEdit },
  scene: Scene,
): Promise<ExportedFile> {
  const stem = name.replace(/\.[^.]*$/, '').replace(/[^A-Za-z0-9_-]+/g, '_') || 'face';
  switch (kind) {
    case 'png':
      return { name: `${stem}.png`, blob: await pngOf(scene.picture) };
    case 'json':
      return { name: `${stem}.json`, blob: new Blob([jsonOf(name, scene)], { type: 'application/json' }) };
    case 'ply':
      return { name: `${stem}.ply`, blob: new Blob([writePly([meshOf(scene, edit).mesh])]) };
    case 'obj':
      return { name: `${stem}-obj.zip`, blob: await objOf(stem, scene, edit) };
    case 'glb':
      return { name: `${stem}.glb`, blob: await glbOf(scene, edit) };
  }
}

/** The edited face in millimetres; its colours are the photo's. */
function meshOf({ face, photo }: Scene, edit: FaceEdit): { mesh: Mesh; scale: number } {
  const { positions, scale } = face.metric(edit);
  const { triangles, uvs, uvTriangles } = withClosedMouth(face.maps);
  return {
    scale,
    mesh: {
      positions,
      triangles,
      uvs,
      ...(uvTriangles && { uvTriangles }),
      colours: vertexColours(photo, face.vertices),
      normals: vertexNormals(Float32Array.from(positions), triangles, { yAxis: 'up' }),
    },
  };
}

async function glbOf(scene: Scene, edit: FaceEdit): Promise<Blob> {
  const { face, photo } = scene;
  const { mesh, scale } = meshOf(scene, edit);
  const texture = new Uint8Array(await (await pngOf(face.texture(photo))).arrayBuffer());
  const expression = expressionTargets(mesh.positions, face.edited(edit), face.model, scale);
  return new Blob([writeGlb([{ mesh, texture, expression }], { unitScale: METRES_PER_MM })], {
    type: 'model/gltf-binary',
  });
}

/** The mesh, its material and its texture, which only work together. */
async function objOf(stem: string, scene: Scene, edit: FaceEdit): Promise<Blob> {
  const { mesh } = meshOf(scene, edit);
  const material = { file: `${stem}.mtl`, textures: [`${stem}.png`] };
  const texture = new Uint8Array(await (await pngOf(scene.face.texture(scene.photo))).arrayBuffer());
  const files = {
    [`${stem}.obj`]: writeObj([mesh], { material }),
    [material.file]: writeMtl(material),
    [`${stem}.png`]: texture,
  };
  return new Blob([zipSync(files)], { type: 'application/zip' });
}

function jsonOf(name: string, { faces, photo: { width, height } }: Scene): string {
  const described = faces.map((face) => {
    const { aligned, box = { ...aligned.roiBox, score: 1 } } = face;
    const landmarks = face.hasModel ? face.landmarks : undefined;
    return describeFace(box, aligned, poseFromParams(aligned.params), landmarks);
  });
  return `${JSON.stringify({ images: [{ file: name, width, height, faces: described }] }, null, 2)}\n`;
}

async function pngOf({ data, width, height }: RgbaImage): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}
