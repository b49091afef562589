/**
 * Pass, fold-batch-norm. Before: 1 x 1 depthwise operations (BatchNormalization, or a scale and shift by any other
 * name) may follow convolutions. After: if a linear convolution feeds nothing else, its weights and bias contain them.
 */
import {
  type Convolution,
  type Depthwise,
  findUses,
  isChannelScale,
  type Operation,
  type Program,
  replaceOperations,
  soleConsumer,
} from '../program.ts';

export function foldBatchNorm(program: Program): Program {
  let result = program;
  // One at a time: a fold may make room for the next (convolution, BatchNormalization, BatchNormalization).
  for (let changes = findFold(result); changes; changes = findFold(result)) result = replaceOperations(result, changes);
  return result;
}

function findFold(program: Program): Map<Operation, Operation | null> | undefined {
  const uses = findUses(program);
  for (const scale of program.operations) {
    if (scale.kind !== 'depthwise' || !isChannelScale(scale)) continue;
    const before = uses.producers.get(scale.input);
    if (soleConsumer(program, uses, scale.input) !== scale) continue;
    if (before?.kind === 'convolution' && isPlain(before)) {
      return new Map<Operation, Operation | null>([
        [before, foldIntoConvolution(before, scale)],
        [scale, null],
      ]);
    }
    if (before?.kind === 'depthwise' && before.activation.kind === 'linear') {
      return new Map<Operation, Operation | null>([
        [before, foldIntoDepthwise(before, scale)],
        [scale, null],
      ]);
    }
  }
  return undefined;
}

function isPlain({ outputs, residual }: Convolution): boolean {
  const [output] = outputs;
  return outputs.length === 1 && !output.mirrored && output.activation.kind === 'linear' && residual === undefined;
}

function foldIntoConvolution(convolution: Convolution, scale: Depthwise): Convolution {
  const channels = convolution.bias.length;
  const weights = new Float32Array(convolution.weights.length);
  for (let i = 0; i < weights.length; i += channels) {
    for (let c = 0; c < channels; c++) weights[i + c] = convolution.weights[i + c] * scale.weights[c];
  }
  const bias = convolution.bias.map((value, c) => value * scale.weights[c] + scale.bias[c]);
  const [output] = convolution.outputs;
  return { ...convolution, weights, bias, outputs: [{ ...output, value: scale.output, activation: scale.activation }] };
}

function foldIntoDepthwise(depthwise: Depthwise, scale: Depthwise): Depthwise {
  const { channels } = depthwise;
  return {
    ...depthwise,
    output: scale.output,
    weights: depthwise.weights.map((value, i) => value * scale.weights[i % channels]),
    bias: depthwise.bias.map((value, c) => value * scale.weights[c] + scale.bias[c]),
    activation: scale.activation,
  };
}
