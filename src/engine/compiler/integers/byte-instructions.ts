/** Instructions that only byte kernels need: float programs need not load them. */
import { vectorInstructions } from '../../../wasm/instructions.ts';

export const BYTES = {
  ...vectorInstructions(['v128', 'v128'], 'v128', {
    'i8x16.min_u': 119,
    'i8x16.max_u': 121,
    'i16x8.q15mulr_sat_s': 130,
    'i16x8.add': 142,
    'i16x8.add_sat_s': 143,
    'i16x8.mul': 149,
    'i16x8.max_s': 152,
    'i16x8.relaxed_dot_i8x16_i7x16_s': 0x112,
  }),
  ...vectorInstructions(['v128'], 'v128', {
    'i32x4.extadd_pairwise_i16x8_s': 126,
    'i16x8.extend_low_i8x16_u': 137,
    'i32x4.extend_low_i16x8_s': 167,
  }),
  ...vectorInstructions(['v128', 'i32'], 'v128', {
    'i16x8.shr_u': 141,
  }),
  ...vectorInstructions(['i32'], 'v128', {
    'v128.load8x8_s': 1,
    'v128.load8x8_u': 2,
  }),
};
