import { DataTexture, LinearFilter, LinearMipmapLinearFilter, SRGBColorSpace } from 'three';
import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { SurfaceSource } from '../geometry/face-surface.ts';
import { poseFromParams } from '../geometry/pose.ts';
import { requireFaceMaps } from '../geometry/required-parts.ts';
import { extractUvTexture, type UvTextureOptions } from '../geometry/uv-texture.ts';
import type { AlignedFace, FaceMaps, RgbaImage } from '../types.ts';

/** Options of {@link frontalTexture}. */
export interface FrontalTextureOptions {
  /** Width and height, texels, 1..4096. Default 512. */
  readonly size?: number;
  /** As in `FaceMesh3D`: what is between the lips. Default `closed`. */
  readonly mouth?: NonNullable<UvTextureOptions['mouth']>;
}

const FRONTAL_OPTION_NAMES: OptionNames<FrontalTextureOptions> = { size: true, mouth: true };

/** How many degrees straighter into the camera a face must look to replace the one in the texture. */
const CLEARLY_STRAIGHTER_DEGREES = 2;

/**
 * A face's skin, kept from the picture in which it looked straightest into the camera. Made by {@link frontalTexture}.
 */
export class FrontalTexture extends DataTexture {
  /** How far the face in the texture looks away from the camera, degrees; infinite before the first face. */
  turnDegrees = Number.POSITIVE_INFINITY;
  readonly #source: SurfaceSource;
  readonly #maps: FaceMaps;
  readonly #pixels: Uint8Array;
  readonly #size: number;
  readonly #mouth: NonNullable<UvTextureOptions['mouth']>;

  /** Use {@link frontalTexture}. */
  constructor(source: SurfaceSource, options: FrontalTextureOptions = {}) {
    checkOptionNames(options, FRONTAL_OPTION_NAMES);
    const { size = 512, mouth = 'closed' } = options;
    if (!Number.isInteger(size) || size < 1 || size > 4096) {
      throw new RangeError(`size: expected a whole number 1..4096, got ${size}`);
    }
    const pixels = new Uint8Array(size * size * 4);
    super(pixels, size, size);
    this.#source = source;
    this.#maps = requireFaceMaps(source);
    this.#pixels = pixels;
    this.#size = size;
    this.#mouth = mouth;
    this.colorSpace = SRGBColorSpace;
    this.magFilter = LinearFilter;
    this.minFilter = LinearMipmapLinearFilter;
    this.generateMipmaps = true;
    this.anisotropy = 4;
  }

  /**
   * Takes the skin of a face if it looks straighter into the camera than the one before, or is the first.
   * @param image - the photo or frame that the face was aligned on.
   * @returns whether it was taken; taking it costs a few milliseconds, checking alone none.
   * @throws RangeError for an invalid image, or parameters of another model.
   */
  take(image: RgbaImage, face: AlignedFace): boolean {
    const { yawDegrees, pitchDegrees } = poseFromParams(face.params);
    const turn = Math.hypot(yawDegrees, pitchDegrees);
    if (!(turn < this.turnDegrees - CLEARLY_STRAIGHTER_DEGREES)) return false;
    const vertices = this.#source.reconstruct(face, { dense: true });
    const { data } = extractUvTexture(image, vertices, this.#maps, {
      size: this.#size,
      mouth: this.#mouth,
      hidden: 'mirror',
      fill: true,
    });
    // In three.js the first row is v = 0, the bottom one.
    const rowBytes = this.#size * 4;
    for (let row = 0; row < this.#size; row++) {
      this.#pixels.set(data.subarray(row * rowBytes, (row + 1) * rowBytes), (this.#size - 1 - row) * rowBytes);
    }
    this.turnDegrees = turn;
    this.needsUpdate = true;
    return true;
  }

  /** Takes the next face whichever way it looks: for when another person appears. */
  forget(): void {
    this.turnDegrees = Number.POSITIVE_INFINITY;
  }
}

/**
 * Makes the texture of a face for `FaceMesh3D`: its skin as seen from the front, with hidden parts taken from the other
 * side of the face. For a video, pass further frames to its `take`: it keeps the one in which the face looks
 * straightest into the camera.
 * @param source - the aligner, or anything else with a model and maps.
 * @param image - the photo.
 * @param face - as aligned on the photo.
 * @throws WeightFormatError if the pack has no model or no maps; RangeError for an invalid size.
 */
export function frontalTexture(
  source: SurfaceSource,
  image: RgbaImage,
  face: AlignedFace,
  options: FrontalTextureOptions = {},
): FrontalTexture {
  const texture = new FrontalTexture(source, options);
  texture.take(image, face);
  return texture;
}
