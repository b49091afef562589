import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { parseWeightFile } from '../../converters/read-weight-file.ts';
import type { StateDict } from '../../converters/tensor.ts';
import { WeightFormatError } from '../../src/errors.ts';
import fc from '../support/property.ts';
import { describeTensors } from './describe-tensors.ts';
import { SAMPLE_NAMES, sample } from './samples.ts';

/** What a file may ask for (byte-reader.ts). */
const memoryLimit = (fileBytes: number): number => 64 * 2 ** 20 + 32 * fileBytes;
/** A hang, not a slow machine. */
const HANG_MS = 10_000;

/** Reads a file that may be damaged in any way: the result is whole, or the error is a `WeightFormatError`. */
function readOrRefuse(bytes: Uint8Array): StateDict | undefined {
  const start = performance.now();
  let tensors: StateDict | undefined;
  try {
    tensors = parseWeightFile(bytes, 'damaged');
  } catch (error) {
    if (!(error instanceof WeightFormatError)) throw error;
    expect(error.message).toMatch(/^damaged\P{Cc}+$/u);
  }
  expect(performance.now() - start).toBeLessThan(HANG_MS);
  if (tensors !== undefined) {
    let total = 0;
    for (const { shape, data } of tensors.values()) {
      expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
      total += data.byteLength;
    }
    expect(total).toBeLessThanOrEqual(memoryLimit(bytes.length));
  }
  return tensors;
}

/** Changes to a file: bytes set, a piece cut out, a piece inserted twice, the end cut off. */
interface Damage {
  readonly sets: readonly (readonly [at: number, byte: number])[];
  readonly cut: readonly [at: number, count: number];
  readonly repeat: readonly [at: number, count: number];
  readonly end: number;
}

const fraction = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
/** Bytes that mean much in these formats: zeros, ones, signs, opcodes. */
const byte = fc.oneof(
  fc.integer({ min: 0, max: 255 }),
  fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x28, 0x2e, 0x52, 0x62, 0x71),
);
const damage: fc.Arbitrary<Damage> = fc.record({
  sets: fc.array(fc.tuple(fraction, byte), { maxLength: 4 }),
  cut: fc.tuple(fraction, fc.constantFrom(0, 0, 0, 1, 2, 8, 100)),
  repeat: fc.tuple(fraction, fc.constantFrom(0, 0, 0, 1, 2, 8, 100)),
  end: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fraction),
});

function applyDamage(original: Uint8Array, { sets, cut, repeat, end }: Damage): Uint8Array {
  const bytes = Buffer.from(original);
  for (const [at, value] of sets) bytes[Math.floor(at * bytes.length)] = value;
  const position = (at: number): number => Math.floor(at * bytes.length);
  const [cutAt, repeatAt] = [position(cut[0]), position(repeat[0])];
  const whole = Buffer.concat([bytes.subarray(0, repeatAt + repeat[1]), bytes.subarray(repeatAt)]);
  const pieces = Buffer.concat([whole.subarray(0, cutAt), whole.subarray(cutAt + cut[1])]);
  return new Uint8Array(pieces.subarray(0, Math.ceil(end * pieces.length)));
}

const signatures = [
  '',
  '\x80\x02',
  '\x80\x04\x95',
  'PK\x03\x04',
  '\x93NUMPY\x01\0v\0',
  '\x1f\x8b\x08\0',
  '\x0a\0\0\0\0\0\0\0{"',
  '(dp0\n',
  '}q\0',
];

