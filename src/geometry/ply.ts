/**
 * Polygon files (Stanford PLY 1.0).
 * @see utils/serialization.py `ser_to_ply_multiple` (3DDFA_V2 1b6c676)
 */

import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { checkListArgument } from './check-surface-arguments.ts';
import { checkMesh, type Mesh } from './mesh.ts';
import type { Compatibility } from './picture.ts';
import { TextWriter } from './text-writer.ts';

/** Options of `writePly`. */
export interface PlyOptions {
  /** Default `binary`: little-endian, a third of the size of `ascii`. */
  readonly format?: 'ascii' | 'binary';
  /** Decimals in `ascii`, 0..6; default 4. */
  readonly decimals?: number;
  /** `upstream`: the original's bytes: ascii, 2 decimals, no colours, an empty line after the header. */
  readonly compatibility?: Compatibility;
}

const PLY_OPTION_NAMES: OptionNames<PlyOptions> = { format: true, decimals: true, compatibility: true };

/**
 * Writes meshes into one PLY file, their vertices one after another. Colours are written if all meshes have them.
 * @returns the file's bytes.
 * @throws RangeError for coordinates that are not finite or arrays that do not fit together.
 */
export function writePly(meshes: readonly Mesh[], options: PlyOptions = {}): Uint8Array<ArrayBuffer> {
  checkOptionNames(options, PLY_OPTION_NAMES);
  checkListArgument(meshes, 'meshes', 'meshes');
  const { compatibility = 'none' } = options;
  const isUpstream = compatibility === 'upstream';
  const { format = isUpstream ? 'ascii' : 'binary', decimals = isUpstream ? 2 : 4 } = options;
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > 6) {
    throw new RangeError(`decimals: expected a whole number 0..6, got ${decimals}`);
  }
  meshes.forEach((mesh, index) => {
    checkMesh(mesh, `meshes[${index}]`);
  });
  const hasColours = !isUpstream && meshes.length > 0 && meshes.every((mesh) => mesh.colours !== undefined);
  const vertexCount = meshes.reduce((sum, mesh) => sum + mesh.positions.length / 3, 0);
  const triangleCount = meshes.reduce((sum, mesh) => sum + mesh.triangles.length / 3, 0);
  const header = [
    'ply',
    `format ${format === 'ascii' ? 'ascii' : 'binary_little_endian'} 1.0`,
    `element vertex ${vertexCount}`,
    ...['x', 'y', 'z'].map((axis) => `property float ${axis}`),
    ...(hasColours ? ['red', 'green', 'blue'].map((channel) => `property uchar ${channel}`) : []),
    `element face ${triangleCount}`,
    'property list uchar int vertex_indices',
    'end_header',
    ...(isUpstream ? [''] : []),
    '',
  ].join('\n');
  return format === 'ascii'
    ? writeAscii(header, meshes, hasColours, decimals)
    : writeBinary(header, meshes, hasColours, vertexCount, triangleCount);
}

function writeAscii(
  header: string,
  meshes: readonly Mesh[],
  hasColours: boolean,
  decimals: number,
): Uint8Array<ArrayBuffer> {
  const writer = new TextWriter().text(header);
  for (const { positions, colours } of meshes) {
    for (let i = 0; i < positions.length; i += 3) {
      writer.fixed(positions[i], decimals).text(' ');
      writer.fixed(positions[i + 1], decimals).text(' ');
      writer.fixed(positions[i + 2], decimals);
      if (hasColours && colours !== undefined) {
        for (let c = 0; c < 3; c++) writer.text(' ').integer(colours[i + c]);
      }
      writer.text('\n');
    }
  }
  let offset = 0;
  for (const { positions, triangles } of meshes) {
    writer.triangles('3 ', triangles, offset);
    offset += positions.length / 3;
  }
  return writer.finish();
}

function writeBinary(
  header: string,
  meshes: readonly Mesh[],
  hasColours: boolean,
  vertexCount: number,
  triangleCount: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(header.length + vertexCount * (hasColours ? 15 : 12) + triangleCount * 13);
  for (let i = 0; i < header.length; i++) bytes[i] = header.charCodeAt(i);
  const view = new DataView(bytes.buffer);
  let at = header.length;
  for (const { positions, colours } of meshes) {
    for (let i = 0; i < positions.length; i += 3) {
      for (let axis = 0; axis < 3; axis++, at += 4) view.setFloat32(at, positions[i + axis], true);
      if (hasColours && colours !== undefined) for (let c = 0; c < 3; c++) bytes[at++] = colours[i + c];
    }
  }
  let offset = 0;
  for (const { positions, triangles } of meshes) {
    for (let t = 0; t < triangles.length; t += 3) {
      bytes[at++] = 3;
      for (let k = 0; k < 3; k++, at += 4) view.setInt32(at, triangles[t + k] + offset, true);
    }
    offset += positions.length / 3;
  }
  return bytes;
}
