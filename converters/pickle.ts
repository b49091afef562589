/**
 * A reader for Python pickles that executes nothing. A pickle is a program for a small stack machine; Python's own
 * reader lets it call any function by name. This one knows a short list of names, each implemented by a function of
 * ours, and refuses every other by its full name. Protocols 0 to 5, as documented by Python's `pickletools`; the
 * omitted opcodes (the extension registry, out-of-band buffers) never occur in a self-contained file.
 *
 * A hostile file can neither hang this reader (there is a limit to opcodes, each is read once, and what it does is
 * bounded by what was pushed before, or charged to the file's memory budget), nor deepen a call stack (there is no
 * recursion).
 */
import { type ByteReader, latin1 } from './byte-reader.ts';

/** A value in a pickle. Python's int becomes a `number` if that is exact, otherwise a `bigint`. */
export type PickleValue =
  | PickleKey
  | Uint8Array
  | PickleValue[]
  | PickleTuple
  | Map<PickleKey, PickleValue>
  | Set<PickleKey>
  | PickleGlobal
  | PickleObject;

/** A dict key or set item. Keys are few and plain in the files of interest here. */
export type PickleKey = null | boolean | number | bigint | string;

/** Python's tuple; a list is a plain array. */
export class PickleTuple {
  readonly items: readonly PickleValue[];

  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

/** Something that an allowed global builds: an array, a tensor. */
export abstract class PickleObject {
  /** Python's `__setstate__`. */
  setState(_state: PickleValue, reader: ByteReader): void {
    throw reader.error('sets the state of an object that has none');
  }
}

/**
 * Something built by an unknown global, or the global itself: a settings object, a dtype, a whole module. It contains
 * nothing and does nothing: any state in the pickle is dropped.
 */
export class PickleStranger extends PickleObject {
  /** Full name of the class. */
  readonly className: string;

  constructor(className: string) {
    super();
    this.className = className;
  }

  override setState(): void {}
}

/** What a global does when the pickle calls it. Charges `reader` for what it allocates beyond a few fields. */
export type PickleFunction = (args: readonly PickleValue[], reader: ByteReader) => PickleValue;

/** A global that the pickle named and that is allowed. */
export class PickleGlobal {
  /** Module and name, joined by a dot. */
  readonly name: string;
  readonly call: PickleFunction;
  /** Whether it builds a `PickleStranger`. */
  readonly isStranger: boolean;

