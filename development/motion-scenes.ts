/** Films of one head that moves along a known course, at 30 frames/s. */

import type { FaceAligner } from '../src/face-aligner.ts';
import { drawTextured } from '../src/geometry/textured.ts';
import { extractUvTexture } from '../src/geometry/uv-texture.ts';
import type { AlignedFace, RgbaImage } from '../src/types.ts';
import { withNoise } from './video-scene.ts';

export const MOTION_FRAME_MS = 1000 / 30;
/** Frames at rest before anything moves. */
export const REST_FRAMES = 10;
/** Frames after the start in which a smoother may still be catching up. */
const START_FRAMES = 6;
const NOISE_LEVELS = 3;
/** The wall-like grey around the moved picture. */
const WALL = 128;

/** A picture moved to the right by `speed` px per frame, starting at its left border, with noise. */
export function* movedPicture(picture: RgbaImage, speed: number, distance: number): Generator<RgbaImage> {
  const count = REST_FRAMES + Math.max(START_FRAMES + 4, Math.min(50, Math.floor(distance / speed)));
  for (let i = 0; i < count; i++) {
    const shift = Math.round(speed * Math.max(0, i - REST_FRAMES));
    yield withNoise(shifted(picture, Math.min(shift, distance)), NOISE_LEVELS, i + 1);
  }
}

function shifted({ data, width, height }: RgbaImage, shift: number): RgbaImage {
  const moved = new Uint8Array(data.length).fill(WALL);
  const bytes = (width - shift) * 4;
  for (let y = 0; y < height; y++) {
    moved.set(data.subarray(y * width * 4, y * width * 4 + bytes), (y * width + shift) * 4);
  }
  for (let i = 3; i < moved.length; i += 4) moved[i] = 255;
  return { data: moved, width, height };
}

/** How a head turns. */
export interface Turning {
  readonly yawDegrees: number;
  readonly pitchDegrees: number;
  /** How much nearer it comes, as a fraction of its size. */
  readonly nearer: number;
  readonly periodFrames: number;
}

/** The face of a picture as a textured mesh that swings to and fro before the picture, with noise. */
export function* swingingFace(
  aligner: FaceAligner,
  picture: RgbaImage,
  face: AlignedFace,
  { yawDegrees, pitchDegrees, nearer, periodFrames }: Turning,
  frameCount = 70,
): Generator<RgbaImage> {
  const { faceMaps } = aligner;
  if (faceMaps === undefined) throw new Error('the pack has no mesh');
  const vertices = aligner.reconstruct(face, { dense: true });
  const texture = extractUvTexture(picture, vertices, faceMaps, { hidden: 'mirror', fill: true, size: 512 });
  for (let i = 0; i < frameCount; i++) {
    const swing = Math.sin((2 * Math.PI * Math.max(0, i - REST_FRAMES)) / periodFrames);
    const turned = turnedVertices(vertices, yawDegrees * swing, pitchDegrees * swing, 1 + nearer * swing);
    yield withNoise(drawTextured(picture, [{ vertices: turned, texture }], faceMaps), NOISE_LEVELS, i + 1);
  }
}

/** Vertices turned about their mean. */
function turnedVertices(vertices: Float32Array, yawDegrees: number, pitchDegrees: number, scale: number): Float32Array {
  const count = vertices.length / 3;
  const centre = [0, 0, 0];
  for (let i = 0; i < vertices.length; i++) centre[i % 3] += vertices[i] / count;
  const [yaw, pitch] = [(yawDegrees * Math.PI) / 180, (pitchDegrees * Math.PI) / 180];
  const turned = new Float32Array(vertices.length);
  for (let i = 0; i < vertices.length; i += 3) {
    const [x, y, z] = [0, 1, 2].map((axis) => (vertices[i + axis] - centre[axis]) * scale) as [number, number, number];
    const side = x * Math.cos(yaw) + z * Math.sin(yaw);
    const depth = z * Math.cos(yaw) - x * Math.sin(yaw);
    turned[i] = centre[0] + side;
    turned[i + 1] = centre[1] + y * Math.cos(pitch) - depth * Math.sin(pitch);
    turned[i + 2] = centre[2] + y * Math.sin(pitch) + depth * Math.cos(pitch);
  }
  return turned;
}

/** Sides of a picture. */
export const SIDES = ['left', 'right', 'top', 'bottom'] as const;

/** How a face leaves the picture and comes back. */
export interface BorderCourse {
  readonly side: (typeof SIDES)[number];
  /** Where its centre starts and ends, and where it turns back, px beyond the border. */
  readonly from: number;
  readonly beyond: number;
  /** Px per frame. */
  readonly speed: number;
  readonly pauseFrames: number;
  /** Frames at rest at the end. */
  readonly restFrames: number;
}

/** Position of the face in each frame, px beyond the border. */
export function borderCourse(course: Omit<BorderCourse, 'side'>): number[] {
  const { from, beyond, speed, pauseFrames, restFrames } = course;
  const steps = Math.ceil((beyond - from) / speed);
  const going = Array.from({ length: steps }, (_, i) => from + speed * i);
  const away = Array.from({ length: pauseFrames + 1 }, () => beyond);
  const resting = Array.from({ length: restFrames }, () => from);
  return [...going, ...away, ...going.toReversed(), ...resting];
}

/** The centre of a face that is this far beyond the middle of a border, px. */
export function placeAtBorder(
  side: BorderCourse['side'],
  beyond: number,
  { width, height }: { readonly width: number; readonly height: number },
): { x: number; y: number } {
  const [x, y] = [width / 2, height / 2];
  if (side === 'left') return { x: -beyond, y };
  if (side === 'right') return { x: width + beyond, y };
  return side === 'top' ? { x, y: -beyond } : { x, y: height + beyond };
}

/** How far `smooth` lags behind `raw`, both moving right at `speed` px per frame: mean once settled, and maximum, in frames. */
export function lagOf(
  raw: readonly Float32Array[],
  smooth: readonly Float32Array[],
  speed: number,
): { readonly mean: number; readonly greatest: number } {
  const lags = raw.map((points, i) => (meanX(points) - meanX(smooth[i])) / speed).slice(REST_FRAMES);
  const settled = lags.slice(START_FRAMES);
  return { mean: settled.reduce((sum, lag) => sum + lag, 0) / settled.length, greatest: Math.max(...lags) };
}

/** Mean distance of landmarks, px. */
export function meanDistance(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  let sum = 0;
  let count = 0;
  for (const [k, points] of a.entries()) {
    for (let i = 0; i < points.length; i += 3, count++)
      sum += Math.hypot(points[i] - b[k][i], points[i + 1] - b[k][i + 1]);
  }
  return sum / count;
}

/** Mean x of landmarks. */
export function meanX(points: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < points.length; i += 3) sum += points[i];
  return sum / (points.length / 3);
}
