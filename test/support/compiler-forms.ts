/** What the compiler made of a network: which rewrites changed it, and which kernel forms were emitted. */
import type { Step } from '../../src/engine/compiler/assign-storage.ts';
import type { CompiledModule, CompiledNetwork } from '../../src/engine/compiler/compile.ts';
import { isSplitByPanels } from '../../src/engine/compiler/emit/convolution.ts';
import { lowerGraph } from '../../src/engine/compiler/lower.ts';
import { optimizeProgram, REWRITE_NAMES } from '../../src/engine/compiler/optimize.ts';
import type { PackedWeights } from '../../src/engine/compiler/pack-weights.ts';
import { parseLayersArtifact } from '../../src/engine/compiler/parse.ts';
import { type Activation, LINEAR, type Padding } from '../../src/engine/compiler/program.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';

type ComputeStep = Extract<Step, { kind: 'compute' }>;

/** Each rewrite with each kind of operation that it changed or inserted. */
export function rewritesOf(artifact: LayersArtifact): string[] {
  let program = lowerGraph(parseLayersArtifact(artifact));
  const fired: string[] = [];
  for (const name of REWRITE_NAMES) {
    const before = new Set(program.operations);
    program = optimizeProgram(program, new Set([name]));
    for (const operation of program.operations) if (!before.has(operation)) fired.push(`${name}: ${operation.kind}`);
  }
  return fired;
}

/** All possible results of `rewritesOf`. */
export const REWRITES = [
  'fold-batch-norm: convolution',
  'fold-batch-norm: depthwise',
  ...['convolution', 'depthwise', 'maxPool', 'averagePool', 'pad'].map((kind) => `fuse-padding: ${kind}`),
  'fuse-crelu: convolution',
  'fuse-residual: convolution',
  'fuse-hard-swish: activate',
  ...['convolution', 'depthwise', 'add', 'multiply'].map((kind) => `fuse-activation: ${kind}`),
  'zero-pad-max-pool: maxPool',
  'commute-average-pool: convolution',
  'commute-average-pool: depthwise',
  'merge-convolutions: convolution',
];

/** Forms of the kernels in a module. */
export function kernelFormsOf({ stored }: CompiledModule, { weights }: CompiledNetwork): string[] {
  return stored.steps.flatMap((step) =>
    step.kind === 'clearBorder'
      ? ['clearBorder']
      : formsOf(step, weights).map((form) => `${step.operation.kind}: ${form}`),
  );
}

const FUNCTIONS: readonly Activation['kind'][] = ['relu', 'leakyRelu', 'prelu', 'hardSigmoid', 'hardSwish'];
const ACTIVATIONS: readonly Activation['kind'][] = ['linear', ...FUNCTIONS, 'sigmoid', 'tanh'];

/** All possible results of `kernelFormsOf` for small networks; large ones have more sizes, see networks.test.ts. */
export const KERNEL_FORMS = [
  'clearBorder',
  ...[
    ...['by panels', 'by rows', 'panels of 12', 'panels of 8', 'panels of 4', 'part of a panel'],
    ...[
      'shortcut',
      'mirrored',
      'several outputs',
      'taps in one row',
      'taps in rows',
      'taps side by side',
      'taps apart',
    ],
    ...['padded', ...ACTIVATIONS],
  ].map((form) => `convolution: ${form}`),
  ...['stride 1', 'stride over 1', 'taps in one row', 'taps in rows', 'padded'].map((form) => `depthwise: ${form}`),
  ...['linear', ...FUNCTIONS].map((form) => `depthwise: ${form}`),
  ...['maxPool', 'averagePool'].flatMap((kind) => ['cut', 'unrolled', 'in loops'].map((form) => `${kind}: ${form}`)),
  'globalAverage: ',
  'pad: ',
  'elementPrelu: ',
  ...['of a run', 'of pixels', ...FUNCTIONS, 'sigmoid', 'tanh'].map((form) => `activate: ${form}`),
  ...['of a run', 'of pixels', 'linear', 'relu', 'leakyRelu', 'prelu', 'hardSwish'].map((form) => `add: ${form}`),
  ...['of a run', 'of pixels', 'by factors of channels', 'linear', ...FUNCTIONS].map((form) => `multiply: ${form}`),
  ...['of a run', 'of pixels'].map((form) => `copy: ${form}`),
  'softmax: pairs',
  'softmax: any',
];

