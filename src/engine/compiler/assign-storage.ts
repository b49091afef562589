/**
 * Pass 6, assign-storage. Before: a scheduled `ShapedProgram`. After: a list of `Step`s that refer to views instead of
 * values: each value is a region of a buffer. Buffers carry the zero border that their readers' windows reach into;
 * branches of a concatenation are regions of its buffer; a reshape is its input's region under another shape. Where
 * that is not possible, a copy step is inserted. Network outputs are dense.
 */
import { asPicture, type Shape, type ShapedProgram, sizeOf } from './infer-shapes.ts';
import type { Optimization } from './optimize.ts';
import {
  type Concatenate,
  findUses,
  inputsOf,
  NO_PADDING,
  type Operation,
  outputsOf,
  type Padding,
  type Reshape,
} from './program.ts';

/** Separate memory: a picture with a border of zeros. Sizes in pixels and numbers, for one image of the batch. */
export interface Buffer {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly border: Padding;
  /** For bytes: those that represent 0, by channel. Absent if the numbers are floats. */
  readonly zeroPoints?: Uint8Array;
}

/** A picture inside a buffer. All sizes in numbers, of 4 bytes or 1. */
export interface View {
  readonly buffer: Buffer;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** From the start of an image's share of the buffer to the picture's first number. */
  readonly offset: number;
  readonly pixelStride: number;
  readonly rowStride: number;
}

export type ComputeOperation = Exclude<Operation, Concatenate | Reshape>;

/** One step: a kernel over views, or filling a buffer's border with zeros. */
export type Step =
  | {
      readonly kind: 'compute';
      readonly operation: ComputeOperation;
      readonly inputs: readonly View[];
      readonly outputs: readonly View[];
      readonly padding: Padding;
    }
  | { readonly kind: 'clearBorder'; readonly buffer: Buffer };

export interface StoredProgram {
  readonly steps: readonly Step[];
  readonly input: View;
  readonly outputs: readonly { readonly view: View; readonly shape: Shape }[];
}

/** Bytes of one number. */
export function elementBytes({ zeroPoints }: Buffer): 1 | 4 {
  return zeroPoints ? 1 : 4;
}

/** Numbers between two rows of a buffer. */
export function rowNumbers({ border, width, channels }: Buffer): number {
  return (border.left + width + border.right) * channels;
}

/** Numbers of one image in a buffer, with its border. */
export function imageNumbers(buffer: Buffer): number {
  return (buffer.border.top + buffer.height + buffer.border.bottom) * rowNumbers(buffer);
}

/** Where a value lives inside another value; values without a placement have a buffer of their own. */
interface Placement {
  readonly parent: string;
  /** Axis of the parent's picture along which it is a part, or `all` of it under another shape. */
  readonly part: 'rows' | 'columns' | 'channels' | 'all';
  /** Where the part begins along that axis. */
  readonly start: number;
}

