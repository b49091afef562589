import type { SurfaceSource } from '../geometry/face-surface.ts';
import type { FoundFace } from '../results/found-face.ts';
import type { RgbaImage } from '../types.ts';

/** A picture with the faces found in it, and what its pack provides to draw them. */
export interface FoundFaces {
  readonly path: string;
  readonly image: RgbaImage;
  readonly faces: readonly FoundFace[];
  readonly source: SurfaceSource;
}

/** A file to write beside others of the same picture. */
export interface OutputFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}
