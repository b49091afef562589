/** What the compiler needs for integers: a separate module, so that float programs need not load it. */
import type { RangesError, StoredRanges } from '../../quantization.ts';
import { decodeRanges } from '../../weights/ranges-file.ts';
import { elementBytes, type Step } from '../assign-storage.ts';
import type { KernelWriter } from '../emit/kernel-writer.ts';
import type { Optimization } from '../optimize.ts';
import type { PackedByteChannels, PackedIntegers, Packer } from '../pack-weights.ts';
import type { Program } from '../program.ts';
import { emitByteBorder, emitCopyBytes, emitDequantize, emitIntegerMaxPool, emitQuantize } from './emit-bytes.ts';
import { emitIntegerConvolution } from './emit-integer-convolution.ts';
import { emitIntegerDepthwise } from './emit-integer-depthwise.ts';
import { packIntegers } from './pack-integers.ts';
import { quantizeProgram } from './quantize-program.ts';

export interface IntegerCompiler {
  /** Throws `RangesError` for ranges that are invalid or do not fit the program. */
  readonly quantize: (program: Program, ranges: StoredRanges, RangesError: RangesError) => Program;
  readonly packIntegers: (
    packer: Packer,
    program: Program,
    enabled: ReadonlySet<Optimization>,
    relaxed: boolean,
  ) => PackedIntegers;
  /** Writes a step's kernel; false if it is a float step. */
  readonly emitIntegerStep: (writer: KernelWriter, step: Step, packed: PackedIntegers) => boolean;
}

export const integerCompiler: IntegerCompiler = {
  quantize: (program, ranges, RangesError) => quantizeProgram(program, decodeRanges(ranges, RangesError), RangesError),
  packIntegers,
  emitIntegerStep,
};

function emitIntegerStep(writer: KernelWriter, step: Step, packed: PackedIntegers): boolean {
  if (step.kind === 'clearBorder') {
    const isBytes = elementBytes(step.buffer) === 1;
    if (isBytes) emitByteBorder(writer, step, packed.borders.get(step.buffer.name));
    return isBytes;
  }
  const { operation, inputs, outputs, padding } = step;
  const [input] = inputs;
  const [output] = outputs;
  switch (operation.kind) {
    case 'integerConvolution': {
      const convolution = packed.convolutions.get(operation.name);
      if (!convolution) throw new Error(`the weights of '${operation.name}' are not packed`);
      emitIntegerConvolution(writer, operation, convolution, { input, residual: inputs[1], outputs, padding });
      return true;
    }
    case 'integerDepthwise':
      emitIntegerDepthwise(writer, operation, channelsOf(packed, operation.name), input, output, padding);
      return true;
    case 'integerMaxPool':
      emitIntegerMaxPool(writer, operation, input, output, padding);
      return true;
    case 'quantize':
      emitQuantize(writer, operation, channelsOf(packed, operation.name), input, output);
      return true;
    case 'dequantize':
      emitDequantize(writer, operation, channelsOf(packed, operation.name), input, output);
      return true;
    case 'copy':
      if (elementBytes(output.buffer) === 4) return false;
      emitCopyBytes(writer, input, output);
      return true;
    default:
      return false;
  }
}

function channelsOf({ channels }: PackedIntegers, name: string): PackedByteChannels {
  const found = channels.get(name);
  if (!found) throw new Error(`the weights of '${name}' are not packed`);
  return found;
}
