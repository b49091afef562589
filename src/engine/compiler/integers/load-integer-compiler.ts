import type { IntegerCompiler } from './integer-compiler.ts';

/** Loads what programs of floats need not have. The worker of a page loads it otherwise, see browser/owners-integer-compiler.ts. */
export async function loadIntegerCompiler(): Promise<IntegerCompiler> {
  return (await import('./integer-compiler.ts')).integerCompiler;
}
