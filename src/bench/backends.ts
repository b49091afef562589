import { createCompiledEngine } from '../engine/compiled.ts';
import { createEngine } from '../engine/create-engine.ts';
import type { BackendName, Engine } from '../engine/engine.ts';
import type { Precision } from '../engine/quantization.ts';
import { detectSimdSupport } from '../wasm/simd-support.ts';
import { pinningNewThreads } from './pin-threads.ts';

/** A backend in one of its forms. */
export interface BenchBackend {
  readonly name: string;
  readonly backend: BackendName;
  /** Options of `createEngine` and `createFaceAligner`. */
  readonly options: {
    readonly simd?: 'plain' | 'fma';
    readonly threads?: number;
    /** Only for `compiled`: a pack may have a different default. */
    readonly precision?: Precision;
  };
}

/**
 * The requested backends; `compiled` in both forms if relaxed SIMD is available, with threads, and in int8.
 * @param threads - a second count beside 1.
 * @param precision - `int8` adds it to `float32`.
 * @throws BackendUnavailableError for one that is not available.
 */
export async function benchBackends(
  wanted: readonly BackendName[],
  threads: number,
  precision: Precision = 'float32',
): Promise<BenchBackend[]> {
  // The error of a backend that cannot run explains how to fix it.
  for (const backend of new Set(wanted)) (await createEngine(backend)).dispose();
  const forms = detectSimdSupport().fusedMultiplyAdd ? (['fma', 'plain'] as const) : (['plain'] as const);
  return wanted.flatMap((backend): BenchBackend[] => {
    if (backend !== 'compiled') return [{ name: backend, backend, options: {} }];
    return forms.flatMap((simd): BenchBackend[] => {
      const floats = { simd, precision: 'float32' } as const;
      const integers = { simd, precision: 'int8' } as const;
      const cases: BenchBackend[] = [{ name: `compiled, ${simd}`, backend, options: floats }];
      if (precision === 'int8') cases.push({ name: `compiled int8, ${simd}`, backend, options: integers });
      if (threads > 1) {
        cases.push({ name: `compiled, ${simd}, ${threads} threads`, backend, options: { ...floats, threads } });
      }
      return cases;
    });
  });
}

/** The backends that compute in float32 in one thread: the only ones that matter apart from the networks. */
export function plainBackends(backends: readonly BenchBackend[]): BenchBackend[] {
  return backends.filter(({ options: { threads, precision } }) => threads === undefined && precision !== 'int8');
}

/** Makes the engine of a backend. */
export function createBenchEngine({ backend, options }: BenchBackend): Promise<Engine> {
  return pinningNewThreads(options.threads, () =>
    backend === 'compiled' ? createCompiledEngine(options) : createEngine(backend),
  );
}
