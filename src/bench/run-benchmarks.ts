import { type Measurement, measure, type NamedBenchmark, type TakeSamples } from './measure.ts';
import { toLine } from './report.ts';
import type { NamedColdStart } from './run-cold-starts.ts';

/** What to run, and how. */
export interface BenchRun {
  readonly benchmarks: readonly NamedBenchmark[];
  readonly coldStarts: readonly NamedColdStart[];
  /** Runs benchmarks with this text in their name; all if absent. */
  readonly only?: string | undefined;
  /** Receives the lines of the report. */
  readonly print: (line: string) => void;
  readonly signal?: AbortSignal;
  /** A plain loop if absent. */
  readonly takeSamples?: TakeSamples;
}

/**
 * Runs benchmarks one after the other and prints each when it is done.
 * @throws RangeError if no name matches, before anything runs; the signal's reason.
 */
export async function runBenchmarks(run: BenchRun): Promise<Measurement[]> {
  const { benchmarks, coldStarts, only = '', print, signal, takeSamples } = run;
  const isWanted = ({ name }: { readonly name: string }): boolean => name.includes(only);
  if (![...benchmarks, ...coldStarts].some(isWanted)) {
    const names = [...benchmarks, ...coldStarts].map(({ name }) => `'${name}'`);
    throw new RangeError(`no benchmark has '${only}' in its name; available: ${names.join(', ')}`);
  }
  const results: Measurement[] = [];
  const add = (name: string, measurements: readonly Measurement[]): void => {
    results.push(...measurements);
    print(['', name, ...measurements.map(toLine)].join('\n'));
  };
  for (const { name, make } of benchmarks.filter(isWanted)) {
    signal?.throwIfAborted();
    const benchmark = await make();
    try {
      add(name, await measure(name, benchmark, takeSamples));
    } finally {
      benchmark.dispose();
    }
  }
  for (const coldStart of coldStarts.filter(isWanted)) {
    signal?.throwIfAborted();
    add(coldStart.name, await coldStart.run());
  }
  return results;
}
