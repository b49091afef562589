import type { SurfaceSource } from '../geometry/face-surface.ts';
import type { FoundFace } from '../results/found-face.ts';
import type { RgbaImage } from '../types.ts';

/** A picture with what was found in it, and what its pack has to draw it with. */
export interface FoundFaces {
  readonly path: string;
  readonly image: RgbaImage;
  readonly faces: readonly FoundFace[];
  readonly source: SurfaceSource;
}

/** A file to be written beside others of the same picture. */
export interface OutputFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}
