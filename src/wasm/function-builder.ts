import { ByteWriter } from './byte-writer.ts';

/** Types of WebAssembly values that the kernels use. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** A parameter or local variable of one function. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

/** Instructions that can be given by name alone: operands from the stack, result to the stack. */
const OPCODES = {
  'i32.eqz': [0x45],
  'i32.eq': [0x46],
  'i32.ne': [0x47],
  'i32.lt_s': [0x48],
  'i32.lt_u': [0x49],
  'i32.gt_s': [0x4a],
  'i32.gt_u': [0x4b],
  'i32.le_s': [0x4c],
  'i32.ge_u': [0x4f],
  'i32.ctz': [0x68],
  'i32.add': [0x6a],
  'i32.sub': [0x6b],
  'i32.mul': [0x6c],
  'i32.div_u': [0x6e],
  'i32.rem_u': [0x70],
  'i32.and': [0x71],
  'i32.or': [0x72],
  'i32.xor': [0x73],
  'i32.shl': [0x74],
  'i32.shr_s': [0x75],
  'i32.shr_u': [0x76],
  'i64.eqz': [0x50],
  'i64.lt_s': [0x53],
  'i64.gt_s': [0x55],
  'i64.ge_s': [0x59],
  'i64.add': [0x7c],
  'i64.sub': [0x7d],
  'i64.mul': [0x7e],
  'i64.and': [0x83],
  'i64.or': [0x84],
  'i64.extend_i32_s': [0xac],
  'f32.abs': [0x8b],
  'f32.add': [0x92],
  'f32.sub': [0x93],
  'f32.mul': [0x94],
  'f32.div': [0x95],
  'f32.sqrt': [0x91],
  'f32.max': [0x97],
  'f32.eq': [0x5b],
  'f32.gt': [0x5e],
  'f32.convert_i32_s': [0xb2],
  'f32.demote_f64': [0xb6],
  'f64.add': [0xa0],
  'f64.sub': [0xa1],
  'f64.mul': [0xa2],
  'f64.div': [0xa3],
  'f64.convert_i32_s': [0xb7],
  'f64.convert_i64_s': [0xb9],
  'f64.promote_f32': [0xbb],
  'i8x16.splat': [0xfd, 15],
  'i16x8.splat': [0xfd, 16],
  'i32x4.splat': [0xfd, 17],
  'f32x4.splat': [0xfd, 19],
  'f32x4.lt': [0xfd, 67],
  'f32x4.gt': [0xfd, 68],
  'i32x4.eq': [0xfd, 55],
  'i32x4.gt_s': [0xfd, 59],
  'v128.and': [0xfd, 78],
  'v128.andnot': [0xfd, 79],
  'v128.or': [0xfd, 80],
  'v128.xor': [0xfd, 81],
  'v128.bitselect': [0xfd, 82],
  'v128.any_true': [0xfd, 83],
  'i16x8.narrow_i32x4_s': [0xfd, 133, 1],
  'i8x16.narrow_i16x8_u': [0xfd, 102],
  'i16x8.extend_low_i8x16_u': [0xfd, 137, 1],
  'i16x8.extend_high_i8x16_u': [0xfd, 138, 1],
  'i32x4.extend_low_i16x8_s': [0xfd, 167, 1],
  'i32x4.extend_high_i16x8_s': [0xfd, 168, 1],
  'i32x4.extend_low_i16x8_u': [0xfd, 169, 1],
  'i32x4.extend_high_i16x8_u': [0xfd, 170, 1],
  'i32x4.bitmask': [0xfd, 164, 1],
  'i32x4.shl': [0xfd, 171, 1],
  'i32x4.shr_s': [0xfd, 172, 1],
  'i32x4.shr_u': [0xfd, 173, 1],
  'i32x4.add': [0xfd, 174, 1],
  'i32x4.sub': [0xfd, 177, 1],
  'i32x4.mul': [0xfd, 181, 1],
  'i32x4.min_s': [0xfd, 182, 1],
  'i32x4.max_s': [0xfd, 184, 1],
  'i32x4.dot_i16x8_s': [0xfd, 186, 1],
  'i32x4.extmul_low_i16x8_s': [0xfd, 188, 1],
  'i32x4.extmul_high_i16x8_s': [0xfd, 189, 1],
  'f32x4.nearest': [0xfd, 106],
  'f32x4.floor': [0xfd, 104],
  'f32x4.abs': [0xfd, 224, 1],
  'f32x4.neg': [0xfd, 225, 1],
  'f32x4.add': [0xfd, 228, 1],
  'f32x4.sub': [0xfd, 229, 1],
  'f32x4.mul': [0xfd, 230, 1],
  'f32x4.div': [0xfd, 231, 1],
  'f32x4.pmin': [0xfd, 234, 1],
  'f32x4.pmax': [0xfd, 235, 1],
  'i32x4.trunc_sat_f32x4_s': [0xfd, 248, 1],
  'f32x4.convert_i32x4_s': [0xfd, 250, 1],
  'f64x2.splat': [0xfd, 20],
  'f64x2.promote_low_f32x4': [0xfd, 95],
  'f64x2.add': [0xfd, 240, 1],
  'f64x2.sub': [0xfd, 241, 1],
  'f64x2.mul': [0xfd, 242, 1],
  'f64x2.min': [0xfd, 244, 1],
  'f64x2.max': [0xfd, 245, 1],
  'i32x4.trunc_sat_f64x2_s_zero': [0xfd, 252, 1],
  'f32x4.relaxed_madd': [0xfd, 0x85, 2],
} as const satisfies Record<string, readonly number[]>;

