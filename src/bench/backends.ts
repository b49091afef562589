import { createCompiledEngine } from '../engine/compiled.ts';
import { createEngine } from '../engine/create-engine.ts';
import type { BackendName, Engine } from '../engine/engine.ts';
import { detectSimdSupport } from '../wasm/simd-support.ts';
import { pinningNewThreads } from './pin-threads.ts';

/** A backend in one of its forms. */
export interface BenchBackend {
  readonly name: string;
  readonly backend: BackendName;
  /** Options of `createEngine` and `createFaceAligner`. */
  readonly options: { readonly simd?: 'plain' | 'fma'; readonly threads?: number };
}

/**
 * The wanted backends; `compiled` in both its forms where relaxed SIMD is there, and with threads.
 * @throws BackendUnavailableError for one that is not available.
 */
export async function benchBackends(wanted: readonly BackendName[], threads: number): Promise<BenchBackend[]> {
  // The error of one that cannot run says what to do about it.
  for (const backend of new Set(wanted)) (await createEngine(backend)).dispose();
  return wanted.flatMap((backend): BenchBackend[] => {
    if (backend !== 'compiled') return [{ name: backend, backend, options: {} }];
    const forms = detectSimdSupport().fusedMultiplyAdd ? (['fma', 'plain'] as const) : (['plain'] as const);
    return forms.flatMap((simd): BenchBackend[] => {
      const one = { name: `compiled, ${simd}`, backend, options: { simd } };
      if (threads === 1) return [one];
      return [one, { name: `compiled, ${simd}, ${threads} threads`, backend, options: { simd, threads } }];
    });
  });
}

/** Makes the engine of a backend. */
export function createBenchEngine({ backend, options }: BenchBackend): Promise<Engine> {
  return pinningNewThreads(options.threads, () =>
    backend === 'compiled' ? createCompiledEngine(options) : createEngine(backend),
  );
}
