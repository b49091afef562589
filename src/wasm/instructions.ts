/** Types of WebAssembly values that the kernels use. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** An instruction: its bytes, what it takes from the stack (the last is on top) and what it leaves there. */
export interface InstructionType {
  readonly name: string;
  readonly bytes: readonly number[];
  readonly operands: readonly ValueType[];
  readonly result: ValueType | undefined;
}

function instructions<Name extends string>(
  operands: readonly ValueType[],
  result: ValueType | undefined,
  codes: Readonly<Record<Name, number>>,
  prefix: readonly number[] = [],
): Readonly<Record<Name, InstructionType>> {
  const entries = Object.entries<number>(codes).map(([name, code]) => {
    const bytes = [...prefix, ...(prefix.length === 0 || code < 0x80 ? [code] : [(code & 0x7f) | 0x80, code >> 7])];
    return [name, { name, bytes, operands, result }];
  });
  return Object.fromEntries(entries) as Record<Name, InstructionType>;
}

/** Instructions on vectors: a prefix and their number in LEB128. */
export function vectorInstructions<Name extends string>(
  operands: readonly ValueType[],
  result: ValueType | undefined,
  codes: Readonly<Record<Name, number>>,
): Readonly<Record<Name, InstructionType>> {
  return instructions(operands, result, codes, [0xfd]);
}

/** Instructions that can be given by name alone. */
export const INSTRUCTIONS = {
  ...instructions(['i32'], 'i32', {
    'i32.eqz': 0x45,
    'i32.ctz': 0x68,
  }),
  ...instructions(['i32', 'i32'], 'i32', {
    'i32.eq': 0x46,
    'i32.lt_s': 0x48,
    'i32.lt_u': 0x49,
    'i32.gt_s': 0x4a,
    'i32.gt_u': 0x4b,
    'i32.add': 0x6a,
    'i32.sub': 0x6b,
    'i32.mul': 0x6c,
    'i32.div_u': 0x6e,
    'i32.rem_u': 0x70,
    'i32.and': 0x71,
    'i32.or': 0x72,
    'i32.xor': 0x73,
    'i32.shl': 0x74,
    'i32.shr_u': 0x76,
  }),
  ...instructions(['i64'], 'i32', {
    'i64.eqz': 0x50,
  }),
  ...instructions(['i64', 'i64'], 'i32', {
    'i64.gt_s': 0x55,
    'i64.ge_s': 0x59,
  }),
  ...instructions(['i64', 'i64'], 'i64', {
    'i64.add': 0x7c,
    'i64.sub': 0x7d,
    'i64.mul': 0x7e,
    'i64.or': 0x84,
  }),
  ...instructions(['i32'], 'i64', {
    'i64.extend_i32_s': 0xac,
  }),
  ...instructions(['f32'], 'f32', {
    'f32.sqrt': 0x91,
  }),
  ...instructions(['f32', 'f32'], 'f32', {
    'f32.add': 0x92,
    'f32.sub': 0x93,
    'f32.div': 0x95,
    'f32.max': 0x97,
  }),
  ...instructions(['f32', 'f32'], 'i32', {
    'f32.eq': 0x5b,
    'f32.gt': 0x5e,
  }),
  ...instructions(['i32'], 'f32', {
    'f32.convert_i32_s': 0xb2,
  }),
  ...instructions(['f64'], 'f32', {
    'f32.demote_f64': 0xb6,
  }),
  ...instructions(['f64', 'f64'], 'f64', {
    'f64.add': 0xa0,
    'f64.sub': 0xa1,
    'f64.mul': 0xa2,
    'f64.div': 0xa3,
  }),
  ...instructions(['i32'], 'f64', {
    'f64.convert_i32_s': 0xb7,
  }),
  ...instructions(['i64'], 'f64', {
    'f64.convert_i64_s': 0xb9,
  }),
  ...instructions(['f32'], 'f64', {
    'f64.promote_f32': 0xbb,
  }),
  ...vectorInstructions(['i32'], 'v128', {
    'i16x8.splat': 16,
    'i32x4.splat': 17,
  }),
  ...vectorInstructions(['f32'], 'v128', {
    'f32x4.splat': 19,
  }),
  ...vectorInstructions(['v128', 'v128'], 'v128', {
    'f32x4.lt': 67,
    'i32x4.eq': 55,
    'i32x4.gt_s': 59,
    'v128.and': 78,
    'v128.andnot': 79,
    'v128.or': 80,
    'v128.xor': 81,
    'i16x8.narrow_i32x4_s': 133,
    'i8x16.narrow_i16x8_u': 102,
    'i32x4.add': 174,
    'i32x4.sub': 177,
    'i32x4.mul': 181,
    'i32x4.min_s': 182,
    'i32x4.max_s': 184,
    'i32x4.dot_i16x8_s': 186,
    'i32x4.extmul_low_i16x8_s': 188,
    'i32x4.extmul_high_i16x8_s': 189,
    'f32x4.add': 228,
    'f32x4.sub': 229,
    'f32x4.mul': 230,
    'f32x4.div': 231,
    'f32x4.pmin': 234,
    'f32x4.pmax': 235,
    'f64x2.add': 240,
    'f64x2.sub': 241,
    'f64x2.mul': 242,
    'f64x2.min': 244,
    'f64x2.max': 245,
  }),
  ...vectorInstructions(['v128', 'v128', 'v128'], 'v128', {
    'v128.bitselect': 82,
    'f32x4.relaxed_madd': 261,
  }),
  ...vectorInstructions(['v128'], 'i32', {
    'v128.any_true': 83,
    'i32x4.bitmask': 164,
  }),
  ...vectorInstructions(['v128'], 'v128', {
    'f32x4.nearest': 106,
    'f32x4.abs': 224,
    'f32x4.neg': 225,
    'i32x4.trunc_sat_f32x4_s': 248,
    'f32x4.convert_i32x4_s': 250,
    'f64x2.promote_low_f32x4': 95,
    'i32x4.trunc_sat_f64x2_s_zero': 252,
  }),
  ...vectorInstructions(['v128', 'i32'], 'v128', {
    'i32x4.shl': 171,
    'i32x4.shr_s': 172,
    'i32x4.shr_u': 173,
  }),
  ...vectorInstructions(['f64'], 'v128', {
    'f64x2.splat': 20,
  }),
};

/** Loads (address from the stack) and stores (address, then value, from the stack), with a constant offset. */
export const MEMORY_INSTRUCTIONS = {
  ...instructions(['i32'], 'i32', {
    'i32.load': 0x28,
  }),
  ...instructions(['i32'], 'f32', {
    'f32.load': 0x2a,
  }),
  ...instructions(['i32', 'i32'], undefined, {
    'i32.store': 0x36,
  }),
  ...instructions(['i32', 'f32'], undefined, {
    'f32.store': 0x38,
  }),
  ...vectorInstructions(['i32'], 'v128', {
    'v128.load': 0,
    'v128.load16x4_s': 3,
    'v128.load32_splat': 9,
    'v128.load32_zero': 92,
    'v128.load64_zero': 93,
  }),
  ...vectorInstructions(['i32', 'v128'], undefined, {
    'v128.store': 11,
  }),
};

export type Instruction = keyof typeof INSTRUCTIONS;
export type MemoryInstruction = keyof typeof MEMORY_INSTRUCTIONS;
