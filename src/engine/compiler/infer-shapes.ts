/**
 * Pass 4, infer-shapes. Before: a `Program` for any picture size. After: for one size, the shape of every value, and
 * every window with its padding as numbers. Shapes omit the batch.
 */
import { UnsupportedLayerError } from '../../errors.ts';
import { type Operation, outputsOf, type Padding, type Program, type Window } from './program.ts';

/** Shape of one image's values: one to three axes. */
export type Shape = readonly number[];

/** Maximum numbers per value and image: 1 GiB of them. WebAssembly has 4 GiB in total. */
const MAX_VALUE_ELEMENTS = 2 ** 28;

export interface ShapedProgram {
  readonly program: Program;
  readonly shapes: ReadonlyMap<string, Shape>;
  /** Padding of each operation that has a window. */
  readonly paddings: ReadonlyMap<Operation, Padding>;
}

/**
 * @param inputShape - `[height, width, channels]` of one image.
 * @throws RangeError if the network does not accept this size; UnsupportedLayerError if a layer does not accept its
 *   input's shape.
 */
export function inferShapes(program: Program, inputShape: readonly [number, number, number]): ShapedProgram {
  for (const [axis, size] of inputShape.entries()) {
    const expected = program.inputShape[axis];
    if (!Number.isSafeInteger(size) || size < 1 || (expected !== null && expected !== size)) {
      const wanted = program.inputShape.map((value) => value ?? 'any').join(' x ');
      throw new RangeError(
        `the network takes images of ${wanted} (height x width x channels), got ${inputShape.join(' x ')}`,
      );
    }
  }
  const shapes = new Map<string, Shape>([[program.input, inputShape]]);
  const paddings = new Map<Operation, Padding>();
  const shapeOf = (value: string): Shape => {
    const shape = shapes.get(value);
    if (!shape) throw new Error(`value '${value}' has no shape yet`);
    return shape;
  };
  for (const operation of program.operations) {
    const refuse = (reason: string): never => {
      throw new UnsupportedLayerError(operation.name, operation.kind, reason);
    };
    switch (operation.kind) {
      case 'convolution':
      case 'integerConvolution': {
        const input = shapeOf(operation.input);
        const channels = input[input.length - 1];
        if (channels !== operation.inputChannels)
          refuse(`expects ${operation.inputChannels} channels, got ${channels}`);
        let leading: Shape;
        if (input.length === 3) {
          const { size, padding } = slide(input, operation, refuse);
          leading = size;
          paddings.set(operation, padding);
        } else {
          leading = input.slice(0, -1);
          paddings.set(operation, { top: 0, bottom: 0, left: 0, right: 0 });
        }
        for (const { value, channels: count, mirrored } of operation.outputs) {
          shapes.set(value, [...leading, mirrored ? 2 * count : count]);
        }
        if (operation.residual !== undefined) {
          const output = shapeOf(operation.outputs[0].value);
          const residual = shapeOf(operation.residual);
          if (residual.join() !== output.join()) refuse(`cannot add shapes [${residual}] and [${output}]`);
        }
        break;
      }
      case 'depthwise':
      case 'integerDepthwise': {
        const input = shapeOf(operation.input);
        const channels = input[input.length - 1];
        if (channels !== operation.channels) refuse(`expects ${operation.channels} channels, got ${channels}`);
        if (input.length === 3) {
          const { size, padding } = slide(input, operation, refuse);
          paddings.set(operation, padding);
          shapes.set(operation.output, [...size, channels]);
        } else {
          paddings.set(operation, { top: 0, bottom: 0, left: 0, right: 0 });
          shapes.set(operation.output, input);
        }
        break;
      }
      case 'maxPool':
      case 'integerMaxPool':
      case 'averagePool': {
        const input = pictureShape(shapeOf(operation.input), refuse);
        const { size, padding } = slide(input, operation, refuse);
        paddings.set(operation, padding);
        shapes.set(operation.output, [...size, input[2]]);
        break;
      }
      case 'globalAverage':
        shapes.set(operation.output, [pictureShape(shapeOf(operation.input), refuse)[2]]);
        break;
      case 'pad': {
        const [height, width, channels] = pictureShape(shapeOf(operation.input), refuse);
        const { top, bottom, left, right } = operation.padding;
        shapes.set(operation.output, [height + top + bottom, width + left + right, channels]);
        break;
      }
      case 'activate': {
        const shape = shapeOf(operation.input);
        const { activation } = operation;
        if (activation.kind === 'prelu' && activation.alphas.length !== shape[shape.length - 1]) {
          refuse(`has ${activation.alphas.length} factors for ${shape[shape.length - 1]} channels`);
        }
        shapes.set(operation.output, shape);
        break;
      }
      case 'elementPrelu': {
        const shape = shapeOf(operation.input);
        if (operation.alphaShape.join() !== shape.join()) {
          refuse(`factors of shape [${operation.alphaShape}] do not fit an input of shape [${shape}]`);
        }
        shapes.set(operation.output, shape);
        break;
      }
      case 'add': {
        const [first, ...others] = operation.inputs.map(shapeOf);
        for (const other of others) {
          if (other.join() !== first.join()) refuse(`cannot add shapes [${first}] and [${other}]`);
        }
        shapes.set(operation.output, first);
        break;
      }
      case 'multiply': {
        const [first, second] = operation.inputs.map(shapeOf);
        const isPerChannel = first.length === second.length && second.join() === perChannelOf(first).join();
        if (second.join() !== first.join() && !isPerChannel)
          refuse(`cannot multiply shapes [${first}] and [${second}]`);
        shapes.set(operation.output, first);
        break;
      }
      case 'concatenate': {
        const [first, ...others] = operation.inputs.map(shapeOf);
        const { axis } = operation;
        let total = first[axis];
        for (const other of others) {
          const fits = other.length === first.length && other.every((size, i) => i === axis || size === first[i]);
          if (!fits) refuse(`cannot join shapes [${first}] and [${other}] along axis ${axis + 1}`);
          total += other[axis];
        }
        shapes.set(
          operation.output,
          first.map((size, i) => (i === axis ? total : size)),
        );
        break;
      }
      case 'reshape': {
        const count = sizeOf(shapeOf(operation.input));
        const { targetShape } = operation;
        if (targetShape === 'flat') {
          shapes.set(operation.output, [count]);
          break;
        }
        const known = sizeOf(targetShape.filter((size) => size !== -1));
        const shape = targetShape.map((size) => (size === -1 ? count / known : size));
        if (sizeOf(shape) !== count || !shape.every(Number.isInteger)) {
          refuse(`cannot make [${targetShape}] of [${shapeOf(operation.input)}]`);
        }
        shapes.set(operation.output, shape);
        break;
      }
      case 'softmax':
      case 'copy':
      case 'quantize':
      case 'dequantize':
        shapes.set(operation.output, shapeOf(operation.input));
        break;
    }
    for (const output of outputsOf(operation)) {
      const shape = shapeOf(output);
      if (!(sizeOf(shape) <= MAX_VALUE_ELEMENTS)) refuse(`gives more numbers than fit into memory: [${shape}]`);
    }
  }
  return { program, shapes, paddings };
}

