/** What can be drawn of the faces in a photo, a video or the page's picture, by the names of `--draw`. */
import { drawDepth } from '../geometry/depth.ts';
import { drawBoxes, drawLandmarks, drawPoints, drawPose } from '../geometry/draw.ts';
import type { SurfaceSource } from '../geometry/face-surface.ts';
import { frontalFace } from '../geometry/face-tools.ts';
import { withClosedMouth } from '../geometry/mesh.ts';
import { type Background, type Compatibility, newCanvas, type PictureOptions } from '../geometry/picture.ts';
import { drawPncc } from '../geometry/pncc.ts';
import { drawRender } from '../geometry/render.ts';
import { requireFaceMaps, requireMorphableModel } from '../geometry/required-parts.ts';
import { arrangeSheet, type SheetOptions } from '../geometry/sheet.ts';
import { drawTextured } from '../geometry/textured.ts';
import { extractUvTexture, type UvTextureOptions } from '../geometry/uv-texture.ts';
import type { AlignedFace, FaceBox, RgbaImage, RoiBox } from '../types.ts';

/** What drawings need of a face; each member is read only by a drawing that needs it. */
export interface DrawableFace {
  readonly aligned: AlignedFace;
  readonly box: FaceBox | RoiBox;
  /** `[68 x 3]`, px of the image. */
  readonly landmarks: Float32Array;
  /** `[n x 3]`, px of the image. */
  readonly vertices: Float32Array;
  /** A line of text under its pose. */
  readonly label?: string;
}

/** How drawings look. */
export interface DrawingOptions {
  /** Default `image`. */
  readonly background?: Background;
  /** Default `none`. */
  readonly compatibility?: Compatibility;
  /** For `uv-texture` and `frontal`. */
  readonly texture?: UvTextureOptions;
}

/** One kind of drawing. */
export interface Drawing {
  /** What it uses of a face; a `surface` is its vertices and the pack's triangles. */
  readonly needs: 'box' | 'landmarks' | 'vertices' | 'surface';
  /** Whether it is drawn over the image; the others are separate pictures, and need a face. */
  readonly isOverlay: boolean;
  /** @returns a new picture; undefined for a separate picture without a face. */
  draw(
    image: RgbaImage,
    faces: readonly DrawableFace[],
    source: SurfaceSource,
    options: DrawingOptions,
  ): RgbaImage | undefined;
}

const landmarksOf = (faces: readonly DrawableFace[]): Float32Array[] => faces.map(({ landmarks }) => landmarks);
const verticesOf = (faces: readonly DrawableFace[]): Float32Array[] => faces.map(({ vertices }) => vertices);

/** The options that the picture functions accept: they refuse any others. */
const pictureOptions = ({ texture, ...options }: DrawingOptions): Omit<DrawingOptions, 'texture'> => options;
const lineOptions = ({ texture, compatibility, ...options }: DrawingOptions): PictureOptions => options;

/** The original puts the textures of all faces in one row. */
const sheetOf = (textures: readonly RgbaImage[], compatibility?: Compatibility): SheetOptions =>
  compatibility === 'upstream' ? { columns: textures.length } : {};

/** Side of a frontal portrait, px: the crop that the regressor saw. */
const FRONTAL_SIZE = 512;
const FRONTAL_TEXTURE: UvTextureOptions = { size: 512, hidden: 'mirror', fill: true };
const BLANK_SQUARE: RgbaImage = {
  data: new Uint8Array(FRONTAL_SIZE * FRONTAL_SIZE * 4),
  width: FRONTAL_SIZE,
  height: FRONTAL_SIZE,
};

