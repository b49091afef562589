import { availableParallelism } from 'node:os';
import { createFaceAligner, type FaceAligner, type FaceAlignerOptions } from '../face-aligner.ts';
import { decodeImage } from '../image-files/decode-image.ts';
import type { DetectorOptions } from '../models/faceboxes/detector.ts';
import { createFaceAlignerPool } from '../node/face-aligner-pool.ts';
import { describeFace } from '../results/align-document.ts';
import { FoundFace } from '../results/found-face.ts';
import { describeAligned, type PictureResult } from '../results/result-line.ts';
import type { FaceBox, RgbaImage } from '../types.ts';
import { CliError } from './cli-error.ts';
import type { FoundFaces } from './found-faces.ts';
import type { InputBytes } from './read-input-image.ts';

/** Decodes and aligns picture files, in this thread or in others. */
export interface PictureAligner {
  readonly aligner: FaceAligner;
  /** How many pictures it works at in the same moment. */
  readonly jobs: number;
  decode(bytes: Uint8Array, path: string): Promise<RgbaImage>;
  /** @throws WorkerFailedError where its threads are gone and none can be started any more. */
  checkUsable(): Promise<void>;
  dispose(): Promise<void>;
}

/** Threads where nothing is asked for: one for each core. */
export function defaultJobs(): number {
  return Math.min(availableParallelism(), MAX_JOBS);
}

/** As many as a pool has. */
export const MAX_JOBS = 64;

/**
 * Loads a pack for picture files.
 * @param jobs - 1 works in this thread, more in threads of their own.
 * @throws what `createFaceAligner` and `createFaceAlignerPool` throw.
 */
export async function openPictureAligner(options: FaceAlignerOptions, jobs: number): Promise<PictureAligner> {
  if (jobs === 1) {
    const aligner = await createFaceAligner(options);
    return {
      aligner,
      jobs,
      decode: (bytes, path) => decodeImage(bytes, { path }),
      async checkUsable() {},
      dispose: async () => aligner.dispose(),
    };
  }
  const pool = await createFaceAlignerPool({ ...options, size: jobs });
  return {
    aligner: pool,
    jobs,
    decode: (bytes, path) => pool.decodeImage(bytes, { path }),
    async checkUsable() {
      await pool.align({ data: new Uint8Array(4), width: 1, height: 1 }, []);
    },
    dispose: () => pool.dispose(),
  };
}

/**
 * Finds and aligns the faces of one picture.
 * @param boxes - instead of detecting faces.
 * @throws ImageDecodeError, and CliError for boxes that do not fit the picture, both naming it; what the aligner throws.
 */
export async function alignPicture(
  { aligner, decode }: PictureAligner,
  { path, bytes }: InputBytes,
  { boxes: given, detection }: { readonly boxes?: readonly FaceBox[] | undefined; readonly detection: DetectorOptions },
): Promise<FoundFaces> {
  const image = await decode(bytes, path);
  const boxes = given ?? (await aligner.detect(image, detection));
  const faces = await aligner.align(image, boxes).catch((error: unknown) => {
    throw error instanceof RangeError ? ofImage(path, error) : error;
  });
  return {
    path,
    image,
    faces: faces.map((face, index) => new FoundFace(aligner, face, boxes[index])),
    source: aligner,
  };
}

/** An error that does not name its image. */
export function ofImage(path: string, cause: Error): CliError {
  return new CliError(`${path}: ${cause.message}`, { cause });
}

/** The result of a picture that was aligned. */
export function resultOf(input: InputBytes, { image, faces }: FoundFaces): PictureResult {
  return describeAligned(input, image, faces.map(describeFace));
}
