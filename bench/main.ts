/** `npm run bench`: times networks, kernels, the whole path of a photo and the cold start on every backend. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { type BenchBackend, benchBackends } from './backends.ts';
import type { ColdCompile, ColdStart } from './cold-start.ts';
import { type Benchmark, type Measurement, measure, quantile, sorted } from './measure.ts';
import { describeMachine, toLine, writeReport } from './report.ts';
import { kernelBenchmarks } from './suites/kernels.ts';
import { networkBenchmarks } from './suites/networks.ts';
import { photoBenchmarks } from './suites/photo.ts';
import { pictureBenchmarks } from './suites/pictures.ts';

const COLD_STARTS = 5;

const program = new Command('bench')
  .description('Times networks, kernels, the whole path of a photo and the cold start, interleaved over the backends.')
  .option('--only <text>', 'benchmarks whose name contains this')
  .option('--backends <list>', 'comma-separated', 'compiled,wasm')
  .option('--threads <count>', 'also times `compiled` with so many threads', Number, 1)
  .option('--weights <folder>', 'pack for the photo benchmarks')
  .option('--photo <file>', 'photo with a face')
  .option('--save <name>', 'write bench/results/<name>.json, .csv and .svg')
  .parse();
const options = program.opts<{
  only?: string;
  backends: string;
  threads: number;
  weights?: string;
  photo?: string;
  save?: string;
}>();

const machine = describeMachine();
console.log(
  `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, commit ${machine.commit}, load ${machine.load}`,
);
const allBackends = await benchBackends(options.backends.split(','), options.threads);
/** Cold starts and kernels are the same with threads. */
const backends = allBackends.filter(({ options: { threads } }) => threads === undefined);
const results: Measurement[] = [];

async function* benchmarks(): AsyncGenerator<[string, () => Promise<Benchmark>]> {
  yield* networkBenchmarks(allBackends);
  yield* kernelBenchmarks(backends);
  yield* photoBenchmarks(allBackends, options);
  yield* pictureBenchmarks();
}

for await (const [name, make] of benchmarks()) {
  if (options.only !== undefined && !name.includes(options.only)) continue;
  const benchmark = { ...(await make()), name };
  console.log(`\n${name}`);
  for (const result of await measure(benchmark)) {
    results.push(result);
    console.log(toLine(result));
  }
  benchmark.dispose();
}

for (const network of ['mb1', 'faceboxes']) {
  const name = `cold start: ${network}`;
  if (options.only !== undefined && !name.includes(options.only)) continue;
  console.log(`\n${name}: import, load, first result; of that the first run; a second size; peak memory`);
  const starts = backends.map((): ColdStart[] => []);
  for (let round = 0; round < COLD_STARTS; round++) {
    for (const [i, backend] of backends.entries()) starts[i]?.push(coldStart(backend, network));
  }
  for (const [i, { name: backend }] of backends.entries()) {
    const median = (key: keyof ColdStart): number => quantile(sorted(starts[i]?.map((start) => start[key])), 0.5);
    const times = sorted(starts[i]?.map(({ firstResultMs }) => firstResultMs));
    console.log(
      `  ${backend.padEnd(26)} ${median('firstResultMs').toFixed(0)} ms, ${median('firstRunMs').toFixed(0)} ms, ${median('secondSizeMs').toFixed(0)} ms, ${median('peakMegabytes').toFixed(0)} MB`,
    );
    results.push({
      benchmark: name,
      backend,
      samples: times.length,
      medianMs: quantile(times, 0.5),
      p95Ms: quantile(times, 0.95),
      minMs: quantile(times, 0),
      cpuMs: Number.NaN,
    });
  }
}

for (const backend of backends) {
  const { simd } = backend.options;
  const name = 'cold compile: faceboxes 1080x607';
  if (simd === undefined || (options.only !== undefined && !name.includes(options.only))) continue;
  const runs = Array.from({ length: COLD_STARTS }, (): ColdCompile => runColdStart('compiler', simd, 'faceboxes'));
  for (const key of ['networkMs', 'moduleMs', 'nextModuleMs'] as const) {
    const times = sorted(runs.map((run) => run[key]));
    const result = {
      benchmark: name,
      backend: `${backend.name}, ${{ networkMs: 'network', moduleMs: 'module', nextModuleMs: 'next size' }[key]}`,
      samples: times.length,
      medianMs: quantile(times, 0.5),
      p95Ms: quantile(times, 0.95),
      minMs: quantile(times, 0),
      cpuMs: Number.NaN,
    };
    results.push(result);
    console.log(toLine(result));
  }
}

if (options.save !== undefined)
  console.log(`\nwritten: ${await writeReport(options.save, machine, results)}.{json,csv,svg}`);
process.exit(0);

function coldStart({ backend, options: { simd } }: BenchBackend, network: string): ColdStart {
  return runColdStart(backend, simd ?? '-', network);
}

function runColdStart<Result>(...args: string[]): Result {
  const script = fileURLToPath(new URL('./cold-start.mjs', import.meta.url));
  const flags = process.version.startsWith('v20.') ? ['--experimental-wasm-relaxed-simd'] : [];
  const output = execFileSync(process.execPath, [...flags, script, ...args], {
    encoding: 'utf8',
  });
  return JSON.parse(output);
}
