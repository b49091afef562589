/** Completes a converted checkpoint with models from another pack. */
import type { Pack } from '../src/engine/weights/open-pack.ts';
import type { PackManifest, PackModel, PackModelRole } from '../src/engine/weights/pack-manifest.ts';
import { TddfaError } from '../src/errors.ts';
import type { CopiedModel, NewModel } from './write-pack.ts';

/** A pack to take models from. */
export interface BasePack {
  readonly pack: Pack;
  /** Whether the user specified it: a missing model is then an error. */
  readonly isNamed: boolean;
}

/** The models taken. */
export interface Completion {
  readonly copies: readonly CopiedModel[];
  readonly notices: readonly string[];
}

/**
 * Finds the models missing from a set of new ones: a detector, a regressor with its normalization, a morphable model of
 * the regressor's layout with its maps.
 * @param existing - the pack that the new models join.
 * @throws TddfaError if a base specified by the user has no matching morphable model.
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
      const needed = `morphable model with ${shapeCount} + ${expressionCount} columns`;
      if (base.isNamed) throw new TddfaError(`--base: ${pack.describe()} has no ${needed}`);
      notices.push(
        `no ${needed} was found, so there are no landmarks or meshes: take one from another pack with --base PACK`,
      );
    }
  }
  const newNames = new Set(present.map(({ name }) => name.toLowerCase()));
  const clash = taken.find(({ name }) => newNames.has(name.toLowerCase()));
  if (clash !== undefined) {
    throw new TddfaError(`${pack.describe()} has a ${clash.role} '${clash.name}' too: rename this one with --name`);
  }
  if (taken.length > 0) {
    const names = taken.map(({ role, name }) => `${role} '${name}'`).join(', ');
    notices.unshift(`taken from ${pack.describe()} to complete the pack: ${names}`);
  }
  return { copies: taken.map((model) => ({ pack, model })), notices };
}
