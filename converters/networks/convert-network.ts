import { WeightFormatError } from '../../src/errors.ts';
import type { NamedTensor, StateDict } from '../tensor.ts';
import type { ConvertedNetwork } from './converted-network.ts';
import { convertFaceboxes } from './faceboxes.ts';
import { convertMobilenetV1 } from './mobilenet-v1.ts';
import { convertMobilenetV3 } from './mobilenet-v3.ts';
import { convertResnet22 } from './resnet22.ts';

/** What tells the architectures apart: each has a module of a name that the others have not. */
const ARCHITECTURES: readonly {
  readonly module: RegExp;
  readonly convert: (stateDict: StateDict, file: string) => ConvertedNetwork;
}[] = [
  { module: /^dw\d_\d\./, convert: convertMobilenetV1 },
  { module: /^features\.\d+\.conv\.\d/, convert: convertMobilenetV3 },
  { module: /^layer\d\.\d/, convert: convertResnet22 },
  { module: /^(inception\d|loc|conf)\./, convert: convertFaceboxes },
];

/**
 * Turns the state dict of a torch network into a tfjs Layers artifact with BatchNorm folded in. Recognises FaceBoxes,
 * MobileNet-V1 (any width multiplier, ReLU or PReLU), MobileNet-V3 (small or large, any width multiplier) and ResNet22, and the regressors' number of outputs, from the tensors.
 *
 * A `module.` before every name (DataParallel's) is stripped; counters of BatchNorm and the landmark head `fc_lm`, which
 * only training uses, are left out; the regressors' last layer may be called `fc`, `fc_param` or `conv_param`.
 * @param options.file - name for error messages.
 * @throws WeightFormatError where the architecture is none of these, or naming the tensor that is missing, unexpected,
 *   misshapen or not finite.
 */
export function convertNetwork(stateDict: StateDict, { file }: { readonly file: string }): ConvertedNetwork {
  const tensors = new Map<string, NamedTensor>();
  for (const [fullName, tensor] of stateDict) {
    const name = fullName.replace(/^module\./, '');
    if (name.endsWith('.num_batches_tracked') || name.startsWith('fc_lm.')) continue;
    if (tensors.has(name)) {
      throw new WeightFormatError(file, "is there twice, with and without 'module.'", { tensor: name });
    }
    tensors.set(name, tensor);
  }
  const names = [...tensors.keys()];
  const architecture = ARCHITECTURES.find(({ module }) => names.some((name) => module.test(name)));
  if (architecture === undefined) {
    const found = names.length === 0 ? 'no tensors' : `tensors ${names.slice(0, 3).join(', ')}, …`;
    throw new WeightFormatError(file, 'the network is not recognised', {
      expected: 'the tensors of a MobileNet-V1, MobileNet-V3, ResNet22 or FaceBoxes',
      actual: found,
    });
  }
  return architecture.convert(tensors, file);
}
