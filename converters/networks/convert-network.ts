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

/** A module's name, with any prefix. */
function network(module: string): RegExp {
  return new RegExp(`^(?<prefix>(?:[^.]+\\.)*?)${module}`);
}

/** What distinguishes the architectures: each has a module with a name that the others lack. */
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
  /** Which of several networks to use, such as `ema`: the prefix of its tensor names. */
  readonly state?: string | undefined;
  /** Names of other sets of weights in the file, for the message if there is none of that name. */
  readonly otherStates?: readonly string[];
  /** Called with each line of information for users: which prefix was dropped, which tensors were skipped. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

/**
 * Turns the state dict of a torch network into a tfjs Layers artifact with BatchNorm folded in. Recognises FaceBoxes,
 * MobileNet-V1 (any width multiplier, ReLU or PReLU), MobileNet-V3 (small or large, any width multiplier) and ResNet22, and the
 * regressors' number of outputs, from the tensors.
 *
 * A common prefix of the network's tensor names (`module.`, `_orig_mod.`, `model.` …) is dropped; BatchNorm counters
 * and the landmark head `fc_lm`, used only in training, are skipped; the regressors' last layer may be called `fc`,
 * `fc_param` or `conv_param`.
 * @throws WeightFormatError if the architecture is none of these, or naming a tensor that is missing, unexpected,
 *   misshapen or not finite; TddfaError if there is no state with the requested name.
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
      names.length === 0 ? 'all belong to one network' : `choose from ${names.map((name) => `'${name}'`).join(', ')}`;
    throw new TddfaError(`${file}: there are no weights called '${state}': ${known}`);
  }
  const { prefix, convert } = chosen.weights;
  const choice = networks.length > 1 ? describeChoice(chosen, networks) : undefined;
  if (choice !== undefined) onNotice?.(choice);
  else {
    if (prefix !== '') onNotice?.(`dropped the prefix '${prefix}' from tensor names`);
    if (chosen.isAverage) onNotice?.('the weights are running averages');
  }
  const tensors = new Map<string, NamedTensor>();
  const outside: string[] = [];
  for (const [fullName, tensor] of stateDict) {
    if (!fullName.startsWith(prefix)) {
      if (fullName.split('.').at(-1) !== AVERAGE_COUNTER) outside.push(fullName);
      continue;
    }
    // Averages may be nested, such as `ema.` beside plain names.
    if (networks.some(({ weights }) => weights.prefix.length > prefix.length && fullName.startsWith(weights.prefix))) {
      continue;
    }
    const name = fullName.slice(prefix.length);
    if (name.endsWith('num_batches_tracked') || name.startsWith('fc_lm.') || name === AVERAGE_COUNTER) continue;
    tensors.set(name, tensor);
  }
  const strangers = outside.filter((name) => !networks.some(({ weights }) => name.startsWith(weights.prefix)));
  if (strangers.length > 0) onNotice?.(`skipped, not part of this network: ${shortened(strangers)}`);
  return convert(tensors, file);
}

interface PrefixedNetwork {
  /** With a trailing dot, or empty. */
  readonly prefix: string;
  readonly convert: (stateDict: StateDict, file: string) => ConvertedNetwork;
}

/** Every prefix that has a network under it. */
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