  constructor(name: string, call: PickleFunction, isStranger = false) {
    this.name = name;
    this.call = call;
    this.isStranger = isStranger;
  }
}

/** Allowed globals by full name. */
export type PickleGlobals = Readonly<Record<string, PickleFunction>>;

export interface PickleOptions {
  /** Allowed in addition to the plain types of Python's own library. */
  readonly globals?: PickleGlobals;
  /**
   * Puts a `PickleStranger` in place of anything built by other globals, so that settings beside the weights do no
   * harm. Without it such globals are refused; those that can run programs always are.
   */
  readonly strangers?: boolean;
  /** Resolves persistent ids; without it they are refused. */
  readonly persistentLoad?: PickleFunction;
}

/** Modules and functions used in attacks, but never in settings. */
const DANGEROUS_GLOBAL =
  /^(os|posix|nt|sys|subprocess|shutil|socket|importlib|runpy|ctypes|pty|code|codeop|commands|pdb|bdb|timeit|webbrowser|pip)\.|^builtins\.(eval|exec|execfile|compile|open|file|input|breakpoint|__import__)$/;

/** For tensors in a pickle that is not a checkpoint: their numbers are in torch's own format. */
const TENSOR_ADVICE =
  'as in torch tensors written with pickle.dump: nothing was executed; ' +
  "in Python: import pickle, torch; torch.save(pickle.load(open('weights.pkl', 'rb')), 'state_dict.pth')";

/** Stands on the stack where a group of values begins. */
const MARK = Symbol('mark');

/** Maximum number of opcodes in a pickle: the 174 tensors of FaceBoxes take 6,401, and each costs up to 214 bytes. */
const MAX_OPCODES = 2 ** 18;
/** Charged for each item of a copied container, bytes. */
const ITEM_COST = 64;
/** Longest Python int, bytes: converters encounter 64-bit ids and torch's 80-bit magic number. */
const MAX_LONG_BYTES = 256;
/** Longest text, bytes: below the limit of V8. */
const MAX_TEXT_BYTES = 2 ** 28;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Opcodes by their names in Python's `pickletools`. */
const OP = {
  MARK: 0x28,
  EMPTY_TUPLE: 0x29,
  STOP: 0x2e,
  POP: 0x30,
  POP_MARK: 0x31,
  DUP: 0x32,
  BINBYTES: 0x42,
  SHORT_BINBYTES: 0x43,
  FLOAT: 0x46,
  BINFLOAT: 0x47,
  INT: 0x49,
  BININT: 0x4a,
  BININT1: 0x4b,
  LONG: 0x4c,
  BININT2: 0x4d,
  NONE: 0x4e,
  PERSID: 0x50,
  BINPERSID: 0x51,
  REDUCE: 0x52,
  STRING: 0x53,
  BINSTRING: 0x54,
  SHORT_BINSTRING: 0x55,
  UNICODE: 0x56,
  BINUNICODE: 0x58,
  EMPTY_LIST: 0x5d,
  APPEND: 0x61,
  BUILD: 0x62,
  GLOBAL: 0x63,
  DICT: 0x64,
  APPENDS: 0x65,
  GET: 0x67,
  BINGET: 0x68,
  INST: 0x69,
  LONG_BINGET: 0x6a,
  LIST: 0x6c,
  OBJ: 0x6f,
  PUT: 0x70,
  BINPUT: 0x71,
  LONG_BINPUT: 0x72,
  SETITEM: 0x73,
  TUPLE: 0x74,
  SETITEMS: 0x75,
  EMPTY_DICT: 0x7d,
  PROTO: 0x80,
  NEWOBJ: 0x81,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  LONG1: 0x8a,
  LONG4: 0x8b,
  SHORT_BINUNICODE: 0x8c,
  BINUNICODE8: 0x8d,
  BINBYTES8: 0x8e,
  EMPTY_SET: 0x8f,
  ADDITEMS: 0x90,
  FROZENSET: 0x91,
  NEWOBJ_EX: 0x92,
  STACK_GLOBAL: 0x93,
  MEMOIZE: 0x94,
  FRAME: 0x95,
  BYTEARRAY8: 0x96,
} as const;

/**
 * Plain containers and the one codec with which protocols 0 to 2 store bytes. `builtins` was called `__builtin__` in
 * Python 2.
 */
const PYTHON_GLOBALS: PickleGlobals = {
  'collections.OrderedDict': makeDict,
  'builtins.set': makeSet,
  '__builtin__.set': makeSet,
  'builtins.frozenset': makeSet,
  '__builtin__.frozenset': makeSet,
  'builtins.bytearray': makeBytes,
  '__builtin__.bytearray': makeBytes,
  'builtins.bytes': makeBytes,
  '__builtin__.bytes': makeBytes,
  '_codecs.encode': encodeLatin1,
};

/**
 * Reads one pickle, from the reader's offset up to and including its STOP.
 * @throws WeightFormatError for a damaged pickle, or one that names a global that is not allowed.
 */
export function readPickle(reader: ByteReader, options: PickleOptions = {}): PickleValue {
  return new PickleMachine(reader, options).run();
}

class PickleMachine {
  readonly #reader: ByteReader;
  readonly #globals: PickleGlobals;
  readonly #persistentLoad: PickleFunction | undefined;
  readonly #strangers: boolean;
  readonly #stack: (PickleValue | typeof MARK)[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(reader: ByteReader, { globals = {}, persistentLoad, strangers = false }: PickleOptions) {
    this.#strangers = strangers;
    this.#reader = reader;
    this.#globals = { ...PYTHON_GLOBALS, ...globals };
    this.#persistentLoad = persistentLoad;
  }

  run(): PickleValue {
    const reader = this.#reader;
    for (let count = 0; count < MAX_OPCODES; count++) {
      const opcode = reader.uint8();
      if (opcode === OP.STOP) return this.#pop();
      this.#step(opcode);
    }
    throw reader.error('is not a pickle of weights', { expected: `at most ${MAX_OPCODES} opcodes`, actual: 'more' });
  }

