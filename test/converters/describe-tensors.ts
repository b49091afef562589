import { expect } from '@jest/globals';
import { ByteReader } from '../../converters/byte-reader.ts';
import type { NamedTensor, StateDict } from '../../converters/tensor.ts';
import { WeightFormatError } from '../../src/errors.ts';

/** A tensor as `Float32Array [2 x 3] 1.5 -2 3 4 5 6.25`, so that a failing test shows all of it. */
export function describeTensor({ shape, data }: NamedTensor): string {
  const values = Array.from(data as ArrayLike<unknown>, (value) => (Object.is(value, -0) ? '-0' : String(value)));
  return [data.constructor.name, `[${shape.join(' x ')}]`, ...values].join(' ');
}

/** Tensors by name, in order, each as one line. */
export function describeTensors(tensors: StateDict): [string, string][] {
  return [...tensors].map(([name, tensor]) => [name, describeTensor(tensor)]);
}

export function readerOf(bytes: Uint8Array | string, file = 'sample'): ByteReader {
  return new ByteReader(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, file);
}

/** The `WeightFormatError` that `read` must throw, of one line that matches. */
export function expectFormatError(read: () => unknown, message: RegExp): WeightFormatError {
  let thrown: unknown;
  try {
    read();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(WeightFormatError);
  const error = thrown as WeightFormatError;
  expect(error.message).toMatch(message);
  expect(error.message).not.toMatch(/\p{Cc}/u);
  return error;
}
