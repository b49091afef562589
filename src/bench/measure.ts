/** One thing to time. */
export interface BenchCase {
  readonly backend: string;
  /** Does the work once. */
  readonly run: () => Promise<unknown> | unknown;
  /** Largest error of its result, and what it is measured against. */
  readonly error?: { readonly value: number; readonly of: string };
}

/** What is compared: the same work on several backends. */
export interface Benchmark {
  readonly cases: readonly BenchCase[];
  readonly dispose: () => void;
}

/** A benchmark that is created when its turn comes. */
export interface NamedBenchmark {
  readonly name: string;
  readonly make: () => Promise<Benchmark> | Benchmark;
}

/** Times of one case, in ms. */
export interface Measurement {
  readonly benchmark: string;
  readonly backend: string;
  readonly samples: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly minMs: number;
  /** Median processor time per run: on a busy machine, where wall-clock times include waiting, the better figure. */
  readonly cpuMs?: number;
  /** Of the process; only for cold starts. */
  readonly peakMegabytes?: number;
  readonly error?: number;
  readonly errorOf?: string;
}

/** Something to run repeatedly. */
export interface Repeatable {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

/**
 * Runs each case for the given number of seconds, one after the other, and each at least twice.
 * @returns for each case, the time of each run, ms.
 */
export type TakeSamples = (
  benchmark: string,
  cases: readonly Repeatable[],
  seconds: number,
) => Promise<readonly (readonly number[])[]>;

/** Every round runs all cases one after the other, so that a slow spell of the machine hits all of them. */
const ROUNDS = 5;
/** Per case and round. */
const ROUND_SECONDS = 0.15;
/** Per case, until V8 has optimised it. */
const WARM_UP_MS = 250;
const LEAST_SAMPLES = 2;

/** Times all cases of a benchmark, interleaved. */
export async function measure(
  name: string,
  { cases }: Benchmark,
  takeSamples: TakeSamples = sampleInLoop,
): Promise<Measurement[]> {
  const wall = cases.map((): number[] => []);
  const cpu = cases.map((): number[] => []);
  for (const { run } of cases) {
    const end = performance.now() + WARM_UP_MS;
    for (let i = 0; i < 2 || performance.now() < end; i++) await run();
  }
  const timed = cases.map(({ backend, run }, i): Repeatable => {
    const runTimed = async (): Promise<void> => {
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      cpu[i]?.push((user + system) / 1000);
    };
    return { name: backend, run: runTimed };
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, times] of (await takeSamples(name, timed, ROUND_SECONDS)).entries()) wall[i]?.push(...times);
  }
  return cases.map(({ backend, error }, i) => ({
    ...summarise(name, backend, wall[i]),
    cpuMs: quantile(sorted(cpu[i]), 0.5),
    ...(error && { error: error.value, errorOf: error.of }),
  }));
}

/** Median, 95th percentile and best of some times. */
export function summarise(benchmark: string, backend: string, times: readonly number[] | undefined): Measurement {
  const ascending = sorted(times);
  return {
    benchmark,
    backend,
    samples: ascending.length,
    medianMs: quantile(ascending, 0.5),
    p95Ms: quantile(ascending, 0.95),
    minMs: quantile(ascending, 0),
  };
}

const sampleInLoop: TakeSamples = async (_, cases, seconds) => {
  const samples: number[][] = [];
  for (const { run } of cases) {
    const times: number[] = [];
    const end = performance.now() + 1000 * seconds;
    while (times.length < LEAST_SAMPLES || performance.now() < end) {
      const start = performance.now();
      await run();
      times.push(performance.now() - start);
    }
    samples.push(times);
  }
  return samples;
};

export function sorted(values: readonly number[] = []): number[] {
  return [...values].sort((a, b) => a - b);
}

/** @param values - ascending. */
export function quantile(values: readonly number[], part: number): number {
  return values[Math.min(values.length - 1, Math.floor(part * values.length))] ?? Number.NaN;
}
