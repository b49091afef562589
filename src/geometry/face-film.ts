/** The faces in a video as meshes that move: morph weights and head poses over time. */

import { checkOptionNames, describeValue, type OptionNames } from '../check-arguments.ts';
import type { AlignedFace, FaceMaps, MorphableModel, RgbaImage } from '../types.ts';
import { expressionTargets, targetWeights } from './expression-targets.ts';
import type { GlbFace, GlbMotion } from './glb.ts';
import { DEFAULT_INTEROCULAR_MM, pupilDistance, withClosedMouth } from './mesh.ts';
import { packLandmarks, packModel, reconstruct } from './morphable-model.ts';
import { vertexNormals } from './normals.ts';
import { CAMERA_PARAM_COUNT, checkParamCount } from './params.ts';
import { poseFromParams } from './pose.ts';
import { CROP_SIZE, cropPlacement, cropToImage } from './similarity-transform.ts';
import { extractUvTexture } from './uv-texture.ts';

/** A face in a frame. */
export interface FilmedFace extends AlignedFace {
  /** Stays the same for a face from frame to frame. */
  readonly id: number;
}

/** Options of `createFaceFilm`. */
export interface FaceFilmOptions {
  /** Distance between the pupils, which sets the scale, mm. Default 63. */
  readonly interocularMm?: number;
  /**
   * Side of the skin texture, texels; the skin is taken from the frame in which a face looks most directly at the
   * camera. Default 512.
   */
  readonly textureSize?: number;
  /** Makes a PNG or JPEG file of the skin. */
  readonly encode: (texture: RgbaImage) => Uint8Array;
}

const FILM_OPTION_NAMES: OptionNames<FaceFilmOptions> = { interocularMm: true, textureSize: true, encode: true };

/** Collects the faces in a video. */
export interface FaceFilm {
  /**
   * Takes the next frame. The picture is kept if it shows a face better than any frame so far.
   * @param timeMs - from any origin; greater than that of the previous frame. The motions begin with the first frame.
   * @throws RangeError for a time that is not after the last one, or parameters that do not fit the model.
   */
  add(image: RgbaImage, timeMs: number, faces: readonly FilmedFace[]): void;
  /**
   * The faces with their motions, oldest id first: positions in millimetres in the plane of the video, y up, its centre
   * at 0. For `writeGlb` with a `unitScale` of 0.001. `[]` if no frame had a face.
   */
  faces(): GlbFace[];
}

interface Moment {
  readonly time: number;
  readonly face: AlignedFace;
}

interface Person {
  readonly moments: Moment[];
  /** The frame that shows the face best, and how far from straight ahead it looks there, degrees. */
  best?: { readonly image: RgbaImage; readonly face: AlignedFace; readonly aside: number };
}

/**
 * Creates a collector for the faces in a video.
 *
 * A person has one shape, the mean of all frames, and one mesh at rest in the frame of its head. The mesh's node
 * carries the head: its turn, its place in the picture, and its size relative to the median. The camera sees no depth,
 * so heads move in a plane and grow and shrink as they do in the video.
 */
