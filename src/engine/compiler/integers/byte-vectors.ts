/** Vectors of bytes in kernels: loops over them, stores of parts of them, and floats as bytes. */
import type { Local } from '../../../wasm/function-builder.ts';
import { MAX_BYTE } from '../../quantization.ts';
import type { KernelWriter } from '../emit/kernel-writer.ts';
import { BYTES } from './byte-instructions.ts';

/** A pointer that moves on with the channels, and by how many bytes each. */
export interface ChannelPointer {
  readonly pointer: Local;
  readonly bytes: number;
}

/**
 * `body(lanes)` for every `lanes` of `count` channels, then for those that remain. Pointers advance with it and are back where
 * they began afterwards.
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
    // One turn has no loop.
    if (count % lanes > 0) body(count % lanes);
    for (const { pointer, bytes } of pointers) f.increment(pointer, -whole * lanes * bytes);
  } else if (count > 0) body(count);
}

/** Stores the first `count` (1 to 16) bytes of a vector and leaves what follows them alone. */
export function storeFirstBytes(
  { f }: KernelWriter,
  pointer: Local,
  offset: number,
  value: Local,
  count: number,
): void {
  if (count === 16) {
    f.get(pointer).get(value).memory('v128.store', offset);
    return;
  }
  let at = 0;
  for (const bytes of [8, 4, 2, 1] as const) {
    if (!(count & bytes)) continue;
    f.get(pointer)
      .get(value)
      .storeLane(at / bytes, offset + at, bytes);
    at += bytes;
  }
}

/** 1.5 x 2^23: added to a small number, it leaves the nearest integer, ties to even, in the lowest bits. */
const ROUNDER = 12_582_912;
const ROUNDER_BITS = 0x4b40_0000;

/** `value = clamp(round(value), 0, 127)` in 32-bit integers. */
export function roundToByte({ f }: KernelWriter, value: Local): void {
  f.get(value).f32x4(0).op('f32x4.pmax').f32x4(MAX_BYTE).op('f32x4.pmin');
  f.f32x4(ROUNDER).op('f32x4.add').i32x4(ROUNDER_BITS).op('i32x4.sub').set(value);
}

/** Puts bytes on the stack: those of one to four vectors of 32-bit integers 0 to 127. */
export function narrowToBytes({ f }: KernelWriter, vectors: readonly Local[]): void {
  const pair = (first: number): void => {
    const low = vectors[Math.min(first, vectors.length - 1)];
    const high = vectors[Math.min(first + 1, vectors.length - 1)];
    f.get(low).get(high).op('i16x8.narrow_i32x4_s');
  };
  pair(0);
  pair(2);
  f.op('i8x16.narrow_i16x8_u');
}

/** Puts four bytes on the stack as floats. */
export function loadBytesAsFloats({ f }: KernelWriter, pointer: Local, offset: number): void {
  f.get(pointer).memory('v128.load32_zero', offset);
  f.op(BYTES['i16x8.extend_low_i8x16_u']).op(BYTES['i32x4.extend_low_i16x8_s']).op('f32x4.convert_i32x4_s');
}
