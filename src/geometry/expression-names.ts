import type { MorphableModel, ParamLayout } from '../types.ts';

/** What `expressions` needs from a morphable model. */
export type NamedExpressions = ParamLayout & Pick<MorphableModel, 'expressionNames'>;

/** `[expressionCount]` names of a model's expression columns; `expression_1` … if it has none. */
export function expressionNames({ expressionCount, expressionNames }: NamedExpressions): string[] {
  return Array.from(
    { length: expressionCount },
    (_, column) => expressionNames?.[column] ?? `expression_${column + 1}`,
  );
}
