/** The parsers of untrusted input, each with its seeds and the errors it may throw. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { JobProgress } from 'bullmq';
import { unzipSync } from 'fflate';
import { parseWeightFile } from '../converters/read-weight-file.ts';
import { parseAnnotations } from '../src/cli/annotations.ts';
import { CliError } from '../src/cli/cli-error.ts';
import { parseGivenBoxes } from '../src/cli/given-boxes.ts';
import { createEngine } from '../src/engine/create-engine.ts';
import type { BackendName } from '../src/engine/engine.ts';
import { LayersModelBuilder } from '../src/engine/layers-model-builder.ts';
import type { Quantization } from '../src/engine/quantization.ts';
import { parseJsonFile } from '../src/engine/weights/json-file.ts';
import { memoryWeights } from '../src/engine/weights/memory-source.ts';
import { openPack } from '../src/engine/weights/open-pack.ts';
import { encodeRanges } from '../src/engine/weights/ranges-file.ts';
import { sha256 } from '../src/engine/weights/sha256.ts';
import { decodeTensors, encodeTensors, parseTensorFileManifest } from '../src/engine/weights/tensor-file.ts';
import { TddfaError } from '../src/errors.ts';
import { decodeImage } from '../src/image-files/decode-image.ts';
import { readWebpStructure } from '../src/image-files/webp-structure.ts';
import { CrashRecord } from '../src/queue/crash-record.ts';
import { jobId, parseJobData, parseJobResult, pictureCount } from '../src/queue/picture-job.ts';
import { parseHeader, parseResult } from '../src/results/result-line.ts';
import { PamSplitter } from '../src/video-files/pam-splitter.ts';
import { readProbe } from '../src/video-files/probe-video.ts';
import { SAMPLE_NAMES, type SampleName, sample } from '../test/converters/samples.ts';
import { damagedZip } from './damaged-zip.ts';
import { mutateBytes, mutateJson, mutatePieces, pick, type Random, writeJson } from './mutate.ts';
import {
  type Pieces,
  type Split,
  splitBoxes,
  splitGif,
  splitJpeg,
  splitMat,
  splitNothing,
  splitNpy,
  splitPng,
  splitRiff,
  splitSafetensors,
  splitTiff,
} from './pieces.ts';

/** One parser under test. */
export interface FuzzTarget {
  /** Generates an input. */
  make(random: Random): Uint8Array;
  /** Feeds an input; throws what the parser throws, or an error that names what was wrong with its result. */
  feed(input: Uint8Array): Promise<void> | void;
  /** Whether a parser may throw this. */
  isRightError(error: unknown): boolean;
}

const isTyped = (error: unknown): boolean => error instanceof TddfaError;

/** A file to damage, whole and in its parts. */
interface Seed {
  readonly bytes: Uint8Array;
  readonly pieces: Pieces;
}

const seedOf = (bytes: Uint8Array, split: Split): Seed => ({ bytes, pieces: split(bytes) });

/** Half of the inputs have damaged parts, the others damaged bytes. */
function mutateFile({ bytes, pieces }: Seed, random: Random, words: readonly Uint8Array[] = []): Uint8Array {
  return random() < 0.5 ? mutatePieces(pieces, random) : mutateBytes(bytes, random, words);
}

function feedWeightFile(input: Uint8Array): void {
  for (const { shape, data } of parseWeightFile(input, 'fuzzed').values()) {
    const count = shape.reduce((product, extent) => product * extent, 1);
    if (data.length !== count) throw new Error(`a tensor of shape [${shape}] has ${data.length} values`);
  }
}

function weightFiles(pattern: RegExp, split: Split, words: readonly string[] = []): FuzzTarget {
  const seeds = SAMPLE_NAMES.filter((name) => pattern.test(name)).map((name) =>
    seedOf(new Uint8Array(sample(name)), split),
  );
  const wordBytes = words.map((word) => Buffer.from(word, 'latin1'));
  return {
    make: (random) => mutateFile(pick(random, seeds, seeds[0]), random, wordBytes),
    feed: feedWeightFile,
    isRightError: isTyped,
  };
}

