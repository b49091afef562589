/**
 * Pass, merge-convolutions. Before: several convolutions may read one value through the same window (the two heads of a
 * detection source, the 1 x 1 branches of an Inception block). After: they are one convolution with several outputs, so
 * that each block of the input is fetched once. It takes the place of the first of them.
 */
import { type Convolution, type Operation, type Program, replaceOperations } from '../program.ts';

export function mergeConvolutions(program: Program): Program {
  const groups = new Map<string, Convolution[]>();
  for (const operation of program.operations) {
    if (operation.kind !== 'convolution' || operation.residual !== undefined) continue;
    const { input, kernel, strides, padding } = operation;
    const sides = padding === 'same' ? padding : [padding.top, padding.bottom, padding.left, padding.right];
    const key = JSON.stringify([input, kernel, strides, sides]);
    const group = groups.get(key);
    if (group) group.push(operation);
    else groups.set(key, [operation]);
  }
  const changes = new Map<Operation, Operation | null>();
  for (const [first, ...others] of groups.values()) {
    if (others.length === 0) continue;
    changes.set(first, merge([first, ...others]));
    for (const other of others) changes.set(other, null);
  }
  return replaceOperations(program, changes);
}

function merge(convolutions: readonly Convolution[]): Convolution {
  const [first] = convolutions;
  const total = convolutions.reduce((sum, { bias }) => sum + bias.length, 0);
  const rows = first.weights.length / first.bias.length;
  const weights = new Float32Array(rows * total);
  const bias = new Float32Array(total);
  let start = 0;
  for (const { weights: from, bias: fromBias } of convolutions) {
    const count = fromBias.length;
    for (let row = 0; row < rows; row++)
      weights.set(from.subarray(row * count, (row + 1) * count), row * total + start);
    bias.set(fromBias, start);
    start += count;
  }
  return {
    ...first,
    name: convolutions.map(({ name }) => name).join('+'),
    weights,
    bias,
    outputs: convolutions.flatMap(({ outputs }) => outputs),
  };
}
