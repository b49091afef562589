import { ByteWriter } from './byte-writer.ts';
import {
  INSTRUCTIONS,
  type Instruction,
  type InstructionType,
  MEMORY_INSTRUCTIONS,
  type MemoryInstruction,
  type ValueType,
} from './instructions.ts';

/** A parameter or local variable of one function. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

const TYPE_CODES: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const EMPTY_BLOCK = 0x40;

/**
 * Writes one WebAssembly function, instruction by instruction in stack order. The control methods take the loop's or
 * branch's body as a callback, so that nesting in TypeScript is nesting in WebAssembly.
 *
 * Every instruction is checked against the types on the operand stack as it is written, so a mistake in a kernel throws
 * a TypeError where it is made; WebAssembly's own validation would only name a byte of the module.
 */
export class FunctionBuilder {
  readonly #code = new ByteWriter(1024);
  readonly #params: readonly ValueType[];
  readonly #callees: readonly (readonly ValueType[])[];
  readonly #locals: ValueType[] = [];
  /** Types of the operands; the last is on top. */
  readonly #stack: ValueType[] = [];
  /** Operands below this belong to the enclosing blocks. */
  #floor = 0;
  #depth = 0;

  /** @param callees - parameters of the functions that `call` may name, by their index. */
  constructor(params: readonly ValueType[], callees: readonly (readonly ValueType[])[] = []) {
    this.#params = params;
    this.#callees = callees;
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
    this.#apply('local.get', [], this.#typeOf(local));
    this.#code.byte(0x20).unsigned(local.index);
    return this;
  }

  set(local: Local): this {
    this.#apply('local.set', [this.#typeOf(local)], undefined);
    this.#code.byte(0x21).unsigned(local.index);
    return this;
  }

  tee(local: Local): this {
    const type = this.#typeOf(local);
    this.#apply('local.tee', [type], type);
    this.#code.byte(0x22).unsigned(local.index);
    return this;
  }

  i32(value: number): this {
    this.#apply('i32.const', [], 'i32');
    this.#code.byte(0x41).signed(value);
    return this;
  }

  f32(value: number): this {
    this.#apply('f32.const', [], 'f32');
    this.#code.byte(0x43).float32(value);
    return this;
  }

  /** A vector constant of four equal floats. */
  f32x4(value: number): this {
    this.#apply('v128.const', [], 'v128');
    this.#code.byte(0xfd).byte(12);
    for (let lane = 0; lane < 4; lane++) this.#code.float32(value);
    return this;
  }

  /** A vector constant of four equal 32-bit integers. */
  i32x4(value: number): this {
    return this.i32Lanes([value, value, value, value]);
  }

  f64(value: number): this {
    this.#apply('f64.const', [], 'f64');
    this.#code.byte(0x44).float64(value);
    return this;
  }

  /** A vector constant of four 32-bit integers. */
  i32Lanes(values: readonly [number, number, number, number]): this {
    this.#apply('v128.const', [], 'v128');
    this.#code.byte(0xfd).byte(12);
    for (const value of values) {
      for (let shift = 0; shift < 32; shift += 8) this.#code.byte((value >>> shift) & 0xff);
    }
    return this;
  }

  /** An instruction, by name or, if few kernels need it, by its type. */
  op(instruction: Instruction | InstructionType): this {
    const { name, bytes, operands, result } = typeof instruction === 'string' ? INSTRUCTIONS[instruction] : instruction;
    this.#apply(name, operands, result);
    this.#bytes(bytes);
    return this;
  }

  memory(instruction: MemoryInstruction | InstructionType, offset = 0): this {
    this.op(typeof instruction === 'string' ? MEMORY_INSTRUCTIONS[instruction] : instruction);
    this.#code.byte(0).unsigned(offset);
    return this;
  }

  /** Stores lane `lane` of the vector on top of the stack; lanes have `bytes` bytes. */
  storeLane(lane: number, offset: number, bytes: 1 | 2 | 4 | 8 = 4): this {
    this.#apply('v128.store_lane', ['i32', 'v128'], undefined);
    this.#code
      .byte(0xfd)
      .byte(88 + Math.log2(bytes))
      .byte(0)
      .unsigned(offset)
      .byte(lane);
    return this;
  }

  /** Lane `lane` as f32 (default) or i32. */
  extractLane(lane: number, type: 'f32' | 'i32' = 'f32'): this {
    this.#apply('extract_lane', ['v128'], type);
    this.#code
      .byte(0xfd)
      .byte(type === 'f32' ? 31 : 27)
      .byte(lane);
    return this;
  }

  /** Puts the f64 on top of the stack into lane `lane` of the vector below it. */
  replaceDoubleLane(lane: number): this {
    this.#apply('f64x2.replace_lane', ['v128', 'f64'], 'v128');
    this.#code.byte(0xfd).byte(34).byte(lane);
    return this;
  }

  /** Bytes `indices[0..15]` of the 32 bytes of two vectors. */
  shuffle(indices: readonly number[]): this {
    if (indices.length !== 16) throw new RangeError(`a shuffle needs 16 byte indices, got ${indices.length}`);
    this.#apply('i8x16.shuffle', ['v128', 'v128'], 'v128');
    this.#code.byte(0xfd).byte(13);
    for (const index of indices) this.#code.byte(index);
    return this;
  }