/** Opcodes that group, store, refer, call and build, and numbers without end. */
const PICKLE_WORDS = [
  ...'(ltd}])Rbo012aesu\x85\x94.',
  ...['q\0', 'h\0', '\x8a\xff', '\x8b\xff\xff\xff\x7f', 'X\xff\xff\xff\x7f', 'J\xff\xff\xff\x7f', 'M\xff\xff', 'K\0'],
  ...[
    'cbuiltins\neval\n',
    'cbuiltins\nset\n',
    'c__proto__\nx\n',
    'ccollections\nOrderedDict\n',
    '\x8e\0\0\0\0\0\0\0\x01',
  ],
];

/** Archives that are rewritten with false directories. */
function zips(names: readonly SampleName[]): FuzzTarget {
  const archives = names.map((name) => new Map(Object.entries(unzipSync(sample(name)))));
  const words = PICKLE_WORDS.map((word) => Buffer.from(word, 'latin1'));
  return {
    make(random) {
      const contents = new Map<string, Uint8Array>(pick(random, archives, archives[0]));
      const name = pick(random, [...contents.keys()], '');
      if (random() < 0.5) contents.set(name, mutateBytes(contents.get(name) ?? new Uint8Array(1), random, words));
      return damagedZip(contents, random);
    },
    feed: feedWeightFile,
    isRightError: isTyped,
  };
}

const MAX_PIXELS = 1_000_000;

/** @param sizeOf - width and height from the header, if they have a fixed place. */
function pictures(
  format: string,
  split: Split,
  sizeOf: (bytes: Buffer) => readonly [number, number] | undefined = () => undefined,
): FuzzTarget {
  const folder = new URL(`seeds/${format}/`, import.meta.url);
  const seeds = readdirSync(folder).map((name) => seedOf(new Uint8Array(readFileSync(new URL(name, folder))), split));
  return {
    make: (random) => mutateFile(pick(random, seeds, seeds[0]), random),
    async feed(input) {
      const { data, width, height } = await decodeImage(input, { maxPixels: MAX_PIXELS });
      if (!(width > 0 && height > 0 && width * height <= MAX_PIXELS && data.length === width * height * 4)) {
        throw new Error(`a picture of ${width} x ${height} with ${data.length} bytes`);
      }
      const size = sizeOf(Buffer.from(input));
      const isAsSaid = size === undefined || [size, size.toReversed()].some(([w, h]) => w === width && h === height);
      if (!isAsSaid) throw new Error(`${width} x ${height} instead of ${size?.join(' x ')}`);
    },
    isRightError: isTyped,
  };
}

const PNG_SIZE = (bytes: Buffer) => [bytes.readUInt32BE(16), bytes.readUInt32BE(20)] as const;
const GIF_SIZE = (bytes: Buffer) => [bytes.readUInt16LE(6), bytes.readUInt16LE(8)] as const;

/** The frames of an animated WebP, which are read without ffmpeg. */
function animatedWebp(): FuzzTarget {
  const file = new Uint8Array(readFileSync(new URL('seeds/webp/animated.webp', import.meta.url)));
  const seed = seedOf(file, splitRiff);
  return {
    make: (random) => mutateFile(seed, random),
    feed(input) {
      const { width, height, frames } = readWebpStructure(input);
      for (const frame of frames) {
        const isInside = frame.x + frame.width <= width && frame.y + frame.height <= height;
        if (!isInside) throw new RangeError(`a frame at ${frame.x}, ${frame.y} lies outside ${width} x ${height}`);
      }
    },
    // Its one caller makes a typed error of a plain one.
    isRightError: (error) => error instanceof Error && error.constructor === Error,
  };
}

