import { describe, expect, test } from '@jest/globals';
import { unzipSync, type Zippable, zipSync } from 'fflate';
import { parseWeightFile } from '../../converters/read-weight-file.ts';
import type { StateDict } from '../../converters/tensor.ts';
import { describeTensors, expectFormatError } from './describe-tensors.ts';
import { sample } from './samples.ts';

const read = (bytes: Uint8Array): StateDict => parseWeightFile(bytes, 'my.pth');

/** Elements of `every`, as samples.ts has it. */
const EVERY = [
  ['module.half', 'Float32Array [5] 1.5 -0 65504 5.960464477539063e-8 Infinity'],
  ['module.bfloat16', 'Float32Array [3] 1.5 -3 1.2676506002282294e+30'],
  ['module.long', 'BigInt64Array [] 7'],
  ['module.double', 'Float64Array [2 x 1] 0.1 0.2'],
  ['module.bool', 'Uint8Array [2] 1 0'],
  ['module.uint8', 'Uint8Array [2] 0 255'],
  ['module.int8', 'Int8Array [2] -128 127'],
  ['module.int16', 'Int16Array [1] -32768'],
  ['module.int32', 'Int32Array [1] -2147483648'],
  ['module.shared', `Float32Array [24] ${Array.from({ length: 24 }, (_, i) => i).join(' ')}`],
  // torch.arange(24).view(2, 3, 4).permute(2, 0, 1)[1:3]
  ['module.view', 'Float32Array [2 x 2 x 3] 1 5 9 13 17 21 2 6 10 14 18 22'],
  ['module.repeated', 'Float32Array [3 x 2] 1 2 1 2 1 2'],
  ['module.parameter', 'Float32Array [1] 9'],
  ['module.empty', 'Float32Array [0 x 3]'],
];
const W = [['w', 'Float32Array [2] 1 2']];

