import type { Compatibility } from './picture.ts';

/** A part of a picture: what is seen in each of its pixels. */
export interface Raster {
  /** Left and top of the part in the picture, px. */
  readonly xMin: number;
  readonly yMin: number;
  readonly width: number;
  readonly height: number;
  /** `[height x width]`: 0 where nothing is seen, else `1 + face * triangleCount + triangle`. */
  readonly fragments: Int32Array;
  /** `[height x width]`: interpolated z; meaningless where nothing is seen. */
  readonly depth: Float32Array;
  /** `[height x width]`: barycentric weight of the triangle's second corner. */
  readonly weights1: Float32Array;
  /**
   * `[height x width]`: that of its third corner, or in `upstream` compatibility of its first; the remaining corner has
   * the rest.
   */
  readonly weights2: Float32Array;
  readonly compatibility: Compatibility;
}
