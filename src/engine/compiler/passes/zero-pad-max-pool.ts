/**
 * Pass, zero-pad-max-pool. Before: a maximum with `same` padding clips its window at the picture's edge. After: if its
 * input is never below zero, it reads a border of zeros instead, which cannot change a maximum and needs no tests.
 */
import { type Activation, type Operation, outputsOf, type Program, replaceOperations } from '../program.ts';

export function zeroPadMaxPool(program: Program): Program {
  const nonNegative = findNonNegative(program);
  const changes = new Map<Operation, Operation | null>();
  for (const operation of program.operations) {
    if (operation.kind !== 'maxPool' || operation.paddingIsZero || operation.padding !== 'same') continue;
    if (nonNegative.has(operation.input)) changes.set(operation, { ...operation, paddingIsZero: true });
  }
  return replaceOperations(program, changes);
}

/** Values that are never below zero. */
function findNonNegative({ operations }: Program): Set<string> {
  const found = new Set<string>();
  for (const operation of operations) {
    switch (operation.kind) {
      case 'convolution':
        for (const { value, activation } of operation.outputs) if (isNonNegative(activation)) found.add(value);
        break;
      case 'depthwise':
      case 'activate':
      case 'add':
        if (isNonNegative(operation.activation)) found.add(operation.output);
        break;
      case 'multiply':
        if (isNonNegative(operation.activation) || operation.inputs.every((input) => found.has(input))) {
          found.add(operation.output);
        }
        break;
      case 'concatenate':
        if (operation.inputs.every((input) => found.has(input))) found.add(operation.output);
        break;
      case 'softmax':
        found.add(operation.output);
        break;
      case 'elementPrelu':
        break;
      default:
        if (found.has(operation.input)) for (const output of outputsOf(operation)) found.add(output);
    }
  }
  return found;
}

function isNonNegative({ kind }: Activation): boolean {
  return kind === 'relu' || kind === 'sigmoid' || kind === 'hardSigmoid';
}