  #step(opcode: number): void {
    const reader = this.#reader;
    switch (opcode) {
      case OP.PROTO: {
        const protocol = reader.uint8();
        if (protocol > 5)
          throw reader.error('has an unknown pickle protocol', { expected: '0..5', actual: `${protocol}` });
        return;
      }
      case OP.FRAME:
        // Frames only tell a reader of streams how much to buffer.
        reader.skip(8);
        return;

      case OP.MARK:
        this.#marks.push(this.#stack.length);
        this.#stack.push(MARK);
        return;
      case OP.POP:
        // Python's reader also lets a POP remove a mark.
        if (this.#stack.at(-1) === MARK) this.#popToMark();
        else this.#pop();
        return;
      case OP.POP_MARK:
        this.#popToMark();
        return;
      case OP.DUP:
        this.#push(this.#top());
        return;

      case OP.NONE:
        this.#push(null);
        return;
      case OP.NEWTRUE:
        this.#push(true);
        return;
      case OP.NEWFALSE:
        this.#push(false);
        return;
      case OP.INT: {
        const text = reader.line();
        this.#push(text === '00' ? false : text === '01' ? true : this.#parseInteger(text));
        return;
      }
      case OP.BININT:
        this.#push(reader.int32());
        return;
      case OP.BININT1:
        this.#push(reader.uint8());
        return;
      case OP.BININT2:
        this.#push(reader.uint16());
        return;
      case OP.LONG:
        this.#push(this.#parseInteger(reader.line().replace(/L$/, '')));
        return;
      case OP.LONG1:
        this.#push(this.#long(reader.uint8()));
        return;
      case OP.LONG4:
        this.#push(this.#long(reader.uint32()));
        return;
      case OP.FLOAT:
        this.#push(this.#parseFloat(reader.line()));
        return;
      case OP.BINFLOAT:
        this.#push(reader.float64BigEndian());
        return;

      case OP.STRING:
        this.#push(this.#unquote(reader.line()));
        return;
      case OP.BINSTRING:
        this.#push(latin1(this.#textBytes(reader.uint32())));
        return;
      case OP.SHORT_BINSTRING:
        this.#push(latin1(reader.take(reader.uint8())));
        return;
      case OP.UNICODE:
        this.#push(unescapeUnicode(reader.line()));
        return;
      case OP.BINUNICODE:
        this.#push(this.#utf8(reader.uint32()));
        return;
      case OP.SHORT_BINUNICODE:
        this.#push(this.#utf8(reader.uint8()));
        return;
      case OP.BINUNICODE8:
        this.#push(this.#utf8(reader.uint64()));
        return;
      case OP.BINBYTES:
        this.#push(reader.take(reader.uint32()));
        return;
      case OP.SHORT_BINBYTES:
        this.#push(reader.take(reader.uint8()));
        return;
      case OP.BINBYTES8:
      case OP.BYTEARRAY8:
        this.#push(reader.take(reader.uint64()));
        return;

      case OP.EMPTY_TUPLE:
        this.#push(new PickleTuple([]));
        return;
      case OP.TUPLE1:
        this.#push(new PickleTuple(this.#popMany(1)));
        return;
      case OP.TUPLE2:
        this.#push(new PickleTuple(this.#popMany(2)));
        return;
      case OP.TUPLE3:
        this.#push(new PickleTuple(this.#popMany(3)));
        return;
      case OP.TUPLE:
        this.#push(new PickleTuple(this.#popToMark()));
        return;
      case OP.EMPTY_LIST:
        this.#push([]);
        return;
      case OP.LIST:
        this.#push(this.#popToMark());
        return;
      case OP.APPEND: {
        const item = this.#pop();
        if (!(this.#top() instanceof PickleStranger)) this.#topList().push(item);
        return;
      }
      case OP.APPENDS: {
        const items = this.#popToMark();
        if (this.#top() instanceof PickleStranger) return;
        const list = this.#topList();
        for (const item of items) list.push(item);
        return;
      }
      case OP.EMPTY_DICT:
        this.#push(new Map());
        return;
      case OP.DICT: {
        const items = this.#popToMark();
        this.#push(new Map());
        this.#setItems(items);
        return;
      }
      case OP.SETITEM:
        this.#setItems(this.#popMany(2));
        return;
      case OP.SETITEMS:
        this.#setItems(this.#popToMark());
        return;
      case OP.EMPTY_SET:
        this.#push(new Set());
        return;
      case OP.FROZENSET:
        this.#push(makeSet([this.#popToMark()], reader));
        return;
      case OP.ADDITEMS: {
        const items = this.#popToMark();
        const set = this.#top();
        if (set instanceof PickleStranger) return;
        if (!(set instanceof Set)) throw this.#unexpected('a set', set);
        for (const item of items) set.add(asKey(item, reader));
        return;
      }

      case OP.GET:
        this.#pushMemo(this.#parseIndex(reader.line()));
        return;
      case OP.BINGET:
        this.#pushMemo(reader.uint8());
        return;
      case OP.LONG_BINGET:
        this.#pushMemo(reader.uint32());
        return;
      case OP.PUT:
        this.#memo.set(this.#parseIndex(reader.line()), this.#top());
        return;
      case OP.BINPUT:
        this.#memo.set(reader.uint8(), this.#top());
        return;
      case OP.LONG_BINPUT:
        this.#memo.set(reader.uint32(), this.#top());
        return;
      case OP.MEMOIZE:
        this.#memo.set(this.#memo.size, this.#top());
        return;

      case OP.GLOBAL: {
        const module = reader.line();
        this.#push(this.#global(module, reader.line()));
        return;
      }
      case OP.STACK_GLOBAL: {
        const [module, name] = this.#popMany(2);
        if (typeof module !== 'string' || typeof name !== 'string') throw this.#unexpected('a name', name);
        this.#push(this.#global(module, name));
        return;
      }
      case OP.INST: {
        const module = reader.line();
        const callee = this.#global(module, reader.line());
        this.#push(callee.call(this.#popToMark(), reader));
        return;
      }
      case OP.OBJ: {
        const [callee, ...args] = this.#popToMark();
        this.#push(this.#asGlobal(callee).call(args, reader));
        return;
      }
      case OP.REDUCE:
      case OP.NEWOBJ: {
        const [callee, args] = this.#popMany(2);
        this.#push(this.#call(callee, args));
        return;
      }
      case OP.NEWOBJ_EX: {
        const [callee, args, keywords] = this.#popMany(3);
        const isPlain = keywords instanceof Map && (keywords.size === 0 || isStranger(callee));
        if (!isPlain) throw this.#unexpected('no keyword arguments', keywords);
        this.#push(this.#call(callee, args));
        return;
      }
      case OP.BUILD: {
        const state = this.#pop();
        const target = this.#top();
        if (target instanceof PickleObject) target.setState(state, reader);
        // The attributes of an OrderedDict (torch's `_metadata`) do not affect its items.
        else if (!(target instanceof Map)) throw this.#unexpected('an object with a state', target);
        return;
      }
      case OP.PERSID:
        this.#push(this.#persistent(reader.line()));
        return;
      case OP.BINPERSID:
        this.#push(this.#persistent(this.#pop()));
        return;

      default:
        throw reader.error(`is not a readable pickle: unknown opcode at byte ${reader.offset - 1}`, {
          expected: 'an opcode of protocols 0..5',
          actual: `0x${opcode.toString(16).padStart(2, '0')}`,
        });
    }
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw this.#reader.error(`takes from an empty stack ${this.#where()}`);
    return value;
  }

  #pop(): PickleValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): PickleValue[] {
    const values: PickleValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.#pop());
    return values.reverse();
  }

  #popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.#reader.error(`has a group without a beginning ${this.#where()}`);
    const values = this.#stack.splice(mark);
    values.shift();
    return values as PickleValue[];
  }

  #topList(): PickleValue[] {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#unexpected('a list', list);
    return list;
  }

