import type { Measurement } from '../src/bench/measure.ts';
import type { Machine } from '../src/bench/report.ts';

/** Rows of README's table: what is timed, and its name there. */
const ROWS: readonly (readonly [benchmark: string, name: string])[] = [
  ['mb05 120x120', 'MobileNet-V1 x0.5, 120x120'],
  ['mb1 120x120', 'MobileNet-V1 x1.0, 120x120'],
  ['resnet22 120x120', 'ResNet22, 120x120'],
  ['faceboxes 1080x607', 'FaceBoxes, 1080x607'],
  ['photo: file to 68 landmarks', '720p JPEG to 68 landmarks'],
];

interface Column {
  readonly title: string;
  readonly value: (timeOf: (backend: string) => number | undefined) => string;
}

const TABLE = /(<!-- written by npm run bench -->\n)[\s\S]*?(<!-- end of the table -->)/;

/**
 * Puts the times of a run into README: the fastest sample of each backend, ms, and how `compiled` compares.
 * @param file - of the run, in `bench/results/`.
 * @throws Error if README has no place for them, or the run lacks one of its rows or backends.
 */
export function writeReadmeTable(
  readme: string,
  file: string,
  command: string,
  machine: Machine,
  results: readonly Measurement[],
): string {
  if (!TABLE.test(readme)) throw new Error('README.md has no place for the table');
  const text = `${introduction(file, command, machine)}\n\n${table(results)}\n\n`;
  return readme.replace(TABLE, (_, start: string, end: string) => `${start}\n${text}${end}`);
}

function introduction(file: string, command: string, { cpu, cores, node, flags }: Machine): string {
  const address = `https://github.com/OWNER/tddfa/blob/main/bench/results/${file}.csv`;
  const simd = flags.some((flag) => flag.includes('relaxed-simd')) ? ', with relaxed SIMD' : '';
  const major = /\d+/.exec(node)?.[0];
  return `Fastest samples of [a benchmark run](${address}) (\`${command}\`), ms, Node ${major} on ${cores} cores of ${cpu}${simd}; \
medians are in the same file, and [the chart](${address.replace(/csv$/, 'svg')}) shows all results. \`tensorflow\` is TensorFlow's C library, compiled for this processor's family; it uses all cores automatically, so compare it with the column for \`compiled\` with threads.`;
}

function table(results: readonly Measurement[]): string {
  const form = results.some(({ backend }) => backend === 'compiled, fma') ? 'compiled, fma' : 'compiled, plain';
  const threaded = results.map(({ backend }) => backend).find((name) => name.startsWith(`${form}, `)) ?? '';
  const threads = /\d+(?= threads)/.exec(threaded)?.[0];
  if (threads === undefined) throw new Error('the run has no `compiled` with threads: --threads 2');
  const columns: readonly Column[] = [
    { title: '`compiled`', value: (timeOf) => milliseconds(timeOf(form)) },
    { title: `with ${threads} threads`, value: (timeOf) => milliseconds(timeOf(threaded)) },
    ...['wasm', 'cpu', 'tensorflow'].map((name) => ({
      title: `\`${name}\``,
      value: (timeOf: (backend: string) => number | undefined) => milliseconds(timeOf(name)),
    })),
    { title: '`compiled` / `wasm`', value: (timeOf) => ratio(timeOf(form), timeOf('wasm')) },
    {
      title: `\`compiled\` with ${threads} threads / \`tensorflow\``,
      value: (timeOf) => ratio(timeOf(threaded), timeOf('tensorflow')),
    },
  ];
  const rows = ROWS.map(([benchmark, name]) => {
    const timeOf = (backend: string): number | undefined =>
      results.find((result) => result.benchmark === benchmark && result.backend === backend)?.minMs;
    return [name, ...columns.map(({ title, value }) => cell(value(timeOf), `${benchmark}, ${title}`))];
  });
  const lines = [['', ...columns.map(({ title }) => title)], ['', ...columns.map(() => '')].map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cell(text: string, what: string): string {
  if (text.includes('NaN')) throw new Error(`the run has no time for ${what}`);
  return text;
}

function milliseconds(value = Number.NaN): string {
  return String(Number(value.toPrecision(3)));
}

function ratio(value = Number.NaN, other = Number.NaN): string {
  return (value / other).toFixed(2);
}
