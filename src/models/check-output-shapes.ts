import type { NetworkOutput } from '../engine/engine.ts';
import { WeightFormatError } from '../errors.ts';

/**
 * Checks that a network's outputs match its role.
 * @param shapes - of its outputs.
 * @param file - what the network is, for the message.
 * @param problem - what is wrong with it if they do not match.
 * @throws WeightFormatError
 */
export function checkOutputShapes(
  outputs: readonly NetworkOutput[],
  shapes: readonly (readonly number[])[],
  file: string,
  problem: string,
): void {
  const expected = describe(shapes);
  const actual = describe(outputs.map(({ shape }) => shape));
  if (actual !== expected) throw new WeightFormatError(file, problem, { expected, actual });
}

function describe(shapes: readonly (readonly number[])[]): string {
  return shapes.map((shape) => `[${shape.join(', ')}]`).join(' ');
}
