import { describe, expect, test } from '@jest/globals';
import {
  decodeTensors,
  encodeTensors,
  parseTensorFileManifest,
  type Tensor,
  type TensorFileManifest,
} from '../../../src/engine/weights/tensor-file.ts';
import { WeightFormatError } from '../../../src/errors.ts';
import fc from '../../support/property.ts';

const tensors = new Map<string, Tensor>([
  ['scalar', { shape: [], data: Uint8Array.of(7) }],
  ['bytes', { shape: [3], data: Uint8Array.of(1, 2, 255) }],
  ['nothing', { shape: [0, 4], data: new Float32Array(0) }],
  ['halves', { shape: [2, 2], data: Float32Array.of(0.5, -2, 0.1, 65504) }],
  ['floats', { shape: [2], data: Float32Array.of(1e-30, -3e38) }],
  ['signed', { shape: [1, 2], data: Int32Array.of(-5, 2 ** 31 - 1) }],
  ['unsigned', { shape: [2], data: Uint32Array.of(0, 2 ** 32 - 1) }],
]);

function encoded() {
  return encodeTensors(tensors, 'tensors.bin', new Set(['halves']));
}

describe('a tensor file', () => {
  test('gives back what was put in, float16 rounded', () => {
    const { manifest, bytes } = encoded();
    const parsed = parseTensorFileManifest('tensors.json', JSON.parse(JSON.stringify(manifest)));
    const read = decodeTensors('tensors.bin', parsed, bytes);
    expect([...read.keys()]).toEqual([...tensors.keys()]);
    for (const [name, { shape, data }] of tensors) {
      const expected = name === 'halves' ? Float32Array.of(0.5, -2, 0.0999755859375, 65504) : data;
      expect(read.get(name)).toEqual({ shape, data: expected });
    }
  });

  test('reads from bytes that begin anywhere in their buffer', () => {
    const { manifest, bytes } = encoded();
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const read = decodeTensors('tensors.bin', manifest, shifted.subarray(1));
    expect(read.get('floats')?.data).toEqual(tensors.get('floats')?.data);
  });

  test('names the tensor at which the file is cut short', () => {
    const { manifest, bytes } = encoded();
    expect(() => decodeTensors('tensors.bin', manifest, bytes.slice(0, -1))).toThrow(
      "tensors.bin: tensor 'unsigned': is cut short",
    );
  });

  test('refuses a longer file', () => {
    const { manifest, bytes } = encoded();
    const longer = new Uint8Array(bytes.length + 4);
    longer.set(bytes);
    expect(() => decodeTensors('tensors.bin', manifest, longer)).toThrow('is longer than its tensors');
  });

  test.each<[string, (manifest: TensorFileManifest) => void, string]>([
    ['a shape', (manifest) => replace(manifest, 'floats', { shape: [3] }), "'signed': starts at the wrong byte"],
    ['an offset', (manifest) => replace(manifest, 'floats', { byteOffset: 0 }), "'floats': starts at the wrong byte"],
    ['a type', (manifest) => replace(manifest, 'unsigned', { dtype: 'uint8' }), 'is longer than its tensors'],
    ['a giant', (manifest) => replace(manifest, 'unsigned', { shape: [2 ** 40, 2 ** 40] }), "'unsigned': is cut short"],
  ])('names the tensor where %s is wrong', (_, spoil, message) => {
    const { manifest, bytes } = encoded();
    spoil(manifest);
    expect(() => decodeTensors('tensors.bin', manifest, bytes)).toThrow(message);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses %p', (value) => {
    const { manifest, bytes } = encodeTensors(
      new Map([['mean', { shape: [2], data: Float32Array.of(1, value) }]]),
      'tensors.bin',
    );
    expect(() => decodeTensors('tensors.bin', manifest, bytes)).toThrow(
      "tensors.bin: tensor 'mean': element 1 is not a finite number",
    );
  });

  test('cannot be written with a wrong shape or beyond float16', () => {
    const big = new Map([['big', { shape: [1], data: Float32Array.of(1e5) }]]);
    expect(() => encodeTensors(big, 'x.bin', new Set(['big']))).toThrow("tensor 'big': 100000 at 0 is beyond float16");
    const wrong = new Map([['wrong', { shape: [2], data: Float32Array.of(1) }]]);
    expect(() => encodeTensors(wrong, 'x.bin')).toThrow('does not hold 1 values');
  });
});

describe('parseTensorFileManifest', () => {
  test('refuses a name that is there twice', () => {
    const entry = { name: 'mean', dtype: 'float32', shape: [1], byteOffset: 0 };
    const json = { data: 'tensors.bin', tensors: [entry, entry] };
    expect(() => parseTensorFileManifest('tensors.json', json)).toThrow("tensors.json: tensor 'mean': occurs twice");
  });

  test.each(['../tensors.bin', '/etc/passwd', 'a\\b', ''])('refuses the data file %p', (data) => {
    expect(() => parseTensorFileManifest('tensors.json', { data, tensors: [] })).toThrow(WeightFormatError);
  });

  test('answers any JSON with a manifest or a WeightFormatError', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(outcome(() => parseTensorFileManifest('tensors.json', json))).not.toBe('other error');
      }),
    );
  });
});

function replace(
  manifest: TensorFileManifest,
  name: string,
  change: Partial<TensorFileManifest['tensors'][number]>,
): void {
  manifest.tensors = manifest.tensors.map((entry) => (entry.name === name ? { ...entry, ...change } : entry));
}

function outcome(action: () => unknown): string {
  try {
    action();
    return 'success';
  } catch (error) {
    return error instanceof WeightFormatError ? 'WeightFormatError' : 'other error';
  }
}