function formsOf(step: ComputeStep, weights: PackedWeights): string[] {
  const { operation, inputs, outputs, padding } = step;
  const [input] = inputs;
  const [output] = outputs;
  switch (operation.kind) {
    case 'convolution': {
      const { kernel, inputChannels } = operation;
      const isContiguous = kernel[1] === 1 || input.pixelStride === inputChannels;
      const groups = weights.convolutions.get(operation.name) ?? [];
      return [
        isSplitByPanels(operation, input) ? 'by panels' : 'by rows',
        ...groups.map(({ width }) => `panels of ${width}`),
        ...(groups.some(({ channels, width }) => channels < width) ? ['part of a panel'] : []),
        ...(operation.residual === undefined ? [] : ['shortcut']),
        ...(operation.outputs.some(({ mirrored }) => mirrored) ? ['mirrored'] : []),
        ...(operation.outputs.length > 1 ? ['several outputs'] : []),
        ...tapRows(kernel),
        isContiguous ? 'taps side by side' : 'taps apart',
        ...padded(padding),
        ...operation.outputs.map(({ activation }) => activation.kind),
      ];
    }
    case 'depthwise': {
      const stride = operation.strides[1] === 1 ? 'stride 1' : 'stride over 1';
      return [stride, ...tapRows(operation.kernel), ...padded(padding), operation.activation.kind];
    }
    case 'maxPool':
    case 'averagePool': {
      if (padded(padding).length > 0 && !operation.paddingIsZero) return ['cut'];
      return [operation.kernel[0] * operation.kernel[1] > 16 ? 'in loops' : 'unrolled'];
    }
    case 'activate':
    case 'add':
    case 'multiply':
    case 'copy': {
      const activation = operation.kind === 'copy' ? LINEAR : operation.activation;
      const pixels = output.height * output.width;
      const isSpread = inputs.some(({ height, width }) => height * width === 1 && pixels > 1);
      const isRun =
        activation.kind !== 'prelu' && [output, ...inputs].every(({ pixelStride }) => pixelStride === output.channels);
      const way = isSpread ? 'by factors of channels' : isRun ? 'of a run' : 'of pixels';
      return [way, ...(operation.kind === 'copy' ? [] : [activation.kind])];
    }
    case 'softmax':
      return [[output.channels, input.pixelStride, output.pixelStride].every((n) => n === 2) ? 'pairs' : 'any'];
    default:
      return [''];
  }
}

const tapRows = (kernel: readonly [number, number]): string[] => [kernel[0] === 1 ? 'taps in one row' : 'taps in rows'];

const padded = ({ top, bottom, left, right }: Padding): string[] => (top + bottom + left + right > 0 ? ['padded'] : []);

/** Forms of the integer kernels in a module. */
export function integerFormsOf({ stored }: CompiledModule, { weights }: CompiledNetwork): string[] {
  return stored.steps.flatMap((step) => {
    if (step.kind === 'clearBorder') {
      if (!step.buffer.zeroPoints) return [];
      return [weights.integers?.borders.has(step.buffer.name) ? 'border: of a pattern' : 'border: of one byte'];
    }
    return integerForms(step, weights).map((form) => `${step.operation.kind}: ${form}`);
  });
}

