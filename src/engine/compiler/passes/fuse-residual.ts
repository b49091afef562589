/**
 * Pass, fuse-residual. Before: the sum of a convolution and a shortcut is a separate addition. After: the convolution
 * adds the shortcut before it stores, if the shortcut is written earlier and the convolution feeds nothing else.
 */
import { findUses, type Operation, type Program, soleConsumer } from '../program.ts';

export function fuseResidual(program: Program): Program {
  const uses = findUses(program);
  const position = new Map(program.operations.map((operation, index) => [operation, index]));
  const operations: (Operation | null)[] = [...program.operations];
  const taken = new Set<Operation>();
  for (const add of program.operations) {
    if (add.kind !== 'add' || add.inputs.length !== 2 || add.inputs[0] === add.inputs[1]) continue;
    const candidates = add.inputs.map((input, index) => ({
      convolution: uses.producers.get(input),
      isSole: soleConsumer(program, uses, input) === add,
      shortcut: add.inputs[1 - index],
    }));
    // The later of the two may be moved to the place of the addition, where both inputs are available.
    candidates.sort((a, b) => indexOf(position, b.convolution) - indexOf(position, a.convolution));
    for (const { convolution, isSole, shortcut } of candidates) {
      if (!isSole || convolution?.kind !== 'convolution' || taken.has(convolution)) continue;
      const [output, ...more] = convolution.outputs;
      if (more.length > 0 || output.mirrored || output.activation.kind !== 'linear') continue;
      if (convolution.residual !== undefined) continue;
      operations[indexOf(position, convolution)] = null;
      operations[indexOf(position, add)] = {
        ...convolution,
        residual: shortcut,
        outputs: [{ ...output, value: add.output, activation: add.activation }],
      };
      taken.add(convolution);
      break;
    }
  }
  return taken.size === 0 ? program : { ...program, operations: operations.filter((operation) => operation !== null) };
}

function indexOf(position: ReadonlyMap<Operation, number>, operation: Operation | undefined): number {
  return operation === undefined ? -1 : (position.get(operation) ?? -1);
}