  /** Lanes `lanes[0..3]` of the 8 lanes of two vectors of four. */
  shuffleLanes(lanes: readonly [number, number, number, number]): this {
    return this.shuffle(lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte)));
  }

  call(functionIndex: number): this {
    const params = this.#callees[functionIndex];
    if (params === undefined) throw new RangeError(`there is no function ${functionIndex} to call yet`);
    this.#apply('call', params, undefined);
    this.#code.byte(0x10).unsigned(functionIndex);
    return this;
  }

  atomicAdd(offset: number): this {
    this.#apply('i32.atomic.rmw.add', ['i32', 'i32'], 'i32');
    this.#code.byte(0xfe).byte(0x1e).byte(2).unsigned(offset);
    return this;
  }

  atomicLoad(offset: number): this {
    this.#apply('i32.atomic.load', ['i32'], 'i32');
    this.#code.byte(0xfe).byte(0x10).byte(2).unsigned(offset);
    return this;
  }

  /** Sleeps while the i32 at an address is the expected one (both on the stack), up to a time limit; leaves an i32. */
  atomicWait(offset: number, nanoseconds: number): this {
    this.#apply('memory.atomic.wait32', ['i32', 'i32'], 'i32');
    this.#code.byte(0x42).signed(nanoseconds).byte(0xfe).byte(0x01).byte(2).unsigned(offset);
    return this;
  }

  /** Wakes sleepers at an address, up to a number (both on the stack); leaves how many there were. */
  atomicNotify(offset: number): this {
    this.#apply('memory.atomic.notify', ['i32', 'i32'], 'i32');
    this.#code.byte(0xfe).byte(0x00).byte(2).unsigned(offset);
    return this;
  }

  drop(): this {
    this.#apply('drop', [this.#top()], undefined);
    this.#code.byte(0x1a);
    return this;
  }

  select(): this {
    this.#apply('select', ['i32'], undefined);
    const type = this.#top();
    this.#apply('select', [type, type], type);
    this.#code.byte(0x1b);
    return this;
  }

  return(): this {
    // Operands on the stack are left behind.
    this.#stack.length = this.#floor;
    this.#code.byte(0x0f);
    return this;
  }

  /** `local += value`. */
  increment(local: Local, value: number): this {
    return value === 0 ? this : this.get(local).i32(value).op('i32.add').set(local);
  }

  /** Runs `body` if the i32 on the stack is not 0. */
  if(body: () => void, otherwise?: () => void): this {
    this.#apply('if', ['i32'], undefined);
    this.#code.byte(0x04).byte(EMPTY_BLOCK);
    this.#nest('if', body);
    if (otherwise) {
      this.#code.byte(0x05);
      this.#nest('else', otherwise);
    }
    this.#code.byte(0x0b);
    return this;
  }

  /** A block that `leaveIf` can jump out of. */
  block(body: (leaveIf: () => void) => void): this {
    this.#code.byte(0x02).byte(EMPTY_BLOCK);
    this.#nest('block', () => {
      const depth = this.#depth;
      body(() => {
        this.#apply('br_if', ['i32'], undefined);
        this.#code.byte(0x0d).unsigned(this.#depth - depth);
      });
    });
    this.#code.byte(0x0b);
    return this;
  }

  /** Runs `body` at least once and again while the i32 that it leaves on the stack is not 0. */
  doWhile(body: () => void): this {
    this.#code.byte(0x03).byte(EMPTY_BLOCK);
    this.#nest('loop', () => {
      body();
      this.#apply('br_if', ['i32'], undefined);
      this.#code.byte(0x0d).unsigned(0);
    });
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

  /** `body` exactly `count` times (known when writing); no loop if it is 0 or 1. `counter` ends at `count`. */
  repeat(count: number, counter: Local, body: () => void): this {
    if (count === 1) body();
    if (count > 1) {
      this.i32(0).set(counter);
      this.stepBelow(counter, 1, count, body);
    }
    return this;
  }

  /** Writes a block's body, which must use nothing of the enclosing stack and leave nothing on it. */
  #nest(name: string, body: () => void): void {
    const floor = this.#floor;
    this.#floor = this.#stack.length;
    this.#depth++;
    body();
    this.#depth--;
    this.#checkEmpty(name);
    this.#floor = floor;
  }

  #checkEmpty(name: string): void {
    const left = this.#stack.slice(this.#floor);
    if (left.length > 0) throw new TypeError(`'${name}' ends with ${left.join(', ')} on the stack`);
  }

  #top(): ValueType {
    if (this.#stack.length === this.#floor) throw new TypeError('the stack is empty');
    return this.#stack[this.#stack.length - 1];
  }

  #typeOf({ index, type }: Local): ValueType {
    const known = index < this.#params.length ? this.#params[index] : this.#locals[index - this.#params.length];
    if (known !== type) throw new TypeError(`local ${index} is ${known ?? 'not there'}, not ${type}`);
    return type;
  }

  /** Takes operands from the stack and puts a result there. */
  #apply(instruction: string, operands: readonly ValueType[], result: ValueType | undefined): void {
    const stack = this.#stack;
    const start = stack.length - operands.length;
    let fits = start >= this.#floor;
    for (let i = 0; fits && i < operands.length; i++) fits = stack[start + i] === operands[i];
    if (!fits) {
      const found = stack.slice(Math.max(this.#floor, start)).join(', ');
      throw new TypeError(`'${instruction}' takes ${operands.join(', ')}; the stack has ${found || 'nothing'}`);
    }
    stack.length = start;
    if (result !== undefined) stack.push(result);
  }

  #bytes(bytes: readonly number[]): void {
    for (let i = 0; i < bytes.length; i++) this.#code.byte(bytes[i]);
  }

  /** The function as the code section holds it: local declarations, instructions, end. */
  encode(): Uint8Array {
    this.#checkEmpty('function');
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
