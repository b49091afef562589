import { add, configure, suite } from 'benny';

/** One thing to be timed. */
export interface BenchCase {
  readonly backend: string;
  /** Does the work once. */
  readonly run: () => Promise<unknown> | unknown;
  /** Largest error of its result, and against what. */
  readonly error?: { readonly value: number; readonly of: string };
}

/** What is compared: the same work on several backends. */
export interface Benchmark {
  readonly name: string;
  readonly cases: readonly BenchCase[];
  readonly dispose: () => void;
}

/** Times of one case, in ms. */
export interface Measurement {
  readonly benchmark: string;
  readonly backend: string;
  readonly samples: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly minMs: number;
  /** Median of the processor time of a run: on a busy machine, where wall-clock times wait for others, the better figure. */
  readonly cpuMs: number;
  readonly error?: number;
  readonly errorOf?: string;
}

/** Every round runs all cases one after the other, so that a slow spell of the machine hits all of them. */
const ROUNDS = 8;
/** Per case and round, s. */
const ROUND_SECONDS = 0.35;

export async function measure(benchmark: Benchmark): Promise<Measurement[]> {
  const wall = benchmark.cases.map((): number[] => []);
  const cpu = benchmark.cases.map((): number[] => []);
  for (const { run } of benchmark.cases) {
    // Until V8 has optimised it.
    const end = performance.now() + 600;
    for (let i = 0; i < 3 || (performance.now() < end && i < 400); i++) await run();
  }
  for (let round = 0; round < ROUNDS; round++) {
    const summary = await suite(
      benchmark.name,
      ...benchmark.cases.map(({ backend, run }, i) =>
        add(backend, async () => async () => {
          const before = process.cpuUsage();
          await run();
          const { user, system } = process.cpuUsage(before);
          cpu[i]?.push((user + system) / 1000);
        }),
      ),
      configure({ cases: { minSamples: 3, maxTime: ROUND_SECONDS } }),
    );
    for (const [i, result] of summary.results.entries()) {
      wall[i]?.push(...result.details.sampleResults.map((seconds) => seconds * 1000));
    }
  }
  return benchmark.cases.map(({ backend, error }, i) => {
    const times = sorted(wall[i]);
    return {
      benchmark: benchmark.name,
      backend,
      samples: times.length,
      medianMs: quantile(times, 0.5),
      p95Ms: quantile(times, 0.95),
      minMs: quantile(times, 0),
      cpuMs: quantile(sorted(cpu[i]), 0.5),
      ...(error && { error: error.value, errorOf: error.of }),
    };
  });
}

export function sorted(values: readonly number[] = []): number[] {
  return [...values].sort((a, b) => a - b);
}

/** @param values - ascending. */
export function quantile(values: readonly number[], part: number): number {
  return values[Math.min(values.length - 1, Math.floor(part * values.length))] ?? Number.NaN;
}