/** All kinds of drawings. */
export const DRAWINGS = {
  landmarks: {
    needs: 'landmarks',
    isOverlay: true,
    draw: (image, faces, _, options) => drawLandmarks(image, landmarksOf(faces), lineOptions(options)),
  },
  points: {
    needs: 'vertices',
    isOverlay: true,
    draw: (image, faces, _, options) => drawPoints(image, verticesOf(faces), lineOptions(options)),
  },
  render: {
    needs: 'surface',
    isOverlay: true,
    draw: (image, faces, source, options) =>
      drawRender(image, verticesOf(faces), requireFaceMaps(source), pictureOptions(options)),
  },
  depth: {
    needs: 'surface',
    isOverlay: true,
    draw: (image, faces, source, options) =>
      drawDepth(image, verticesOf(faces), requireFaceMaps(source), pictureOptions(options)),
  },
  pncc: {
    needs: 'surface',
    isOverlay: true,
    draw: (image, faces, source, options) =>
      drawPncc(image, verticesOf(faces), requireFaceMaps(source), pictureOptions(options)),
  },
  'uv-texture': {
    needs: 'surface',
    isOverlay: false,
    draw(image, faces, source, { texture = {}, compatibility = 'none' }) {
      const maps = requireFaceMaps(source);
      const textures = verticesOf(faces).map((vertices) =>
        extractUvTexture(image, vertices, maps, { ...texture, compatibility }),
      );
      return textures.length === 0 ? undefined : arrangeSheet(textures, sheetOf(textures, compatibility));
    },
  },
  frontal: {
    needs: 'surface',
    isOverlay: false,
    draw(image, faces, source, { texture }) {
      const portraits = faces.map((face) => drawFrontal(image, face, source, { ...FRONTAL_TEXTURE, ...texture }));
      return portraits.length === 0 ? undefined : arrangeSheet(portraits);
    },
  },
  pose: {
    needs: 'landmarks',
    isOverlay: true,
    draw(image, faces, _, options) {
      const heads = faces.map(({ aligned: { params }, landmarks, label }) => ({
        params,
        landmarks,
        ...(label !== undefined && options.compatibility !== 'upstream' && { label }),
      }));
      return drawPose(image, heads, pictureOptions(options));
    },
  },
  boxes: {
    needs: 'box',
    isOverlay: true,
    draw: (image, faces, _, options) =>
      drawBoxes(
        image,
        faces.map(({ box }) => box),
        lineOptions(options),
      ),
  },
} as const satisfies Readonly<Record<string, Drawing>>;

export type DrawingKind = keyof typeof DRAWINGS;

export const DRAWING_KINDS = Object.keys(DRAWINGS) as readonly DrawingKind[];

/** Kinds drawn over the image, so that several can share one picture and videos can use them. */
export const OVERLAY_KINDS: readonly DrawingKind[] = DRAWING_KINDS.filter((kind) => DRAWINGS[kind].isOverlay);

/** Whether a pack has what a drawing needs. */
export function canDraw(kind: DrawingKind, { morphableModel, faceMaps }: SurfaceSource): boolean {
  const { needs } = DRAWINGS[kind];
  if (needs === 'box') return true;
  return morphableModel !== undefined && (needs !== 'surface' || faceMaps !== undefined);
}

/**
 * Draws several kinds over one image, in their order.
 * @param kinds - overlays.
 * @returns a new picture, or the image itself if there is nothing to draw.
 * @throws WeightFormatError if the pack lacks what a kind needs.
 */
export function drawOverlays(
  image: RgbaImage,
  kinds: readonly DrawingKind[],
  faces: readonly DrawableFace[],
  source: SurfaceSource,
  options: DrawingOptions = {},
): RgbaImage {
  const { background = 'image' } = options;
  if (kinds.length === 0) return background === 'image' ? image : newCanvas(image, background);
  let picture = image;
  for (const [index, kind] of kinds.entries()) {
    const drawing: Drawing = DRAWINGS[kind];
    // Only the first is drawn on the image, or on black; the others on what was drawn before.
    const layer = { ...options, background: index === 0 ? background : 'image' } as const;
    picture = drawing.draw(picture, faces, source, layer) ?? picture;
  }
  return picture;
}

/** A face's portrait: turned to the front, with its own skin. */
function drawFrontal(
  image: RgbaImage,
  { aligned, vertices }: DrawableFace,
  source: SurfaceSource,
  texture: UvTextureOptions,
): RgbaImage {
  const maps = requireFaceMaps(source);
  const skin = extractUvTexture(image, vertices, maps, texture);
  const { xMin, yMin, xMax, yMax } = aligned.roiBox;
  const frontal = source.reconstruct(frontalFace(aligned, requireMorphableModel(source)), { dense: true });
  const scaleX = FRONTAL_SIZE / (xMax - xMin);
  const scaleY = FRONTAL_SIZE / (yMax - yMin);
  const onSquare = frontal.map((value, i) => {
    if (i % 3 === 0) return (value - xMin) * scaleX;
    return i % 3 === 1 ? (value - yMin) * scaleY : value * scaleX;
  });
  return drawTextured(BLANK_SQUARE, [{ vertices: onSquare, texture: skin }], withClosedMouth(maps));
}