  #setItems(items: readonly PickleValue[]): void {
    const dict = this.#top();
    if (dict instanceof PickleStranger) return;
    if (!(dict instanceof Map)) throw this.#unexpected('a dict', dict);
    if (items.length % 2 !== 0) throw this.#reader.error(`has a key without a value ${this.#where()}`);
    for (let i = 0; i < items.length; i += 2) {
      if (this.#strangers && typeof items[i] === 'object' && items[i] !== null) continue;
      dict.set(asKey(items[i], this.#reader), items[i + 1]);
    }
  }

  #pushMemo(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#reader.error(`refers to a value that it never stored ${this.#where()}`);
    this.#push(value);
  }

  #global(module: string, name: string): PickleGlobal {
    const fullName = `${module}.${name}`;
    if (!Object.hasOwn(this.#globals, fullName)) {
      const plainName = fullName.replace(/^__builtin__\./, 'builtins.');
      if (this.#strangers && !DANGEROUS_GLOBAL.test(plainName)) return strangerGlobal(fullName.slice(0, 200));
      const named = `names the Python global '${fullName.slice(0, 200)}'`;
      if (/^torch\._utils\._rebuild_tensor/.test(fullName)) throw this.#reader.error(`${named}, ${TENSOR_ADVICE}`);
      throw this.#reader.error(`${named}, which no weights need: refused, nothing was executed`);
    }
    return new PickleGlobal(fullName, this.#globals[fullName]);
  }

  #asGlobal(callee: PickleValue | undefined): PickleGlobal {
    if (!(callee instanceof PickleGlobal)) throw this.#unexpected('a callable', callee);
    return callee;
  }

  #call(callee: PickleValue | undefined, args: PickleValue | undefined): PickleValue {
    if (!(args instanceof PickleTuple)) throw this.#unexpected('a tuple of arguments', args);
    if (callee instanceof PickleStranger) return callee;
    return this.#asGlobal(callee).call(args.items, this.#reader);
  }

  #persistent(id: PickleValue): PickleValue {
    if (this.#persistentLoad === undefined) {
      throw this.#reader.error('refers to data outside the pickle (a persistent id), which only torch checkpoints may');
    }
    return this.#persistentLoad([id], this.#reader);
  }

