import { TddfaError, WeightFormatError } from '../../src/errors.ts';
import {
  AVERAGE_COUNTER,
  type CheckpointState,
  chooseState,
  describeChoice,
  isAverageName,
} from '../checkpoint-states.ts';
import type { NamedTensor, StateDict } from '../tensor.ts';
import type { ConvertedNetwork } from './converted-network.ts';
import { convertFaceboxes } from './faceboxes.ts';
import { convertMobilenetV1 } from './mobilenet-v1.ts';
import { convertMobilenetV3 } from './mobilenet-v3.ts';
import { convertResnet22 } from './resnet22.ts';

/** A module's name, with anything before it. */
function network(module: string): RegExp {
  return new RegExp(`^(?<prefix>(?:[^.]+\\.)*?)${module}`);
}

/** What tells the architectures apart: each has a module of a name that the others have not. */
const ARCHITECTURES: readonly {
  readonly module: RegExp;
  readonly convert: (stateDict: StateDict, file: string) => ConvertedNetwork;
}[] = [
  { module: network('dw\\d_\\d\\.'), convert: convertMobilenetV1 },
  { module: network('features\\.\\d+\\.conv\\.\\d'), convert: convertMobilenetV3 },
  { module: network('layer\\d\\.\\d'), convert: convertResnet22 },
  { module: network('(inception\\d|loc|conf)\\.'), convert: convertFaceboxes },
];

/** Options of `convertNetwork`. */
export interface ConvertNetworkOptions {
  /** Name for error messages. */
  readonly file: string;
  /** Which of several networks is meant, as `ema`: what stands before the names of its tensors. */
  readonly state?: string | undefined;
  /** Names of other sets of weights in the file, for the message where there is none of that name. */
  readonly otherStates?: readonly string[];
  /** Called with each line that a user should know: which prefix was dropped, which tensors were left out. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

/**
 * Turns the state dict of a torch network into a tfjs Layers artifact with BatchNorm folded in. Recognises FaceBoxes,
 * MobileNet-V1 (any width multiplier, ReLU or PReLU), MobileNet-V3 (small or large, any width multiplier) and ResNet22, and the
 * regressors' number of outputs, from the tensors.
 *
 * What stands before the names of all tensors of the network (`module.`, `_orig_mod.`, `model.` …) is dropped; counters of
 * BatchNorm and the landmark head `fc_lm`, which only training uses, are left out; the regressors' last layer may be called
 * `fc`, `fc_param` or `conv_param`.
 * @throws WeightFormatError where the architecture is none of these, or naming the tensor that is missing, unexpected,
 *   misshapen or not finite; TddfaError where there is no state of the name that was asked for.
 */
export function convertNetwork(stateDict: StateDict, options: ConvertNetworkOptions): ConvertedNetwork {
  const { file, state, otherStates = [], onNotice } = options;
  const networks = findNetworks(stateDict);
  const chosen = chooseState(networks, state);
  if (networks.length === 0) {
    const names = [...stateDict.keys()];
    const found = names.length === 0 ? 'no tensors' : `tensors ${names.slice(0, 3).join(', ')}, …`;
    throw new WeightFormatError(file, 'the network is not recognised', {
      expected: 'the tensors of a MobileNet-V1, MobileNet-V3, ResNet22 or FaceBoxes',
      actual: found,
    });
  }
  if (chosen === undefined) {
    const names = [...otherStates, ...networks.map(({ name }) => name)].filter((name) => name !== '');
    const known =
      names.length === 0 ? 'all are of one network' : `there are ${names.map((name) => `'${name}'`).join(', ')}`;
    throw new TddfaError(`${file}: there are no weights called '${state}': ${known}`);
  }
  const { prefix, convert } = chosen.weights;
  const choice = networks.length > 1 ? describeChoice(chosen, networks) : undefined;
  if (choice !== undefined) onNotice?.(choice);
  else {
    if (prefix !== '') onNotice?.(`'${prefix}' before the names of the tensors left out`);
    if (chosen.isAverage) onNotice?.('the weights are running averages');
  }
  const tensors = new Map<string, NamedTensor>();
  const outside: string[] = [];
  for (const [fullName, tensor] of stateDict) {
    if (!fullName.startsWith(prefix)) {
      if (fullName.split('.').at(-1) !== AVERAGE_COUNTER) outside.push(fullName);
      continue;
    }
    // Averages may lie inside, as `ema.` beside plain names.
    if (networks.some(({ weights }) => weights.prefix.length > prefix.length && fullName.startsWith(weights.prefix))) {
      continue;
    }
    const name = fullName.slice(prefix.length);
    if (name.endsWith('num_batches_tracked') || name.startsWith('fc_lm.') || name === AVERAGE_COUNTER) continue;
    tensors.set(name, tensor);
  }
  const strangers = outside.filter((name) => !networks.some(({ weights }) => name.startsWith(weights.prefix)));
  if (strangers.length > 0) onNotice?.(`left out, as not of this network: ${shortened(strangers)}`);
  return convert(tensors, file);
}

interface PrefixedNetwork {
  /** With a dot at its end, or empty. */
  readonly prefix: string;
  readonly convert: (stateDict: StateDict, file: string) => ConvertedNetwork;
}

/** Every prefix under which there is a network. */
function findNetworks(stateDict: StateDict): CheckpointState<PrefixedNetwork>[] {
  const networks = new Map<string, PrefixedNetwork['convert']>();
  for (const { module, convert } of ARCHITECTURES) {
    for (const name of stateDict.keys()) {
      const prefix = module.exec(name)?.groups?.prefix;
      if (prefix !== undefined && !networks.has(prefix)) networks.set(prefix, convert);
    }
  }
  return [...networks].map(([prefix, convert]) => ({
    name: prefix.replace(/\.$/, ''),
    isAverage: isAverageName(prefix) || stateDict.has(`${prefix.replace(/[^.]*\.$/, '')}${AVERAGE_COUNTER}`),
    weights: { prefix, convert },
  }));
}

function shortened(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more tensors` : shown;
}