describe('parsers meet damaged files with an error or a whole result', () => {
  test.each(SAMPLE_NAMES)('%s, damaged', (name) => {
    const original = sample(name);
    fc.assert(
      fc.property(damage, (changes) => void readOrRefuse(applyDamage(original, changes))),
      { numRuns: 150 },
    );
  });

  test.each(SAMPLE_NAMES)('%s, damaged within gzip', (name) => {
    const original = sample(name);
    fc.assert(
      fc.property(damage, (changes) => void readOrRefuse(new Uint8Array(gzipSync(applyDamage(original, changes))))),
      { numRuns: 30 },
    );
  });

  test('a gzip whose bytes are damaged never gives other numbers', () => {
    const original = new Uint8Array(gzipSync(sample('numpy1Protocol4')));
    const expected = describeTensors(parseWeightFile(original, 'whole'));
    fc.assert(
      fc.property(damage, (changes) => {
        const tensors = readOrRefuse(applyDamage(original, changes));
        if (tensors !== undefined) expect(describeTensors(tensors)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test.each(['npz', 'npzCompressed', 'torchZip'] as const)('%s, damaged, never gives other numbers', (name) => {
    const expected = new Set(describeTensors(parseWeightFile(sample(name), 'whole')).map(([, tensor]) => tensor));
    fc.assert(
      fc.property(damage, (changes) => {
        const tensors = readOrRefuse(applyDamage(sample(name), changes));
        // The directory's names and number of entries are not in any checksum; the numbers are.
        for (const [, tensor] of describeTensors(tensors ?? new Map())) expect(expected).toContain(tensor);
      }),
      { numRuns: 500 },
    );
  });

  test('random bytes, alone or after a signature', () => {
    fc.assert(
      fc.property(fc.constantFrom(...signatures), fc.uint8Array({ maxLength: 400 }), (signature, tail) => {
        readOrRefuse(new Uint8Array(Buffer.concat([Buffer.from(signature, 'latin1'), tail])));
      }),
      { numRuns: 2000 },
    );
  });

  test('programs of valid opcodes', () => {
    const index = fc.integer({ min: 0, max: 9 }).map((value) => String.fromCharCode(value));
    const piece = fc.oneof(
      fc.constantFrom(
        '(',
        '(',
        '0',
        '1',
        '2',
        'N',
        '\x88',
        ')',
        ']',
        '}',
        '\x8f',
        't',
        'l',
        'd',
        'a',
        'e',
        's',
        'u',
        '\x90',
        '\x91',
      ),
      fc.constantFrom('\x85', '\x86', '\x87', 'R', 'R', 'R', 'b', 'b', '\x81', '\x92', '\x93', '\x94', 'o', 'Q'),
      fc.constantFrom(
        'I7\n',
        'L-7L\n',
        'F1.5\n',
        "S'f4'\n",
        'Vlatin1\n',
        'U\x02f4',
        'U\x01<',
        'C\x04\0\0\x80?',
        'X\x01\0\0\0k',
      ),
      fc.constantFrom(
        'J\xff\xff\xff\x7f',
        'J\xff\xff\xff\xff',
        'G?\xf0\0\0\0\0\0\0',
        '\x8a\x01\xff',
        '\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f',
      ),
      fc.constantFrom(
        'cnumpy\nndarray\n',
        'cnumpy\ndtype\n',
        'cnumpy\ndtype\nU\x02f4K\0K\x01\x87R(K\x03U\x01<NNNK\0K\0K\0tb',
        'cnumpy.core.multiarray\n_reconstruct\n',
        'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R',
        '(K\x01K\x01\x85cnumpy\ndtype\nU\x02f4K\0K\x01\x87R(K\x03U\x01<NNNK\0K\0K\0tb\x89U\x04abcdtb',
        'cnumpy.core.multiarray\nscalar\n',
        'cnumpy._core.numeric\n_frombuffer\n',
        'ccollections\nOrderedDict\n',
        'c__builtin__\nset\n',
        'c__builtin__\nbytearray\n',
        'c_codecs\nencode\n',
      ),
      fc.tuple(fc.constantFrom('h', 'q', 'K'), index).map((parts) => parts.join('')),
    );
    const head = fc.constantFrom('\x80\x02', '\x80\x02}(X\x01\0\0\0k', '\x80\x02]q\0q\x01q\x02');
    const tail = fc.constantFrom('.', 's.', 'u.', 'tR.', '\x85R.', 'b.');
    fc.assert(
      fc.property(head, fc.array(piece, { maxLength: 25 }), tail, (start, pieces, end) => {
        readOrRefuse(new Uint8Array(Buffer.from(start + pieces.join('') + end, 'latin1')));
      }),
      { numRuns: 5_000 },
    );
  });

  /** Little-endian fields of the given sizes, each 0, 1, the largest, or something between. */
  const fields = (...sizes: number[]): fc.Arbitrary<Buffer> =>
    fc
      .tuple(
        ...sizes.map((size) =>
          fc
            .oneof(
              fc.constantFrom(0n, 0n, 1n, 8n, 22n, 46n, 2n ** BigInt(8 * size) - 1n),
              fc.bigInt({ min: 0n, max: 2n ** BigInt(8 * size) - 1n }),
            )
            .map((value) => {
              const field = Buffer.alloc(8);
              field.writeBigUInt64LE(BigInt.asUintN(8 * size, value));
              return field.subarray(0, size);
            }),
        ),
      )
      .map((parts) => Buffer.concat(parts));
  const startingWith = (beginning: string, ...sizes: number[]): fc.Arbitrary<Buffer> =>
    fields(...sizes).map((rest) => Buffer.concat([Buffer.from(beginning, 'latin1'), rest]));
  const concatenated = (pieces: fc.Arbitrary<Buffer>, maxLength: number): fc.Arbitrary<Buffer> =>
    fc.array(pieces, { maxLength }).map((parts) => Buffer.concat(parts));

  test('zip records in any order with any fields', () => {
    const end = startingWith('PK\x05\x06', 2, 2, 2, 2, 4, 4, 2);
    const records = fc.oneof(
      startingWith('PK\x03\x04', 2, 2, 2, 4, 4, 4, 4, 2, 2),
      startingWith('PK\x01\x02', 2, 2, 2, 2, 4, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4),
      startingWith('PK\x06\x06', 8, 2, 2, 4, 4, 8, 8, 8, 8),
      startingWith('PK\x06\x07', 4, 8, 4),
      startingWith('\x01\0\x18\0', 8, 8, 8),
      startingWith('data.pkl'),
      startingWith('a.npy'),
      end,
    );
    fc.assert(
      fc.property(
        fc.constantFrom('PK\x03\x04', 'PK\x05\x06', ''),
        concatenated(records, 8),
        end,
        (start, middle, last) => {
          readOrRefuse(new Uint8Array(Buffer.concat([Buffer.from(start, 'latin1'), middle, last])));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('MATLAB elements in any order with any tags', () => {
    const header = Buffer.from(sample('matPlain').subarray(0, 128));
    const elements = fc.oneof(
      startingWith('\x06\0\0\0\x08\0\0\0\x06\0\0\0\0\0\0\0'),
      startingWith('\x05\0\0\0\x08\0\0\0\x01\0\0\0\x01\0\0\0'),
      startingWith('\x01\0\x01\0a\0\0\0'),
      startingWith('\x09\0\0\0\x08\0\0\0', 8),
      startingWith('\x06\0\0\0\x08\0\0\0', 1, 1, 2, 4),
      startingWith('\x05\0\0\0\x08\0\0\0', 4, 4),
      startingWith('\x05\0\0\0', 4, 4, 4),
      fields(2, 2, 4),
      fields(4, 4),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(14, 14, 14, 15, 9),
        concatenated(elements, 6),
        fc.boolean(),
        (type, content, isBig) => {
          const tag = Buffer.alloc(8);
          tag.writeUInt32LE(type);
          tag.writeUInt32LE(content.length, 4);
          const file = new Uint8Array(Buffer.concat([header, tag, content]));
          if (isBig) file.set(Buffer.from('\x01\0MI', 'latin1'), 124);
          readOrRefuse(file);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('headers of safetensors and .npy that hold any values', () => {
    const number = fc.oneof(
      fc.constantFrom(0, 1, 4, 8, -1, 0.5, 2 ** 31, 2 ** 53, 1e300),
      fc.integer({ min: 0, max: 16 }),
    );
    const entry = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom('F32', 'U8', 'BF16', 'I64'), fc.jsonValue()),
        shape: fc.oneof(fc.array(number, { maxLength: 4 }), fc.jsonValue()),
        data_offsets: fc.oneof(fc.tuple(number, number), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const names = fc.oneof(fc.string(), fc.constantFrom('a', '__proto__', 'constructor', '__metadata__', 'toString'));
    const content = fc.uint8Array({ maxLength: 16 });
    fc.assert(
      fc.property(fc.dictionary(names, entry, { maxKeys: 3 }), content, (header, numbers) => {
        const json = Buffer.from(JSON.stringify(header));
        const length = Buffer.alloc(8);
        length.writeBigUInt64LE(BigInt(json.length));
        readOrRefuse(new Uint8Array(Buffer.concat([length, json, numbers])));
      }),
      { numRuns: 1000 },
    );
    const descriptor = fc.constantFrom('<f4', '>i8', '|u1', '|O', '<U3', 'f4', '');
    fc.assert(
      fc.property(
        descriptor,
        fc.array(number, { maxLength: 4 }),
        fc.string(),
        content,
        (type, shape, noise, numbers) => {
          const header = `{'descr': '${type}', 'fortran_order': True, ${noise}'shape': (${shape}), }`;
          const length = Buffer.alloc(4);
          length.writeUInt32LE(Buffer.byteLength(header));
          const magic = Buffer.from('\x93NUMPY\x02\0', 'latin1');
          readOrRefuse(new Uint8Array(Buffer.concat([magic, length, Buffer.from(header), numbers])));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('the samples are read whole', () => {
    const refused = ['torchScript', 'torchModule', 'npyStructured', 'npyObject'];
    for (const name of SAMPLE_NAMES) {
      const gzipped = new Uint8Array(gzipSync(sample(name)));
      expect(gunzipSync(gzipped).equals(sample(name))).toBe(true);
      expect(readOrRefuse(gzipped) === undefined).toBe(refused.includes(name));
    }
  });
});