/** The zip sample, written again by another zip writer after a change of its entries. */
function rezip(change: (entries: Zippable) => void, level: 0 | 9 = 0): Uint8Array {
  const entries: Zippable = unzipSync(sample('torchZip'));
  change(entries);
  return zipSync(entries, { level });
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** A sample with one piece of its bytes replaced. */
function edit(bytes: Uint8Array, piece: string, replacement: string): Uint8Array {
  const text = latin1(bytes);
  expect(text).toContain(piece);
  return bytesOf(text.replace(piece, () => replacement));
}

describe('torch checkpoints', () => {
  test('reads every type and layout of the legacy format', () => {
    expect(describeTensors(read(sample('torchLegacy')))).toEqual(EVERY);
  });

  test('reads every type and layout of the zip format', () => {
    expect(describeTensors(read(sample('torchZip')))).toEqual(EVERY);
  });

  test('reads both formats with pickles of protocol 4, at the top or under `model`', () => {
    expect(describeTensors(read(sample('torchLegacyProtocol4')))).toEqual(W);
    expect(describeTensors(read(sample('torchZipProtocol4')))).toEqual(W);
  });

  test('reads a zip that another program deflated', () => {
    expect(describeTensors(read(rezip(() => {}, 9)))).toEqual(EVERY);
  });

  test('reads what a big-endian machine wrote', () => {
    const bigEndian = rezip((entries) => {
      entries['archive/byteorder'] = bytesOf('big');
      // Storages in the order of `every`; the bytes of one element in each.
      const elementBytes = [2, 2, 8, 8, 1, 1, 1, 2, 4, 4, 4, 4, 4];
      elementBytes.forEach((size, key) => {
        const storage = Buffer.from(entries[`archive/data/${key}`] as Uint8Array);
        if (size === 2) storage.swap16();
        if (size === 4) storage.swap32();
        if (size === 8) storage.swap64();
        entries[`archive/data/${key}`] = new Uint8Array(storage);
      });
    });
    expect(describeTensors(read(bigEndian))).toEqual(EVERY);
  });

  test('leaves the bytes that it read as they were', () => {
    const bytes = sample('torchLegacy');
    read(bytes);
    expect(bytes).toEqual(sample('torchLegacy'));
  });

  test('refuses a pickled module by the name of its class', () => {
    expectFormatError(() => read(sample('torchModule')), /'torch\.nn\.modules\.linear\.Linear'/);
  });

  test('refuses os.system in both formats', () => {
    const call = '\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.';
    const zip = rezip((entries) => {
      entries['archive/data.pkl'] = bytesOf(call);
    });
    expect(expectFormatError(() => read(zip), /'os\.system'/).file).toBe('my.pth!archive/data.pkl');
    const legacy = latin1(sample('torchLegacyProtocol4'));
    // The object follows the magic number, the protocol and the facts about the machine.
    const head = legacy.slice(0, legacy.indexOf('\x80', legacy.indexOf('little_endian')));
    expectFormatError(() => read(bytesOf(head + call)), /'os\.system'/);
  });

  test('says that a TorchScript program is one', () => {
    expectFormatError(() => read(sample('torchScript')), /TorchScript program.*state_dict/);
  });

  test('refuses another protocol of the legacy format', () => {
    expectFormatError(
      () => read(edit(sample('torchLegacy'), 'M\xe9\x03.', 'M\xea\x03.')),
      /expected protocol 1001, got 1002/,
    );
  });

  test('refuses a legacy file that goes on after its last storage', () => {
    expectFormatError(
      () => read(Buffer.concat([sample('torchLegacy'), Buffer.from('x')])),
      /1 bytes after its last storage/,
    );
  });

  test('refuses a storage of another size than its tensors say', () => {
    const legacy = sample('torchLegacyProtocol4');
    const count = legacy.length - 2 * 4 - 8;
    expect(legacy[count]).toBe(2);
    legacy[count] = 1;
    expectFormatError(() => read(legacy), /the wrong size.*expected 2 elements, got 1/);
    const zip = rezip((entries) => {
      entries['archive/data/3'] = new Uint8Array(8);
    });
    const error = expectFormatError(() => read(zip), /the wrong size/);
    expect(error).toMatchObject({ tensor: 'module.double', expected: '16 bytes', actual: '8' });
  });

  test('names the tensor whose storage is missing', () => {
    const zip = rezip((entries) => {
      delete entries['archive/data/3'];
    });
    expect(expectFormatError(() => read(zip), /storage '3' is missing/).tensor).toBe('module.double');
  });

  test('refuses an unknown byte order', () => {
    const zip = rezip((entries) => {
      entries['archive/byteorder'] = bytesOf('middle');
    });
    expectFormatError(() => read(zip), /expected little or big, got middle/);
  });

  /** A checkpoint of one float32 tensor in a storage of 4, whose size, strides and offset are given as pickled. */
  const tensorPickle = (size: string, strides: string, offset = 'K\0'): Uint8Array =>
    rezip((entries) => {
      const id = '(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ';
      entries['archive/data/0'] = new Uint8Array(16);
      entries['archive/data.pkl'] = bytesOf(
        `\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(${id}${offset}${size}${strides}\x89}tRs.`,
      );
    });

  test('reads a tensor that fills its storage and refuses any that reaches beyond it', () => {
    expect(describeTensors(read(tensorPickle('K\x02K\x02\x86', 'K\x02K\x01\x86')))).toEqual([
      ['w', 'Float32Array [2 x 2] 0 0 0 0'],
    ]);
    const beyond = /extends beyond its storage.*expected 4 elements/;
    expectFormatError(() => read(tensorPickle('K\x02K\x02\x86', 'K\x03K\x01\x86')), beyond);
    expectFormatError(() => read(tensorPickle('K\x02K\x02\x86', 'K\x02K\x01\x86', 'K\x01')), beyond);
    expectFormatError(() => read(tensorPickle('K\x05\x85', 'K\x01\x85')), beyond);
    expectFormatError(() => read(tensorPickle('K\x04\x85', ')')), /as many strides as extents/);
    expectFormatError(() => read(tensorPickle('K\x04\x85', 'J\xff\xff\xff\xff\x85')), /expected an extent, got -1/);
  });

  test('refuses a tensor of a billion elements that all are the same one', () => {
    const billion = 'J\0\xca\x9a\x3b\x85';
    expectFormatError(() => read(tensorPickle(billion, 'K\0\x85')), /tensor 'w' requests more memory/);
  });

  test('refuses a file without tensors, and one whose dicts nest without end', () => {
    const withObject = (pickle: string): Uint8Array =>
      rezip((entries) => {
        entries['archive/data.pkl'] = bytesOf(pickle);
      });
    expectFormatError(
      () => read(withObject('\x80\x02}X\x05\0\0\0epochK\x01s.')),
      /contains no state dict.*a dict of 1/,
    );
    expectFormatError(() => read(withObject('\x80\x02K\x05.')), /contains no state dict.*got 5/);
    expectFormatError(() => read(withObject('\x80\x02}q\0X\x05\0\0\0modelh\0s.')), /contains no state dict/);
  });

  test.each(['torchLegacy', 'torchZip', 'torchLegacyProtocol4', 'torchZipProtocol4'] as const)(
    'refuses %s cut off anywhere',
    (name) => {
      const bytes = sample(name);
      for (let length = 0; length < bytes.length; length++) {
        expectFormatError(() => read(bytes.subarray(0, length)), /./);
      }
    },
  );
});
