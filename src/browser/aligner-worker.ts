/** The module worker of `createFaceAlignerWorker`: one aligner, told what to do by messages. */
import type { ReadOptions, WeightSource } from '../engine/weights/weight-source.ts';
import { createFaceAligner, type FaceAligner } from '../face-aligner.ts';
import { packLandmarks, packModel } from '../geometry/morphable-model.ts';
import type { AlignedFace, RgbaImage, RoiBox } from '../types.ts';
import {
  buffersOf,
  type PageMessage,
  packError,
  type SentImage,
  type SentOptions,
  unpackError,
  type WorkerMessage,
} from './worker-protocol.ts';

/** What a worker's global scope has; the types of the page's are different. */
interface WorkerScope {
  postMessage(message: WorkerMessage, transfer?: readonly Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<PageMessage>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
const images = new Map<number, RgbaImage>();
const reads = new Map<number, PendingRead>();
let aligner: FaceAligner | undefined;

interface PendingRead {
  readonly onProgress: ReadOptions['onProgress'];
  readonly resolve: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly reject: (error: Error) => void;
}

function pageWeights(description: string): WeightSource {
  let lastId = 0;
  return {
    describe: () => description,
    read: (path, { onProgress, maxBytes, sha256 } = {}) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        reads.set(id, { onProgress, resolve, reject });
        scope.postMessage({ type: 'read', id, path, maxBytes, sha256 });
      }),
  };
}

async function create(options: SentOptions, source: string): Promise<void> {
  try {
    aligner = await createFaceAligner({
      ...options,
      weights: pageWeights(source),
      onProgress: (progress) => scope.postMessage({ type: 'progress', progress }),
    });
    const { backend, regressor, licences, morphableModel, faceMaps } = aligner;
    const packed = morphableModel && { landmarks: packLandmarks(morphableModel), dense: packModel(morphableModel) };
    const created = { backend, regressor, licences, morphableModel, packed, faceMaps };
    // The model and its maps belong to the page from here on; the aligner keeps the rows of the landmarks, which are all
    // that tracking needs.
    scope.postMessage({ type: 'created', ...created }, buffersOf(created));
  } catch (error) {
    scope.postMessage({ type: 'not-created', error: packError(error) });
  }
}

function imageOf({ key, width, height, data, isKept }: SentImage): RgbaImage {
  const image = data === undefined ? images.get(key) : { data, width, height };
  // The page knows which images are here and does not ask for others.
  if (image === undefined) throw new TypeError('image: its pixels are gone');
  if (isKept) images.set(key, image);
  return image;
}

function run(target: FaceAligner, { method, image, argument }: Extract<PageMessage, { type: 'call' }>) {
  const pixels = imageOf(image);
  switch (method) {
    case 'detect':
      return target.detect(pixels, argument as Parameters<FaceAligner['detect']>[1]);
    case 'align':
      return target.align(pixels, argument as readonly RoiBox[]);
    case 'alignCrops':
      return target.alignCrops(pixels, argument as readonly RoiBox[]);
    case 'alignToLandmarks':
      return target.alignToLandmarks(pixels, argument as readonly AlignedFace[]);
  }
}

async function call(message: Extract<PageMessage, { type: 'call' }>): Promise<void> {
  const { id } = message;
  try {
    if (aligner === undefined) throw new TypeError('the aligner is not made yet');
    const value = await run(aligner, message);
    scope.postMessage({ type: 'result', id, value }, buffersOf(value));
  } catch (error) {
    scope.postMessage({ type: 'failure', id, error: packError(error) });
  }
}

scope.addEventListener('message', ({ data: message }) => {
  switch (message.type) {
    case 'create':
      void create(message.options, message.source);
      break;
    case 'progress':
      reads.get(message.id)?.onProgress?.(message.progress);
      break;
    case 'file':
      reads.get(message.id)?.resolve(message.bytes);
      reads.delete(message.id);
      break;
    case 'no-file':
      reads.get(message.id)?.reject(unpackError(message.error));
      reads.delete(message.id);
      break;
    case 'call':
      void call(message);
      break;
    case 'drop':
      for (const key of message.keys) images.delete(key);
      break;
  }
});
