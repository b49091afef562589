import { createCompiledEngine } from '../src/engine/compiled.ts';
import { detectSimdSupport } from '../src/engine/compiler/simd-support.ts';
import { availableBackends, createEngine } from '../src/engine/create-engine.ts';
import type { BackendName, Engine } from '../src/engine/engine.ts';

/** A backend in one of its forms. */
export interface BenchBackend {
  readonly name: string;
  readonly backend: BackendName;
  /** Options of `createEngine` and `createFaceAligner`. */
  readonly options: { readonly simd?: 'plain' | 'fma'; readonly threads?: number };
  create(): Promise<Engine>;
}

/** The wanted backends that there are; `compiled` in both its forms where relaxed SIMD is there, and with threads. */
export async function benchBackends(wanted: readonly string[], threads: number): Promise<BenchBackend[]> {
  const available = await availableBackends();
  const backends: BenchBackend[] = [];
  for (const backend of available) {
    if (!wanted.includes(backend)) continue;
    if (backend === 'compiled') {
      const forms = detectSimdSupport().fusedMultiplyAdd ? (['fma', 'plain'] as const) : (['plain'] as const);
      for (const simd of forms) {
        const create = (): Promise<Engine> => createCompiledEngine({ simd });
        backends.push({ name: `compiled, ${simd}`, backend, options: { simd }, create });
        if (threads > 1) {
          backends.push({
            name: `compiled, ${simd}, ${threads} threads`,
            backend,
            options: { simd, threads },
            create: () => createCompiledEngine({ simd, threads }),
          });
        }
      }
    } else backends.push({ name: backend, backend, options: {}, create: () => createEngine(backend) });
  }
  return backends;
}
