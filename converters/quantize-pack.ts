import { type CalibrationOptions, calibrateNetwork, type NetworkInput } from '../src/engine/calibrate-network.ts';
import { createCompiledEngine } from '../src/engine/compiled.ts';
import type { Engine } from '../src/engine/engine.ts';
import { CENTRED, toNetworkInput } from '../src/engine/image/network-input.ts';
import { roundToPixels } from '../src/engine/image/round-to-pixels.ts';
import type { NetworkRanges, Precision } from '../src/engine/quantization.ts';
import type { Pack } from '../src/engine/weights/open-pack.ts';
import type { PackModel } from '../src/engine/weights/pack-manifest.ts';
import { encodeRanges } from '../src/engine/weights/ranges-file.ts';
import { TddfaError } from '../src/errors.ts';
import { roiBoxFromFaceBox } from '../src/geometry/roi-box.ts';
import { CROP_SIZE } from '../src/geometry/similarity-transform.ts';
import { createFaceDetector } from '../src/models/faceboxes/detector.ts';
import type { RgbaImage, RoiBox } from '../src/types.ts';
import type { NewPack } from './write-pack.ts';

export interface QuantizePackOptions {
  /** Names of the networks to get ranges; default all. */
  readonly only?: readonly string[];
  /** Default precision of the networks. */
  readonly precision: Precision;
  readonly signal?: AbortSignal;
  /** Called before each picture; each is processed twice for every network. */
  readonly onPicture?: (network: string, done: number) => void;
}

/**
 * Adds ranges to a pack's networks, measured on pictures: the detector sees them as in `detect`, a regressor the crops
 * around the faces that the detector finds. In a pack without a detector each picture is one crop.
 * @param pictures - reopened for each pass; two passes per network.
 * @returns the whole pack, for `writePack`.
 * @throws RangeError for a network that is not in the pack; TddfaError if no picture has a face.
 */
export async function quantizePack(
  pack: Pack,
  pictures: () => AsyncIterable<RgbaImage>,
  { only, precision, signal, onPicture }: QuantizePackOptions,
): Promise<NewPack> {
  const networks = [...pack.modelsOf('detector'), ...pack.modelsOf('regressor')];
  const chosen = only === undefined ? networks : only.map((name) => pack.model(name));
  for (const model of chosen) {
    if (!networks.includes(model)) throw new RangeError(`'${model.name}' is not a network`);
  }
  const engine = await createCompiledEngine({ precision: 'float32' });
  const ranges = new Map<PackModel, NetworkRanges>();
  try {
    const [detectorModel] = pack.modelsOf('detector');
    const look = detectorModel ? await openDetector(engine, pack, detectorModel) : wholePicture;
    // Boxes for each picture, found once; the pictures come in the same order each time.
    const boxes: RoiBox[][] = [];
    for (const model of chosen) {
      const network = await pack.readNetwork(model);
      let done = 0;
      async function* inputs(): AsyncGenerator<NetworkInput> {
        let found = 0;
        let index = 0;
        for await (const picture of pictures()) {
          signal?.throwIfAborted();
          onPicture?.(model.name, done++);
          const own = boxes[index];
          const seen = own && model.role !== 'detector' ? { inputs: [], boxes: own } : await look(picture);
          boxes[index] = seen.boxes;
          const given = model.role === 'detector' ? seen.inputs : cropsOf(engine, picture, seen.boxes);
          index++;
          found += given.length;
          yield* given;
        }
        if (found === 0) throw new TddfaError(`no picture has a face, which ${model.name} needs for its ranges`);
      }
      // The first layer of a detector reads a whole picture through large windows; a regressor's is a fiftieth of its work.
      const options: CalibrationOptions = { quantizesInput: model.role === 'detector' };
      const tensors = encodeRanges(await calibrateNetwork(network, inputs, options));
      ranges.set(model, { precision, read: async () => ({ file: model.name, tensors }) });
    }
  } finally {
    engine.dispose();
  }
  const { name, description, models } = pack.manifest;
  const copies = models.map((model) => {
    const own = ranges.get(model);
    return { pack, model, ...(own && { ranges: own }) };
  });
  return { name, description, models: [], copies };
}

/** A detector network's inputs for a picture, and the roi boxes of the faces that it finds. */
type Look = (picture: RgbaImage) => Promise<{ readonly inputs: readonly NetworkInput[]; readonly boxes: RoiBox[] }>;

const wholePicture: Look = async ({ width, height }) => ({
  inputs: [],
  boxes: [{ xMin: 0, yMin: 0, xMax: width, yMax: height }],
});

async function openDetector(engine: Engine, pack: Pack, model: PackModel): Promise<Look> {
  const seen: NetworkInput[] = [];
  const watching: Engine = {
    ...{ backend: engine.backend, picture: engine.picture, dispose: () => {} },
    async loadNetwork(artifact) {
      const network = await engine.loadNetwork(artifact);
      return {
        async run(data, shape) {
          seen.push({ data: data.slice(), shape });
          return network.run(data, shape);
        },
        dispose: () => network.dispose(),
      };
    },
  };
  const { maxEnlargement } = model;
  const detector = await createFaceDetector(
    watching,
    await pack.readNetwork(model),
    maxEnlargement === undefined ? {} : { maxEnlargement },
  );
  return async (picture) => {
    seen.length = 0;
    const boxes = await detector.detect(picture);
    return { inputs: seen.splice(0), boxes: boxes.map(roiBoxFromFaceBox) };
  };
}

function cropsOf(engine: Engine, picture: RgbaImage, boxes: readonly RoiBox[]): NetworkInput[] {
  return boxes.map((box) => {
    const crop = engine.picture.resize(picture, roundToPixels(box), CROP_SIZE, CROP_SIZE);
    const data = new Float32Array(CROP_SIZE * CROP_SIZE * 3);
    toNetworkInput(crop, CENTRED, data, 0);
    return { data, shape: [1, CROP_SIZE, CROP_SIZE, 3] };
  });
}