export function assignStorage(shaped: ShapedProgram, enabled: ReadonlySet<Optimization>): StoredProgram {
  const { program, shapes, paddings } = withSafeOutputs(shaped);
  const zeroPointsOf = (value: string): Pick<Buffer, 'zeroPoints'> => {
    const zeroPoints = program.zeroPoints?.get(value);
    return zeroPoints ? { zeroPoints } : {};
  };
  const borders = findBorders({ program, shapes, paddings });
  const placements = enabled.has('concatenate-in-place')
    ? placeValues({ program, shapes, paddings }, borders)
    : new Map<string, Placement>();

  const views = new Map<string, View>();
  const shapeOf = (value: string): Shape => shapes.get(value) ?? [];
  const viewOf = (value: string): View => {
    const known = views.get(value);
    if (known) return known;
    const [height, width, channels] = asPicture(shapeOf(value));
    const placement = placements.get(value);
    const view = placement
      ? partOf(viewOf(placement.parent), placement, [height, width, channels])
      : wholeOf({
          name: value,
          height,
          width,
          channels,
          border: borders.get(value) ?? NO_PADDING,
          ...zeroPointsOf(value),
        });
    views.set(value, view);
    return view;
  };

  const steps: Step[] = [];
  const copy = (name: string, from: View, to: View): void => {
    const operation: ComputeOperation = { kind: 'copy', name, input: '', output: '' };
    steps.push({ kind: 'compute', operation, inputs: [from], outputs: [to], padding: NO_PADDING });
  };
  const cleared = new Set<Buffer>();
  const clearBorderOf = ({ buffer }: View): void => {
    if (cleared.has(buffer)) return;
    cleared.add(buffer);
    if (!isNone(buffer.border)) steps.push({ kind: 'clearBorder', buffer });
  };
  clearBorderOf(viewOf(program.input));
  for (const operation of program.operations) {
    const outputs = outputsOf(operation).map(viewOf);
    for (const output of outputs) clearBorderOf(output);
    if (operation.kind === 'concatenate') {
      for (const [index, part] of concatenatedParts(operation, shapes).entries()) {
        const input = operation.inputs[index];
        const placement = placements.get(input);
        if (placement?.parent === operation.output && placement.start === part.start) continue;
        copy(`${operation.name}:${index}`, viewOf(input), partOf(outputs[0], part, asPicture(shapeOf(input))));
      }
    } else if (operation.kind === 'reshape') {
      if (placements.get(operation.input)?.parent === operation.output) continue;
      const source = viewOf(operation.input);
      const size = [source.height, source.width, source.channels] as const;
      const [target] = outputs;
      if (isDense(target)) copy(operation.name, source, denseView(target, size));
      else {
        // A target with a border: copied first as a run of numbers, then into place.
        const run = wholeOf({
          name: `${operation.name}:run`,
          height: 1,
          width: 1,
          channels: sizeOf(size),
          border: NO_PADDING,
        });
        copy(`${operation.name}:run`, source, denseView(run, size));
        copy(operation.name, denseView(run, [target.height, target.width, target.channels]), target);
      }
    } else {
      const inputs = inputsOf(operation).map(viewOf);
      steps.push({ kind: 'compute', operation, inputs, outputs, padding: paddings.get(operation) ?? NO_PADDING });
    }
  }
  return {
    steps,
    input: viewOf(program.input),
    outputs: program.outputs.map((value) => ({ view: viewOf(value), shape: shapeOf(value) })),
  };
}

/** Whether a picture's numbers are contiguous. */
export function isDense({ height, width, channels, pixelStride, rowStride }: View): boolean {
  return (width === 1 || pixelStride === channels) && (height === 1 || rowStride === width * channels);
}

/** Copies for outputs that cannot be dense or are the input itself. */
function withSafeOutputs(shaped: ShapedProgram): ShapedProgram {
  const { program } = shaped;
  const borders = findBorders(shaped);
  const shapes = new Map(shaped.shapes);
  const copies: Operation[] = [];
  const outputs = program.outputs.map((value, index) => {
    const isRepeated = program.outputs.indexOf(value) < index;
    if (value !== program.input && !borders.has(value) && !isRepeated) return value;
    const output = `${value}:output${index}`;
    copies.push({ kind: 'copy', name: output, input: value, output });
    shapes.set(output, shapes.get(value) ?? []);
    return output;
  });
  if (copies.length === 0) return shaped;
  return { ...shaped, shapes, program: { ...program, outputs, operations: [...program.operations, ...copies] } };
}

/** The border of zeros that each value's readers need; values without one are not in the map. */
function findBorders({ program, paddings }: ShapedProgram): Map<string, Padding> {
  const borders = new Map<string, Padding>();
  for (const operation of program.operations) {
    const padding = paddings.get(operation);
    if (!padding || isNone(padding) || !('kernel' in operation) || cutsWindow(operation)) continue;
    borders.set(operation.input, largest(borders.get(operation.input), padding));
  }
  return borders;
}

/** Whether an operation clips its window at the picture's edge instead of reading a border of zeros. */
export function cutsWindow(operation: Operation): boolean {
  return (operation.kind === 'maxPool' || operation.kind === 'averagePool') && !operation.paddingIsZero;
}

/**
 * Finds values that can live inside others: inputs of concatenations and reshapes, last operation first, so that the
 * outer value's place is settled before an inner one needs it. Adds the inner values' borders to the outer ones.
 */