function smallModel() {
  const model = new LayersModelBuilder('fuzzed');
  const padded = model.zeroPadding2d('pad', model.input('input', [null, null, 3]), 1);
  const features = model.conv2d('conv', padded, { filters: 4, kernelSize: 3, activation: 'relu' });
  const sum = model.add('sum', [features, model.depthwiseConv2d('depthwise', features, { kernelSize: 1 })]);
  const pooled = model.globalAveragePooling2d('mean', model.maxPooling2d('pool', sum, 2, 2));
  return model.build([model.dense('dense', pooled, 5)]);
}

const elementCount = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Inputs that are not JSON at all are left to the JSON reader, which is another target. */
function parsed(input: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(input));
  } catch {
    return undefined;
  }
}

async function layers(backend: BackendName): Promise<FuzzTarget> {
  const { modelTopology, weightSpecs } = smallModel();
  const count = weightSpecs.reduce((total, { shape }) => total + elementCount(shape), 0);
  const weightData = Float32Array.from({ length: count }, (_, i) => Math.sin(i)).buffer;
  const engine = await createEngine(backend);
  return {
    make: (random) => writeJson(mutateJson(modelTopology, random)),
    async feed(input) {
      const network = await engine.loadNetwork({ modelTopology: parsed(input) as object, weightSpecs, weightData });
      try {
        for (const { data, shape } of await network.run(new Float32Array(6 * 5 * 3), [1, 6, 5, 3])) {
          if (data.length !== elementCount(shape)) throw new Error(`${data.length} numbers in [${shape}]`);
        }
      } finally {
        network.dispose();
      }
    },
    // A network may be valid and not accept pictures of this size.
    isRightError: (error) => isTyped(error) || error instanceof RangeError,
  };
}

const ORIGIN = { licence: { name: 'CC0-1.0' }, source: { description: 'made for a test' } };
const NO_SUM = '0'.repeat(64);

function packManifest(): FuzzTarget {
  const model = { name: 'a', role: 'normalization', format: 'tensors', path: 'a/tensors.json' };
  const files = ['tensors.json', 'tensors.bin'].map((name) => ({ path: `a/${name}`, bytes: 8, sha256: NO_SUM }));
  const manifest = {
    formatVersion: 1,
    name: 'fuzzed',
    description: 'a pack',
    models: [{ ...model, files, ...ORIGIN }],
  };
  return {
    make: (random) => writeJson(mutateJson(manifest, random)),
    async feed(input) {
      await (await openPack(memoryWeights(new Map([['pack.json', input]])))).verify();
    },
    isRightError: isTyped,
  };
}

/** A model of a pack with a correct manifest: its JSON or its binary file is damaged. */
async function packModel(format: 'layers-model' | 'tensors'): Promise<FuzzTarget> {
  const path = format === 'tensors' ? 'a/tensors.json' : 'a/model.json';
  const dataPath = 'a/data.bin';
  const tensors = new Map([
    ['mean', { shape: [3], data: Float32Array.of(1, 2, 3) }],
    ['faces', { shape: [2, 3], data: Uint32Array.of(0, 1, 2, 2, 1, 3) }],
  ]);
  const encoded = encodeTensors(tensors, 'data.bin', new Set(['mean']));
  const { modelTopology, weightSpecs } = smallModel();
  const weights = weightSpecs.map((spec, i) => (i % 2 === 0 ? spec : { ...spec, quantization: { dtype: 'float16' } }));
  const bytesOf = weightSpecs.reduce((sum, { shape }, i) => sum + elementCount(shape) * (i % 2 === 0 ? 4 : 2), 0);
  const [description, data] =
    format === 'tensors'
      ? [encoded.manifest, encoded.bytes]
      : [{ format, modelTopology, weightsManifest: [{ paths: ['data.bin'], weights }] }, new Uint8Array(bytesOf)];
  const describe = async (name: string, bytes: Uint8Array) => ({
    path: name,
    bytes: bytes.length,
    sha256: await sha256(new Uint8Array(bytes)),
  });
  const separator = 0;
  return {
    make(random) {
      const isData = random() < 0.2;
      const text = isData ? writeJson(description) : writeJson(mutateJson(description, random));
      return Buffer.concat([text, Uint8Array.of(separator), isData ? mutateBytes(data, random) : data]);
    },
    async feed(input) {
      const end = input.indexOf(separator);
      const files = new Map([
        [path, input.subarray(0, end)],
        [dataPath, input.subarray(end + 1)],
      ]);
      const model = { name: 'a', role: 'normalization', format, path, ...ORIGIN };
      const described = await Promise.all([...files].map(([name, bytes]) => describe(name, bytes)));
      const manifest = { formatVersion: 1, name: 'a', description: 'a', models: [{ ...model, files: described }] };
      const pack = await openPack(memoryWeights(new Map([...files, ['pack.json', writeJson(manifest)]])));
      await pack.verify();
    },
    isRightError: isTyped,
  };
}

