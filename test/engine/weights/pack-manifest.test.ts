import { describe, expect, test } from '@jest/globals';
import {
  checkJson,
  listOf,
  mapOf,
  members,
  number,
  oneOf,
  text,
  wholeNumber,
} from '../../../src/engine/weights/json-shape.ts';
import { memoryWeights } from '../../../src/engine/weights/memory-source.ts';
import { openPack } from '../../../src/engine/weights/open-pack.ts';
import { modelBytes, type PackManifest, parsePackManifest } from '../../../src/engine/weights/pack-manifest.ts';
import { WeightFormatError } from '../../../src/errors.ts';

const SHA = 'ab'.repeat(32);
const file = (path: string, bytes = 3) => ({ path, bytes, sha256: SHA });

function model(name: string, changes: object = {}) {
  return {
    name,
    role: 'regressor',
    format: 'tensors',
    path: `${name}/tensors.json`,
    files: [file(`${name}/tensors.json`), file(`${name}/weights.bin`, 40)],
    licence: { name: 'MIT' },
    source: { description: 'made up' },
    ...changes,
  };
}

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const parse = (changes: object, models: readonly unknown[] = [model('one')]): PackManifest =>
  parsePackManifest(bytesOf({ formatVersion: 1, name: 'pack', description: 'd', models, ...changes }));

describe('a manifest', () => {
  test('says how large a model is', () => {
    expect(modelBytes(parse({}).models[0])).toBe(43);
    expect(parse({}, []).models).toEqual([]);
  });

  // The first and last value that is taken, and the ones beyond.
  test.each<[string, readonly unknown[], readonly unknown[]]>([
    ['inputSize', [1, 2 ** 24], [0, 2 ** 24 + 1, 1.5, '1', null]],
    ['widthMultiplier', [1e-9, 64], [0, -1, 64.01]],
    ['maxEnlargement', [1, 8, 1.5], [0.99, 8.01]],
    ['architecture', ['a', 'ä'.repeat(2000)], ['', 'a'.repeat(2001), 'a\u001b', 'a\n', 3]],
    ['region', ['eyes', 'mouth'], ['nose', 1]],
    ['precision', ['float32', 'int8'], ['int4']],
    ['outputNames', [[], ['x']], ['x', [''], {}]],
    ['name', ['A', 'a'.repeat(64), '0_-'], ['', 'a'.repeat(65), '_a', '-a', 'a b', 'a.b']],
    ['role', ['detector', 'refine', 'face-maps'], ['other']],
    ['format', ['layers-model'], ['onnx']],
    ['licence', [{ name: 'MIT', url: 'u', notice: 'n' }], [{}, { name: '' }, { name: 'MIT', other: 'x' }, 'MIT', null]],
    ['source', [{ description: 'd', url: 'u' }], [{ url: 'u' }]],
    ['unknown', [], [1]],
  ])("'%s' has its bounds", (key, right, wrong) => {
    for (const value of right) expect(() => parse({}, [model('one', { [key]: value })])).not.toThrow();
    for (const value of wrong) {
      expect(() => parse({}, [model('one', { [key]: value })])).toThrow(WeightFormatError);
      expect(() => parse({}, [model('one', { [key]: value })])).toThrow(`models.0.${key}`);
    }
  });

  test.each<[object, boolean]>([
    [{ bytes: 0 }, true],
    [{ bytes: 2 ** 29 }, true],
    [{ bytes: 2 ** 29 + 1 }, false],
    [{ bytes: -1 }, false],
    [{ sha256: SHA.toUpperCase() }, false],
    [{ sha256: `${SHA}a` }, false],
    [{ sha256: SHA.slice(1) }, false],
    [{ path: '../x' }, false],
  ])('a file of %j is taken: %s', (change, isRight) => {
    const files = [file('one/tensors.json'), { ...file('one/x'), ...change }];
    const parsed = () => parse({}, [model('one', { files })]);
    if (isRight) expect(parsed).not.toThrow();
    else expect(parsed).toThrow('models.0.files.1.');
  });

  test('has 1 to 1000 files a model, and up to 1000 models', () => {
    const files = (count: number) =>
      Array.from({ length: count }, (_, i) => file(i === 0 ? 'one/tensors.json' : `f${i}`));
    expect(() => parse({}, [model('one', { files: files(1000) })])).not.toThrow();
    for (const count of [0, 1001]) {
      expect(() => parse({}, [model('one', { files: files(count) })])).toThrow(
        'models.0.files: expected a list of 1 to 1000',
      );
    }
    const models = (count: number) => Array.from({ length: count }, (_, i) => model(`m${i}`));
    expect(parse({}, models(1000)).models).toHaveLength(1000);
    expect(() => parse({}, models(1001))).toThrow('models: expected a list of 0 to 1000');
  });

  test('names each model and each file once, whatever the case, and each path and normalisation that is meant', () => {
    expect(() => parse({}, [model('one'), model('ONE')])).toThrow("two models are called 'ONE'");
    const other = model('two', { path: 'One/Tensors.json', files: [file('One/Tensors.json')] });
    expect(() => parse({}, [model('one'), other])).toThrow("two models have the file 'One/Tensors.json'");
    expect(() => parse({}, [model('one', { files: [file('one/tensors.json'), file('pack.json')] })])).toThrow(
      'pack.json',
    );
    expect(() => parse({}, [model('one', { path: 'one/other' })])).toThrow(
      "one: path 'one/other' is not one of its files",
    );
    expect(() => parse({}, [model('one', { ranges: 'one/r' })])).toThrow("one: path 'one/r' is not one of its files");
    expect(() => parse({}, [model('one', { ranges: 'one/weights.bin' })])).not.toThrow();
    expect(() => parse({}, [model('one', { normalization: 'two' })])).toThrow("one: there is no normalization 'two'");
    expect(() => parse({}, [model('one', { normalization: 'two' }), model('two')])).toThrow(
      'there is no normalization',
    );
    const normalization = model('two', { role: 'normalization' });
    expect(() => parse({}, [model('one', { normalization: 'two' }), normalization])).not.toThrow();
  });

  test('of another version, or of none, cannot be read', () => {
    expect(() => parse({ formatVersion: 2 })).toThrow(/expected formatVersion 1, got 2/);
    for (const value of [null, 3, [], 'x']) expect(() => parsePackManifest(bytesOf(value))).toThrow(/got none/);
  });

  test('is a megabyte at most', async () => {
    const text = JSON.stringify({ formatVersion: 1, name: 'pack', description: 'd', models: [] });
    const padded = (length: number) => new TextEncoder().encode(text + ' '.repeat(length - text.length));
    const open = (length: number) => openPack(memoryWeights(new Map([['pack.json', padded(length)]])));
    expect((await open(2 ** 20)).manifest.name).toBe('pack');
    await expect(open(2 ** 20 + 1)).rejects.toThrow(WeightFormatError);
  });
});

