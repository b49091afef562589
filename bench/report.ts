import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../test/support/paths.ts';
import type { Measurement } from './measure.ts';

/** Where and of what a run was. */
export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  /** Processes that wanted to run, averaged over a minute, before the benchmark began: 0 on a quiet machine. */
  readonly load: number;
  readonly node: string;
  readonly flags: readonly string[];
  readonly commit: string;
}

export function describeMachine(): Machine {
  const [cpu] = cpus();
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: repositoryRoot, encoding: 'utf8' }).trim();
  const isChanged = git('status', '--porcelain') !== '';
  return {
    date: new Date().toISOString().slice(0, 16),
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    node: process.version,
    flags: [...process.execArgv, ...(process.version.startsWith('v20.') ? ['--experimental-wasm-relaxed-simd'] : [])],
    commit: git('rev-parse', '--short', 'HEAD') + (isChanged ? ' and changes' : ''),
  };
}

/** Writes `<name>.json`, `.csv`, `.svg` to `bench/results/`. @returns their paths without the ending. */
export async function writeReport(name: string, machine: Machine, results: readonly Measurement[]): Promise<string> {
  const folder = join(repositoryRoot, 'bench', 'results');
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await writeFile(`${path}.json`, `${JSON.stringify({ machine, results }, null, 2)}\n`);
  await writeFile(`${path}.csv`, toCsv(results));
  await writeFile(`${path}.svg`, toChart(machine, results));
  return path;
}

const COLUMNS = ['benchmark', 'backend', 'samples', 'medianMs', 'p95Ms', 'minMs', 'cpuMs', 'error', 'errorOf'] as const;

function toCsv(results: readonly Measurement[]): string {
  const lines = results.map((result) =>
    COLUMNS.map((column) => {
      const value = result[column] ?? '';
      return typeof value === 'number' ? String(rounded(value)) : `"${value}"`;
    }).join(','),
  );
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/** One line of text for each measurement. */
export function toLine({ backend, medianMs, p95Ms, minMs, cpuMs, error, errorOf }: Measurement): string {
  const time = (value: number): string => `${rounded(value)}`.padStart(9);
  const suffix = error === undefined ? '' : `   error ${error.toExponential(1)} (${errorOf})`;
  return `  ${backend.padEnd(26)} median ${time(medianMs)}  p95 ${time(p95Ms)}  best ${time(minMs)}  cpu ${time(cpuMs)} ms${suffix}`;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

const BAR_HEIGHT = 16;
const LABEL_WIDTH = 220;
const CHART_WIDTH = 900;

/** Processor time; of what runs in other processes, the wall-clock time. */
function timeOf({ cpuMs, medianMs }: Measurement): number {
  return Number.isNaN(cpuMs) ? medianMs : cpuMs;
}

/** Bars of the median processor times, each benchmark to its own scale. */
function toChart(machine: Machine, results: readonly Measurement[]): string {
  const parts: string[] = [];
  let y = 40;
  for (const name of new Set(results.map(({ benchmark }) => benchmark))) {
    const group = results.filter(({ benchmark }) => benchmark === name);
    const longest = Math.max(...group.map(timeOf));
    parts.push(`<text x="8" y="${y}" font-weight="bold">${escaped(name)}</text>`);
    y += 8;
    for (const measurement of group) {
      const { backend } = measurement;
      const time = timeOf(measurement);
      const width = Math.max(1, ((CHART_WIDTH - LABEL_WIDTH - 110) * time) / longest);
      const colour = backend.startsWith('compiled') ? '#1a7f37' : '#8c959f';
      parts.push(
        `<text x="${LABEL_WIDTH - 8}" y="${y + 12}" text-anchor="end">${escaped(backend)}</text>`,
        `<rect x="${LABEL_WIDTH}" y="${y + 2}" width="${width.toFixed(1)}" height="${BAR_HEIGHT - 4}" fill="${colour}"/>`,
        `<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${y + 12}">${rounded(time)} ms</text>`,
      );
      y += BAR_HEIGHT;
    }
    y += 22;
  }
  const title = `Processor time a run, median. ${machine.cpu}, Node ${machine.node}, ${machine.date}, commit ${machine.commit}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${CHART_WIDTH}" height="${y}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
<text x="8" y="18">${escaped(title)}</text>
${parts.join('\n')}
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