export function createFaceFilm(model: MorphableModel, maps: FaceMaps, options: FaceFilmOptions): FaceFilm {
  checkOptionNames(options ?? null, FILM_OPTION_NAMES);
  const { interocularMm = DEFAULT_INTEROCULAR_MM, textureSize = 512, encode } = options;
  if (typeof encode !== 'function') {
    throw new TypeError(`encode: expected a function that makes a PNG or JPEG file, got ${describeValue(encode)}`);
  }
  const people = new Map<number, Person>();
  const times: number[] = [];
  let middle: readonly [number, number] = [0, 0];
  let startMs = 0;

  return {
    add(image, timeMs, faces) {
      for (const { params } of faces) checkParamCount(params, model);
      if (times.length === 0) {
        middle = [image.width / 2, image.height / 2];
        startMs = timeMs;
      }
      const time = (timeMs - startMs) / 1000;
      if (!(time < Infinity) || !(time > (times.at(-1) ?? -1))) {
        throw new RangeError(`timeMs: expected a time after that of the frame before, got ${timeMs}`);
      }
      times.push(time);
      for (const { id, roiBox, params } of faces) {
        const person = people.get(id) ?? { moments: [] };
        people.set(id, person);
        const face = { roiBox, params };
        person.moments.push({ time, face });
        const { yawDegrees, pitchDegrees } = poseFromParams(params);
        const aside = Math.hypot(yawDegrees, pitchDegrees);
        if (person.best === undefined || aside < person.best.aside) person.best = { image, face, aside };
      }
    },

    faces() {
      return [...people].sort(([a], [b]) => a - b).map(([id, person]) => filmedFace(id, person));
    },
  };

  function filmedFace(id: number, { moments, best }: Person): GlbFace {
    const atRest = restOf(moments);
    const scale = interocularMm / pupilDistance(reconstruct(packLandmarks(model), atRest));
    // A camera that only converts to millimetres; a crop that is the whole picture.
    const params = atRest.slice();
    for (const i of [0, 5, 10]) params[i] = scale;
    const face = { roiBox: { xMin: 0, yMin: 0, xMax: CROP_SIZE, yMax: CROP_SIZE }, params };
    const positions = reconstruct(packModel(model), params);
    const { triangles, uvTriangles, uvs } = withClosedMouth(maps);
    const texture = best && encode(textureOf(best.image, best.face));
    return {
      name: `face_${id}`,
      mesh: {
        positions,
        triangles,
        uvs,
        ...(uvTriangles && { uvTriangles }),
        normals: vertexNormals(positions, triangles, { yAxis: 'up' }),
      },
      expression: expressionTargets(positions, face, model),
      ...(texture && { texture }),
      motion: motionOf(moments, scale),
    };
  }

  /** The person's mean shape without expression, gaze and pose. */
  function restOf(moments: readonly Moment[]): Float32Array {
    const rest = new Float32Array(moments[0].face.params.length);
    for (const i of [0, 5, 10]) rest[i] = 1;
    for (let i = CAMERA_PARAM_COUNT; i < CAMERA_PARAM_COUNT + model.shapeCount; i++) {
      let sum = 0;
      for (const { face } of moments) sum += face.params[i];
      rest[i] = sum / moments.length;
    }
    return rest;
  }

  function textureOf(image: RgbaImage, face: AlignedFace): RgbaImage {
    const vertices = reconstruct(packModel(model), face.params);
    return extractUvTexture(image, cropToImage(vertices, face.roiBox, vertices), maps, {
      size: textureSize,
      hidden: 'mirror',
      fill: true,
    });
  }

  function motionOf(moments: readonly Moment[], mmPerUnit: number): GlbMotion {
    const placed = moments.map(({ face: { roiBox, params } }) => {
      const { scale, translation, quaternion } = poseFromParams(params);
      const { scaleX, scaleY, left, top } = cropPlacement(roiBox);
      return {
        quaternion,
        pxPerUnit: scale * scaleX,
        x: (translation[0] - 1) * scaleX + left,
        y: (CROP_SIZE - translation[1]) * scaleY + top,
      };
    });
    const sizes = placed.map(({ pxPerUnit }) => pxPerUnit).sort((a, b) => a - b);
    const mmPerPx = mmPerUnit / sizes[Math.floor(sizes.length / 2)];
    const rotations = new Float32Array(4 * moments.length);
    for (const [i, { quaternion }] of placed.entries()) {
      // The shorter way round from one frame to the next: q and -q are the same turn.
      const before = rotations.subarray(4 * i - 4, 4 * i);
      const along = i === 0 ? 1 : quaternion.reduce((sum, value, k) => sum + value * before[k], 0);
      rotations.set(
        quaternion.map((value) => (along < 0 ? -value : value)),
        4 * i,
      );
    }
    return {
      times: Float32Array.from(moments, ({ time }) => time),
      rotations,
      translations: Float32Array.from(
        placed.flatMap(({ x, y }) => [(x - middle[0]) * mmPerPx, (middle[1] - y) * mmPerPx, 0]),
      ),
      weights: Float32Array.from(moments.flatMap(({ face }) => [...targetWeights(face.params, model)])),
      ...sizesOverTime(
        moments.map(({ time }) => time),
        placed.map(({ pxPerUnit }) => (pxPerUnit * mmPerPx) / mmPerUnit),
      ),
    };
  }

  /** A face that is absent has no size: keys of 0 at the frames around each gap. */
  function sizesOverTime(seen: readonly number[], sizes: readonly number[]) {
    const sizeAt = new Map(seen.map((time, i) => [time, sizes[i]]));
    const kept = times.filter((time, i) => {
      const isThere = sizeAt.has(time);
      return isThere || i === 0 || sizeAt.has(times[i - 1]) || (i + 1 < times.length && sizeAt.has(times[i + 1]));
    });
    return {
      sizeTimes: Float32Array.from(kept),
      sizes: Float32Array.from(kept, (time) => sizeAt.get(time) ?? 0),
    };
  }
}