/** Loads (address from the stack) and stores (address, then value, from the stack), with a constant offset. */
const MEMORY_OPCODES = {
  'i32.load': [0x28],
  'f32.load': [0x2a],
  'i32.load8_u': [0x2d],
  'i32.load16_u': [0x2f],
  'i32.store': [0x36],
  'f32.store': [0x38],
  'i32.store8': [0x3a],
  'v128.load': [0xfd, 0],
  'v128.load8x8_u': [0xfd, 2],
  'v128.load16x4_s': [0xfd, 3],
  'v128.load16x4_u': [0xfd, 4],
  'v128.load32_splat': [0xfd, 9],
  'v128.load64_splat': [0xfd, 10],
  'v128.load32_zero': [0xfd, 92],
  'v128.load64_zero': [0xfd, 93],
  'v128.store': [0xfd, 11],
} as const satisfies Record<string, readonly number[]>;

export type Instruction = keyof typeof OPCODES;
export type MemoryInstruction = keyof typeof MEMORY_OPCODES;

const TYPE_CODES: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const EMPTY_BLOCK = 0x40;

/**
 * Writes one WebAssembly function, instruction by instruction in stack order. The control helpers take the loop's or
 * branch's body as a callback, so that nesting in TypeScript is nesting in WebAssembly.
 */
export class FunctionBuilder {
  readonly #code = new ByteWriter(1024);
  readonly #params: readonly ValueType[];
  readonly #locals: ValueType[] = [];
  #depth = 0;

  constructor(params: readonly ValueType[]) {
    this.#params = params;
  }

  get params(): readonly ValueType[] {
    return this.#params;
  }

  param(index: number): Local {
    const type = this.#params[index];
    if (type === undefined) throw new RangeError(`the function has no parameter ${index}`);
    return { index, type };
  }

  local(type: ValueType): Local {
    this.#locals.push(type);
    return { index: this.#params.length + this.#locals.length - 1, type };
  }

  /** `count` locals of one type. */
  locals(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  get(local: Local): this {
    this.#code.byte(0x20).unsigned(local.index);
    return this;
  }

  set(local: Local): this {
    this.#code.byte(0x21).unsigned(local.index);
    return this;
  }

  tee(local: Local): this {
    this.#code.byte(0x22).unsigned(local.index);
    return this;
  }

  i32(value: number): this {
    this.#code.byte(0x41).signed(value);
    return this;
  }

  f32(value: number): this {
    this.#code.byte(0x43).float32(value);
    return this;
  }

  /** A vector constant of four equal floats. */
  f32x4(value: number): this {
    this.#code.byte(0xfd).byte(12);
    for (let lane = 0; lane < 4; lane++) this.#code.float32(value);
    return this;
  }

  /** A vector constant of four equal 32-bit integers. */
  i32x4(value: number): this {
    return this.i32Lanes([value, value, value, value]);
  }

  f64(value: number): this {
    this.#code.byte(0x44).float64(value);
    return this;
  }

  /** A vector constant of four 32-bit integers. */
  i32Lanes(values: readonly [number, number, number, number]): this {
    this.#code.byte(0xfd).byte(12);
    for (const value of values) {
      for (let shift = 0; shift < 32; shift += 8) this.#code.byte((value >>> shift) & 0xff);
    }
    return this;
  }

  op(instruction: Instruction): this {
    this.#bytes(OPCODES[instruction]);
    return this;
  }

  memory(instruction: MemoryInstruction, offset = 0): this {
    this.#bytes(MEMORY_OPCODES[instruction]);
    this.#code.byte(0).unsigned(offset);
    return this;
  }

  /** Stores lane `lane` of the vector on top of the stack: 4 bytes, or 8 with `wide`. */
  storeLane(lane: number, offset: number, wide = false): this {
    this.#code
      .byte(0xfd)
      .byte(wide ? 91 : 90)
      .byte(0)
      .unsigned(offset)
      .byte(lane);
    return this;
  }

  /** Lane `lane` as f32 (default) or i32. */
  extractLane(lane: number, type: 'f32' | 'i32' = 'f32'): this {
    this.#code
      .byte(0xfd)
      .byte(type === 'f32' ? 31 : 27)
      .byte(lane);
    return this;
  }

  /** Puts the f64 on top of the stack into lane `lane` of the vector below it. */
  replaceDoubleLane(lane: number): this {
    this.#code.byte(0xfd).byte(34).byte(lane);
    return this;
  }

  /** Bytes `indices[0..15]` of the 32 bytes of two vectors. */
  shuffle(indices: readonly number[]): this {
    if (indices.length !== 16) throw new RangeError(`a shuffle needs 16 byte indices, got ${indices.length}`);
    this.#code.byte(0xfd).byte(13);
    for (const index of indices) this.#code.byte(index);
    return this;
  }

  /** Lanes `lanes[0..3]` of the 8 lanes of two vectors of four. */
  shuffleLanes(lanes: readonly [number, number, number, number]): this {
    return this.shuffle(lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte)));
  }