/** JSON that a single function reads. */
function jsonReader(seeds: readonly unknown[], read: (value: unknown, text: string) => void): FuzzTarget {
  return {
    make: (random) => writeJson(mutateJson(pick(random, seeds, seeds[0]), random)),
    feed: (input) => read(parsed(input), new TextDecoder().decode(input)),
    isRightError: (error) => isTyped(error) || error instanceof CliError,
  };
}

function jsonArrays(): FuzzTarget {
  const seeds = [{ mean: [1, 2], std: [[1], [2]] }, [1, 2]];
  return {
    make: (random) => writeJson(mutateJson(pick<unknown>(random, seeds, seeds[0]), random)),
    feed: feedWeightFile,
    isRightError: isTyped,
  };
}

const BOX = { xMin: 1, yMin: 2, xMax: 30, yMax: 40, score: 0.9 };
const LANDMARKS = [0, 1, 2].map((axis) => Array.from({ length: 68 }, (_, i) => axis + i));
const ANNOTATIONS = [
  { image: 'a.png', landmarks: LANDMARKS, roiBox: [0, 0, 9, 9], yawDegrees: 3 },
  { image: 'b.png', faces: [{ box: [0, 0, 5, 5], landmarks: LANDMARKS[0].map((x, i) => [x, i]) }, { ignore: true }] },
];
const PROBE = {
  packets: [0, 1, 2].map((i) => ({ stream_index: 0, pts_time: `${i / 25}` })),
  streams: [
    {
      ...{ index: 0, codec_type: 'video', codec_name: 'h264', r_frame_rate: '25/1', avg_frame_rate: '25/1' },
      ...{
        duration: '0.12',
        start_time: '0',
        nb_frames: '3',
        color_transfer: 'bt709',
        disposition: { attached_pic: 0 },
      },
    },
    { index: 1, codec_type: 'audio', codec_name: 'aac' },
  ],
  format: { duration: '0.12', start_time: '0.0' },
};

function checkProbe(value: unknown): void {
  const info = readProbe('fuzzed', value);
  const numbers = [info.framesPerSecond, info.firstFrameMs, info.frameCount ?? 1, info.storedFrames ?? 1];
  const isRight = numbers.every((number) => Number.isFinite(number) && number >= 0) && info.framesPerSecond > 0;
  if (!isRight) throw new Error(`a film of ${JSON.stringify(info)}`);
}

/** Pictures as they arrive from a pipe, in pieces of any length. */
function pam(): FuzzTarget {
  const header = 'P7\nWIDTH 3\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n';
  const frame = Buffer.concat([Buffer.from(header), Buffer.alloc(24, 7)]);
  const words = ['P7\n', 'WIDTH ', 'HEIGHT ', '999999999', '\n', '1e9', '-1', 'ENDHDR\n'].map((word) =>
    Buffer.from(word),
  );
  return {
    make: (random) => mutateBytes(Buffer.concat([frame, frame]), random, words),
    feed(input) {
      const splitter = new PamSplitter();
      for (let at = 0; at < input.length; at += 7) {
        splitter.push(input.subarray(at, at + 7), ({ data, width, height }) => {
          if (data.length !== width * height * 4) throw new RangeError(`${data.length} bytes of ${width}x${height}`);
        });
      }
    },
    // Its one caller makes a typed error of a plain one.
    isRightError: (error) => error instanceof Error && error.constructor === Error,
  };
}

