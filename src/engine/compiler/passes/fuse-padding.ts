/**
 * Pass, fuse-padding. Before: ZeroPadding2D is a separate operation. After: convolutions and pools that read a padded
 * value read the value itself and do their own padding; paddings that are no longer read are gone.
 */
import { findUses, type Operation, type Padding, type Program, replaceOperations } from '../program.ts';

export function fusePadding(program: Program): Program {
  const uses = findUses(program);
  const changes = new Map<Operation, Operation | null>();
  for (const pad of program.operations) {
    if (pad.kind !== 'pad') continue;
    // A padding of a padding: one at a time.
    if (uses.producers.get(pad.input)?.kind === 'pad') continue;
    let isUsed = program.outputs.includes(pad.output);
    for (const reader of uses.consumers.get(pad.output) ?? []) {
      const fused = withPadding(reader, pad.output, pad.input, pad.padding);
      if (fused) changes.set(reader, fused);
      else isUsed = true;
    }
    if (!isUsed) changes.set(pad, null);
  }
  return replaceOperations(program, changes);
}

function withPadding(reader: Operation, padded: string, input: string, padding: Padding): Operation | undefined {
  switch (reader.kind) {
    case 'pad':
      return { ...reader, input, padding: sum(reader.padding, padding) };
    case 'convolution':
      if (reader.padding === 'same' || reader.input !== padded || reader.residual === padded) return undefined;
      return { ...reader, input, padding: sum(reader.padding, padding) };
    case 'depthwise':
      if (reader.padding === 'same') return undefined;
      return { ...reader, input, padding: sum(reader.padding, padding) };
    case 'maxPool':
    case 'averagePool': {
      // The pool's own padding, if it has any, clips the window; added zeros do not.
      if (reader.padding === 'same' || (!isNone(reader.padding) && !reader.paddingIsZero)) return undefined;
      return { ...reader, input, padding: sum(reader.padding, padding), paddingIsZero: true };
    }
    default:
      return undefined;
  }
}

function sum(a: Padding, b: Padding): Padding {
  return { top: a.top + b.top, bottom: a.bottom + b.bottom, left: a.left + b.left, right: a.right + b.right };
}

function isNone({ top, bottom, left, right }: Padding): boolean {
  return top + bottom + left + right === 0;
}
