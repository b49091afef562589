/**
 * Pass, fuse-activation. Before: activations are separate operations. After: one that follows a linear convolution,
 * depthwise convolution, addition or multiplication, and is its only reader, is that operation's activation.
 */
import { findUses, type Operation, type Program, replaceOperations, soleConsumer } from '../program.ts';

export function fuseActivation(program: Program): Program {
  const uses = findUses(program);
  const changes = new Map<Operation, Operation | null>();
  for (const operation of program.operations) {
    if (operation.kind !== 'activate' || soleConsumer(program, uses, operation.input) !== operation) continue;
    const { activation, output } = operation;
    const producer = uses.producers.get(operation.input);
    if (!producer) continue;
    if (producer.kind === 'convolution' && producer.outputs.length === 1 && !producer.outputs[0].mirrored) {
      if (producer.outputs[0].activation.kind !== 'linear') continue;
      changes.set(producer, { ...producer, outputs: [{ ...producer.outputs[0], activation, value: output }] });
    } else if (
      (producer.kind === 'depthwise' || producer.kind === 'add' || producer.kind === 'multiply') &&
      producer.activation.kind === 'linear'
    ) {
      changes.set(producer, { ...producer, activation, output });
    } else continue;
    changes.set(operation, null);
  }
  return replaceOperations(program, changes);
}
