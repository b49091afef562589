/** Pictures and faces of the reference data. */
import { fileWeights } from '../src/engine/weights/file-source.ts';
import { openPack } from '../src/engine/weights/open-pack.ts';
import { loadFacePack } from '../src/models/face-pack.ts';
import type { FaceMaps, RgbaImage } from '../src/types.ts';
import { sharedPath } from './paths.ts';
import { readPng } from './read-png.ts';
import { interleave, readFloat32, readReference } from './reference.ts';
import { upstreamPack } from './upstream-pack.ts';

/** A face as computed by the Python original. */
export interface ReferenceFace {
  readonly params: Float32Array;
  /** `[68 x 3]`. */
  readonly landmarks: Float32Array;
  /** `[38365 x 3]`. */
  readonly vertices: Float32Array;
}

/** A picture from the reference: `input`, `render`, `depth` … */
export function referencePicture(image: string, picture: string): RgbaImage {
  return rgbaOfPng(sharedPath('reference', image, `${picture}.png`));
}

/** Reads a PNG as opaque RGBA. */
export function rgbaOfPng(path: string): RgbaImage {
  const { data, width, height } = readPng(path);
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(i * 3, i * 3 + 3), i * 4);
  return { data: rgba, width, height };
}

/** The faces of a reference image, with coordinates interleaved. */
export function referenceFaces(image: string): ReferenceFace[] {
  return readReference(image).faces.map((face, index) => {
    const planes = readFloat32(sharedPath('reference', image, `dense_${index}.f32`));
    const count = planes.length / 3;
    return {
      params: Float32Array.from(face.params),
      landmarks: interleave(face.landmarks),
      vertices: interleave([0, 1, 2].map((axis) => planes.subarray(axis * count, (axis + 1) * count))),
    };
  });
}

/** The original's triangles, codes and texture coordinates, as in a converted pack. */
export async function upstreamMaps(): Promise<FaceMaps> {
  const { faceMaps } = await loadFacePack(await openPack(fileWeights(await upstreamPack())));
  if (faceMaps === undefined) throw new Error('the upstream pack has no maps');
  return faceMaps;
}

/** How two pictures of one size differ, in pixels and levels. */
export function comparePictures(actual: RgbaImage, expected: RgbaImage): PictureDifference {
  if (actual.width !== expected.width || actual.height !== expected.height) {
    throw new Error(`${actual.width} x ${actual.height} is not ${expected.width} x ${expected.height}`);
  }
  let differingPixels = 0;
  let largest = 0;
  if (bytes(actual).equals(bytes(expected))) return { differingPixels, largest };
  for (let i = 0; i < expected.data.length; i += 4) {
    let difference = 0;
    for (let c = 0; c < 3; c++) {
      difference = Math.max(difference, Math.abs(actual.data[i + c] - expected.data[i + c]));
    }
    if (difference > 0) differingPixels++;
    largest = Math.max(largest, difference);
  }
  return { differingPixels, largest };
}

function bytes({ data }: RgbaImage): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** The result of `comparePictures`. */
export interface PictureDifference {
  readonly differingPixels: number;
  /** 0..255. */
  readonly largest: number;
}
