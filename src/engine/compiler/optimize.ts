/**
 * Pass 3, fuse: rewrites of the program, one file each in passes/. Before and after: a valid `Program` that computes
 * the same numbers except for rounding. Each can be turned off by name, so that a wrong result can be bisected.
 */
import { commuteAveragePool } from './passes/commute-average-pool.ts';
import { foldBatchNorm } from './passes/fold-batch-norm.ts';
import { fuseActivation } from './passes/fuse-activation.ts';
import { fuseCrelu } from './passes/fuse-crelu.ts';
import { fuseHardSwish } from './passes/fuse-hard-swish.ts';
import { fusePadding } from './passes/fuse-padding.ts';
import { fuseResidual } from './passes/fuse-residual.ts';
import { mergeConvolutions } from './passes/merge-convolutions.ts';
import { zeroPadMaxPool } from './passes/zero-pad-max-pool.ts';
import type { Program, ProgramCheck } from './program.ts';

/** The rewrites, in the order in which they run. */
const REWRITES = {
  'fuse-hard-swish': fuseHardSwish,
  'fold-batch-norm': foldBatchNorm,
  'fuse-padding': fusePadding,
  'fuse-crelu': fuseCrelu,
  'fuse-residual': fuseResidual,
  'fuse-activation': fuseActivation,
  'zero-pad-max-pool': zeroPadMaxPool,
  'commute-average-pool': commuteAveragePool,
  'merge-convolutions': mergeConvolutions,
} as const satisfies Record<string, (program: Program) => Program>;

/** Names of the rewrites, in that order. */
export const REWRITE_NAMES = Object.keys(REWRITES) as (keyof typeof REWRITES)[];

/** Names of everything that can be turned off: the rewrites, and the optional work of later passes. */
export const OPTIMIZATIONS = [
  ...REWRITE_NAMES,
  /** Branches are written straight into the concatenation they end in. */
  'concatenate-in-place',
  /** Values that are not needed at the same time share memory. */
  'reuse-memory',
  /** Long kernels are called strip by strip, so that a first run uses V8's optimised code as soon as it exists. */
  'call-in-strips',
  /** Register tiles of several pixels and eight channels; without it, of one pixel and four channels. */
  'register-tiles',
] as const;

export type Optimization = (typeof OPTIMIZATIONS)[number];

/** All on, all off, or all on but some. */
export type OptimizeOption = boolean | { readonly except: readonly Optimization[] };

export function enabledOptimizations(option: OptimizeOption): ReadonlySet<Optimization> {
  if (option === false) return new Set();
  // Anything else is rejected as if it were a name.
  const except = option === true ? [] : [option?.except ?? (option as unknown as Optimization)].flat();
  for (const name of except) {
    if (!OPTIMIZATIONS.includes(name)) {
      throw new TypeError(`optimize.except: '${name}' is none of ${OPTIMIZATIONS.join(', ')}`);
    }
  }
  return new Set(OPTIMIZATIONS.filter((name) => !except.includes(name)));
}

export function optimizeProgram(
  program: Program,
  enabled: ReadonlySet<Optimization>,
  validate?: ProgramCheck,
): Program {
  let result = program;
  for (const name of REWRITE_NAMES) {
    if (!enabled.has(name)) continue;
    result = REWRITES[name](result);
    validate?.(result, name);
  }
  return result;
}
