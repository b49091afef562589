/**
 * Chooses one of a checkpoint's sets of weights. Training scripts store the network together with its running averages
 * (EMA), optimisers and settings, under dict keys or name prefixes. If there are several sets, the choice is always
 * reported.
 */
import { PickleTuple, type PickleValue } from './pickle.ts';

/** A set of weights in a checkpoint. */
export interface CheckpointState<Weights> {
  /** Keys leading to it, joined by dots; empty if the checkpoint is nothing else. */
  readonly name: string;
  /** Whether these are running averages of the weights. */
  readonly isAverage: boolean;
  readonly weights: Weights;
}

/** Maximum nesting of dicts around a state dict. */
const MAX_NESTING = 4;

/** Where training scripts put the state dict, in search order. */
const USUAL_NAMES = ['state_dict', 'model_state_dict', 'model', 'net', 'network', 'weights', 'params'];

/** Keys of tensors that are not network weights: optimisers, schedulers, random states. */
const OTHER_KEYS = /^(optim|opt$|opt_|scheduler|lr_sched|scaler|amp|rng|callbacks$|loops$|loss|criterion)|optimizer/i;

const AVERAGE_NAME = /(^|[._-])(ema|ewma|swa|averaged?|shadow)([._-]|$)/i;

/** The counter kept by `torch.optim.swa_utils.AveragedModel`. */
export const AVERAGE_COUNTER = 'n_averaged';

/** Whether a name or a path of names is usual for averages. */
export function isAverageName(name: string): boolean {
  return AVERAGE_NAME.test(name);
}

/** A dict of the checkpoint, by text keys. */
export type StateEntries = ReadonlyMap<string, PickleValue>;

/**
 * Every dict of a checkpoint that holds weights, outermost first.
 * @param axesOf - number of axes of a value, if it is a tensor.
 */
export function findStates(
  content: PickleValue,
  axesOf: (value: PickleValue) => number | undefined,
): CheckpointState<StateEntries>[] {
  const found: (CheckpointState<StateEntries> & { readonly mostAxes: number })[] = [];
  /** A value may occur in many places: visiting each only once bounds the time, whatever the file. */
  const seen = new Set<PickleValue>();
  const visit = (value: PickleValue, path: readonly string[]): void => {
    const entries = seen.has(value) ? undefined : entriesOf(value);
    if (entries === undefined) return;
    seen.add(value);
    let mostAxes = -1;
    for (const inner of entries.values()) mostAxes = Math.max(mostAxes, axesOf(inner) ?? -1);
    if (mostAxes >= 0) {
      const name = path.join('.');
      const isAverage = entries.has(AVERAGE_COUNTER) || isAverageName(name);
      found.push({ name, isAverage, weights: entries, mostAxes });
    }
    if (path.length >= MAX_NESTING) return;
    for (const [key, inner] of entries) if (!OTHER_KEYS.test(key)) visit(inner, [...path, key]);
  };
  visit(content, []);
  // A counter beside the weights does not make the dict around them a state.
  const matrices = found.filter(({ mostAxes }) => mostAxes > 1);
  return matrices.length > 0 ? matrices : found.filter(({ name }, _, all) => all.length === 1 || name !== '');
}

function entriesOf(value: PickleValue): StateEntries | undefined {
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [String(key), inner]));
  const items = value instanceof PickleTuple ? value.items : value;
  return Array.isArray(items) ? new Map(items.map((item: PickleValue, index) => [String(index), item])) : undefined;
}

/**
 * Chooses one of several states: the requested one, otherwise the network's own weights in preference to averages.
 * @param wanted - the whole name of a state, or a part that occurs in only one name, such as `ema` of `ema.module`.
 * @returns undefined if there is none of that name.
 */
export function chooseState<State extends Pick<CheckpointState<unknown>, 'name' | 'isAverage'>>(
  states: readonly State[],
  wanted: string | undefined,
): State | undefined {
  if (wanted !== undefined) {
    const withPart = states.filter(({ name }) => name.split('.').includes(wanted));
    return states.find(({ name }) => name === wanted) ?? (withPart.length === 1 ? withPart[0] : undefined);
  }
  const rank = ({ name, isAverage }: State): number => {
    const usual = USUAL_NAMES.indexOf(name.split('.').at(-1) ?? '');
    return (isAverage ? 100 : 0) + (usual < 0 ? USUAL_NAMES.length : usual);
  };
  return [...states].sort((a, b) => rank(a) - rank(b))[0];
}

/** Describes the chosen state, if there are several or its name indicates averages. */
export function describeChoice<State extends Pick<CheckpointState<unknown>, 'name' | 'isAverage'>>(
  chosen: State,
  states: readonly State[],
): string | undefined {
  const others = states.filter((state) => state !== chosen);
  if (others.length === 0 && (chosen.name === '' || !chosen.isAverage)) return undefined;
  const describe = ({ name, isAverage }: State): string => `'${name}'${isAverage ? ' (averaged)' : ''}`;
  const taken = chosen.name === '' ? 'using the outermost weights' : `using the weights in ${describe(chosen)}`;
  if (others.length === 0) return taken;
  return `${taken}; there are also ${others.map(describe).join(', ')}: select with --state NAME`;
}
