import { extractUvTexture, poseFromParams } from '../../src/geometry.ts';
import type { FaceAligner, RgbaImage, TrackedFace } from '../../src/index.ts';

/** How many degrees straighter into the camera a face must look to replace the current skin. */
const CLEARLY_STRAIGHTER_DEGREES = 2;
const SIZE = 512;

/** The skin of a face that is followed, from the frame in which it looked straightest into the camera. */
export class LiveSkin {
  #id: number | undefined;
  #turnDegrees = Number.POSITIVE_INFINITY;

  /** @returns a new skin if this frame shows it better than those before, or shows somebody else. */
  async take(
    image: RgbaImage,
    face: TrackedFace,
    vertices: Float32Array,
    aligner: FaceAligner,
  ): Promise<ImageBitmap | undefined> {
    if (aligner.faceMaps === undefined) return undefined;
    const { yawDegrees, pitchDegrees } = poseFromParams(face.params);
    const turn = Math.hypot(yawDegrees, pitchDegrees);
    const isNew = face.id !== this.#id;
    if (!isNew && turn > this.#turnDegrees - CLEARLY_STRAIGHTER_DEGREES) return undefined;
    this.#id = face.id;
    this.#turnDegrees = turn;
    return bitmapOf(extractUvTexture(image, vertices, aligner.faceMaps, { size: SIZE, hidden: 'mirror', fill: true }));
  }
}

/** A texture as three.js expects it in a bitmap: bottom row first. */
export function bitmapOf({ data, width, height }: RgbaImage): Promise<ImageBitmap> {
  const pixels = new ImageData(new Uint8ClampedArray(data), width, height);
  return createImageBitmap(pixels, { imageOrientation: 'flipY' });
}