describe('the shape of JSON', () => {
  const check = (shape: Parameters<typeof checkJson>[0], value: unknown) => checkJson(shape, 'f.json', value);

  test.each<[string, Parameters<typeof checkJson>[0], unknown, string]>([
    ['text', text(), 3, 'f.json: the root: expected text, got 3'],
    ['a kind of text', text('x', (value) => value === 'x'), 'y', `expected x, got 'y'`],
    ['a number', number(), '3', `expected a number, got '3'`],
    ['a finite number', number(), Number.NaN, 'expected a number'],
    ['a whole number', wholeNumber(), -1, 'expected a whole number from 0 to 9007199254740991, got -1'],
    ['one of some', oneOf<'a' | 1>('a', 1), 'b', `expected 'a' or '1', got 'b'`],
    ['a list', listOf(text()), {}, 'expected a list, got {  }'],
    ['a list of some', listOf(text(), 1, 2), ['a', 'b', 'c'], 'expected a list of 1 to 2'],
    ['a list of more', listOf(text(), 1, 2), [], 'expected a list of 1 to 2'],
    ['what is in a list', listOf(text()), ['a', 4], '1: expected text, got 4'],
    ['an object', members({ a: text() }), [], 'expected an object, got a list of 0'],
    ['an object that is there', members({ a: text() }), null, 'expected an object, got null'],
    ['a member', members({ a: text() }), {}, 'a: expected text, got nothing'],
    ['a member of its own', members({ toString: text() }), {}, 'toString: expected text, got nothing'],
    ['a member that may be there', members({}, { b: text() }), { b: 1 }, 'b: expected text, got 1'],
    ['no other member', members({}, {}), { c: 1 }, 'c: expected no such key, got 1'],
    ['a member of a map', mapOf(text()), { d: 1 }, 'd: expected text, got 1'],
    ['a deep member', members({ a: listOf(members({ b: text() })) }), { a: [{ b: 'x' }, {}] }, 'a.1.b: expected text'],
    ['a short message', text(), 'x'.repeat(99).split(''), 'expected text, got a list of 99'],
    ['a number in place of a word', number(), 'x'.repeat(99), `expected a number, got '${'x'.repeat(40)}'`],
  ])('%s', (_name, shape, value, message) => {
    expect(() => check(shape, value)).toThrow(message);
  });

  test('gives what it was given', () => {
    expect(check(members({ a: text() }, { b: number() }, true), { a: 'x', c: 3 })).toEqual({ a: 'x', c: 3 });
    expect(check(mapOf(number()), { a: 1, b: 2 })).toEqual({ a: 1, b: 2 });
    expect([check(wholeNumber(2, 4), 2), check(wholeNumber(2, 4), 4), check(oneOf<'a' | 1>('a', 1), 1)]).toEqual([
      2, 4, 1,
    ]);
    for (const value of [1, 5, 2.5]) expect(() => check(wholeNumber(2, 4), value)).toThrow('from 2 to 4');
    expect(() => check(text(), 'x'.repeat(200))).not.toThrow();
  });
});