const JOB = {
  data: { root: '/photos', first: 40, inputs: ['a.jpg', 'https://example.org/b.jpg', '../c.png'] },
  returnvalue: { part: 'host-1-abcd.part.jsonl', start: 100, end: 900, failed: 1 },
  progress: { at: 1, deaths: { 0: 1, 1: 2 } },
  stalledCounter: 2,
};

/** The data of a job in Redis, which anyone with access to Redis may have written. */
function checkJob(value: unknown): void {
  const { data, returnvalue, progress, stalledCounter } = Object(value) as Record<string, unknown>;
  const record = new CrashRecord({
    progress: progress as JobProgress,
    // BullMQ converts what Redis holds to a number.
    stalledCounter: typeof stalledCounter === 'number' ? stalledCounter : Number.NaN,
    async updateProgress() {},
  });
  for (const refusal of [0, 1, 2].map((place) => record.refusal(place))) {
    if (refusal !== undefined && !/^[\d.e+]+ workers? /.test(refusal)) throw new Error(`refused: ${refusal}`);
  }
  const job = parseJobData(data, 'fuzzed');
  if (pictureCount(jobId(job)) !== job.inputs.length) throw new Error(`the id ${jobId(job)} states another count`);
  const { part, start, end } = parseJobResult(returnvalue, 'fuzzed');
  if (basename(part) !== part || !(start >= 0 && end >= 0)) throw new Error(`${part} from ${start} to ${end}`);
}

const RESULT_FACE = {
  box: { ...BOX },
  pose: { yawDegrees: 1, pitchDegrees: 2, rollDegrees: 3 },
};
const RESULT_LINES = [
  {
    ...{ tddfa: '0.2.0', format: 1, weights: { name: 'open', sha256: '0'.repeat(64) } },
    options: { backend: 'compiled', minScore: 0.5 },
  },
  { path: 'a.jpg', size: 9, mtimeMs: 5, width: 3, height: 4, faces: [RESULT_FACE] },
  { path: 'b.jpg', error: 'no such file' },
];

/** A line of results, as `--resume` and `queue collect` read it. */
function checkResultLine(_value: unknown, text: string): void {
  const read = random01(text) < 0.5 ? parseHeader : parseResult;
  read(text, 'fuzzed');
}

/** The same number in 0..1 for the same text. */
const random01 = (text: string): number => (text.length % 16) / 16;

/** The ranges of a network in a pack, with their JSON or their numbers damaged; a network then computes with them. */
async function ranges(): Promise<FuzzTarget> {
  const model = new LayersModelBuilder('fuzzed');
  const padded = model.zeroPadding2d('pad', model.input('input', [null, null, 3]), 1);
  const first = model.conv2d('first', padded, { filters: 4, kernelSize: 3, activation: 'relu' });
  const second = model.depthwiseConv2d('second', first, { kernelSize: 3, activation: 'relu' });
  const { modelTopology, weightSpecs } = model.build([model.conv2d('third', second, { filters: 5, kernelSize: 1 })]);
  const count = weightSpecs.reduce((total, { shape }) => total + elementCount(shape), 0);
  const weightData = Float32Array.from({ length: count }, (_, i) => Math.sin(i)).buffer;
  const channels: readonly (readonly [string, number])[] = [
    ['input', 3],
    ['first', 4],
    ['second', 4],
  ];
  const values = channels.map(([name, length]): [string, Quantization] => [
    name,
    {
      scales: new Float32Array(length).fill(0.02),
      zeroPoints: new Uint8Array(length),
      means: new Float32Array(length),
    },
  ]);
  const { manifest, bytes } = encodeTensors(encodeRanges(new Map(values)), 'ranges.bin');
  const engine = await createEngine('compiled', { precision: 'int8' });
  const separator = 0;
  return {
    make(random) {
      const isData = random() < 0.5;
      const text = isData ? writeJson(manifest) : writeJson(mutateJson(manifest, random));
      return Buffer.concat([text, Uint8Array.of(separator), isData ? mutateBytes(bytes, random) : bytes]);
    },
    async feed(input) {
      const end = input.indexOf(separator);
      const read = async () => {
        const json = parseJsonFile('ranges.json', input.subarray(0, end));
        const tensorFile = parseTensorFileManifest('ranges.json', json);
        const tensors = decodeTensors('ranges.bin', tensorFile, new Uint8Array(input.subarray(end + 1)));
        return { file: 'ranges.json', tensors };
      };
      const network = await engine.loadNetwork({
        ...{ modelTopology, weightSpecs, weightData },
        ranges: { precision: 'int8', read },
      });
      try {
        const [{ data: output }] = await network.run(new Float32Array(6 * 5 * 3).fill(1), [1, 6, 5, 3]);
        if (!output.every(Number.isFinite)) throw new Error('the network returns non-finite numbers');
      } finally {
        network.dispose();
      }
    },
    isRightError: isTyped,
  };
}

