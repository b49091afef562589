/** Vectors of bytes in kernels: loops over them, stores of parts of them, and floats as bytes. */
import type { Local } from '../../../wasm/function-builder.ts';
import { MAX_BYTE } from '../../quantization.ts';
import type { KernelWriter } from '../emit/kernel-writer.ts';
import { BYTES } from './byte-instructions.ts';

/** A pointer that advances with the channels, and by how many bytes per channel. */
export interface ChannelPointer {
  readonly pointer: Local;
  readonly bytes: number;
}

/**
 * `body(lanes)` for every `lanes` of `count` channels, then for those that remain. Pointers advance with it and are
 * reset afterwards.
 */
export function forEachLanes(
  { f }: KernelWriter,
  count: number,
  lanes: number,
  pointers: readonly ChannelPointer[],
  body: (lanes: number) => void,
): void {
  const whole = Math.floor(count / lanes);
  if (whole > 0) {
    const counter = f.local('i32');
    f.repeat(whole, counter, () => {
      body(lanes);
      for (const { pointer, bytes } of pointers) f.increment(pointer, lanes * bytes);
    });
    // A single iteration needs no loop.
    if (count % lanes > 0) body(count % lanes);
    for (const { pointer, bytes } of pointers) f.increment(pointer, -whole * lanes * bytes);
  } else if (count > 0) body(count);
}

/** Stores the first `count` (1 to 16) bytes of a vector; memory after them is not touched. */
export function storeFirstBytes(
  writer: KernelWriter,
  pointer: Local,
  offset: number,
  value: Local,
  count: number,
): void {
  if (count === 16) writer.f.get(pointer).get(value).memory('v128.store', offset);
  else storeBytes(writer, pointer, offset, value, 0, count);
}

/** Stores `count` (1 to 15) bytes of a vector from `first` on, a multiple of the largest power of 2 in `count`. */
export function storeBytes(
  { f }: KernelWriter,
  pointer: Local,
  offset: number,
  value: Local,
  first: number,
  count: number,
): void {
  let at = 0;
  for (const bytes of [8, 4, 2, 1] as const) {
    if (!(count & bytes)) continue;
    f.get(pointer)
      .get(value)
      .storeLane((first + at) / bytes, offset + at, bytes);
    at += bytes;
  }
}

/** 1.5 x 2^23: added to a small number, it leaves the nearest integer, ties to even, in the lowest bits. */
const ROUNDER = 12_582_912;
const ROUNDER_BITS = 0x4b40_0000;

/** Largest magnitude that `ROUNDER` turns into the right integer. */
export const MAX_ROUNDED = 2 ** 22 - 1;
/** The largest byte, four times. */
export const MAX_BYTES = MAX_BYTE * 0x0101_0101;

/** `value = round(value)` in 32-bit integers, of numbers up to `MAX_ROUNDED`. */
export function roundToInteger({ f }: KernelWriter, value: Local): void {
  f.get(value).f32x4(ROUNDER).op('f32x4.add').i32x4(ROUNDER_BITS).op('i32x4.sub').set(value);
}

/** `value = clamp(round(value), 0, 127)` in 32-bit integers. */
export function roundToByte(writer: KernelWriter, value: Local): void {
  writer.f.get(value).f32x4(0).op('f32x4.pmax').f32x4(MAX_BYTE).op('f32x4.pmin').set(value);
  roundToInteger(writer, value);
}

/** `vectors[0]` becomes the bytes of one to four vectors of 32-bit integers 0 to 127. */
export function narrowToBytes({ f }: KernelWriter, vectors: readonly Local[]): void {
  const [first, second = first, third, fourth = third] = vectors;
  f.get(first).get(second).op('i16x8.narrow_i32x4_s').set(first);
  f.get(first);
  if (third && fourth) f.get(third).get(fourth).op('i16x8.narrow_i32x4_s');
  else f.get(first);
  f.op('i8x16.narrow_i16x8_u').set(first);
}

/** The same for any 32-bit integers, clipped to 0 to 127. */
export function cutToBytes(writer: KernelWriter, vectors: readonly Local[]): void {
  const [first] = vectors;
  narrowToBytes(writer, vectors);
  writer.f.get(first).i32x4(MAX_BYTES).op(BYTES['i8x16.min_u']).set(first);
}

/** Puts four bytes on the stack as floats. */
export function loadBytesAsFloats({ f }: KernelWriter, pointer: Local, offset: number): void {
  f.get(pointer).memory('v128.load32_zero', offset);
  f.op(BYTES['i16x8.extend_low_i8x16_u']).op(BYTES['i32x4.extend_low_i16x8_s']).op('f32x4.convert_i32x4_s');
}
