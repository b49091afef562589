import { describe, expect, test } from '@jest/globals';
import { type PickleOptions, PickleTuple, type PickleValue, readPickle } from '../../converters/pickle.ts';
import { expectFormatError, readerOf } from './describe-tensors.ts';

/** Unpickles bytes that are given as Latin-1 text. */
const unpickle = (pickle: string, options?: PickleOptions): PickleValue => readPickle(readerOf(pickle), options);

/** Tuples as plain arrays under a key, so that values compare. */
function plain(value: PickleValue): unknown {
  if (value instanceof PickleTuple) return { tuple: value.items.map(plain) };
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, plain(item)]));
  if (Array.isArray(value)) return value.map(plain);
  return value;
}

describe('readPickle', () => {
  // pickle.dumps([None, True, False, 0, 255, 65535, -1, 2**31, 2**70, -2**70, 1.5, 'é€😀', b'\0\xff', (), (1,), (1, 2), (1, 2, 3),
  //   (1, 2, 3, 4), {'k': [1]}, {1}], protocol)
  const everything = [
    null,
    true,
    false,
    0,
    255,
    65535,
    -1,
    2 ** 31,
    2n ** 70n,
    -(2n ** 70n),
    1.5,
    'é€😀',
    Uint8Array.of(0, 255),
    { tuple: [] },
    { tuple: [1] },
    { tuple: [1, 2] },
    { tuple: [1, 2, 3] },
    { tuple: [1, 2, 3, 4] },
    new Map([['k', [1]]]),
    new Set([1]),
  ];
  test.each([
    [
      0,
      'KGxwMApOYUkwMQphSTAwCmFJMAphSTI1NQphSTY1NTM1CmFJLTEKYUwyMTQ3NDgzNjQ4TAphTDExODA1OTE2MjA3MTc0MTEzMDM0MjRMCmFMLTExODA1OTE2MjA3MTc0MTEzMDM0MjRMCmFGMS41CmFW6Vx1MjBhY1xVMDAwMWY2MDAKcDEKYWNfY29kZWNzCmVuY29kZQpwMgooVlx1MDAwMP8KcDMKVmxhdGluMQpwNAp0cDUKUnA2CmEodGEoSTEKdHA3CmEoSTEKSTIKdHA4CmEoSTEKSTIKSTMKdHA5CmEoSTEKSTIKSTMKSTQKdHAxMAphKGRwMTEKVmsKcDEyCihscDEzCkkxCmFzYWNfX2J1aWx0aW5fXwpzZXQKcDE0CigobHAxNQpJMQphdHAxNgpScDE3CmEu',
    ],
    [
      1,
      'XXEAKE5JMDEKSTAwCksAS/9N//9K/////0wyMTQ3NDgzNjQ4TApMMTE4MDU5MTYyMDcxNzQxMTMwMzQyNEwKTC0xMTgwNTkxNjIwNzE3NDExMzAzNDI0TApHP/gAAAAAAABYCQAAAMOp4oKs8J+YgHEBY19jb2RlY3MKZW5jb2RlCnECKFgDAAAAAMO/cQNYBgAAAGxhdGluMXEEdHEFUnEGKShLAXRxByhLAUsCdHEIKEsBSwJLA3RxCShLAUsCSwNLBHRxCn1xC1gBAAAAa3EMXXENSwFhc2NfX2J1aWx0aW5fXwpzZXQKcQ4oXXEPSwFhdHEQUnERZS4=',
    ],
    [
      2,
      'gAJdcQAoToiJSwBL/03//0r/////igUAAACAAIoJAAAAAAAAAABAigkAAAAAAAAAAMBHP/gAAAAAAABYCQAAAMOp4oKs8J+YgHEBY19jb2RlY3MKZW5jb2RlCnECWAMAAAAAw79xA1gGAAAAbGF0aW4xcQSGcQVScQYpSwGFcQdLAUsChnEISwFLAksDh3EJKEsBSwJLA0sEdHEKfXELWAEAAABrcQxdcQ1LAWFzY19fYnVpbHRpbl9fCnNldApxDl1xD0sBYYVxEFJxEWUu',
    ],
    [
      3,
      'gANdcQAoToiJSwBL/03//0r/////igUAAACAAIoJAAAAAAAAAABAigkAAAAAAAAAAMBHP/gAAAAAAABYCQAAAMOp4oKs8J+YgHEBQwIA/3ECKUsBhXEDSwFLAoZxBEsBSwJLA4dxBShLAUsCSwNLBHRxBn1xB1gBAAAAa3EIXXEJSwFhc2NidWlsdGlucwpzZXQKcQpdcQtLAWGFcQxScQ1lLg==',
    ],
    [
      4,
      'gASVewAAAAAAAABdlChOiIlLAEv/Tf//Sv////+KBQAAAIAAigkAAAAAAAAAAECKCQAAAAAAAAAAwEc/+AAAAAAAAIwJw6nigqzwn5iAlEMCAP+UKUsBhZRLAUsChpRLAUsCSwOHlChLAUsCSwNLBHSUfZSMAWuUXZRLAWFzj5QoSwGQZS4=',
    ],
    [
      5,
      'gAWVewAAAAAAAABdlChOiIlLAEv/Tf//Sv////+KBQAAAIAAigkAAAAAAAAAAECKCQAAAAAAAAAAwEc/+AAAAAAAAIwJw6nigqzwn5iAlEMCAP+UKUsBhZRLAUsChpRLAUsCSwOHlChLAUsCSwNLBHSUfZSMAWuUXZRLAWFzj5QoSwGQZS4=',
    ],
  ])('reads what Python writes, protocol %i', (_protocol, base64) => {
    expect(plain(readPickle(readerOf(Buffer.from(base64, 'base64'))))).toEqual(everything);
  });

  test('reads the texts of Python 2 as Latin-1', () => {
    expect(unpickle("(dp0\nS'a\\xe9\\n'\np1\nI01\nsU\x02\xff.I00\ns.")).toEqual(
      new Map([
        ['aé\n', true],
        ['ÿ.', false],
      ]),
    );
    expect(unpickle('T\x02\0\0\0\x80a.')).toBe('\x80a');
  });

  test('reads the numbers of protocol 0', () => {
    expect(unpickle('(lI-5\naL12345678901234567890L\naF-1e3\naFinf\naF-inf\naFnan\na.')).toEqual([
      -5,
      12345678901234567890n,
      -1000,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
  });

  test('leaves the reader behind the pickle', () => {
    const reader = readerOf('K\x01.K\x02.');
    expect([readPickle(reader), readPickle(reader), reader.remaining]).toEqual([1, 2, 0]);
  });

  test('keeps what is shared shared, loops included', () => {
    const list = unpickle(']q\0h\0a.') as PickleValue[];
    expect(list[0]).toBe(list);
    const [first, second] = (unpickle(']\x940h\0h\0\x86.') as PickleTuple).items;
    expect(first).toBe(second);
  });

  test('builds an OrderedDict, its attributes left out', () => {
    const attributes = '}X\x09\0\0\0_metadatah\x01s';
    expect(unpickle(`ccollections\nOrderedDict\n)Rq\x01X\x01\0\0\0kK\x07s${attributes}b.`)).toEqual(
      new Map([['k', 7]]),
    );
    expect(unpickle('ccollections\nOrderedDict\n((lp0\n(lp1\nS"k"\naI7\naatR.')).toEqual(new Map([['k', 7]]));
  });

  test.each([
    ['protocol 0', "cos\nsystem\n(S'echo hello'\ntR."],
    ['protocol 1, INST', "(S'echo hello'\nios\nsystem\n."],
    ['protocol 1, OBJ', "(cos\nsystem\nS'echo hello'\no."],
    ['protocol 2, NEWOBJ', '\x80\x02cos\nsystem\n)\x81.'],
    [
      'protocol 4',
      '\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.',
    ],
    ['never called', '\x80\x02cos\nsystem\n.'],
  ])('refuses os.system by name (%s)', (_how, pickle) => {
    expectFormatError(() => unpickle(pickle), /names the Python global 'os\.system'.*nothing was executed/);
  });

  test.each(['builtins\neval', '__builtin__\neval', 'posix\nsystem', 'constructor\n', 'collections\n__proto__', '\n'])(
    'refuses the global %j',
    (global) => {
      expectFormatError(() => unpickle(`c${global}\n.`), /names the Python global/);
    },
  );

  test.each([
    ['an empty file', '', /truncated/],
    ['no STOP', 'K\x01', /truncated/],
    ['nothing on the stack', '.', /empty stack/],
    ['an open group', '(.', /empty stack/],
    ['a group without a beginning', 'K\x01t.', /without a beginning/],
    ['a memo never stored', 'h\x05.', /never stored/],
    ['an unknown opcode', '\xff.', /unknown opcode at byte 0/],
    ['an unknown protocol', '\x80\x09N.', /unknown pickle protocol/],
    ['the extension registry', '\x82\x01.', /unknown opcode/],
    ['a buffer outside', '\x97.', /unknown opcode/],
    ['a persistent id', 'K\x01Q.', /persistent id/],
    ['a key without a value', '}(K\x01u.', /key without a value/],
    ['a key that is a list', '}]K\x01s.', /keys that are not plain/],
    ['an item for no list', '}K\x01a.', /expected a list, got a dict/],
    ['a call of a number', 'K\x01)R.', /expected a callable, got 1/],
    ['a call with no tuple', 'ccollections\nOrderedDict\n]R.', /expected a tuple of arguments/],
    ['a state for a list', ']}b.', /expected an object with a state/],
    ['text that is not UTF-8', 'X\x02\0\0\0\xc3\x28.', /not UTF-8/],
    ['bytes in a rare codec', 'c_codecs\nencode\n(X\x01\0\0\0aX\x05\0\0\0rot13tR.', /encodes bytes in an unusual way/],
    ['a number that is none', 'Iabc\n.', /expected a number, got 'abc'/],
    ['a float that is none', 'F1.2.3\n.', /expected a number/],
    ['a string without quotes', 'Sabc\n.', /without quotes/],
  ])('says what is wrong: %s', (_what, pickle, message) => {
    expectFormatError(() => unpickle(pickle), message);
  });

  test.each([
    ['a giant byte string', 'B\xff\xff\xff\xff.', /truncated/],
    ['a giant byte string of protocol 4', '\x8e\xff\xff\xff\xff\xff\xff\xff\xff.', /truncated/],
    ['a giant text', 'X\xff\xff\xff\xff.', /too long/],
    ['a giant int', '\x8b\0\0\0\x40.', /too long/],
    ['a giant int in digits', `L${'9'.repeat(1_000_000)}L\n.`, /too long/],
    ['a giant float in digits', `F${'9'.repeat(1_000_000)}x\n.`, /too long/],
    ['a far memo', 'Nr\xff\xff\xff\xff0j\xff\xff\xff\xff]a.', /expected a list/],
    ['lists within lists', ']'.repeat(5_000_000), /at most 262144 opcodes/],
    ['a memo of millions', `N${'\x94'.repeat(5_000_000)}`, /at most 262144 opcodes/],
    [
      // One text of 1 MB, made into bytes 100,000 times.
      'bytes from one text again and again',
      `c_codecs\nencode\nq\x000X\0\0\x10\0${'a'.repeat(2 ** 20)}q\x010X\x06\0\0\0latin1q\x020]${'h\0h\x01h\x02\x86Ra'.repeat(100_000)}.`,
      /more memory than a file of this size/,
    ],
    [
      // One list of 100,000 items, made into a set 100,000 times.
      'sets from one list again and again',
      `c__builtin__\nset\nq\x000](${'K\x01'.repeat(100_000)}eq\x010]${'h\0h\x01\x85Ra'.repeat(100_000)}.`,
      /more memory than a file of this size/,
    ],
  ])('stays small and quick on %s', (_what, pickle, message) => {
    expectFormatError(() => unpickle(pickle), message);
  });

  test('nests as deep as the file goes without a call stack', () => {
    const depth = 100_000;
    let value = unpickle(`${']'.repeat(depth)}${'a'.repeat(depth - 1)}.`);
    let levels = 0;
    for (; Array.isArray(value); value = value[0] ?? null) levels++;
    expect(levels).toBe(depth);
  });
});