function placeValues(
  { program, shapes }: ShapedProgram,
  borders: Map<string, Padding>,
): ReadonlyMap<string, Placement> {
  const placements = new Map<string, Placement>();
  const { producers } = findUses(program);
  /** Values in buffers of their own that can no longer get a border. */
  const borderless = new Set<string>(program.outputs);
  /** Values whose pixels must be contiguous. */
  const alone = new Set<string>();
  for (const operation of program.operations) {
    if (operation.kind === 'integerConvolution' && operation.needsDenseInput) alone.add(operation.input);
  }
  const rootOf = (value: string): string => {
    const placement = placements.get(value);
    return placement ? rootOf(placement.parent) : value;
  };
  const isDensePlace = (value: string): boolean => {
    const placement = placements.get(value);
    if (!placement) return !borders.has(value);
    if (!isDensePlace(placement.parent)) return false;
    const [height, width] = asPicture(shapes.get(placement.parent) ?? []);
    if (placement.part === 'channels') return height * width === 1;
    return placement.part !== 'columns' || height === 1;
  };
  const canHaveBorder = (value: string): boolean => {
    const placement = placements.get(value);
    if (!placement) return !borderless.has(value);
    return placement.part === 'channels' && canHaveBorder(placement.parent);
  };
  const place = (value: string, placement: Placement): void => {
    if (value === program.input || placements.has(value)) return;
    if (placement.part === 'channels' && alone.has(value)) return;
    const border = borders.get(value);
    if (border && !(placement.part === 'channels' && canHaveBorder(placement.parent))) return;
    placements.set(value, placement);
    // Reshapes write their target as a run of numbers, and outputs are read as one.
    const mustBeDense =
      placement.part === 'all' || producers.get(value)?.kind === 'reshape' || program.outputs.includes(value);
    if (mustBeDense && !isDensePlace(value)) {
      placements.delete(value);
      return;
    }
    const root = rootOf(value);
    if (mustBeDense) borderless.add(root);
    if (border) borders.set(root, largest(borders.get(root), border));
  };
  for (const operation of [...program.operations].reverse()) {
    if (operation.kind === 'reshape') {
      place(operation.input, { parent: operation.output, part: 'all', start: 0 });
    } else if (operation.kind === 'concatenate') {
      for (const [index, part] of concatenatedParts(operation, shapes).entries()) place(operation.inputs[index], part);
    }
  }
  return placements;
}

/** The places of a concatenation's inputs inside its output. */
function concatenatedParts({ inputs, output, axis }: Concatenate, shapes: ReadonlyMap<string, Shape>): Placement[] {
  const rank = (shapes.get(output) ?? []).length;
  const part = (['channels', 'columns', 'rows'] as const)[rank - 1 - axis];
  let start = 0;
  return inputs.map((input) => {
    const placement: Placement = { parent: output, part, start };
    start += (shapes.get(input) ?? [])[axis];
    return placement;
  });
}

function wholeOf(buffer: Buffer): View {
  const rowStride = rowNumbers(buffer);
  const { height, width, channels, border } = buffer;
  const offset = border.top * rowStride + border.left * channels;
  return { buffer, height, width, channels, offset, pixelStride: channels, rowStride };
}

function partOf(parent: View, { part, start }: Placement, size: readonly [number, number, number]): View {
  if (part === 'all') return denseView(parent, size);
  const step = { rows: parent.rowStride, columns: parent.pixelStride, channels: 1 }[part];
  const [height, width, channels] = size;
  return { ...parent, height, width, channels, offset: parent.offset + start * step };
}

/** A dense region seen as a picture of another shape. */
function denseView(region: View, [height, width, channels]: readonly [number, number, number]): View {
  return { ...region, height, width, channels, pixelStride: channels, rowStride: width * channels };
}

function largest(a: Padding = NO_PADDING, b: Padding = NO_PADDING): Padding {
  return {
    top: Math.max(a.top, b.top),
    bottom: Math.max(a.bottom, b.bottom),
    left: Math.max(a.left, b.left),
    right: Math.max(a.right, b.right),
  };
}

function isNone({ top, bottom, left, right }: Padding): boolean {
  return top + bottom + left + right === 0;
}
