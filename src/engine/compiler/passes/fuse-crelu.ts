/**
 * Pass, fuse-crelu. Before: CReLU is a convolution, a 1 x 1 depthwise operation that negates it, a concatenation of the
 * two and an activation. After: it is one convolution with a mirrored output, which writes x and -x from one register.
 */
import {
  type Concatenate,
  type Depthwise,
  findUses,
  type Operation,
  type Program,
  replaceOperations,
  soleConsumer,
  type Uses,
} from '../program.ts';

export function fuseCrelu(program: Program): Program {
  const uses = findUses(program);
  const changes = new Map<Operation, Operation | null>();
  for (const join of program.operations) {
    if (join.kind !== 'concatenate' || join.inputs.length !== 2) continue;
    const [plain, negated] = join.inputs;
    const convolution = uses.producers.get(plain);
    const negation = uses.producers.get(negated);
    if (convolution?.kind !== 'convolution' || convolution.outputs.length !== 1) continue;
    if (convolution.outputs[0].activation.kind !== 'linear' || convolution.residual !== undefined) continue;
    if (negation?.kind !== 'depthwise' || negation.input !== plain || !isNegation(negation)) continue;
    if (!isLastAxis(join) || !isReadOnlyBy(program, uses, plain, [join, negation])) continue;
    if (soleConsumer(program, uses, negated) !== join) continue;
    const after = soleConsumer(program, uses, join.output);
    const activation = after?.kind === 'activate' && isShared(after) ? after : undefined;
    changes.set(convolution, {
      ...convolution,
      outputs: [
        {
          ...convolution.outputs[0],
          mirrored: true,
          value: activation?.output ?? join.output,
          ...(activation && { activation: activation.activation }),
        },
      ],
    });
    changes.set(negation, null);
    changes.set(join, null);
    if (activation) changes.set(activation, null);
  }
  return replaceOperations(program, changes);
}

function isNegation({ kernel, strides, weights, bias, activation }: Depthwise): boolean {
  const isPointwise = kernel[0] === 1 && kernel[1] === 1 && strides[0] === 1 && strides[1] === 1;
  const negates = weights.every((weight) => weight === -1) && bias.every((value) => value === 0);
  return isPointwise && negates && activation.kind === 'linear';
}

function isLastAxis({ axis }: Concatenate): boolean {
  // A convolution's value has three axes.
  return axis === 2 || axis === -1;
}

/** Whether an activation treats x and -x alike: PReLU has separate factors for each half. */
function isShared(operation: Operation): boolean {
  return operation.kind === 'activate' && operation.activation.kind !== 'prelu';
}

function isReadOnlyBy(program: Program, uses: Uses, value: string, readers: readonly Operation[]): boolean {
  const all = uses.consumers.get(value) ?? [];
  return !program.outputs.includes(value) && all.length === readers.length && all.every((op) => readers.includes(op));
}
