import { checkFaceArgument, checkFacesArgument, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { AlignedFace, FaceMaps, RgbaImage, RoiBox } from '../types.ts';
import { type ExpressionTargets, expressionTargets } from './expression-targets.ts';
import type { SurfaceSource } from './face-surface.ts';
import {
  DEFAULT_INTEROCULAR_MM,
  type Mesh,
  metricPlacements,
  toMetricFrame,
  toPhotoFrame,
  vertexColours,
  withClosedMouth,
} from './mesh.ts';
import { vertexNormals } from './normals.ts';
import type { UvTexture } from './picture.ts';
import { requireFaceMaps, requireMorphableModel } from './required-parts.ts';
import { extractUvTexture, type UvTextureOptions } from './uv-texture.ts';

/** Options of {@link faceMeshes}. */
export interface FaceMeshesOptions {
  /** `metric`, the default: centred, y up, in millimetres. `photo`: px of the photo, y up, its bottom left corner at 0. */
  readonly frame?: 'metric' | 'photo';
  /** Distance between the pupils in frame `metric`, mm. Default 63. */
  readonly interocularMm?: number;
  /**
   * How the skin is unrolled; false for no texture. By default hidden skin is mirrored, gaps are filled, and the texture has as
   * many texels as the face has px in the photo, 256..1024.
   */
  readonly texture?: Omit<UvTextureOptions, 'mouth' | 'compatibility'> | false;
  /** What is between the lips: skin (`closed`, the default), or a hole (`open`). */
  readonly mouth?: NonNullable<UvTextureOptions['mouth']>;
  /** Whether to separate the expression from the mesh so that it can be animated. Default true. */
  readonly expression?: boolean;
}

const MESHES_OPTION_NAMES: OptionNames<FaceMeshesOptions> = {
  frame: true,
  interocularMm: true,
  texture: true,
  mouth: true,
  expression: true,
};

/** Options of {@link faceMesh}. */
export interface FaceMeshOptions extends FaceMeshesOptions {
  /** The same face with other parameters: another expression, shape or pose. Colours and texture stay those of the photo. */
  readonly edited?: AlignedFace;
}

const MESH_OPTION_NAMES: OptionNames<FaceMeshOptions> = { ...MESHES_OPTION_NAMES, edited: true };

/** A face as a mesh, ready for a file. */
export interface FaceMesh {
  /** Positions, triangles, texture coordinates, colours of the photo, and unit normals. */
  readonly mesh: Mesh;
  /** Units of the positions per px of the photo: 1 in frame `photo`. */
  readonly scale: number;
  /** The skin; missing with `texture: false`. `writeGlb` takes it as a PNG file. */
  readonly texture?: UvTexture;
  /** The face at rest and what each expression adds to it; missing with `expression: false`. */
  readonly expression?: ExpressionTargets;
}

/** Default side of a texture, texels: the next power of two above the face's size in px, within these bounds. */
const TEXTURE_SIZES = { least: 256, most: 1024 } as const;

/**
 * Makes the mesh of a face in a photo.
 * @param image - the photo.
 * @param face - as aligned on the photo.
 * @param source - the aligner, or anything else with a model and maps.
 * @throws WeightFormatError if the pack has no morphable model or no triangles; RangeError or TypeError for an invalid
 *   option.
 */
export function faceMesh(
  image: RgbaImage,
  face: AlignedFace,
  source: SurfaceSource,
  options: FaceMeshOptions = {},
): FaceMesh {
  checkFaceArgument(face);
  checkOptionNames(options, MESH_OPTION_NAMES);
  const { edited = face, ...others } = options;
  return assemble(image, [{ face, edited }], source, others)[0];
}

/**
 * Makes the meshes of several faces in a photo, placed side by side as they are there.
 * @returns one mesh for each face, in the same order.
 * @throws as {@link faceMesh} does.
 */
export function faceMeshes(
  image: RgbaImage,
  faces: readonly AlignedFace[],
  source: SurfaceSource,
  options: FaceMeshesOptions = {},
): FaceMesh[] {
  checkOptionNames(options, MESHES_OPTION_NAMES);
  checkFacesArgument(faces);
  return assemble(
    image,
    faces.map((face) => ({ face, edited: face })),
    source,
    options,
  );
}

/** A face as it is on the photo and as its mesh should be. */
interface Subject {
  readonly face: AlignedFace;
  readonly edited: AlignedFace;
}

function assemble(
  image: RgbaImage,
  subjects: readonly Subject[],
  source: SurfaceSource,
  options: FaceMeshesOptions,
): FaceMesh[] {
  const { frame = 'metric', interocularMm = DEFAULT_INTEROCULAR_MM, texture = {}, expression = true } = options;
  const { mouth = 'closed' } = options;
  if (frame !== 'metric' && frame !== 'photo') {
    throw new TypeError(`frame: expected 'metric' or 'photo', got '${String(frame)}'`);
  }
  const maps = requireFaceMaps(source);
  const model = requireMorphableModel(source);
  const { triangles, uvs, uvTriangles } = mouth === 'open' ? maps : withClosedMouth(maps);
  const surfaces = subjects.map(({ face, edited }) => {
    const seen = source.reconstruct(face, { dense: true });
    return { face, edited, seen, vertices: edited === face ? seen : source.reconstruct(edited, { dense: true }) };
  });
  const placements =
    frame === 'photo'
      ? []
      : metricPlacements(
          surfaces.map(({ face, vertices }) => ({ vertices, landmarks: source.reconstruct(face) })),
          interocularMm,
        );
  return surfaces.map(({ face, edited, seen, vertices }, index) => {
    const placement = frame === 'photo' ? undefined : placements[index];
    const scale = placement?.scale ?? 1;
    const positions =
      placement === undefined ? toPhotoFrame(vertices, image.height) : toMetricFrame(vertices, placement);
    return {
      scale,
      mesh: {
        positions,
        triangles,
        uvs,
        ...(uvTriangles && { uvTriangles }),
        colours: vertexColours(image, seen),
        normals: vertexNormals(Float32Array.from(positions), triangles, { yAxis: 'up' }),
      },
      ...(texture !== false && { texture: skinOf(image, seen, maps, face.roiBox, { ...texture, mouth }) }),
      ...(expression && { expression: expressionTargets(positions, edited, model, scale) }),
    };
  });
}

function skinOf(
  image: RgbaImage,
  vertices: Float32Array,
  maps: FaceMaps,
  roiBox: RoiBox,
  options: UvTextureOptions,
): UvTexture {
  return extractUvTexture(image, vertices, maps, {
    size: textureSizeFor(roiBox),
    hidden: 'mirror',
    fill: true,
    ...options,
  });
}

function textureSizeFor({ xMin, yMin, xMax, yMax }: RoiBox): number {
  // A face takes up about two thirds of its crop.
  const extent = (Math.max(xMax - xMin, yMax - yMin) * 2) / 3;
  return Math.min(TEXTURE_SIZES.most, Math.max(TEXTURE_SIZES.least, 2 ** Math.ceil(Math.log2(extent))));
}
