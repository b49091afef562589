/**
 * The face in a photo as a textured surface on a canvas, turned by pointer and keys. Drawn by our own rasteriser: there
 * is no WebGL context to be missing or lost, and no other library to load.
 */
import { createFaceAlignerWorker } from '../browser/face-aligner-worker.ts';
import { readPixels } from '../browser/read-pixels.ts';
import { cachedWeights } from '../engine/weights/cached-source.ts';
import { httpWeights } from '../engine/weights/http-source.ts';
import { ImageDecodeError } from '../errors.ts';
import { HeadSurface } from '../geometry/head-surface.ts';
import { DEFAULT_INTEROCULAR_MM, withClosedMouth } from '../geometry/mesh.ts';
import { requireFaceMaps } from '../geometry/required-parts.ts';
import { paintTextured } from '../geometry/textured.ts';
import { extractUvTexture } from '../geometry/uv-texture.ts';
import type { AlignedFace, FaceMaps, RgbaImage } from '../types.ts';

/** Longer photos are scaled down: a face's texture has at most 1024 texels. */
const MAX_PHOTO_SIDE = 1920;
const TEXTURE_SIZE = 512;
/** Maximum px drawn per side. */
const MAX_CANVAS_SIDE = 1200;
/** Beyond this the back of the surface would be seen. */
export const MAX_TURN = { yawDegrees: 80, pitchDegrees: 50 } as const;

/** A face that can be drawn from any side. */
export interface LoadedFace {
  /** As aligned on the photo. */
  readonly face: AlignedFace;
  /** Number of faces in the photo. */
  readonly faceCount: number;
  /** `[n x 3]`, x to the right, y up, z towards the viewer; centred at 0, at most 1 from there. */
  readonly vertices: Float32Array;
  readonly maps: Pick<FaceMaps, 'triangles' | 'uvs' | 'uvTriangles'>;
  readonly texture: RgbaImage;
}

/** What to load, and from where. */
export interface FaceRequest {
  readonly photo: string;
  /** Address of the pack's folder. */
  readonly weights: string;
  /** Which face, from 0, the detector's best first. */
  readonly index: number;
  readonly signal: AbortSignal;
  readonly onProgress: (loadedBytes: number, totalBytes: number) => void;
}

/**
 * Loads a photo and the surface of its face. The networks are released afterwards.
 * @throws ImageDecodeError if the photo cannot be loaded or has no such face; what `createFaceAlignerWorker` throws.
 */
export async function loadFace({ photo, weights, index, signal, onProgress }: FaceRequest): Promise<LoadedFace> {
  const [image, aligner] = await Promise.all([
    readPhoto(photo, signal),
    createFaceAlignerWorker({
      weights: cachedWeights(httpWeights(weights)),
      keepPixels: true,
      signal,
      onProgress: ({ loadedBytes, totalBytes }) => onProgress(loadedBytes, totalBytes ?? 0),
    }),
  ]);
  try {
    const boxes = await aligner.detect(image);
    signal.throwIfAborted();
    const box = boxes[index];
    if (box === undefined) {
      const found =
        boxes.length === 0 ? 'there is no face in it' : `it has ${boxes.length} faces, none with index ${index}`;
      throw new ImageDecodeError(photo, found);
    }
    const [face] = await aligner.align(image, [box]);
    signal.throwIfAborted();
    const maps = requireFaceMaps(aligner);
    const texture = extractUvTexture(image, aligner.reconstruct(face, { dense: true }), maps, {
      size: TEXTURE_SIZE,
      hidden: 'mirror',
      fill: true,
    });
    const head = new HeadSurface(aligner, DEFAULT_INTEROCULAR_MM);
    head.evaluate(face.params);
    return {
      face,
      faceCount: boxes.length,
      vertices: normalised(head.vertices),
      maps: withClosedMouth(maps),
      texture,
    };
  } finally {
    aligner.dispose();
  }
}

async function readPhoto(address: string, signal: AbortSignal): Promise<RgbaImage> {
  let blob: Blob;
  try {
    const response = await fetch(address, { signal });
    if (!response.ok) throw new ImageDecodeError(address, `the server answered ${response.status}`);
    blob = await response.blob();
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ImageDecodeError) throw cause;
    throw new ImageDecodeError(address, 'it cannot be loaded; a photo from another site needs CORS headers', {
      cause,
    });
  }
  try {
    return await readPixels(blob, { maxSide: MAX_PHOTO_SIDE });
  } catch (cause) {
    // A blob has no name of its own.
    throw new ImageDecodeError(address, 'this is not a picture that the browser can read', { cause });
  }
}

/** Flips vertices from y down to y up, centres them and scales them to a reach of 1. */
function normalised(vertices: Float32Array): Float32Array {
  const middle = [0, 1, 2].map((axis) => {
    let low = Infinity;
    let high = -Infinity;
    for (let i = axis; i < vertices.length; i += 3) {
      low = Math.min(low, vertices[i]);
      high = Math.max(high, vertices[i]);
    }
    return (low + high) / 2;
  });
  const moved = vertices.map((value, i) => (i % 3 === 1 ? -1 : 1) * (value - middle[i % 3]));
  let reach = 0;
  for (let i = 0; i < moved.length; i += 3) reach = Math.max(reach, Math.hypot(moved[i], moved[i + 1], moved[i + 2]));
  return moved.map((value) => value / reach);
}

/**
 * Draws a face as seen when turned.
 * @param yawDegrees - positive: the nose points to the right of the picture.
 * @param pitchDegrees - positive: the nose points up.
 * @param cssSize - width and height at which the canvas is shown.
 * @param sharpness - px drawn per px of the screen, along each axis.
 */
export function drawFace(
  canvas: HTMLCanvasElement,
  { vertices, maps, texture }: LoadedFace,
  [yawDegrees, pitchDegrees]: readonly [number, number],
  [cssWidth, cssHeight]: readonly [number, number],
  sharpness: number,
): void {
  const scale = Math.min(
    sharpness * (globalThis.devicePixelRatio || 1),
    MAX_CANVAS_SIDE / Math.max(cssWidth, cssHeight),
  );
  const width = Math.max(1, Math.round(cssWidth * scale));
  const height = Math.max(1, Math.round(cssHeight * scale));
  const [yaw, pitch] = [yawDegrees, pitchDegrees].map((degrees) => (degrees * Math.PI) / 180);
  const [cosYaw, sinYaw, cosPitch, sinPitch] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const radius = (Math.min(width, height) / 2) * 0.98;
  const placed = new Float32Array(vertices.length);
  for (let i = 0; i < vertices.length; i += 3) {
    const [x, y, z] = [vertices[i], vertices[i + 1], vertices[i + 2]];
    const turnedZ = z * cosYaw - x * sinYaw;
    placed[i] = width / 2 + radius * (x * cosYaw + z * sinYaw);
    placed[i + 1] = height / 2 - radius * (y * cosPitch + turnedZ * sinPitch);
    placed[i + 2] = radius * (turnedZ * cosPitch - y * sinPitch);
  }
  const picture = { data: new Uint8ClampedArray(width * height * 4), width, height };
  paintTextured(picture, [{ vertices: placed, texture }], maps);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext('2d')?.putImageData(new ImageData(picture.data, width, height), 0, 0);
}