  #textBytes(byteCount: number): Uint8Array {
    if (byteCount > MAX_TEXT_BYTES) {
      throw this.#reader.error('has a text that is too long', {
        expected: `at most ${MAX_TEXT_BYTES} bytes`,
        actual: `${byteCount}`,
      });
    }
    return this.#reader.take(byteCount);
  }

  #utf8(byteCount: number): string {
    const bytes = this.#textBytes(byteCount);
    try {
      return UTF8.decode(bytes);
    } catch (cause) {
      throw this.#reader.error(`has a text that is not UTF-8 ${this.#where()}`, { cause });
    }
  }

  /** Little-endian two's complement, as Python's `int.from_bytes(…, signed=True)`. */
  #long(byteCount: number): number | bigint {
    this.#checkLongBytes(byteCount);
    const bytes = this.#reader.take(byteCount);
    let value = 0n;
    for (let i = byteCount - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
    return shrink(BigInt.asIntN(8 * byteCount, value));
  }

  #parseInteger(text: string): number | bigint {
    this.#checkLongBytes(text.length / 3);
    if (!/^\s*[-+]?\d+\s*$/.test(text)) throw this.#notNumber(text);
    const digits = text.trim();
    return shrink(digits.startsWith('-') ? -BigInt(digits.slice(1)) : BigInt(digits.replace('+', '')));
  }

  #parseIndex(text: string): number {
    const index = this.#parseInteger(text);
    if (typeof index !== 'number' || index < 0) throw this.#notNumber(text);
    return index;
  }

  #parseFloat(text: string): number {
    this.#checkLongBytes(text.length);
    const special = /^\s*([-+]?)(inf|nan)\s*$/i.exec(text);
    if (special !== null) {
      if (special[2]?.toLowerCase() === 'nan') return Number.NaN;
      return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    }
    if (!/^\s*[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?\s*$/i.test(text)) throw this.#notNumber(text);
    return Number(text);
  }

  /** The `repr` of a Python 2 str, whose bytes become Latin-1 characters. */
  #unquote(text: string): string {
    const quoted = /^\s*(['"])(.*)\1\s*$/s.exec(text);
    if (quoted === null) throw this.#reader.error(`has a string without quotes ${this.#where()}`);
    return quoted[2].replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (_, code: string) => {
      if (code.length === 3) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
      return { n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", '"': '"' }[code] ?? `\\${code}`;
    });
  }

  #checkLongBytes(byteCount: number): void {
    if (byteCount <= MAX_LONG_BYTES) return;
    throw this.#reader.error('has a number that is too long', {
      expected: `at most ${MAX_LONG_BYTES} bytes`,
      actual: `${Math.ceil(byteCount)}`,
    });
  }

  #notNumber(text: string): Error {
    return this.#unexpected('a number', text.slice(0, 40));
  }

  #unexpected(expected: string, actual: PickleValue | undefined): Error {
    return this.#reader.error(`is damaged ${this.#where()}`, { expected, actual: describePickleValue(actual) });
  }

  #where(): string {
    return `(before byte ${this.#reader.offset})`;
  }
}

