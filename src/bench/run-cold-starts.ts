import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Pack } from '../engine/weights/open-pack.ts';
import { chooseRegressor } from '../models/face-pack.ts';
import { detectSimdSupport } from '../wasm/simd-support.ts';
import type { BenchBackend } from './backends.ts';
import type { ColdCompile, ColdStart } from './cold-start.ts';
import { type Measurement, quantile, sorted, summarise } from './measure.ts';

const ROUNDS = 5;

/** A cold start to measure. */
export interface NamedColdStart {
  readonly name: string;
  run(): Promise<Measurement[]>;
}

/** The flag that a Node 20 process needs for the same SIMD support as this one. */
export function simdFlags(): string[] {
  const isNode20 = process.version.startsWith('v20.');
  return isNode20 && detectSimdSupport().fusedMultiplyAdd ? ['--experimental-wasm-relaxed-simd'] : [];
}

/**
 * From the import of the engine to the first result, each in its own process; and the compiler's times for a detector.
 */
export function coldStarts(folder: string, pack: Pack, backends: readonly BenchBackend[]): NamedColdStart[] {
  const regressor = chooseRegressor(pack);
  const [detector] = pack.modelsOf('detector');
  const starts = [regressor, detector].flatMap((model): NamedColdStart[] => {
    if (model === undefined) return [];
    const name = `cold start: ${model.name}`;
    return [{ name, run: () => startCold(name, backends, folder, model.name) }];
  });
  if (detector === undefined) return starts;
  const name = `cold compile: ${detector.name} 1080x607`;
  return [...starts, { name, run: () => compileCold(name, backends, folder, detector.name) }];
}

async function startCold(
  name: string,
  backends: readonly BenchBackend[],
  folder: string,
  model: string,
): Promise<Measurement[]> {
  const results = backends.map((): ColdStart[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { backend, options }] of backends.entries()) {
      results[i]?.push(await inProcess<ColdStart>(backend, options.simd ?? '-', folder, model));
    }
  }
  return backends.flatMap(({ name: backend }, i) => {
    const runs = results[i] ?? [];
    const times = (key: keyof ColdStart): number[] => runs.flatMap((run) => run[key] ?? []);
    const peakMegabytes = quantile(sorted(times('peakMegabytes')), 0.5);
    const parts = [
      { ...summarise(name, backend, times('firstResultMs')), peakMegabytes },
      summarise(name, `${backend}, first run`, times('firstRunMs')),
      summarise(name, `${backend}, second size`, times('secondSizeMs')),
    ];
    return parts.filter(({ samples }) => samples > 0);
  });
}

async function compileCold(
  name: string,
  backends: readonly BenchBackend[],
  folder: string,
  model: string,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const { name: backend, options } of backends) {
    if (options.simd === undefined) continue;
    const runs: ColdCompile[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      runs.push(await inProcess<ColdCompile>('compiler', options.simd, folder, model));
    }
    for (const [key, part] of [
      ['networkMs', 'network'],
      ['moduleMs', 'module'],
      ['nextModuleMs', 'next size'],
    ] as const) {
      measurements.push(
        summarise(
          name,
          `${backend}, ${part}`,
          runs.map((run) => run[key]),
        ),
      );
    }
  }
  return measurements;
}

async function inProcess<Result>(...args: string[]): Promise<Result> {
  const script = fileURLToPath(new URL('./cold-start.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...simdFlags(), script, ...args]);
  return JSON.parse(stdout);
}
