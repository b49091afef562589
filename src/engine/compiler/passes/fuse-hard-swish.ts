/**
 * Pass, fuse-hard-swish. Before: x hardSigmoid(k x), as stock layers express it, is a product of x and a hard sigmoid,
 * with a 1 x 1 depthwise operation for k if that is not 1. After: it is one activation of x.
 */
import {
  type Depthwise,
  findUses,
  HARD_SIGMOID_SLOPE,
  isChannelScale,
  type Multiply,
  type Operation,
  type Program,
  replaceOperations,
  soleConsumer,
  type Uses,
} from '../program.ts';

export function fuseHardSwish(program: Program): Program {
  const uses = findUses(program);
  const changes = new Map<Operation, Operation | null>();
  for (const product of program.operations) {
    if (product.kind !== 'multiply' || product.activation.kind !== 'linear') continue;
    const [first, second] = product.inputs;
    const gate = findGate(program, uses, product, first, second) ?? findGate(program, uses, product, second, first);
    if (gate === undefined) continue;
    const { value, slope, operations } = gate;
    const { name, output } = product;
    changes.set(product, { kind: 'activate', name, input: value, output, activation: { kind: 'hardSwish', slope } });
    for (const operation of operations) changes.set(operation, null);
  }
  return replaceOperations(program, changes);
}

/** The operations that compute `gate` from `value`, if it is a hard sigmoid of it and feeds nothing but the product. */
function findGate(
  program: Program,
  uses: Uses,
  product: Multiply,
  value: string,
  gate: string,
): { value: string; slope: number; operations: Operation[] } | undefined {
  const sigmoid = uses.producers.get(gate);
  if (sigmoid?.kind !== 'activate' || sigmoid.activation.kind !== 'hardSigmoid') return undefined;
  if (soleConsumer(program, uses, gate) !== product) return undefined;
  if (sigmoid.input === value) return { value, slope: HARD_SIGMOID_SLOPE, operations: [sigmoid] };
  const scale = uses.producers.get(sigmoid.input);
  if (scale?.kind !== 'depthwise' || scale.input !== value || !isOneFactor(scale)) return undefined;
  if (soleConsumer(program, uses, scale.output) !== sigmoid) return undefined;
  return { value, slope: HARD_SIGMOID_SLOPE * scale.weights[0], operations: [sigmoid, scale] };
}

/** Whether an operation multiplies every number by the same one. */
function isOneFactor(scale: Depthwise): boolean {
  const { weights, bias, activation } = scale;
  if (!isChannelScale(scale) || activation.kind !== 'linear') return false;
  return weights.every((weight) => weight === weights[0]) && bias.every((shift) => shift === 0);
}
