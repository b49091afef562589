/**
 * Inputs of the kinds that once hung, exhausted memory or came out wrong, made by code because some are large. What the fuzzer
 * finds is kept as files in `fuzz/corpus/TARGET/`; the tests feed both.
 */
import { readFileSync } from 'node:fs';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { crc32 } from '../converters/crc32.ts';

const MEBIBYTE = 2 ** 20;

function seed(name: string): Buffer {
  return readFileSync(new URL(`seeds/${name}`, import.meta.url));
}

function uint32(value: number, isBigEndian = false): Buffer {
  const bytes = Buffer.alloc(4);
  if (isBigEndian) bytes.writeUInt32BE(value);
  else bytes.writeUInt32LE(value);
  return bytes;
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A torch archive of which the pickle alone is there. */
function torchZip(pickle: Uint8Array): Uint8Array {
  return zipSync({ 'archive/data.pkl': pickle, 'archive/byteorder': latin1('little') }, { level: 9 });
}

/** An archive of one deflated entry, whose directory claims so many bytes. */
function lyingZip(name: string, content: Uint8Array, bytes: number): Buffer {
  const stored = deflateRawSync(content);
  const facts = Buffer.alloc(22);
  facts.writeUInt16LE(8, 4);
  facts.writeUInt32LE(crc32(content), 10);
  facts.writeUInt32LE(stored.length, 14);
  facts.writeUInt32LE(bytes, 18);
  const nameBytes = Buffer.alloc(4);
  nameBytes.writeUInt16LE(name.length);
  const local = Buffer.concat([latin1('PK\x03\x04'), facts, nameBytes, latin1(name), stored]);
  const tail = Buffer.alloc(18);
  tail.writeUInt16LE(name.length);
  const directory = Buffer.concat([latin1('PK\x01\x02\0\0'), facts, tail, latin1(name)]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, directory, end]);
}

/** A gzip of an archive that is nothing but a directory. */
function giantDirectory(entryCount: number): Buffer {
  const entries = Buffer.alloc(entryCount * 54);
  for (let i = 0; i < entryCount; i++) {
    const at = i * 54;
    entries.write('PK\x01\x02', at, 'latin1');
    entries.writeUInt16LE(8, at + 28);
    entries.write(i.toString(16).padStart(8, '0'), at + 46, 'latin1');
  }
  const record = Buffer.alloc(56);
  record.write('PK\x06\x06', 'latin1');
  record.writeBigUInt64LE(BigInt(entryCount), 24);
  record.writeBigUInt64LE(BigInt(entryCount), 32);
  record.writeBigUInt64LE(4n, 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(4 + entries.length), 8);
  const end = Buffer.alloc(22, 0xff);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(0, 20);
  return gzipSync(Buffer.concat([latin1('PK\x03\x04'), entries, record, locator, end]), { level: 9 });
}

/** A dict of 60 keys that all name one dict, which does the same, and so on: few bytes, many ways through. */
function sharedDicts(depth: number): Buffer {
  const parts = [latin1('\x80\x02}q\x00')];
  for (let level = 1; level <= depth; level++) {
    const items = Array.from({ length: 60 }, (_, i) =>
      latin1(`X\x02\0\0\0${i.toString(36).padStart(2, '0')}h${String.fromCharCode(level - 1)}`),
    );
    parts.push(latin1('}q'), Buffer.of(level), latin1('('), ...items, latin1('u'));
  }
  return Buffer.concat([...parts, latin1('.')]);
}

function npy(shape: string): Buffer {
  const header = latin1(`{'descr': '<f4', 'fortran_order': True, 'shape': (${shape}), }\n`);
  const length = uint32(header.length);
  return Buffer.concat([latin1('\x93NUMPY\x02\0'), length, header, Buffer.alloc(4 * 6)]);
}

/** One array of MATLAB with so many dimensions. */
function mat(dimensions: readonly number[], elements: number): Buffer {
  const element = (type: number, content: Buffer): Buffer =>
    Buffer.concat([uint32(type), uint32(content.length), content, Buffer.alloc(-content.length & 7)]);
  const sizes = Buffer.concat(dimensions.map((size) => uint32(size)));
  const array = Buffer.concat([
    element(6, Buffer.concat([uint32(9), uint32(0)])),
    element(5, sizes),
    element(1, latin1('a')),
    element(2, Buffer.alloc(elements, 1)),
  ]);
  const header = Buffer.alloc(128, 0x20);
  header.writeUInt16LE(0x0100, 124);
  header.write('IM', 126, 'latin1');
  return Buffer.concat([header, element(14, array)]);
}