type MakeTarget = () => FuzzTarget | Promise<FuzzTarget>;

/** How to make each target. */
export const TARGETS: ReadonlyMap<string, MakeTarget> = new Map<string, MakeTarget>([
  ['pickle', () => weightFiles(/^numpy/, splitNothing, PICKLE_WORDS)],
  ['torch-legacy', () => weightFiles(/^torchLegacy/, splitNothing, PICKLE_WORDS)],
  ['torch-zip', () => zips(['torchZip', 'torchZipProtocol4', 'torchScript'])],
  ['torch-other', () => weightFiles(/^torch(Zip|Script|Module)/, splitNothing, PICKLE_WORDS)],
  ['npy', () => weightFiles(/^npy/, splitNpy, ["'shape': (", "'descr': '<f8'", '1, ', '999999999999999', 'True', ')'])],
  ['npz', () => zips(['npz', 'npzCompressed'])],
  ['mat', () => weightFiles(/^mat/, splitMat)],
  [
    'safetensors',
    () => weightFiles(/^safetensors/, splitSafetensors, ['"shape":[', '[', '__proto__', '9007199254740993']),
  ],
  ['json-arrays', jsonArrays],
  ['png', () => pictures('png', splitPng, PNG_SIZE)],
  ['jpeg', () => pictures('jpeg', splitJpeg)],
  ['bmp', () => pictures('bmp', splitNothing)],
  ['gif', () => pictures('gif', splitGif, GIF_SIZE)],
  ['tiff', () => pictures('tiff', splitTiff)],
  ['webp', () => pictures('webp', splitRiff)],
  ['animated-webp', animatedWebp],
  ['avif', () => pictures('avif', splitBoxes)],
  ['heic', () => pictures('heic', splitBoxes)],
  ...(['compiled', 'cpu', 'wasm'] as const).map((name): [string, MakeTarget] => [`layers-${name}`, () => layers(name)]),
  ['pack', packManifest],
  ['pack-layers', () => packModel('layers-model')],
  ['pack-tensors', () => packModel('tensors')],
  [
    'boxes',
    () =>
      jsonReader(
        [[BOX], { images: [{ file: 'a.png', faces: [{ box: BOX }] }] }],
        (value) => void parseGivenBoxes('boxes.json', value).boxesOf('a.png'),
      ),
  ],
  ['annotations', () => jsonReader([ANNOTATIONS], (value) => void parseAnnotations('annotations.json', value))],
  ['ffprobe', () => jsonReader([PROBE], checkProbe)],
  ['pam', pam],
  ['redis-jobs', () => jsonReader([JOB], checkJob)],
  ['result-lines', () => jsonReader(RESULT_LINES, checkResultLine)],
  ['ranges', ranges],
]);
