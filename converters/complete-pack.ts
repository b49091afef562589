/** What a converted checkpoint lacks to work alone, from another pack. */
import type { Pack } from '../src/engine/weights/open-pack.ts';
import type { PackManifest, PackModel, PackModelRole } from '../src/engine/weights/pack-manifest.ts';
import { TddfaError } from '../src/errors.ts';
import type { CopiedModel, NewModel } from './write-pack.ts';

/** A pack to take from. */
export interface BasePack {
  readonly pack: Pack;
  /** Whether the user named it: what it lacks is then an error. */
  readonly isNamed: boolean;
}

/** What was taken. */
export interface Completion {
  readonly copies: readonly CopiedModel[];
  readonly notices: readonly string[];
}

/**
 * Looks up what is missing beside new models: a detector, a regressor with its normalization, a morphable model of the
 * regressor's layout with its maps.
 * @param existing - the pack that the new models join.
 * @throws TddfaError where a base that the user named has no morphable model that fits.
 */
export function completePack(
  models: readonly NewModel[],
  existing: PackManifest | undefined,
  base: BasePack,
): Completion {
  const present = [...(existing?.models ?? []), ...models];
  const has = (role: PackModelRole): boolean => present.some((model) => model.role === role);
  const { pack } = base;
  const taken: PackModel[] = [];
  const notices: string[] = [];
  if (!has('detector')) taken.push(...pack.modelsOf('detector').slice(0, 1));
  if (!has('regressor')) {
    for (const regressor of pack.modelsOf('regressor')) {
      const normalization = pack.modelsOf('normalization').find(({ name }) => name === regressor.normalization);
      if (normalization !== undefined && !taken.includes(normalization)) taken.push(normalization);
      taken.push(regressor);
    }
  }
  if (!has('morphable-model')) {
    const { shapeCount = 0, expressionCount = 0 } = present.find(({ role }) => role === 'regressor') ?? {};
    const model = pack
      .modelsOf('morphable-model')
      .find(({ shapeCount: shapes = 0, expressionCount: expressions = 0 }) => {
        return shapes >= shapeCount && expressions >= expressionCount;
      });
    if (model !== undefined) taken.push(model, ...pack.modelsOf('face-maps').slice(0, has('face-maps') ? 0 : 1));
    else {
      const needed = `morphable model of ${shapeCount} + ${expressionCount} columns`;
      if (base.isNamed) throw new TddfaError(`--base: ${pack.describe()} has no ${needed}`);
      notices.push(`no ${needed} is at hand, so there are no landmarks or meshes: --base PACK takes one from there`);
    }
  }
  const newNames = new Set(present.map(({ name }) => name.toLowerCase()));
  const clash = taken.find(({ name }) => newNames.has(name.toLowerCase()));
  if (clash !== undefined) {
    throw new TddfaError(
      `${pack.describe()} has a ${clash.role} '${clash.name}' too: give this one another name by --name`,
    );
  }
  if (taken.length > 0) {
    const names = taken.map(({ role, name }) => `${role} '${name}'`).join(', ');
    notices.unshift(`from ${pack.describe()}, so that the pack works alone: ${names}`);
  }
  return { copies: taken.map((model) => ({ pack, model })), notices };
}
