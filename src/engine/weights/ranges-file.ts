/**
 * Ranges of a network's values as tensors: `<value>/scales` float32, `<value>/zero_points` uint8 and, where they are known,
 * `<value>/means` float32, one number for each channel.
 */
import { checkQuantization, type Quantization, type RangesError, type StoredRanges } from '../quantization.ts';
import type { Tensor } from './tensor-file.ts';

const SCALES = '/scales';
const ZERO_POINTS = '/zero_points';
const MEANS = '/means';

/**
 * @throws WeightFormatError for a scale that is 0 or not finite, a zero point above 127, lengths that differ, a tensor that is
 *   missing or means nothing.
 */
export function decodeRanges({ file, tensors }: StoredRanges, RangesError: RangesError): Map<string, Quantization> {
  const ranges = new Map<string, Quantization>();
  for (const [name, { shape, data: scales }] of tensors) {
    const fail = (reason: string, expected: string, actual: string): never => {
      throw new RangesError(file, reason, { tensor: name, expected, actual });
    };
    const isPart = [ZERO_POINTS, MEANS].some(
      (part) => name.endsWith(part) && tensors.has(`${name.slice(0, -part.length)}${SCALES}`),
    );
    if (isPart) continue;
    if (!name.endsWith(SCALES)) fail('is no range', `a name that ends in ${SCALES}`, `'${name}'`);
    const value = name.slice(0, -SCALES.length);
    const zeroPoints = tensors.get(`${value}${ZERO_POINTS}`);
    if (!(scales instanceof Float32Array) || shape.length !== 1) {
      return fail('has the wrong form', 'float32 [channels]', `[${shape.join(', ')}]`);
    }
    if (!(zeroPoints?.data instanceof Uint8Array) || zeroPoints.shape.length !== 1) {
      return fail('lacks its zero points', `uint8 '${value}${ZERO_POINTS}'`, zeroPoints ? 'another form' : 'nothing');
    }
    const means = tensors.get(`${value}${MEANS}`);
    if (means !== undefined && !(means.data instanceof Float32Array && means.shape.length === 1)) {
      return fail('has means of the wrong form', 'float32 [channels]', `[${means.shape.join(', ')}]`);
    }
    const quantization = {
      ...{ scales, zeroPoints: zeroPoints.data },
      ...(means?.data instanceof Float32Array && { means: means.data }),
    };
    checkQuantization(file, value, quantization, RangesError);
    ranges.set(value, quantization);
  }
  if (ranges.size === 0) throw new RangesError(file, 'holds no ranges');
  return ranges;
}

/** The tensors that `decodeRanges` reads. */
export function encodeRanges(ranges: ReadonlyMap<string, Quantization>): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [value, { scales, zeroPoints, means }] of ranges) {
    tensors.set(`${value}${SCALES}`, { shape: [scales.length], data: scales });
    tensors.set(`${value}${ZERO_POINTS}`, { shape: [zeroPoints.length], data: zeroPoints });
    if (means) tensors.set(`${value}${MEANS}`, { shape: [means.length], data: means });
  }
  return tensors;
}
