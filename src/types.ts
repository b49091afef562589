/** Plain data shared by every part of the package. Coordinates are in image px unless the name states another unit. */

/** RGBA bytes, row-major, 4 per pixel: the shape of `ImageData` and of jimp's `bitmap`. Alpha is ignored. */
export interface RgbaImage {
  /** `[height x width x 4]`, 0..255. */
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** RGB bytes, row-major, 3 per pixel. */
export interface RgbImage {
  /** `[height x width x 3]`, 0..255. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A detected face, in image px; not clipped to the image. x increases to the right, y downwards. */
export interface FaceBox {
  readonly xMin: number;
  readonly yMin: number;
  readonly xMax: number;
  readonly yMax: number;
  /** The detector's confidence, 0..1. */
  readonly score: number;
}

/** The square crop that the regressor sees, in image px, not rounded; may extend beyond the image. */
export interface RoiBox {
  readonly xMin: number;
  readonly yMin: number;
  readonly xMax: number;
  readonly yMax: number;
}

/** One aligned face: the regressor's result and the crop it applies to. */
export interface AlignedFace {
  readonly roiBox: RoiBox;
  /**
   * `[62]` (or 72, 141; 108 for a model with `acting`) de-normalised 3DMM parameters: 12 camera (3x4 row-major),
   * then shape, then expression, then gaze if the model has it.
   */
  readonly params: Float32Array;
}

/** How many of the parameters after the 12 camera parameters are shape, expression and gaze. */
export interface ParamLayout {
  readonly shapeCount: number;
  readonly expressionCount: number;
  /**
   * 4 for a model with moving eyes: yaw and pitch of the person's left eye, then of the right one, in degrees, in the
   * model's frame: positive towards the person's left and up. Absent or 0 otherwise.
   */
  readonly gazeCount?: number;
}

/** The parts of a face that are not linear in its coefficients: lids that meet, and eyeballs that turn. */
export interface FaceActing {
  /**
   * `[2 x (1 + shapeCount + expressionCount)]`, the person's left eye first: how far its lids are apart, as a constant
   * and what each coefficient adds to it; model units.
   */
  readonly lidGaps: Float32Array;
  /** Which expressions close the left and the right eye: at coefficient 1 the lids touch. */
  readonly blinkColumns: readonly [left: number, right: number];
  /** `[6 x (1 + shapeCount)]`: x, y, z of the left, then of the right eyeball's centre, in the layout of `lidGaps`. */
  readonly eyeCentres: Float32Array;
  /** Vertices of the eyeballs. */
  readonly eyeVertices: readonly [left: Uint32Array, right: Uint32Array];
}

/** Where the visible outline of a face may run. */
export interface ContourStrips {
  /**
   * `[17 x n]` vertices: for each jaw landmark a strip of skin leading inwards from it; short strips repeat the
   * landmark.
   */
  readonly vertices: Uint32Array;
  /** `[17 x 2]`: the outward direction in the model's x and y. */
  readonly outward: Float32Array;
}

/** A linear 3D morphable model. It owns all its arrays; do not write to them. */
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
  /** Names of the expression columns, if the model has them. */
  readonly expressionNames?: readonly string[];
  /** Lids and eyes, if the model moves them; it then has gaze parameters. */
  readonly acting?: FaceActing;
  /** For `landmarks: 'contour'`. */
  readonly contour?: ContourStrips;
}

/** What pictures and meshes need besides vertices. */
export interface FaceMaps {
  /**
   * `[triangleCount x 3]` vertex indices, counter-clockwise as seen by the viewer (and so in any right-handed, y-up
   * frame, as glTF and three.js require). Upstream's `tri.pkl` lists each triangle the other way round: the converter
   * swaps only the first and the last index of every row.
   */
  readonly triangles: Uint32Array;
  /** `[vertexCount x 3]` Normalised Coordinate Codes, 0..1. */
  readonly nccCodes: Float32Array;
  /** `[uvCount x 2]` texture coordinates, 0..1, v upwards; one per vertex unless `uvTriangles` is present. */
  readonly uvs: Float32Array;
  /** `[triangleCount x 3]` indices into `uvs`, one per triangle corner. */
  readonly uvTriangles?: Uint32Array;
  /**
   * Vertex lists of named regions (eyes, nose, jaw …), if the model has them. Textures use `lips` and `mouthInside`,
   * the pocket behind them.
   */
  readonly regions?: Readonly<Record<string, Uint32Array>>;
}

/** Which way a head faces, in the original's angles. docs/coordinates.md explains the signs, with a picture. */
export interface HeadAngles {
  /** -90..90. Positive: the nose points to the left of the picture, which is the person's own right. */
  readonly yawDegrees: number;
  /** -180..180. Positive: the nose points down. */
  readonly pitchDegrees: number;
  /**
   * -180..180. Positive: the head tilts counter-clockwise in the picture, towards its left, the person's right
   * shoulder.
   */
  readonly rollDegrees: number;
}

/** A head's pose: angles, and the same rotation as a matrix and as a quaternion. */
export interface Pose extends HeadAngles {
  /** Px of the 120 x 120 crop per model unit. */
  readonly scale: number;
  /** `[3]`: position of the model's origin, px of the crop, 1-based, y up. */
  readonly translation: Float32Array;
  /** `[3 x 3]`, row-major, orthonormal, determinant 1: model to view; x to the right, y up, z towards the viewer. */
  readonly rotation: Float32Array;
  /** `[4]`: `rotation` as x, y, z, w; length 1, w >= 0. */
  readonly quaternion: Float32Array;
}

/** Part of a picture, px. */
export interface PictureArea {
  readonly xMin: number;
  readonly yMin: number;
  readonly width: number;
  readonly height: number;
}
