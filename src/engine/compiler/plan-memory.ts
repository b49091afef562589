/**
 * Pass 7, plan-memory. Before: steps over buffers. After: every buffer has an offset in the arena such that no two that
 * are needed at the same time overlap. Offsets and sizes are for one image; a batch of n multiplies both by n, which
 * keeps them apart, so that one module runs every batch size.
 */
import { type Buffer, elementBytes, imageNumbers, type Step, type StoredProgram } from './assign-storage.ts';

/** Buffers start at multiples of a cache line. */
const ALIGNMENT_BYTES = 64;

export interface MemoryPlan {
  /** Bytes from the start of the arena, for a batch of one. */
  readonly offsets: ReadonlyMap<Buffer, number>;
  /** Bytes of the arena for a batch of one. */
  readonly arenaBytes: number;
}

interface Lifetime {
  readonly buffer: Buffer;
  readonly bytes: number;
  first: number;
  last: number;
}

/** @param reuse - whether buffers that are not needed at the same time may share memory. */
export function planMemory(stored: StoredProgram, reuse: boolean): MemoryPlan {
  const lifetimes = findLifetimes(stored);
  // Large ones first: the small ones then fit into the gaps.
  const order = reuse ? [...lifetimes].sort((a, b) => b.bytes - a.bytes || a.first - b.first) : lifetimes;
  const placed: { lifetime: Lifetime; offset: number }[] = [];
  for (const lifetime of order) {
    const neighbours = reuse
      ? placed.filter((other) => other.lifetime.first <= lifetime.last && lifetime.first <= other.lifetime.last)
      : placed;
    neighbours.sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of neighbours) {
      if (offset + lifetime.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.lifetime.bytes);
    }
    placed.push({ lifetime, offset });
  }
  return {
    offsets: new Map(placed.map(({ lifetime, offset }) => [lifetime.buffer, offset])),
    arenaBytes: placed.reduce((end, { lifetime, offset }) => Math.max(end, offset + lifetime.bytes), 0),
  };
}

/** From the step that first writes a buffer to the last one that reads it. The input is available before all steps. */
function findLifetimes({ steps, input, outputs }: StoredProgram): Lifetime[] {
  const lifetimes = new Map<Buffer, Lifetime>();
  const touch = (buffer: Buffer, time: number): void => {
    const lifetime = lifetimes.get(buffer);
    if (!lifetime) lifetimes.set(buffer, { buffer, bytes: bufferBytes(buffer), first: time, last: time });
    else {
      lifetime.first = Math.min(lifetime.first, time);
      lifetime.last = Math.max(lifetime.last, time);
    }
  };
  touch(input.buffer, -1);
  for (const [time, step] of steps.entries()) for (const buffer of buffersOf(step)) touch(buffer, time);
  for (const { view } of outputs) touch(view.buffer, steps.length);
  return [...lifetimes.values()];
}

function buffersOf(step: Step): Buffer[] {
  return step.kind === 'clearBorder' ? [step.buffer] : [...step.inputs, ...step.outputs].map(({ buffer }) => buffer);
}

/** Bytes of one image's share of a buffer. */
export function bufferBytes(buffer: Buffer): number {
  return Math.ceil((imageNumbers(buffer) * elementBytes(buffer)) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
