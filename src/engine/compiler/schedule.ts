/**
 * Pass 5, schedule. Before: operations in any valid order. After: the same operations in a valid order that keeps few
 * bytes alive at a time: of those that can run next, the one that frees the most memory (or needs the least) does.
 */
import { type ShapedProgram, sizeOf } from './infer-shapes.ts';
import { findUses, inputsOf, type Operation, outputsOf } from './program.ts';

export function scheduleOperations(shaped: ShapedProgram): ShapedProgram {
  const { program, shapes } = shaped;
  const { producers } = findUses(program);
  const readersLeft = new Map<string, number>();
  for (const operation of program.operations) {
    for (const input of new Set(inputsOf(operation))) readersLeft.set(input, (readersLeft.get(input) ?? 0) + 1);
  }
  for (const output of program.outputs) readersLeft.set(output, Number.POSITIVE_INFINITY);
  const floats = (value: string): number => sizeOf(shapes.get(value) ?? []);
  /** Growth of the live memory if the operation ran now. */
  const growth = (operation: Operation): number => {
    const written = outputsOf(operation).reduce((sum, value) => sum + floats(value), 0);
    const freed = [...new Set(inputsOf(operation))].filter((value) => readersLeft.get(value) === 1);
    return written - freed.reduce((sum, value) => sum + floats(value), 0);
  };
  const waiting = new Set(program.operations);
  const isReady = (operation: Operation): boolean =>
    inputsOf(operation).every((value) => {
      const producer = producers.get(value);
      return producer === undefined || !waiting.has(producer);
    });
  const operations: Operation[] = [];
  while (waiting.size > 0) {
    let best: Operation | undefined;
    let bestGrowth = Number.POSITIVE_INFINITY;
    for (const operation of waiting) {
      if (!isReady(operation)) continue;
      const size = growth(operation);
      if (size < bestGrowth) {
        best = operation;
        bestGrowth = size;
      }
    }
    if (!best) throw new Error('the operations depend on each other in a cycle');
    waiting.delete(best);
    operations.push(best);
    for (const value of new Set(inputsOf(best))) readersLeft.set(value, (readersLeft.get(value) ?? 0) - 1);
  }
  return { ...shaped, program: { ...program, operations } };
}
