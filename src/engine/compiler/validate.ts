/**
 * The rules that hold between all passes. Checked after each of them if `validate` is on (in the tests), so that a
 * broken pass is named at once instead of showing up as wrong numbers.
 */
import { largestChunk, MAX_CHUNK_WEIGHTS } from './integers/quantize-weights.ts';
import {
  type Convolution,
  type IntegerConvolution,
  inputsOf,
  type Operation,
  outputsOf,
  type Program,
} from './program.ts';

/** Thrown if a pass has broken the program: a mistake in the compiler, never its user's. */
export class InvalidProgramError extends Error {
  override readonly name = 'InvalidProgramError';
}

export function validateProgram(program: Program, pass: string): void {
  const fail = (reason: string): never => {
    throw new InvalidProgramError(`after pass '${pass}': ${reason}`);
  };
  const written = new Set([program.input]);
  const names = new Set<string>();
  for (const operation of program.operations) {
    if (names.has(operation.name)) fail(`two operations are called '${operation.name}'`);
    names.add(operation.name);
    for (const input of inputsOf(operation)) {
      if (!written.has(input)) fail(`'${operation.name}' reads '${input}' before it is written`);
    }
    for (const output of outputsOf(operation)) {
      if (written.has(output)) fail(`'${operation.name}' writes '${output}', which was written before`);
      written.add(output);
    }
    const form = problemWithForms(operation, program);
    if (form) fail(`'${operation.name}' (${operation.kind}): ${form}`);
    const problem = problemWith(operation);
    if (problem) fail(`'${operation.name}' (${operation.kind}): ${problem}`);
  }
  for (const output of program.outputs) {
    if (!written.has(output)) fail(`output '${output}' is never written`);
  }
}

/** Whether there are as many weights as expected, or none because they have been packed. */
function fits(weights: Float32Array | Int8Array, wanted: number): boolean {
  return weights.length === wanted || weights.length === 0;
}

/** Values are read in the form, bytes or floats, in which they are written. */
function problemWithForms(operation: Operation, { zeroPoints }: Program): string | undefined {
  const isBytes = (value: string): boolean => zeroPoints?.has(value) ?? false;
  const outputs = outputsOf(operation).map(isBytes);
  const inputs = inputsOf(operation).map(isBytes);
  switch (operation.kind) {
    case 'quantize':
      return !inputs[0] && outputs[0] ? undefined : 'must turn floats to bytes';
    case 'dequantize':
      return inputs[0] && !outputs[0] ? undefined : 'must turn bytes to floats';
    case 'integerConvolution': {
      const fitting = operation.outputs.every((output, i) => (output.zeroPoints !== undefined) === outputs[i]);
      return inputs.every(Boolean) && fitting ? undefined : 'must read bytes';
    }
    case 'integerDepthwise':
    case 'integerMaxPool':
      return inputs[0] && outputs[0] ? undefined : 'must read and write bytes';
    case 'concatenate':
    case 'copy':
      return inputs.every((input) => input === outputs[0]) ? undefined : 'joins bytes and floats';
    default:
      return [...inputs, ...outputs].some(Boolean) ? 'is float but has bytes' : undefined;
  }
}

function problemWithWeights({
  kernel: [rows, columns],
  inputChannels,
  outputs,
  weights,
  bias,
}: Convolution | IntegerConvolution): string | undefined {
  const channels = outputs.reduce((sum, output) => sum + output.channels, 0);
  if (channels !== bias.length) return `${channels} output channels but ${bias.length} biases`;
  return fits(weights, rows * columns * inputChannels * channels) ? undefined : 'wrong number of weights';
}

function problemWith(operation: Operation): string | undefined {
  switch (operation.kind) {
    case 'convolution': {
      const problem = problemWithWeights(operation);
      if (problem !== undefined) return problem;
      if (operation.residual !== undefined && (operation.outputs.length !== 1 || operation.outputs[0].mirrored)) {
        return 'a residual needs a single plain output';
      }
      for (const { activation, channels: count } of operation.outputs) {
        if (activation.kind === 'prelu' && activation.alphas.length !== count) return 'wrong number of PReLU factors';
      }
      return undefined;
    }
    case 'integerConvolution': {
      const problem = problemWithWeights(operation);
      if (problem !== undefined) return problem;
      const channels = operation.bias.length;
      const columns = operation.kernel[1];
      const run = operation.needsDenseInput ? columns * operation.inputChannels : operation.inputChannels;
      for (let channel = 0; channel < channels && operation.weights.length > 0; channel++) {
        const own = operation.weights.filter((_, i) => i % channels === channel);
        if (largestChunk(own, run) > MAX_CHUNK_WEIGHTS) return `sums of chunks of channel ${channel} exceed 16 bits`;
      }
      for (const { channels: count, mirrored, multipliers, zeroPoints } of operation.outputs) {
        const wanted = mirrored ? 2 * count : count;
        if (multipliers.length !== wanted) return 'wrong number of multipliers';
        if (zeroPoints && zeroPoints.length !== wanted) return 'wrong number of zero points';
      }
      return undefined;
    }
    case 'integerDepthwise': {
      const [rows, columns] = operation.kernel;
      const { channels, bias, multipliers, zeroPoints } = operation;
      if (!fits(operation.weights, rows * columns * channels)) return 'wrong number of weights';
      if ([bias, multipliers, zeroPoints].some(({ length }) => length !== channels)) return 'wrong number of channels';
      return undefined;
    }
    case 'depthwise': {
      const [rows, columns] = operation.kernel;
      if (!fits(operation.weights, rows * columns * operation.channels)) return 'wrong number of weights';
      if (operation.bias.length !== operation.channels) return 'wrong number of biases';
      return undefined;
    }
    case 'add':
    case 'concatenate':
      return operation.inputs.length === 0 ? 'no inputs' : undefined;
    default:
      return undefined;
  }
}