  call(functionIndex: number): this {
    this.#code.byte(0x10).unsigned(functionIndex);
    return this;
  }

  atomicAdd(offset: number): this {
    this.#code.byte(0xfe).byte(0x1e).byte(2).unsigned(offset);
    return this;
  }

  atomicLoad(offset: number): this {
    this.#code.byte(0xfe).byte(0x10).byte(2).unsigned(offset);
    return this;
  }

  /** Sleeps while the i32 at an address is the expected one (both on the stack), at most so long; leaves an i32. */
  atomicWait(offset: number, nanoseconds: number): this {
    this.#code.byte(0x42).signed(nanoseconds).byte(0xfe).byte(0x01).byte(2).unsigned(offset);
    return this;
  }

  /** Wakes as many sleepers at an address as the stack says; leaves how many there were. */
  atomicNotify(offset: number): this {
    this.#code.byte(0xfe).byte(0x00).byte(2).unsigned(offset);
    return this;
  }

  drop(): this {
    this.#code.byte(0x1a);
    return this;
  }

  select(): this {
    this.#code.byte(0x1b);
    return this;
  }

  return(): this {
    this.#code.byte(0x0f);
    return this;
  }

  /** `local += value`. */
  increment(local: Local, value: number): this {
    return value === 0 ? this : this.get(local).i32(value).op('i32.add').set(local);
  }

  /** Runs `body` if the i32 on the stack is not 0. */
  if(body: () => void, otherwise?: () => void): this {
    this.#code.byte(0x04).byte(EMPTY_BLOCK);
    this.#depth++;
    body();
    if (otherwise) {
      this.#code.byte(0x05);
      otherwise();
    }
    this.#depth--;
    this.#code.byte(0x0b);
    return this;
  }

  /** A block that `leave` may jump out of. */
  block(body: (leaveIf: () => void) => void): this {
    this.#code.byte(0x02).byte(EMPTY_BLOCK);
    const depth = ++this.#depth;
    body(() => this.#code.byte(0x0d).unsigned(this.#depth - depth));
    this.#depth--;
    this.#code.byte(0x0b);
    return this;
  }

  /** Runs `body` at least once and again while the i32 that it leaves on the stack is not 0. */
  doWhile(body: () => void): this {
    this.#code.byte(0x03).byte(EMPTY_BLOCK);
    this.#depth++;
    body();
    this.#code.byte(0x0d).unsigned(0);
    this.#depth--;
    this.#code.byte(0x0b);
    return this;
  }

  /** Runs `body` at least once, adds `step` to `local`, and repeats while `local` is less than `limit` (unsigned). */
  stepBelow(local: Local, step: number, limit: Local | number, body: () => void): this {
    return this.doWhile(() => {
      body();
      this.get(local).i32(step).op('i32.add').tee(local);
      if (typeof limit === 'number') this.i32(limit);
      else this.get(limit);
      this.op('i32.lt_u');
    });
  }

  /** `body` exactly `count` times (a number known now); no loop where it is 0 or 1. `counter` ends at `count`. */
  repeat(count: number, counter: Local, body: () => void): this {
    if (count === 1) body();
    if (count > 1) {
      this.i32(0).set(counter);
      this.stepBelow(counter, 1, count, body);
    }
    return this;
  }

  #bytes(bytes: readonly number[]): void {
    for (let i = 0; i < bytes.length; i++) this.#code.byte(bytes[i]);
  }

  /** The function as the code section holds it: local declarations, instructions, end. */
  encode(): Uint8Array {
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = runs[runs.length - 1];
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const body = new ByteWriter(this.#code.length + 32);
    body.unsigned(runs.length);
    for (const { type, count } of runs) body.unsigned(count).byte(TYPE_CODES[type]);
    body.append(this.#code.bytes).byte(0x0b);
    return body.bytes;
  }

  /** The function's type as the type section holds it; functions of the engine return nothing. */
  static encodeType(params: readonly ValueType[]): Uint8Array {
    const type = new ByteWriter(16).byte(0x60).unsigned(params.length);
    for (const param of params) type.byte(TYPE_CODES[param]);
    return type.unsigned(0).bytes;
  }
}
