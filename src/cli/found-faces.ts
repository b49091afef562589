import type { FaceAligner } from '../face-aligner.ts';
import { poseFromParams } from '../geometry/pose.ts';
import type { AlignedFace, FaceBox, FaceMaps, MorphableModel, Pose, RgbaImage } from '../types.ts';
import { CliError } from './cli-error.ts';

/** A picture with what was found in it, and what its pack has to draw it with. */
export interface FoundFaces {
  readonly path: string;
  readonly image: RgbaImage;
  readonly faces: readonly FoundFace[];
  /** The pack's model. @throws CliError where it has none. */
  model(): MorphableModel;
  /** The pack's triangles and texture coordinates. @throws CliError where it has none. */
  maps(): FaceMaps;
}

export interface FoundFace {
  readonly box: FaceBox;
  readonly aligned: AlignedFace;
  readonly pose: Pose;
  /** Missing where the pack has no model. */
  readonly landmarks: Float32Array | undefined;
  /** `[n x 3]`, image px; computed at the first call. @throws CliError where the pack has no model. */
  vertices(): Float32Array;
  /** The same face with other parameters: turned, or with another expression. */
  withParams(params: Float32Array): Float32Array;
}

/** A file to be written beside others of the same picture. */
export interface OutputFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Puts together what was found in a picture. */
export function foundFaces(
  path: string,
  image: RgbaImage,
  boxes: readonly FaceBox[],
  faces: readonly AlignedFace[],
  aligner: FaceAligner,
): FoundFaces {
  const model = (): MorphableModel => {
    if (aligner.morphableModel !== undefined) return aligner.morphableModel;
    throw new CliError(`${path}: this pack has no morphable model, so there are no landmarks or surfaces to draw`);
  };
  return {
    path,
    image,
    model,
    maps: () => {
      if (aligner.faceMaps !== undefined) return aligner.faceMaps;
      throw new CliError(`${path}: this pack has no triangles, so there are no surfaces to draw`);
    },
    faces: faces.map((aligned, index) => {
      let vertices: Float32Array | undefined;
      return {
        box: boxes[index],
        aligned,
        pose: poseFromParams(aligned.params),
        landmarks: aligner.morphableModel && aligner.reconstruct(aligned),
        vertices: () => {
          model();
          vertices ??= aligner.reconstruct(aligned, { dense: true });
          return vertices;
        },
        withParams: (params) => {
          model();
          return aligner.reconstruct({ ...aligned, params }, { dense: true });
        },
      };
    }),
  };
}

/** The landmarks of every face. @throws CliError where the pack has no model. */
export function landmarksOf(found: FoundFaces): Float32Array[] {
  return found.faces.map(({ landmarks }) => {
    if (landmarks === undefined) found.model();
    return landmarks as Float32Array;
  });
}
