/**
 * Pass, commute-average-pool. Before: a zero-padded (or unpadded) average pool feeds a 1 x 1 convolution. After: the
 * convolution comes first and the pool, now a depthwise convolution, adds the bias and applies the activation. Both
 * orders give the same sums; if the convolution has fewer outputs than inputs, there is less to pool, and it can be
 * merged with the other 1 x 1 convolutions of the pool's input (an Inception block has three).
 */
import {
  type Convolution,
  type Depthwise,
  findUses,
  LINEAR,
  NO_PADDING,
  type Operation,
  type Pool,
  type Program,
  replaceOperations,
  soleConsumer,
} from '../program.ts';

export function commuteAveragePool(program: Program): Program {
  const uses = findUses(program);
  const changes = new Map<Operation, Operation | null>();
  for (const pool of program.operations) {
    if (pool.kind !== 'averagePool' || !countsAllTaps(pool)) continue;
    const convolution = soleConsumer(program, uses, pool.output);
    if (convolution?.kind !== 'convolution' || !isPointwise(convolution)) continue;
    const [output] = convolution.outputs;
    if (output.channels >= convolution.inputChannels) continue;
    const pooled = `${convolution.name}:unpooled`;
    const channels = output.channels;
    const taps = pool.kernel[0] * pool.kernel[1];
    const reduced: Convolution = {
      ...convolution,
      input: pool.input,
      bias: new Float32Array(channels),
      outputs: [{ ...output, value: pooled, activation: LINEAR }],
    };
    const averaging: Depthwise = {
      kind: 'depthwise',
      name: pool.name,
      input: pooled,
      output: output.value,
      channels,
      kernel: pool.kernel,
      strides: pool.strides,
      padding: pool.padding,
      weights: new Float32Array(taps * channels).fill(1 / taps),
      bias: convolution.bias,
      activation: output.activation,
    };
    // The pool precedes the convolution in the list: the two swap places.
    changes.set(pool, reduced);
    changes.set(convolution, averaging);
  }
  return replaceOperations(program, changes);
}

/** Whether every output is a sum over the whole window divided by its size. */
function countsAllTaps({ padding, paddingIsZero }: Pool): boolean {
  if (padding === 'same') return false;
  return paddingIsZero || padding.top + padding.bottom + padding.left + padding.right === 0;
}

function isPointwise({ kernel, strides, padding, outputs, residual }: Convolution): boolean {
  const isUnpadded = padding === 'same' || padding === NO_PADDING || Object.values(padding).every((size) => size === 0);
  const isOne = kernel[0] === 1 && kernel[1] === 1 && strides[0] === 1 && strides[1] === 1;
  return isOne && isUnpadded && outputs.length === 1 && !outputs[0].mirrored && residual === undefined;
}
