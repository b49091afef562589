import type { IntegerCompiler } from './integer-compiler.ts';

/** Loads what float programs do not need. For a page's worker see browser/owners-integer-compiler.ts instead. */
export async function loadIntegerCompiler(): Promise<IntegerCompiler> {
  return (await import('./integer-compiler.ts')).integerCompiler;
}
