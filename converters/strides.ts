import { exactElementCount } from './element-types.ts';
import type { TensorData } from './tensor.ts';

/** Elements between neighbours along each axis of an array in C order (row-major). */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= Math.max(shape[axis], 1);
  }
  return strides;
}

/** Elements between neighbours along each axis of an array in Fortran order (column-major). */
export function columnMajorStrides(shape: readonly number[]): number[] {
  return rowMajorStrides(shape.toReversed()).reverse();
}

/** One past the last element that a strided view reads; 0 if it has none. */
export function stridedExtent(shape: readonly number[], strides: readonly number[], offset: number): number {
  let last = offset;
  for (let axis = 0; axis < shape.length; axis++) {
    const extent = shape[axis];
    if (extent === 0) return 0;
    last += (extent - 1) * strides[axis];
  }
  return last + 1;
}

/**
 * Copies a strided view into C order.
 * @param data - at least `stridedExtent(shape, strides, offset)` elements.
 * @param strides - elements between neighbours along each axis, >= 0; 0 repeats.
 * @param offset - element of `data` where the view starts.
 * @returns a new array of the same type as `data`.
 */
export function gatherStrided(
  data: TensorData,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): TensorData {
  const count = exactElementCount(shape);
  const contiguous = rowMajorStrides(shape);
  if (shape.every((extent, axis) => extent <= 1 || strides[axis] === contiguous[axis])) {
    return data.slice(offset, offset + count);
  }
  // Axes with one element only cost time, and a file may have thousands; without them there are at most as many axes as
  // bits in `count`.
  const axes = shape.flatMap((extent, axis) => (extent === 1 ? [] : axis));
  return gatherAxes(
    data,
    axes.map((axis) => shape[axis]),
    axes.map((axis) => strides[axis]),
    offset,
    count,
  );
}

function gatherAxes(
  data: TensorData,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  count: number,
): TensorData {
  const gathered = new (data.constructor as new (length: number) => TensorData)(count);
  // Whatever the element type, reading from one and writing to the other is sound: both have the same.
  const from = data as Float64Array;
  const to = gathered as Float64Array;
  const innerAxis = shape.length - 1;
  const innerExtent = shape[innerAxis];
  const innerStride = strides[innerAxis];
  const position = new Array<number>(shape.length).fill(0);
  let start = offset;
  for (let i = 0; i < count; ) {
    for (let j = 0, at = start; j < innerExtent; j++, at += innerStride) to[i++] = from[at];
    for (let axis = innerAxis - 1; axis >= 0; axis--) {
      const stride = strides[axis];
      const extent = shape[axis];
      start += stride;
      position[axis] = position[axis] + 1;
      if (position[axis] < extent) break;
      start -= stride * extent;
      position[axis] = 0;
    }
  }
  return gathered;
}
