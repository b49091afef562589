/**
 * `npm run bench`: what `tddfa bench` times, on the original's architectures with weights made by a formula and, if the
 * reference data is beside the repository, with its weights and a frame of its video as a photo; the open pack; and pictures
 * and meshes of a face.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { add, configure, suite } from 'benny';
import { Command, Option } from 'commander';
import { networkModel, normalizationModel } from '../converters/convert-regressor.ts';
import { writePack } from '../converters/write-pack.ts';
import { formulaFaceboxes, formulaRegressor } from '../development/formula.ts';
import { repositoryRoot, sharedPath } from '../development/paths.ts';
import { upstreamPack } from '../development/upstream-pack.ts';
import { benchBackends, plainBackends } from '../src/bench/backends.ts';
import type { TakeSamples } from '../src/bench/measure.ts';
import { noise } from '../src/bench/noise.ts';
import { packBenchmarks } from '../src/bench/pack-benchmarks.ts';
import { describeMachine, machineLine, modelSizes, toChart, toCsv, toJson } from '../src/bench/report.ts';
import { runBenchmarks } from '../src/bench/run-benchmarks.ts';
import { coldStarts } from '../src/bench/run-cold-starts.ts';
import type { BackendName } from '../src/engine/engine.ts';
import { PRECISIONS, type Precision } from '../src/engine/quantization.ts';
import { fileWeights } from '../src/engine/weights/file-source.ts';
import { openPack } from '../src/engine/weights/open-pack.ts';
import { writeFileAtomically } from '../src/files/write-file-atomically.ts';
import type { MorphableModel } from '../src/types.ts';
import { commit } from './commit.ts';
import { OPEN_PACK, openPackBenchmarks } from './open-pack.ts';
import { pictureBenchmarks } from './pictures.ts';
import { writeReadmeTable } from './readme-table.ts';

const options = new Command('bench')
  .description(
    'Times networks, kernels, the whole photo pipeline, pictures and cold starts, interleaved across backends.',
  )
  .option('--only <text>', 'benchmarks whose name contains this')
  .option('--backends <list>', 'comma-separated', 'compiled,wasm')
  .option('--threads <count>', 'also times `compiled` with this many threads', Number, 1)
  .addOption(
    new Option('--precision <type>', 'int8: also times `compiled` with integer arithmetic')
      .choices(PRECISIONS)
      .default('float32'),
  )
  .option('--save <name>', 'write bench/results/<name>.json, .csv and .svg')
  .option('--readme', "write README's table of times from the saved run")
  .parse()
  .opts<{
    only?: string;
    backends: string;
    threads: number;
    precision: Precision;
    save?: string;
    readme?: true;
  }>();
if (options.readme === true && options.save === undefined) {
  console.error('bench: --readme needs --save: the table names the results file');
  process.exit(2);
}

/** Built files, and what is made once. */
const BUILD = join(repositoryRoot, 'bench', '.build');
const MODEL = { vertexCount: 38_365, shapeCount: 40, expressionCount: 10 };

const machine = describeMachine(commit());
console.log(machineLine(machine));
const folder = await formulaNetworks();
const pack = await openPack(fileWeights(folder));
const backends = await benchBackends(options.backends.split(',') as BackendName[], options.threads, options.precision);
const photo = await referencePhoto();
const shipped = await openPack(fileWeights(OPEN_PACK));
for (const { model, bytes } of modelSizes(shipped)) console.log(`open pack: ${model}, ${bytes} bytes`);
const results = await runBenchmarks({
  benchmarks: [
    ...packBenchmarks({ pack, model: noiseModel(), photo }, backends),
    ...(await openPackBenchmarks(shipped, backends)),
    ...pictureBenchmarks(),
  ],
  coldStarts: coldStarts(folder, pack, plainBackends(backends)),
  only: options.only,
  print: console.log,
  takeSamples: sampleWithBenny(),
});
if (options.save !== undefined) {
  const path = join(repositoryRoot, 'bench', 'results', options.save);
  await writeFileAtomically(`${path}.json`, toJson(machine, modelSizes(shipped), results));
  await writeFileAtomically(`${path}.csv`, toCsv(results));
  await writeFileAtomically(`${path}.svg`, toChart(machine, results));
  console.log(`\nwritten: ${path}.{json,csv,svg}`);
  if (options.readme === true) {
    const readme = join(repositoryRoot, 'README.md');
    const command = `npm run bench -- --backends ${options.backends} --threads ${options.threads}`;
    const before = readFileSync(readme, 'utf8');
    await writeFileAtomically(readme, writeReadmeTable(before, options.save, command, machine, results));
    execFileSync('npx', ['biome', 'format', '--write', readme], { cwd: repositoryRoot });
    console.log(`written: ${readme}`);
  }
}
process.exit(0);

function sampleWithBenny(): TakeSamples {
  return async (benchmark, cases, seconds) => {
    const { results: rounds } = await suite(
      benchmark,
      ...cases.map(({ name, run }) => add(name, async () => run)),
      // A sample is a single run, unless that is shorter than a millisecond.
      configure({ cases: { minSamples: 2, maxTime: seconds, minTime: 0.001, delay: 0 } }),
    );
    return rounds.map(({ details }) => details.sampleResults.map((sample) => sample * 1000));
  };
}

/** Folder of a pack with all architectures; times do not depend on the values of the weights. */
async function formulaNetworks(): Promise<string> {
  const path = join(BUILD, 'pack');
  rmSync(path, { recursive: true, force: true });
  const origin = { licence: { name: 'CC0-1.0' }, source: { description: 'made by a formula' } };
  const networks = {
    mb05: formulaRegressor('mobilenet_v1_x0.5'),
    resnet22: formulaRegressor('resnet22'),
    mb1: formulaRegressor('mobilenet_v1_x1.0'),
    faceboxes: formulaFaceboxes(),
  };
  const models = Object.entries(networks).map(([name, { stateDict }]) =>
    networkModel(name, stateDict, 'formula', origin, () => 'normalization'),
  );
  const ones = new Map(['mean', 'std'].map((name) => [name, { shape: [62], data: new Float32Array(62).fill(1) }]));
  models.push(normalizationModel('normalization', ones, 'formula', origin));
  await writePack(path, { name: 'formula', description: 'Networks with weights made by a formula', models });
  return path;
}

/** A morphable model of the original's size. */
function noiseModel(): MorphableModel {
  const rows = 3 * MODEL.vertexCount;
  return {
    ...MODEL,
    meanShape: noise(rows, 5e4),
    shapeBasis: noise(rows * MODEL.shapeCount, 0.1),
    expressionBasis: noise(rows * MODEL.expressionCount, 0.01),
    keypointIndices: new Uint32Array(204),
  };
}

/** The original's weights and a frame of the reference video as a JPEG of 1280 x 720, if present. */
async function referencePhoto(): Promise<Parameters<typeof packBenchmarks>[0]['photo']> {
  const video = sharedPath('photos', 'obama.mp4');
  if (!existsSync(video) || !existsSync(sharedPath('upstream'))) return undefined;
  const path = join(BUILD, 'frame.jpg');
  if (!existsSync(path)) {
    execFileSync('ffmpeg', ['-loglevel', 'error', '-i', video, '-frames:v', '1', '-q:v', '2', '-y', path]);
  }
  return { photo: path, weights: fileWeights(await upstreamPack()), hasModel: true };
}
