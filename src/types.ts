/** Plain data that every part of the package shares. Coordinates are px of the image unless a name has another unit. */

/** RGBA bytes, row-major, 4 a pixel: the shape of `ImageData` and of jimp's `bitmap`. Alpha is ignored. */
export interface RgbaImage {
  /** `[height x width x 4]`, 0..255. */
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** RGB bytes, row-major, 3 a pixel. */
export interface RgbImage {
  /** `[height x width x 3]`, 0..255. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A detected face, px of the image; not clipped to it. x grows to the right, y downwards. */
export interface FaceBox {
  readonly xMin: number;
  readonly yMin: number;
  readonly xMax: number;
  readonly yMax: number;
  /** Confidence of the detector, 0..1. */
  readonly score: number;
}

/** The square crop that the regressor sees, px of the image, not rounded; may reach beyond the image. */
export interface RoiBox {
  readonly xMin: number;
  readonly yMin: number;
  readonly xMax: number;
  readonly yMax: number;
}

/** One aligned face: the regressor's result, and the crop that it is for. */
export interface AlignedFace {
  readonly roiBox: RoiBox;
  /**
   * `[62]` (or 72, 141; 108 of a model that acts) de-normalised 3DMM parameters: 12 camera (3x4 row-major), then shape, then
   * expression, then gaze where the model has it.
   */
  readonly params: Float32Array;
}

/** How many of the parameters after the 12 of the camera are shape, how many expression and how many gaze. */
export interface ParamLayout {
  readonly shapeCount: number;
  readonly expressionCount: number;
  /**
   * 4 of a model whose eyes turn: yaw and pitch of the person's left eye, then of the right one, degrees, in the model's frame:
   * positive towards the person's left and up. Absent or 0 otherwise.
   */
  readonly gazeCount?: number;
}

/** What of a face is not linear in its coefficients: lids that meet, and eyeballs that turn. */
export interface FaceActing {
  /**
   * `[2 x (1 + shapeCount + expressionCount)]`, the person's left eye first: how far its lids are apart, a constant and what each
   * coefficient adds to it; model units.
   */
  readonly lidGaps: Float32Array;
  /** Which expressions shut the left and the right eye: at coefficient 1 the lids touch. */
  readonly blinkColumns: readonly [left: number, right: number];
  /** `[6 x (1 + shapeCount)]`: x, y, z of the left and of the right eyeball's centre, as `lidGaps`. */
  readonly eyeCentres: Float32Array;
  /** Vertices of the eyeballs. */
  readonly eyeVertices: readonly [left: Uint32Array, right: Uint32Array];
}

/** Where the visible outline of a face may run. */
export interface ContourStrips {
  /** `[17 x n]` vertices: for each of the jaw's landmarks a strip of skin from it inwards; short strips repeat the landmark. */
  readonly vertices: Uint32Array;
  /** `[17 x 2]`: the direction outwards in the model's x and y. */
  readonly outward: Float32Array;
}

/** A linear 3D morphable model; all arrays are owned by it and must not be written to. */
export interface MorphableModel extends ParamLayout {
  readonly vertexCount: number;
  /** `[3 * vertexCount]`, xyz interleaved, model units. */
  readonly meanShape: Float32Array;
  /** `[3 * vertexCount x shapeCount]`, row-major. */
  readonly shapeBasis: Float32Array;
  /** `[3 * vertexCount x expressionCount]`, row-major. */
  readonly expressionBasis: Float32Array;
  /** `[204]`: rows of the 68 landmarks' coordinates in the arrays above, xyz interleaved. Not always `3 * vertex + axis`. */
  readonly keypointIndices: Uint32Array;
  /** Names of the expression columns, where the model has them. */
  readonly expressionNames?: readonly string[];
  /** Of a model that acts: then it has gaze parameters. */
  readonly acting?: FaceActing;
  /** For `landmarks: 'contour'`. */
  readonly contour?: ContourStrips;
}

/** What pictures and meshes need beside vertices. */
export interface FaceMaps {
  /**
   * `[triangleCount x 3]` vertex indices, counter-clockwise as seen by the viewer (and so in any right-handed, y-up frame,
   * as glTF and three.js want them). Upstream's `tri.pkl` lists each triangle the other way round: the converter swaps the
   * first and the last index of every row, and nothing else.
   */
  readonly triangles: Uint32Array;
  /** `[vertexCount x 3]` Normalised Coordinate Codes, 0..1. */
  readonly nccCodes: Float32Array;
  /** `[uvCount x 2]` texture coordinates, 0..1, v upwards; one per vertex unless `uvTriangles` is there. */
  readonly uvs: Float32Array;
  /** `[triangleCount x 3]` indices into `uvs`, one per triangle corner. */
  readonly uvTriangles?: Uint32Array;
  /**
   * Vertex lists of named regions (eyes, nose, jaw …), where the model has them. `lips` and `mouthInside`, the pocket behind
   * them, are known to textures.
   */
  readonly regions?: Readonly<Record<string, Uint32Array>>;
}

/** Which way a head looks, in the original's angles. What the signs mean is in docs/coordinates.md, with a picture. */
export interface HeadAngles {
  /** -90..90. Positive: the nose points to the left of the picture, which is the person's own right. */
  readonly yawDegrees: number;
  /** -180..180. Positive: the nose points down. */
  readonly pitchDegrees: number;
  /** -180..180. Positive: the head leans counter-clockwise on the picture, towards its left, the person's right shoulder. */
  readonly rollDegrees: number;
}

/** A head's pose: angles, and the same rotation as a matrix and as a quaternion. */
export interface Pose extends HeadAngles {
  /** Px of the 120 x 120 crop per unit of the model. */
  readonly scale: number;
  /** `[3]`: where the model's origin is, px of the crop, 1-based, y up. */
  readonly translation: Float32Array;
  /** `[3 x 3]`, row-major, orthonormal, determinant 1: model to view; x to the right, y up, z towards the viewer. */
  readonly rotation: Float32Array;
  /** `[4]`: x, y, z, w of `rotation`; length 1, w >= 0. */
  readonly quaternion: Float32Array;
}

/** A part of a picture, px. */
export interface PictureArea {
  readonly xMin: number;
  readonly yMin: number;
  readonly width: number;
  readonly height: number;
}
