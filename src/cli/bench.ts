import { type Command, InvalidArgumentError, Option } from 'commander';
import { benchBackends, plainBackends } from '../bench/backends.ts';
import { packBenchmarks } from '../bench/pack-benchmarks.ts';
import { describeMachine, machineLine, modelSizes, toChart, toCsv, toJson } from '../bench/report.ts';
import { runBenchmarks } from '../bench/run-benchmarks.ts';
import { coldStarts } from '../bench/run-cold-starts.ts';
import type { BackendName } from '../engine/engine.ts';
import { PRECISIONS, type Precision } from '../engine/quantization.ts';
import { openPack } from '../engine/weights/open-pack.ts';
import { printable } from '../errors.ts';
import { writeFileAtomically } from '../files/write-file-atomically.ts';
import { loadFacePack } from '../models/face-pack.ts';
import { packageVersion } from '../package-files.ts';
import { BACKENDS } from './aligner-flags.ts';
import { usageError } from './cli-error.ts';
import { findPack } from './find-pack.ts';
import { parseWholeNumber } from './number-flags.ts';
import { checkJsonPath, nameWritten } from './output-paths.ts';
import type { Terminal } from './terminal.ts';

interface BenchFlags {
  readonly weights?: string;
  readonly photo?: string;
  readonly only?: string;
  readonly backends: readonly BackendName[];
  readonly threads: number;
  readonly precision: Precision;
  readonly json?: string;
  readonly csv?: string;
  readonly plot?: string;
}

const NOTES = `
Times every network in the pack, the other kernels, cold starts and, with --photo, the whole path from photo to face. All
backends take turns. Each time is a median, shown with the largest error: for networks, against tfjs in plain JavaScript,
relative to the largest output. Node 20 has relaxed SIMD (fused multiply-add) only if started as
node --experimental-wasm-relaxed-simd.

Examples:
  $ tddfa bench
  $ tddfa bench --weights packs/mine --only mine --backends compiled,wasm,cpu
  $ tddfa bench --only 120x120 --precision int8
  $ tddfa bench --photo me.jpg --only photo --threads 2 --json run.json --plot run.svg
`;

/** Registers `tddfa bench`. */
export function registerBench(program: Command, terminal: Terminal): void {
  program
    .command('bench')
    .description('measure how fast a pack runs on this machine, backend by backend')
    .option('-w, --weights <pack>', 'weight pack: a folder, a URL, or a name from tddfa weights list')
    .option('--photo <file>', 'picture with a face; also time the path from this file to landmarks and dense faces')
    .option('--only <text>', 'run only benchmarks with this text in their name')
    .addOption(
      new Option('--backends <list>', 'backends to compare, comma-separated')
        .argParser(parseBackends)
        .default(['compiled', 'wasm'], 'compiled,wasm'),
    )
    .option(
      '--threads <n>',
      'also time the compiled backend with this many threads',
      (text) => parseWholeNumber(text, 1),
      1,
    )
    .addOption(
      new Option('--precision <type>', 'int8: also time the compiled backend in int8')
        .choices(PRECISIONS)
        .default('float32'),
    )
    .option('--json <file>', 'write the results as JSON')
    .option('--csv <file>', 'write the results as CSV')
    .option('--plot <file>', 'write a chart (SVG)')
    .addHelpText('after', NOTES)
    .action((flags: BenchFlags) => runBench(flags, terminal));
}

async function runBench(flags: BenchFlags, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { threads } = flags;
  checkJsonPath(flags.json);
  const found = await findPack(terminal.env, flags.weights);
  const pack = await openPack(found.source, { signal });
  const { detector, morphableModel: model } = await loadFacePack(pack);
  if (flags.photo !== undefined && detector === undefined) {
    throw usageError(`--photo: ${pack.describe()} has no detector to find a face with`);
  }
  if ([flags.json, flags.csv, flags.plot].some((path) => path !== undefined)) terminal.goOnUnread?.();
  const backends = await benchBackends(flags.backends, threads, flags.precision);
  const machine = describeMachine(packageVersion());
  const print = (line: string): void => void terminal.stdout.write(`${line}\n`);
  print(`${machineLine(machine)}\n${pack.manifest.name}, ${printable(pack.describe())}`);
  const photo =
    flags.photo === undefined
      ? undefined
      : { photo: flags.photo, weights: found.source, hasModel: model !== undefined };
  const results = await runBenchmarks({
    benchmarks: packBenchmarks({ pack, model, photo }, backends),
    coldStarts: isFolder(found.location) ? coldStarts(found.location, pack, plainBackends(backends)) : [],
    only: flags.only,
    print,
    signal,
  });
  if (flags.json !== undefined) await writeFileAtomically(flags.json, toJson(machine, modelSizes(pack), results));
  if (flags.csv !== undefined) await writeFileAtomically(flags.csv, toCsv(results));
  if (flags.plot !== undefined) await writeFileAtomically(flags.plot, toChart(machine, results));
  nameWritten([flags.json, flags.csv, flags.plot], terminal);
}

function parseBackends(text: string): BackendName[] {
  return text.split(',').map((name) => {
    const known = BACKENDS.find((backend) => backend === name.trim());
    if (known === undefined)
      throw new InvalidArgumentError(`expected one or more of ${BACKENDS.join(', ')}, got '${name}'`);
    return known;
  });
}

/** A cold start reads the pack's files; over the network it would time that. */
function isFolder(location: string): boolean {
  return !/^https?:\/\//.test(location);
}