/** A global that builds strangers; on its own, the class itself. */
function strangerGlobal(name: string): PickleGlobal {
  return new PickleGlobal(name, () => new PickleStranger(name), true);
}

function isStranger(callee: PickleValue | undefined): boolean {
  return callee instanceof PickleStranger || (callee instanceof PickleGlobal && callee.isStranger);
}

/** Describes a value, for error messages. */
export function describePickleValue(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`;
  if (typeof value !== 'object') return String(value);
  if (value instanceof PickleGlobal) return value.name;
  if (value instanceof PickleStranger) return value.className;
  if (value instanceof PickleTuple) return `a tuple of ${value.items.length}`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Map) return `a dict of ${value.size}`;
  if (value instanceof Set) return `a set of ${value.size}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return value.constructor.name;
}

function asKey(value: PickleValue, reader: ByteReader): PickleKey {
  if (value === null || typeof value !== 'object') return value;
  throw reader.error('has a dict or set with keys that are not plain values', {
    expected: 'text or numbers',
    actual: describePickleValue(value),
  });
}

/** Items of a list, tuple or set; copying them is charged. */
function itemsOf(value: PickleValue | undefined, reader: ByteReader): readonly PickleValue[] {
  if (value === undefined) return [];
  const items = value instanceof PickleTuple ? value.items : value instanceof Set ? [...value] : value;
  if (!Array.isArray(items)) {
    throw reader.error('is damaged', { expected: 'a list of items', actual: describePickleValue(value) });
  }
  reader.allocate(ITEM_COST * items.length, 'a list of items');
  return items;
}

function makeDict([pairs]: readonly PickleValue[], reader: ByteReader): PickleValue {
  const dict = new Map<PickleKey, PickleValue>();
  for (const pair of itemsOf(pairs, reader)) {
    const [key, value, ...more] = itemsOf(pair, reader);
    if (key === undefined || value === undefined || more.length > 0) {
      throw reader.error('is damaged', { expected: 'a key and a value', actual: describePickleValue(pair) });
    }
    dict.set(asKey(key, reader), value);
  }
  return dict;
}

function makeSet([items]: readonly PickleValue[], reader: ByteReader): PickleValue {
  return new Set(itemsOf(items, reader).map((item) => asKey(item, reader)));
}

function makeBytes([content, encoding]: readonly PickleValue[], reader: ByteReader): PickleValue {
  if (content === undefined) return new Uint8Array(0);
  if (content instanceof Uint8Array) return content;
  return encodeLatin1([content, encoding ?? null], reader);
}

/** `_codecs.encode(text, 'latin1')`: how protocols 0 to 2 store bytes. */
function encodeLatin1([text, encoding]: readonly PickleValue[], reader: ByteReader): PickleValue {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) {
    throw reader.error('encodes bytes in an unusual way', {
      expected: "a text and 'latin1'",
      actual: `${describePickleValue(text)} and ${describePickleValue(encoding)}`,
    });
  }
  return latin1Bytes(text, reader);
}

/** Bytes from the characters of a text. */
export function latin1Bytes(text: string, reader: ByteReader): Uint8Array {
  reader.allocate(text.length, 'a byte string');
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) throw reader.error('has a byte string with characters beyond one byte');
    bytes[i] = code;
  }
  return bytes;
}

/** Python's raw-unicode-escape: only `\uXXXX` and `\UXXXXXXXX` are escapes. */
function unescapeUnicode(text: string): string {
  return text.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (whole, short?: string, long?: string) => {
    const code = Number.parseInt(short ?? long ?? '', 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function shrink(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}
