import { availableParallelism } from 'node:os';
import { createFaceAligner, type FaceAligner, type FaceAlignerOptions } from '../face-aligner.ts';
import { decodeImage } from '../image-files/decode-image.ts';
import type { DetectorOptions } from '../models/faceboxes/detector.ts';
import { createFaceAlignerPool } from '../node/face-aligner-pool.ts';
import { describeFace } from '../results/align-document.ts';
import { FoundFace } from '../results/found-face.ts';
import { describeAligned, type PictureResult } from '../results/result-line.ts';
import type { AlignedFace, FaceBox, RgbaImage } from '../types.ts';
import type { AlignFileOptions, FileFaces } from '../workers/worker-protocol.ts';
import { CliError } from './cli-error.ts';
import type { FoundFaces } from './found-faces.ts';
import type { InputBytes } from './read-input-image.ts';

/** Decodes and aligns picture files, in this thread or in other threads. */
export interface PictureAligner {
  readonly aligner: FaceAligner;
  /** How many pictures it processes at the same time. */
  readonly jobs: number;
  decode(bytes: Uint8Array, path: string): Promise<RgbaImage>;
  /** Decodes, detects and aligns in one call if that avoids transferring pixels. */
  alignFile?(bytes: Uint8Array, path: string, options: AlignFileOptions): Promise<FileFaces>;
  /** @throws WorkerFailedError if its threads are gone and no new one can be started. */
  checkUsable(): Promise<void>;
  dispose(): Promise<void>;
}

/** Default number of threads: one per core. */
export function defaultJobs(): number {
  return Math.min(availableParallelism(), MAX_JOBS);
}

/** The limit of a pool. */
export const MAX_JOBS = 64;

/**
 * Loads a pack for picture files.
 * @param jobs - 1 works in this thread, more use one thread each.
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
  const { refine, ...others } = options;
  const pool = await createFaceAlignerPool({ ...others, refine: refine !== undefined, size: jobs });
  return {
    aligner: pool,
    jobs,
    decode: (bytes, path) => pool.decodeImage(bytes, { path }),
    alignFile: (bytes, path, options) => pool.alignFile(bytes, { path, ...options }),
    async checkUsable() {
      await pool.align({ data: new Uint8Array(4), width: 1, height: 1 }, []);
    },
    dispose: () => pool.dispose(),
  };
}

/** Which faces of a picture are aligned. */
export interface AlignPictureOptions {
  /** Boxes instead of detecting faces. */
  readonly boxes?: readonly FaceBox[] | undefined;
  readonly detection: DetectorOptions;
}

/**
 * Finds and aligns the faces of one picture.
 * @throws ImageDecodeError, and CliError for boxes that do not fit the picture, both naming it; what the aligner
 *   throws.
 */
export async function alignPicture(
  { aligner, decode }: PictureAligner,
  { path, bytes }: InputBytes,
  { boxes: given, detection }: AlignPictureOptions,
): Promise<FoundFaces> {
  const image = await decode(bytes, path);
  const boxes = given ?? (await aligner.detect(image, detection));
  const faces = await naming(path, aligner.align(image, boxes));
  return { path, image, faces: foundFaces(aligner, faces, boxes), source: aligner };
}

/**
 * The result of one picture whose pixels are not needed.
 * @throws like {@link alignPicture}.
 */
export async function resultOfPicture(
  pictures: PictureAligner,
  input: InputBytes,
  options: AlignPictureOptions,
): Promise<PictureResult> {
  if (pictures.alignFile === undefined) return resultOf(input, await alignPicture(pictures, input, options));
  const { path, bytes } = input;
  const { boxes: given, detection: detector } = options;
  const found = await naming(path, pictures.alignFile(bytes, path, { boxes: given, detector }));
  const faces = foundFaces(pictures.aligner, found.faces, given ?? found.boxes);
  return describeAligned(input, found, faces.map(describeFace));
}

/** The result of a picture that was aligned. */
export function resultOf(input: InputBytes, { image, faces }: FoundFaces): PictureResult {
  return describeAligned(input, image, faces.map(describeFace));
}

function foundFaces(aligner: FaceAligner, faces: readonly AlignedFace[], boxes: readonly FaceBox[]): FoundFace[] {
  return faces.map((face, index) => new FoundFace(aligner, face, boxes[index]));
}

/** Adds the picture's path to errors about arguments that do not fit it. */
async function naming<Value>(path: string, work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof RangeError ? ofImage(path, error) : error;
  }
}

/** Adds the path to an error that does not name its image. */
export function ofImage(path: string, cause: Error): CliError {
  return new CliError(`${path}: ${cause.message}`, { cause });
}