/** The shape that has one number per channel of `shape`. */
function perChannelOf(shape: Shape): Shape {
  return shape.map((size, axis) => (axis === shape.length - 1 ? size : 1));
}

/** Numbers in a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A shape as rows, columns and channels; missing leading axes are 1. */
export function asPicture(shape: Shape): readonly [number, number, number] {
  const channels = shape[shape.length - 1] ?? 1;
  const width = shape[shape.length - 2] ?? 1;
  const height = shape[shape.length - 3] ?? 1;
  return [height, width, channels];
}

function pictureShape(shape: Shape, refuse: (reason: string) => never): readonly [number, number, number] {
  const [height, width, channels] = shape;
  return shape.length === 3 ? [height, width, channels] : refuse(`needs a picture, got shape [${shape}]`);
}

/** Rows and columns of a window's result, and its padding. */
function slide(
  input: Shape,
  { kernel, strides, padding }: Window,
  refuse: (reason: string) => never,
): { size: readonly [number, number]; padding: Padding } {
  const rows = alongAxis(input[0], kernel[0], strides[0], padding === 'same' ? padding : [padding.top, padding.bottom]);
  const columns = alongAxis(
    input[1],
    kernel[1],
    strides[1],
    padding === 'same' ? padding : [padding.left, padding.right],
  );
  if (rows.size < 1 || columns.size < 1) {
    refuse(`a window of ${kernel.join(' x ')} does not fit an input of ${input[0]} x ${input[1]}`);
  }
  return {
    size: [rows.size, columns.size],
    padding: { top: rows.before, bottom: rows.after, left: columns.before, right: columns.after },
  };
}

function alongAxis(
  size: number,
  kernel: number,
  stride: number,
  padding: 'same' | readonly [number, number],
): { size: number; before: number; after: number } {
  if (padding === 'same') {
    // TensorFlow's rule: as much as is needed, an odd one at the end.
    const result = Math.ceil(size / stride);
    const needed = Math.max((result - 1) * stride + kernel - size, 0);
    const before = Math.floor(needed / 2);
    return { size: result, before, after: needed - before };
  }
  const [before, after] = padding;
  return { size: Math.floor((size + before + after - kernel) / stride) + 1, before, after };
}