function pngChunk(type: string, content: Uint8Array): Buffer {
  const whole = Buffer.concat([latin1(type), content]);
  return Buffer.concat([uint32(content.length, true), whole, uint32(crc32(whole), true)]);
}

function pngHeader(width: number, height: number, interlace = 0): Buffer {
  return pngChunk('IHDR', Buffer.concat([uint32(width, true), uint32(height, true), Buffer.of(8, 6, 0, 0, interlace)]));
}

function png(...chunks: readonly Buffer[]): Buffer {
  return Buffer.concat([latin1('\x89PNG\r\n\x1a\n'), ...chunks, pngChunk('IEND', Buffer.alloc(0))]);
}

function splitAtMarker(jpeg: Buffer, marker: number): [Buffer, Buffer] {
  const at = jpeg.indexOf(Buffer.of(0xff, marker));
  return [jpeg.subarray(0, at), jpeg.subarray(at)];
}

/** A little-endian TIFF of these fields: tag, type 3 or 4, count, value. */
function tiff(
  fields: readonly (readonly [number, number, number, number])[],
  data: Buffer,
  count = fields.length,
): Buffer {
  const entries = fields.map(([tag, type, length, value]) => {
    const entry = Buffer.alloc(12);
    entry.writeUInt16LE(tag, 0);
    entry.writeUInt16LE(type, 2);
    entry.writeUInt32LE(length, 4);
    entry.writeUInt32LE(value, 8);
    return entry;
  });
  const head = Buffer.concat([latin1('II*\0'), uint32(8 + data.length), data, Buffer.alloc(2), ...entries]);
  head.writeUInt16LE(count, 8 + data.length);
  return head;
}

const tiffFields = (width: number, height: number, compression: number, bytes: number) =>
  [
    [256, 4, 1, width],
    [257, 4, 1, height],
    [258, 3, 1, 8],
    [259, 3, 1, compression],
    [262, 3, 1, 1],
    [273, 4, 1, 8],
    [277, 3, 1, 1],
    [278, 4, 1, height],
    [279, 4, 1, bytes],
  ] as const;

