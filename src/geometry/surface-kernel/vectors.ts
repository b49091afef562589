import type { FunctionBuilder, Local } from '../../wasm/function-builder.ts';

export type Vectors3 = readonly [Local, Local, Local];
export const vectors3 = (f: FunctionBuilder): Vectors3 => [f.local('v128'), f.local('v128'), f.local('v128')];
