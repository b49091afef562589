import { cpus, loadavg, totalmem } from 'node:os';
import type { Pack } from '../engine/weights/open-pack.ts';
import { modelBytes } from '../engine/weights/pack-manifest.ts';
import type { Measurement } from './measure.ts';
import { simdFlags } from './run-cold-starts.ts';

/** The machine and version of a run. */
export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  /** Runnable processes, averaged over the minute before the benchmark began: 0 on an idle machine. */
  readonly load: number;
  readonly node: string;
  readonly flags: readonly string[];
  /** Version or commit of this package. */
  readonly version: string;
}

export function describeMachine(version: string): Machine {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString().slice(0, 16),
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    node: process.version,
    flags: [...new Set([...nodeFlags(), ...simdFlags()])],
    version,
  };
}

/** Flags that Node was started with, except preloaded files, whose paths are private. */
function nodeFlags(): string[] {
  return process.execArgv.filter((flag) => flag !== '--require' && flag !== '--import' && !flag.includes('/'));
}

/** One line of text. */
export function machineLine({ cpu, cores, node, version, load }: Machine): string {
  return `${cpu}, ${cores} cores, Node ${node}, tddfa ${version}, load ${load}`;
}

const COLUMNS = [
  'benchmark',
  'backend',
  'samples',
  'medianMs',
  'p95Ms',
  'minMs',
  'cpuMs',
  'peakMegabytes',
  'error',
  'errorOf',
] as const;

/** Size of a model's files in a pack. */
export interface ModelSize {
  readonly pack: string;
  readonly model: string;
  readonly bytes: number;
}

/** The sizes of all models of a pack. */
export function modelSizes({ manifest }: Pack): ModelSize[] {
  return manifest.models.map((model) => ({ pack: manifest.name, model: model.name, bytes: modelBytes(model) }));
}

/** The run as JSON. */
export function toJson(machine: Machine, sizes: readonly ModelSize[], results: readonly Measurement[]): string {
  return `${JSON.stringify({ machine, sizes, results }, null, 2)}\n`;
}

/** The run as CSV, one line per measurement. */
export function toCsv(results: readonly Measurement[]): string {
  const lines = results.map((result) =>
    COLUMNS.map((column) => {
      const value = result[column] ?? '';
      return typeof value === 'number' ? String(rounded(value)) : `"${value}"`;
    }).join(','),
  );
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/** One line of text per measurement. */
export function toLine({ backend, medianMs, p95Ms, minMs, cpuMs, peakMegabytes, error, errorOf }: Measurement): string {
  const time = (value: number): string => `${rounded(value)}`.padStart(9);
  const processor = cpuMs === undefined ? '' : `  cpu ${time(cpuMs)}`;
  const memory = peakMegabytes === undefined ? '' : `   peak ${peakMegabytes.toFixed(0)} MB`;
  const accuracy = error === undefined ? '' : `   error ${error.toExponential(1)} (${errorOf})`;
  return `  ${backend.padEnd(26)} median ${time(medianMs)}  p95 ${time(p95Ms)}  best ${time(minMs)}${processor} ms${memory}${accuracy}`;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

const BAR_HEIGHT = 16;
const LABEL_WIDTH = 220;
const CHART_WIDTH = 900;

/** Plain JavaScript takes so much longer that other bars would vanish at its scale: its own bar ends at the edge. */
const BEYOND_SCALE = 'cpu';

function colourOf(backend: string): string {
  if (backend.startsWith('compiled')) return '#1a7f37';
  return backend.startsWith('tensorflow') ? '#0969da' : '#8c959f';
}

/** Bars of the median times as SVG, each benchmark at its own scale. */
export function toChart(machine: Machine, results: readonly Measurement[]): string {
  const parts: string[] = [];
  let y = 40;
  for (const name of new Set(results.map(({ benchmark }) => benchmark))) {
    const group = results.filter(({ benchmark }) => benchmark === name);
    const scaled = group.filter(({ backend }) => backend !== BEYOND_SCALE);
    const longest = Math.max(...(scaled.length > 0 ? scaled : group).map(({ medianMs }) => medianMs));
    parts.push(`<text x="8" y="${y}" font-weight="bold">${escaped(name)}</text>`);
    y += 8;
    for (const { backend, medianMs } of group) {
      const width = Math.max(1, (CHART_WIDTH - LABEL_WIDTH - 110) * Math.min(1, medianMs / longest));
      const isCut = medianMs > longest;
      parts.push(
        `<text x="${LABEL_WIDTH - 8}" y="${y + 12}" text-anchor="end">${escaped(backend)}</text>`,
        `<rect x="${LABEL_WIDTH}" y="${y + 2}" width="${width.toFixed(1)}" height="${BAR_HEIGHT - 4}" fill="${colourOf(backend)}"${isCut ? ' fill-opacity="0.5"' : ''}/>`,
        `<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${y + 12}">${isCut ? '… ' : ''}${rounded(medianMs)} ms</text>`,
      );
      y += BAR_HEIGHT;
    }
    y += 22;
  }
  const title = `Median time. ${machine.cpu}, Node ${machine.node}, ${machine.date}, tddfa ${machine.version}`;
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
