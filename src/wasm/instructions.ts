/** Types of WebAssembly values that the kernels use. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** An instruction: its bytes, what it takes from the stack (the last is on top) and what it leaves there. */
export interface InstructionType {
  readonly bytes: readonly number[];
  readonly operands: readonly ValueType[];
  readonly result: ValueType | undefined;
}

function instructions<Name extends string>(
  operands: readonly ValueType[],
  result: ValueType | undefined,
  bytesByName: Readonly<Record<Name, readonly number[]>>,
): Readonly<Record<Name, InstructionType>> {
  const entries = Object.entries<readonly number[]>(bytesByName);
  return Object.fromEntries(entries.map(([name, bytes]) => [name, { bytes, operands, result }])) as Record<
    Name,
    InstructionType
  >;
}

/** Instructions that can be given by name alone. */
export const INSTRUCTIONS = {
  ...instructions(['i32'], 'i32', {
    'i32.eqz': [0x45],
    'i32.ctz': [0x68],
  }),
  ...instructions(['i32', 'i32'], 'i32', {
    'i32.eq': [0x46],
    'i32.lt_s': [0x48],
    'i32.lt_u': [0x49],
    'i32.gt_s': [0x4a],
    'i32.gt_u': [0x4b],
    'i32.add': [0x6a],
    'i32.sub': [0x6b],
    'i32.mul': [0x6c],
    'i32.div_u': [0x6e],
    'i32.rem_u': [0x70],
    'i32.and': [0x71],
    'i32.or': [0x72],
    'i32.xor': [0x73],
    'i32.shl': [0x74],
    'i32.shr_u': [0x76],
  }),
  ...instructions(['i64'], 'i32', {
    'i64.eqz': [0x50],
  }),
  ...instructions(['i64', 'i64'], 'i32', {
    'i64.gt_s': [0x55],
    'i64.ge_s': [0x59],
  }),
  ...instructions(['i64', 'i64'], 'i64', {
    'i64.add': [0x7c],
    'i64.sub': [0x7d],
    'i64.mul': [0x7e],
    'i64.or': [0x84],
  }),
  ...instructions(['i32'], 'i64', {
    'i64.extend_i32_s': [0xac],
  }),
  ...instructions(['f32'], 'f32', {
    'f32.sqrt': [0x91],
  }),
  ...instructions(['f32', 'f32'], 'f32', {
    'f32.add': [0x92],
    'f32.sub': [0x93],
    'f32.div': [0x95],
    'f32.max': [0x97],
  }),
  ...instructions(['f32', 'f32'], 'i32', {
    'f32.eq': [0x5b],
    'f32.gt': [0x5e],
  }),
  ...instructions(['i32'], 'f32', {
    'f32.convert_i32_s': [0xb2],
  }),
  ...instructions(['f64'], 'f32', {
    'f32.demote_f64': [0xb6],
  }),
  ...instructions(['f64', 'f64'], 'f64', {
    'f64.add': [0xa0],
    'f64.sub': [0xa1],
    'f64.mul': [0xa2],
    'f64.div': [0xa3],
  }),
  ...instructions(['i32'], 'f64', {
    'f64.convert_i32_s': [0xb7],
  }),
  ...instructions(['i64'], 'f64', {
    'f64.convert_i64_s': [0xb9],
  }),
  ...instructions(['f32'], 'f64', {
    'f64.promote_f32': [0xbb],
  }),
  ...instructions(['i32'], 'v128', {
    'i16x8.splat': [0xfd, 16],
    'i32x4.splat': [0xfd, 17],
  }),
  ...instructions(['f32'], 'v128', {
    'f32x4.splat': [0xfd, 19],
  }),
  ...instructions(['v128', 'v128'], 'v128', {
    'f32x4.lt': [0xfd, 67],
    'i32x4.eq': [0xfd, 55],
    'i32x4.gt_s': [0xfd, 59],
    'v128.and': [0xfd, 78],
    'v128.andnot': [0xfd, 79],
    'v128.or': [0xfd, 80],
    'v128.xor': [0xfd, 81],
    'i16x8.narrow_i32x4_s': [0xfd, 133, 1],
    'i8x16.narrow_i16x8_u': [0xfd, 102],
    'i32x4.add': [0xfd, 174, 1],
    'i32x4.sub': [0xfd, 177, 1],
    'i32x4.mul': [0xfd, 181, 1],
    'i32x4.min_s': [0xfd, 182, 1],
    'i32x4.max_s': [0xfd, 184, 1],
    'i32x4.dot_i16x8_s': [0xfd, 186, 1],
    'i32x4.extmul_low_i16x8_s': [0xfd, 188, 1],
    'i32x4.extmul_high_i16x8_s': [0xfd, 189, 1],
    'f32x4.add': [0xfd, 228, 1],
    'f32x4.sub': [0xfd, 229, 1],
    'f32x4.mul': [0xfd, 230, 1],
    'f32x4.div': [0xfd, 231, 1],
    'f32x4.pmin': [0xfd, 234, 1],
    'f32x4.pmax': [0xfd, 235, 1],
    'f64x2.add': [0xfd, 240, 1],
    'f64x2.sub': [0xfd, 241, 1],
    'f64x2.mul': [0xfd, 242, 1],
    'f64x2.min': [0xfd, 244, 1],
    'f64x2.max': [0xfd, 245, 1],
  }),
  ...instructions(['v128', 'v128', 'v128'], 'v128', {
    'v128.bitselect': [0xfd, 82],
    'f32x4.relaxed_madd': [0xfd, 0x85, 2],
  }),
  ...instructions(['v128'], 'i32', {
    'v128.any_true': [0xfd, 83],
    'i32x4.bitmask': [0xfd, 164, 1],
  }),
  ...instructions(['v128'], 'v128', {
    'f32x4.nearest': [0xfd, 106],
    'f32x4.abs': [0xfd, 224, 1],
    'f32x4.neg': [0xfd, 225, 1],
    'i32x4.trunc_sat_f32x4_s': [0xfd, 248, 1],
    'f32x4.convert_i32x4_s': [0xfd, 250, 1],
    'f64x2.promote_low_f32x4': [0xfd, 95],
    'i32x4.trunc_sat_f64x2_s_zero': [0xfd, 252, 1],
  }),
  ...instructions(['v128', 'i32'], 'v128', {
    'i32x4.shl': [0xfd, 171, 1],
    'i32x4.shr_s': [0xfd, 172, 1],
    'i32x4.shr_u': [0xfd, 173, 1],
  }),
  ...instructions(['f64'], 'v128', {
    'f64x2.splat': [0xfd, 20],
  }),
};

/** Loads (address from the stack) and stores (address, then value, from the stack), with a constant offset. */
export const MEMORY_INSTRUCTIONS = {
  ...instructions(['i32'], 'i32', {
    'i32.load': [0x28],
  }),
  ...instructions(['i32'], 'f32', {
    'f32.load': [0x2a],
  }),
  ...instructions(['i32', 'i32'], undefined, {
    'i32.store': [0x36],
  }),
  ...instructions(['i32', 'f32'], undefined, {
    'f32.store': [0x38],
  }),
  ...instructions(['i32'], 'v128', {
    'v128.load': [0xfd, 0],
    'v128.load16x4_s': [0xfd, 3],
    'v128.load32_splat': [0xfd, 9],
    'v128.load32_zero': [0xfd, 92],
    'v128.load64_zero': [0xfd, 93],
  }),
  ...instructions(['i32', 'v128'], undefined, {
    'v128.store': [0xfd, 11],
  }),
};

export type Instruction = keyof typeof INSTRUCTIONS;
export type MemoryInstruction = keyof typeof MEMORY_INSTRUCTIONS;
