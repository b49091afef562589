import type { IntegerCompiler } from '../engine/compiler/integers/integer-compiler.ts';
import { ownersModule } from './owners-code.ts';

/** In a page's worker, the build substitutes this for load-integer-compiler.ts. */
export async function loadIntegerCompiler(): Promise<IntegerCompiler> {
  const module = await ownersModule<{ integerCompiler: IntegerCompiler }>('integer-compiler', 'int8');
  return module.integerCompiler;
}