/** A bitmap of run lengths without an end. */
function bmp(width: number, height: number, runs: Buffer): Buffer {
  const head = Buffer.alloc(54 + 1024);
  head.write('BM', 'latin1');
  head.writeUInt32LE(head.length + runs.length, 2);
  head.writeUInt32LE(head.length, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(8, 28);
  head.writeUInt32LE(1, 30);
  return Buffer.concat([head, runs]);
}

function gifWithHiddenFrame(): Buffer {
  const gif = seed('gif/interlaced.gif');
  const start = gif.indexOf(Buffer.of(0x2c, 0, 0, 0, 0));
  const frame = gif.subarray(start, -1);
  // The sub-blocks of NETSCAPE go over the frame, and never end.
  const extension = Buffer.concat([Buffer.of(0x21, 0xff, 11), latin1('NETSCAPE2.0'), Buffer.of(255)]);
  return Buffer.concat([gif.subarray(0, start), extension, frame]);
}

const jpeg = seed('jpeg/progressive.jpg');
const subsampled = seed('jpeg/subsampled.jpg');
const [beforeScan, scan] = splitAtMarker(jpeg, 0xda);
const [beforeFrame, frame] = splitAtMarker(subsampled, 0xc0);
const hugeFrame = Buffer.from(frame);
hugeFrame.writeUInt16BE(0xffff, 5);
hugeFrame.writeUInt16BE(0xffff, 7);

const model = { name: 'm', layers: [], input_layers: [], output_layers: [] };
const layersFile = (paths: readonly string[], weights: unknown[] = []): Buffer =>
  latin1(
    `${JSON.stringify({
      format: 'layers-model',
      modelTopology: { class_name: 'Model', config: model },
      weightsManifest: [{ paths, weights }],
    })}\0abcd`,
  );
const input = {
  class_name: 'InputLayer',
  name: 'i',
  config: { name: 'i', batch_input_shape: [null, 6, 5, 3] },
  inbound_nodes: [],
};
const network = (layers: readonly unknown[], output: string): Buffer =>
  latin1(
    JSON.stringify({
      class_name: 'Model',
      config: { name: 'm', layers: [input, ...layers], input_layers: [['i', 0, 0]], output_layers: [[output, 0, 0]] },
    }),
  );
const relu = (name: string, from: unknown, className = 'ReLU') => ({
  ...{ class_name: className, name, config: { name, trainable: true }, inbound_nodes: from },
});
const after = (name: string): unknown => [[[name, 0, 0, {}]]];
/** Lists in each other, more than a stack has room for. */
const deep = '['.repeat(100_000) + ']'.repeat(100_000);

const networks: Readonly<Record<string, Buffer>> = {
  'use-without-inputs': network([relu('a', [[]])], 'a'),
  'no-uses': network([relu('a', [])], 'a'),
  'fed-by-a-layer-without-uses': network([relu('a', []), relu('b', after('a'))], 'b'),
  cycle: network([relu('a', after('b')), relu('b', after('a'))], 'b'),
  itself: network([relu('a', after('a'))], 'a'),
  'type-constructor': network([relu('a', after('i'), 'constructor')], 'a'),
  'type-proto': network([relu('a', after('i'), '__proto__')], 'a'),
  'nested-layer': latin1(
    `{"class_name":"Model","config":{"name":"m","layers":[${deep}],"input_layers":[],"output_layers":[]}}`,
  ),
  'named-proto': network([relu('__proto__', after('i'))], '__proto__'),
  'padding-of-2-24': network(
    [
      {
        ...relu('a', after('i'), 'ZeroPadding2D'),
        config: {
          name: 'a',
          padding: [
            [2 ** 24, 2 ** 24],
            [2 ** 24, 0],
          ],
        },
      },
    ],
    'a',
  ),
  '5000-layers': network(
    Array.from({ length: 5000 }, (_, i) => relu(`r${i}`, after(i === 0 ? 'i' : `r${i - 1}`))),
    'r4999',
  ),
  '4000-layers-in-a-row': network(
    Array.from({ length: 4000 }, (_, i) => relu(`r${i}`, after(i === 0 ? 'i' : `r${i - 1}`))),
    'r3999',
  ),
};

const KINDS: Readonly<Record<string, () => Readonly<Record<string, Uint8Array>>>> = {
  'torch-zip': () => ({
    'pickle-of-64-million-dicts': torchZip(Buffer.concat([Buffer.alloc(60 * MEBIBYTE, '}'), latin1('.')])),
    'pickle-of-60-mebibytes-of-text': torchZip(
      Buffer.concat([latin1('\x80\x02X'), uint32(59 * MEBIBYTE), Buffer.alloc(59 * MEBIBYTE, 'a'), latin1('.')]),
    ),
    'shared-dicts': torchZip(sharedDicts(20)),
    'declares-4-gigabytes': lyingZip('archive/data.pkl', Buffer.alloc(1000), 0xfffffffe),
    'declares-60-mebibytes': lyingZip('archive/data.pkl', Buffer.alloc(1000), 60 * MEBIBYTE),
    'declares-less': lyingZip('archive/data.pkl', Buffer.alloc(60 * MEBIBYTE), 1000),
    'directory-of-a-million': giantDirectory(1_000_000),
  }),
  npy: () => ({
    '20000-axes-of-one': npy(`${'1, '.repeat(19_998)}2, 3`),
    '60-axes': npy(`${'1, '.repeat(58)}2, 3`),
    'product-overflows': npy('4294967296, 4294967296, 6'),
  }),
  mat: () => ({
    '20000-dimensions': mat([...new Array<number>(19_998).fill(1), 2, 3], 6),
    '60-dimensions': mat([...new Array<number>(58).fill(1), 2, 3], 6),
  }),
  'json-arrays': () => ({
    'gzip-of-20-million-objects': gzipSync(latin1(`[${'{},'.repeat(20_000_000)}1]`), { level: 9 }),
    'nested-100000-times': latin1(`{"a": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  }),
  png: () => ({
    'two-headers': png(pngHeader(1, 1), pngHeader(20_000, 20_000), pngChunk('IDAT', deflateSync(Buffer.alloc(5)))),
    'interlaced-with-100-mebibytes': png(
      pngHeader(1, 1, 1),
      pngChunk('IDAT', deflateSync(Buffer.alloc(100 * MEBIBYTE), { level: 9 })),
    ),
    '100-mebibytes-for-one-pixel': png(
      pngHeader(1, 1),
      pngChunk('IDAT', deflateSync(Buffer.alloc(100 * MEBIBYTE), { level: 9 })),
    ),
    'large-without-data': png(pngHeader(1000, 1000), pngChunk('IDAT', deflateSync(Buffer.alloc(5)))),
  }),
  jpeg: () => ({
    '1000-scans': Buffer.concat([
      beforeScan,
      ...Array.from({ length: 1000 }, () => scan.subarray(0, -2)),
      latin1('\xff\xd9'),
    ]),
    'fill-byte-before-frame': Buffer.concat([beforeFrame, Buffer.of(0xff), frame]),
    'frame-of-65535': Buffer.concat([beforeFrame, hugeFrame]),
    'fill-byte-before-frame-of-65535': Buffer.concat([beforeFrame, Buffer.of(0xff), hugeFrame]),
    'zeros-after-start': Buffer.concat([Buffer.of(0xff, 0xd8, 0xff), Buffer.alloc(60_000)]),
  }),
  gif: () => ({ 'netscape-hides-frame': gifWithHiddenFrame() }),
  tiff: () => ({
    'directory-beyond-end': tiff(tiffFields(20_000, 15_000, 1, 4), Buffer.alloc(4), 0xffff),
    '300-megapixels-of-4-bytes': tiff(tiffFields(20_000, 15_000, 1, 4), Buffer.alloc(4)),
    'lzw-of-clear-codes': tiff(
      tiffFields(900, 900, 5, 900),
      Buffer.alloc(900, Buffer.of(0x80, 0x40, 0x20, 0x10, 0x08)),
    ),
    'lzw-of-zeros': tiff(tiffFields(900, 900, 5, 900), Buffer.alloc(900)),
    'packbits-of-nothing': tiff(tiffFields(900, 900, 32773, 900), Buffer.alloc(900, 0x80)),
    'zero-wide': tiff(tiffFields(0, 9, 1, 4), Buffer.alloc(4)),
  }),
  bmp: () => ({
    'runs-without-end': bmp(900, 900, Buffer.alloc(300, Buffer.of(0, 2, 0, 0))),
    'runs-of-nothing': bmp(900, 900, Buffer.alloc(300, Buffer.of(0, 0))),
    '65535-wide': bmp(65_535, 65_535, Buffer.of(0, 1)),
  }),
  'layers-compiled': () => networks,
  'layers-cpu': () => networks,
  'layers-wasm': () => networks,
  pack: () => ({
    'nested-name': latin1(`{"formatVersion":1,"name":${deep},"description":"a","models":[]}`),
    'nested-version': latin1(`{"formatVersion":${deep}}`),
  }),
  safetensors: () => ({
    'nested-dtype': Buffer.concat([uint32(deep.length + 6), uint32(0), latin1(`{"a":${deep}}`)]),
  }),
  'pack-tensors': () => ({ 'nested-tensors': latin1(`{"format":"tensors","data":${deep}}\0abcd`) }),
  'pack-layers': () => ({
    'nested-topology': latin1(`{"format":"layers-model","modelTopology":{"a":${deep}},"weightsManifest":[]}\0abcd`),
    'shard-named-2500-times': layersFile(new Array<string>(2500).fill('data.bin')),
    'shard-in-another-folder': layersFile(['../a/data.bin']),
    'shape-overflows': layersFile(['data.bin'], [{ name: 'w', shape: [2 ** 30, 2 ** 30, 2 ** 30], dtype: 'float32' }]),
  }),
};

/** Makes the inputs of a target, by name. */
export function knownKinds(target: string): Readonly<Record<string, Uint8Array>> {
  return KINDS[target]?.() ?? {};
}
