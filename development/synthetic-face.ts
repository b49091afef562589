/** Synthetic images and faces for tests that must run without the reference data. */
import type { FaceMaps, RgbaImage } from '../src/types.ts';

/** An opaque image whose pixels all differ slightly. */
export function gradientImage(width: number, height: number): RgbaImage {
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 4;
      data[i] = (x * 255) / width;
      data[i + 1] = (y * 255) / height;
      data[i + 2] = (x * 7 + y * 13) & 255;
      data[i + 3] = 255;
    }
  }
  return { data, width, height };
}

/** 68 points on an ellipse around a centre, px; nothing like a face, but of its extent. */
export function ellipseLandmarks(centreX: number, centreY: number, radius: number): Float32Array {
  const points = new Float32Array(68 * 3);
  for (let i = 0; i < 68; i++) {
    const angle = (i / 68) * 2 * Math.PI;
    points[i * 3] = centreX + radius * Math.cos(angle);
    points[i * 3 + 1] = centreY + 1.2 * radius * Math.sin(angle);
    points[i * 3 + 2] = 0;
  }
  return points;
}

/** A mesh that is nothing like a face but has all its features: a bulge of quads cut in two, with a hole. */
export interface SyntheticFace {
  /** `[columns * rows x 3]`, image px. */
  readonly vertices: Float32Array;
  readonly maps: FaceMaps;
}

/**
 * A bulge that faces the viewer.
 * @param centreX - px.
 * @param radius - px.
 */
export function syntheticFace(
  centreX: number,
  centreY: number,
  radius: number,
  columns = 21,
  rows = 25,
): SyntheticFace {
  const count = columns * rows;
  const vertices = new Float32Array(count * 3);
  const nccCodes = new Float32Array(count * 3);
  const uvs = new Float32Array(count * 2);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      const u = column / (columns - 1);
      const v = 1 - row / (rows - 1);
      const x = 2 * u - 1;
      const y = 2 * v - 1;
      const z = 1 - (x * x + y * y) / 2;
      vertices.set([centreX + x * radius, centreY - y * radius, z * radius], i * 3);
      nccCodes.set([u, v, z], i * 3);
      uvs.set([u, v], i * 2);
    }
  }
  const triangles: number[] = [];
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      // The mouth: two missing cells.
      if (row === Math.floor(rows * 0.7) && Math.abs(column + 0.5 - (columns - 1) / 2) < 1) continue;
      const a = row * columns + column;
      triangles.push(a, a + columns, a + columns + 1, a, a + columns + 1, a + 1);
    }
  }
  return { vertices, maps: { triangles: Uint32Array.from(triangles), nccCodes, uvs } };
}
