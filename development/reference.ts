import { readFileSync } from 'node:fs';
import { sharedPath } from './paths.ts';

/** Pictures that the Python original was run on. */
export const referenceNames = ['JianzhuGuo', 'astronaut', 'trump_hillary'] as const;

type Box = [xMin: number, yMin: number, xMax: number, yMax: number];

/** The Python original's result for one face. */
export interface ReferenceFace {
  roiBox: Box;
  /** `[62]`, before de-normalising. */
  networkOutput: number[];
  params: number[];
  /** 3 rows of 68. */
  landmarks: number[][];
  pose: { yaw: number; pitch: number; roll: number };
  /** 3 rows of 4. */
  cameraMatrix: number[][];
  landmarkRoiBox: Box;
  paramsFromLandmarkRoi: number[];
  denseMin: number[];
  denseMax: number[];
}

/** `reference.json` of one picture. */
export interface ReferencePicture {
  image: { width: number; height: number };
  detectorInput: { width: number; height: number };
  priorCount: number;
  boxes: [...Box, score: number][];
  faces: ReferenceFace[];
}

export function readReference(name: string): ReferencePicture {
  return JSON.parse(readFileSync(sharedPath('reference', name, 'reference.json'), 'utf8'));
}

/** A raw file of little-endian float32 numbers. */
export function readFloat32(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** `[n x 3]`, xyz interleaved, from the reference's three rows. */
export function interleave(rows: readonly ArrayLike<number>[]): Float32Array {
  const [xs, ys, zs] = rows as [ArrayLike<number>, ArrayLike<number>, ArrayLike<number>];
  const points = new Float32Array(xs.length * 3);
  for (let i = 0; i < xs.length; i++) {
    points[3 * i] = xs[i];
    points[3 * i + 1] = ys[i];
    points[3 * i + 2] = zs[i];
  }
  return points;
}

/** One frame of the original's tracking. */
export interface ReferenceFrame {
  /** Where the crop came from. */
  how: string;
  roiBox: Box;
  params: number[];
  /** 3 rows of 68. */
  landmarks: number[][];
}

export function readTracking(): { frames: ReferenceFrame[] } {
  return JSON.parse(readFileSync(sharedPath('reference', 'obama', 'tracking.json'), 'utf8'));
}