/** All possible results of `integerFormsOf`. */
export const INTEGER_FORMS = [
  'border: of a pattern',
  'border: of one byte',
  ...[
    ...['by panels', 'by rows', 'panels of 8', 'panels of 4', 'part of a panel', 'several outputs'],
    ...['shortcut', 'mirrored', 'bytes', 'floats', 'zero points', 'no zero points'],
    ...['rows of taps as steps', 'rows of taps as runs', 'tap by tap', 'taps in one row', 'taps in rows', 'padded'],
    ...['linear', 'relu', 'leakyRelu', 'prelu'],
    ...['steps by twos', 'a step alone', 'cut after rounding', 'cut before rounding'],
  ].map((form) => `integerConvolution: ${form}`),
  ...['stride 1', 'stride over 1', 'taps in one row', 'taps in rows', 'padded', 'zero points', 'no zero points'].map(
    (form) => `integerDepthwise: ${form}`,
  ),
  ...['rectified', 'not rectified', 'part of a vector', 'whole vectors'].map((form) => `integerDepthwise: ${form}`),
  ...['unrolled', 'in loops', 'padded'].map((form) => `integerMaxPool: ${form}`),
  ...['of a run', 'of pixels'].map((form) => `quantize: ${form}`),
  'dequantize: ',
  'copy: of bytes',
];

function integerForms({ operation, inputs, outputs, padding }: ComputeStep, weights: PackedWeights): string[] {
  const [input] = inputs;
  const [output] = outputs;
  switch (operation.kind) {
    case 'integerConvolution': {
      const packed = weights.integers?.convolutions.get(operation.name);
      const groups = packed?.groups ?? [];
      const { kernel, inputChannels } = operation;
      const isRun = kernel[1] === 1 || (input.pixelStride === inputChannels && inputChannels % 8 === 0);
      // Steps of four numbers; relaxed products take two at once.
      const steps = Math.ceil((packed?.rowsOfTaps ? kernel[1] * inputChannels : inputChannels) / 4);
      return [
        isSplitByPanels(operation, input) ? 'by panels' : 'by rows',
        ...groups.map(({ width }) => `panels of ${width}`),
        ...(groups.some(({ channels, width }) => channels < width) ? ['part of a panel'] : []),
        ...(operation.residual === undefined ? [] : ['shortcut']),
        ...(operation.outputs.some(({ mirrored }) => mirrored) ? ['mirrored'] : []),
        ...(operation.outputs.length > 1 ? ['several outputs'] : []),
        ...(steps > 1 ? ['steps by twos'] : []),
        ...(steps % 2 > 0 ? ['a step alone'] : []),
        ...groups
          .filter((group) => operation.outputs[group.output].zeroPoints !== undefined)
          .map(({ isBounded }) => (isBounded ? 'cut after rounding' : 'cut before rounding')),
        packed?.rowsOfTaps ? 'rows of taps as steps' : isRun ? 'rows of taps as runs' : 'tap by tap',
        ...tapRows(kernel),
        ...padded(padding),
        ...operation.outputs.flatMap(({ activation, zeroPoints }) => [
          activation.kind,
          zeroPoints ? 'bytes' : 'floats',
          ...(zeroPoints ? [someZero(zeroPoints)] : []),
        ]),
      ];
    }
    case 'integerDepthwise':
      return [
        operation.strides[1] === 1 ? 'stride 1' : 'stride over 1',
        ...tapRows(operation.kernel),
        ...padded(padding),
        someZero(operation.zeroPoints),
        operation.isRectified ? 'rectified' : 'not rectified',
        operation.channels % 8 > 0 ? 'part of a vector' : 'whole vectors',
      ];
    case 'integerMaxPool':
      return [operation.kernel[0] * operation.kernel[1] > 16 ? 'in loops' : 'unrolled', ...padded(padding)];
    case 'quantize': {
      const { scales, zeroPoints } = operation.quantization;
      const isAlike = new Set(scales).size === 1 && new Set(zeroPoints).size === 1;
      const isDense = [input, output].every(({ pixelStride }) => pixelStride === output.channels);
      return [isAlike && isDense ? 'of a run' : 'of pixels'];
    }
    case 'dequantize':
      return [''];
    case 'copy':
      return output.buffer.zeroPoints ? ['of bytes'] : [];
    default:
      return [];
  }
}

const someZero = (zeroPoints: Uint8Array): string =>
  zeroPoints.some((zero) => zero > 0) ? 'zero points' : 'no zero points';
