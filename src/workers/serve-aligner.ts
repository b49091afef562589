/** One aligner in a worker, controlled by messages from the worker's owner. */
import { noteSha256 } from '../engine/weights/sha256.ts';
import type { ReadOptions, WeightProgressListener, WeightSource } from '../engine/weights/weight-source.ts';
import { type AlignerNetworks, type FaceAligner, loadNetworks } from '../face-aligner.ts';
import { packLandmarks, packModel } from '../geometry/morphable-model.ts';
import { createFaceRefiner } from '../models/tddfa/create-face-refiner.ts';
import type { AlignedFace, MorphableModel, RgbaImage, RoiBox } from '../types.ts';
import {
  type AlignFileOptions,
  buffersOf,
  type CallResult,
  type DecodeOptions,
  type FileFaces,
  type OwnerMessage,
  packError,
  type SentImage,
  type SentOptions,
  unpackError,
  type WorkerMessage,
} from './worker-protocol.ts';

/** The worker's own end of the messages. */
export interface OwnerPort {
  post(message: WorkerMessage, transfer?: readonly ArrayBuffer[]): void;
  listen(onMessage: (message: OwnerMessage) => void): void;
}

interface PendingRead {
  readonly onProgress: ReadOptions['onProgress'];
  readonly resolve: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly reject: (error: Error) => void;
}

/** Decodes a picture file. */
export type ImageDecoder = (bytes: Uint8Array, options: DecodeOptions) => Promise<RgbaImage>;

/** What a worker can do besides aligning. */
export interface WorkerAbilities {
  readonly decodeImage?: ImageDecoder;
}

/** Serves the owner until the worker is terminated. */
export function serveAligner(port: OwnerPort, abilities: WorkerAbilities = {}): void {
  const server = new AlignerServer(port, abilities);
  port.listen((message) => server.receive(message));
  port.post({ type: 'ready' });
}

class AlignerServer {
  readonly #port: OwnerPort;
  readonly #abilities: WorkerAbilities;
  readonly #images = new Map<number, RgbaImage>();
  readonly #reads = new Map<number, PendingRead>();
  #lastReadId = 0;
  #aligner: AlignerNetworks | undefined;

  constructor(port: OwnerPort, abilities: WorkerAbilities) {
    this.#port = port;
    this.#abilities = abilities;
  }

  receive(message: OwnerMessage): void {
    switch (message.type) {
      case 'create':
        void this.#create(message.options, message.source, message.wantsModel);
        break;
      case 'progress':
        this.#reads.get(message.id)?.onProgress?.(message.progress);
        break;
      case 'file':
        this.#takeFile(message);
        break;
      case 'no-file':
        this.#reads.get(message.id)?.reject(unpackError(message.error));
        this.#reads.delete(message.id);
        break;
      case 'call':
        void this.#answer(message.id, () => this.#call(message));
        break;
      case 'decode':
        void this.#answer(message.id, () => this.#decode(message.bytes, message.options));
        break;
      case 'align-file':
        void this.#answer(message.id, () => this.#alignFile(message.bytes, message.options));
        break;
      case 'drop':
        for (const key of message.keys) this.#images.delete(key);
        break;
    }
  }

  async #create({ refine, ...options }: SentOptions, source: string, wantsModel: boolean): Promise<void> {
    try {
      const onProgress: WeightProgressListener = (progress) => this.#port.post({ type: 'progress', progress });
      const aligner = await loadNetworks(
        { ...options, ...(refine && { refine: createFaceRefiner }), onProgress },
        this.#ownersWeights(source),
      );
      this.#aligner = aligner;
      const { backend, packName, hasDetector, regressor, regressors, licences, morphableModel, faceMaps } = aligner;
      const packed = (model: MorphableModel) => ({ landmarks: packLandmarks(model), dense: packModel(model) });
      const model = wantsModel ? { morphableModel, packed: morphableModel && packed(morphableModel), faceMaps } : {};
      // From here on the model and its maps belong to the owner; the aligner keeps only the rows of the landmarks,
      // which is all that tracking needs.
      const facts = { backend, packName, hasDetector, regressor, regressors, licences };
      this.#port.post({ type: 'created', ...facts, ...model }, buffersOf(model));
    } catch (error) {
      this.#port.post({ type: 'not-created', error: packError(error) });
    }
  }

  #takeFile({ id, bytes, sha256 }: Extract<OwnerMessage, { type: 'file' }>): void {
    const taken = unsharedBytes(bytes);
    if (sha256 !== undefined) noteSha256(taken, sha256);
    this.#reads.get(id)?.resolve(taken);
    this.#reads.delete(id);
  }

  #ownersWeights(description: string): WeightSource {
    return {
      describe: () => description,
      read: (path, { onProgress, maxBytes, sha256 } = {}) =>
        new Promise((resolve, reject) => {
          const id = ++this.#lastReadId;
          this.#reads.set(id, { onProgress, resolve, reject });
          this.#port.post({ type: 'read', id, path, maxBytes, sha256 });
        }),
    };
  }

  async #answer(id: number, run: () => Promise<CallResult>): Promise<void> {
    try {
      const value = await run();
      this.#port.post({ type: 'result', id, value }, buffersOf(value));
    } catch (error) {
      this.#port.post({ type: 'failure', id, error: packError(error) });
    }
  }

  /** The pixels are in shared memory, so they can be passed to the aligner's methods without copying. */
  async #decode(bytes: Uint8Array, options: DecodeOptions): Promise<RgbaImage> {
    const { data, width, height } = await this.#decoded(bytes, options);
    const shared = new Uint8Array(new SharedArrayBuffer(data.byteLength));
    shared.set(data);
    return { data: shared, width, height };
  }

  /** The pixels stay here. */
  async #alignFile(
    bytes: Uint8Array,
    { boxes: given, detector, ...options }: DecodeOptions & AlignFileOptions,
  ): Promise<FileFaces> {
    const aligner = this.#created();
    const image = await this.#decoded(bytes, options);
    const boxes = given === undefined ? await aligner.detect(image, detector) : [];
    const faces = await aligner.align(image, given ?? boxes);
    return { width: image.width, height: image.height, boxes, faces };
  }

  #decoded(bytes: Uint8Array, options: DecodeOptions): Promise<RgbaImage> {
    const { decodeImage } = this.#abilities;
    if (decodeImage === undefined) throw new TypeError('this worker has no decoder');
    return decodeImage(bytes, options);
  }

  #created(): AlignerNetworks {
    if (this.#aligner === undefined) throw new TypeError('no aligner exists yet');
    return this.#aligner;
  }

  async #call({ method, image, argument }: Extract<OwnerMessage, { type: 'call' }>): Promise<CallResult> {
    const target = this.#created();
    const pixels = this.#imageOf(image);
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

  #imageOf({ key, width, height, data, isKept }: SentImage): RgbaImage {
    const image = data === undefined ? this.#images.get(key) : { data, width, height };
    // The owner knows which images are here and does not refer to others.
    if (image === undefined) throw new TypeError('image: its pixels are gone');
    if (isKept) this.#images.set(key, image);
    return image;
  }
}

/** WebCrypto refuses shared memory; besides, what a source reads belongs to its reader. */
function unsharedBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}
