/**
 * Wavefront OBJ files, with colours after the vertices (a widespread extension) or with a texture in a material file.
 * @see utils/serialization.py `ser_to_obj_multiple` (3DDFA_V2 1b6c676)
 */

import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { RgbaImage } from '../types.ts';
import { checkListArgument } from './check-surface-arguments.ts';
import { checkMesh, type Mesh, toPhotoFrame, vertexColours } from './mesh.ts';
import { TextWriter } from './text-writer.ts';

/** Options of `writeObj`. */
export interface ObjOptions {
  /** Decimals of coordinates, 0..6; default 4. */
  readonly decimals?: number;
  /** Names of the material file and, per mesh, the texture picture; texture coordinates are then written. */
  readonly material?: ObjMaterial;
}

const OBJ_OPTION_NAMES: OptionNames<ObjOptions> = { decimals: true, material: true };

/**
 * Names that link an OBJ file to its material file, and that file to its pictures: plain file names in the same folder.
 */
export interface ObjMaterial {
  /** Such as `photo.mtl`. */
  readonly file: string;
  /** One per mesh, such as `photo.png`. */
  readonly textures: readonly string[];
}

/**
 * Writes meshes into one OBJ file, each an object of its own (`face_1` …). Normals and colours are written if a mesh
 * has them; texture coordinates if there is a material.
 * @returns the file's bytes.
 * @throws RangeError for coordinates that are not finite, arrays that do not fit together, or a material without a
 *   texture for each mesh.
 */
export function writeObj(meshes: readonly Mesh[], options: ObjOptions = {}): Uint8Array<ArrayBuffer> {
  checkOptionNames(options, OBJ_OPTION_NAMES);
  checkListArgument(meshes, 'meshes', 'meshes');
  const { decimals = 4, material } = options;
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > 6) {
    throw new RangeError(`decimals: expected a whole number 0..6, got ${decimals}`);
  }
  const writer = new TextWriter();
  if (material !== undefined) {
    checkMaterial(material, meshes);
    writer.text(`mtllib ${material.file}\n`);
  }
  let vertexOffset = 1;
  let uvOffset = 1;
  let normalOffset = 1;
  meshes.forEach((mesh, index) => {
    checkMesh(mesh, `meshes[${index}]`);
    const { positions, triangles, colours, normals } = mesh;
    const uvs = material === undefined ? undefined : mesh.uvs;
    const uvTriangles = mesh.uvTriangles ?? triangles;
    writer.text(`o face_${index + 1}\n`);
    for (let i = 0; i < positions.length; i += 3) {
      writer.text('v ').fixed(positions[i], decimals);
      writer.text(' ').fixed(positions[i + 1], decimals);
      writer.text(' ').fixed(positions[i + 2], decimals);
      if (colours !== undefined && material === undefined) {
        for (let c = 0; c < 3; c++) writer.text(' ').fixed(colours[i + c] / 255, 4);
      }
      writer.text('\n');
    }
    if (uvs !== undefined) {
      for (let i = 0; i < uvs.length; i += 2) {
        writer.text('vt ').fixed(uvs[i], 6);
        writer
          .text(' ')
          .fixed(uvs[i + 1], 6)
          .text('\n');
      }
    }
    if (normals !== undefined) {
      for (let i = 0; i < normals.length; i += 3) {
        writer.text('vn ').fixed(normals[i], 4);
        writer.text(' ').fixed(normals[i + 1], 4);
        writer
          .text(' ')
          .fixed(normals[i + 2], 4)
          .text('\n');
      }
    }
    if (material !== undefined) writer.text(`usemtl face_${index + 1}\n`);
    for (let t = 0; t < triangles.length; t += 3) {
      writer.text('f');
      for (let k = 0; k < 3; k++) {
        const vertex = triangles[t + k];
        writer.text(' ').integer(vertex + vertexOffset);
        if (uvs !== undefined || normals !== undefined) writer.text('/');
        if (uvs !== undefined) writer.integer(uvTriangles[t + k] + uvOffset);
        if (normals !== undefined) writer.text('/').integer(vertex + normalOffset);
      }
      writer.text('\n');
    }
    vertexOffset += positions.length / 3;
    if (uvs !== undefined) uvOffset += uvs.length / 2;
    if (normals !== undefined) normalOffset += normals.length / 3;
  });
  return writer.finish();
}

/**
 * Writes the material file that belongs to an OBJ file: skin with little shine, in the colours of its texture.
 * @returns the file's bytes.
 */
export function writeMtl({ textures }: ObjMaterial): Uint8Array<ArrayBuffer> {
  const writer = new TextWriter();
  textures.forEach((texture, index) => {
    checkFileName(texture, `textures[${index}]`);
    writer.text(`newmtl face_${index + 1}\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nd 1\nillum 1\n`);
    writer.text(`map_Kd ${texture}\n`);
  });
  return writer.finish();
}

/**
 * The original's OBJ file, byte for byte: 2 decimals, colours of the photo, and faces that reach beyond the photo
 * flattened onto its border.
 * @param faces - per face `[n x 3]`, image px; left unchanged, unlike in the original.
 * @param triangles - `[m x 3]`, as in `FaceMaps`.
 */
export function writeUpstreamObj(
  image: RgbaImage,
  faces: readonly Float32Array[],
  triangles: Uint32Array,
): Uint8Array<ArrayBuffer> {
  const writer = new TextWriter();
  faces.forEach((vertices, index) => {
    checkMesh({ positions: vertices, triangles }, `faces[${index}]`);
    const colours = vertexColours(image, vertices);
    const flattened = vertices.slice();
    for (let i = 0; i < flattened.length; i += 3) {
      flattened[i] = Math.min(Math.max(flattened[i], 0), image.width - 1);
      flattened[i + 1] = Math.min(Math.max(flattened[i + 1], 0), image.height - 1);
    }
    const positions = toPhotoFrame(flattened, image.height);
    for (let i = 0; i < positions.length; i += 3) {
      writer.text('v ').fixed(positions[i], 2);
      writer.text(' ').fixed(positions[i + 1], 2);
      writer.text(' ').fixed(positions[i + 2], 2);
      for (let c = 0; c < 3; c++) writer.text(' ').fixed(colours[i + c] / 255, 2);
      writer.text('\n');
    }
  });
  let offset = 1;
  for (const vertices of faces) {
    writer.triangles('f ', triangles, offset);
    offset += vertices.length / 3;
  }
  return writer.finish();
}

function checkMaterial({ file, textures }: ObjMaterial, meshes: readonly Mesh[]): void {
  checkFileName(file, 'material.file');
  if (textures.length !== meshes.length) {
    throw new RangeError(`material.textures: expected one per mesh (${meshes.length}), got ${textures.length}`);
  }
  meshes.forEach((mesh, index) => {
    if (mesh.uvs === undefined) throw new RangeError(`meshes[${index}]: expected uvs for its texture, got none`);
  });
}

/**
 * Names are written into lines of text: a line break would cut them off, and a folder would point outside the file's
 * own.
 */
function checkFileName(name: string, argument: string): void {
  if (name === '' || /[\p{Cc}/\\]/u.test(name)) {
    throw new RangeError(`${argument}: expected a plain file name, got '${name}'`);
  }
}
