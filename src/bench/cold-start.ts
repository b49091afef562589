/**
 * Runs in its own process: `cold-start.js BACKEND SIMD PACK MODEL`, or `compiler` as the backend. Reads a network from
 * a pack and prints as JSON the time from the import of the engine to the first result, in ms, and the peak memory; or
 * the times of the compiler.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { BackendName } from '../engine/engine.ts';
import type { LayersArtifact } from '../engine/layers-artifact.ts';
import { fileWeights } from '../engine/weights/file-source.ts';
import { openPack } from '../engine/weights/open-pack.ts';

/** What one process measured. */
export interface ColdStart {
  /** From the import of the engine to the first result. */
  readonly firstResultMs: number;
  /** The first run's share of it, which includes compilation. */
  readonly firstRunMs: number;
  /**
   * Run at a second picture size, when V8 has already seen the compiler's code: only for networks that take any size.
   */
  readonly secondSizeMs: number | null;
  readonly peakMegabytes: number;
}

/** Times of the compiler, which has not run before in its process. */
export interface ColdCompile {
  /** Parsing, fusing and packing: once per network. */
  readonly networkMs: number;
  /** Emitting and compiling a module, without what V8 compiles when a function is first called. */
  readonly moduleMs: number;
  /** The same for another size. */
  readonly nextModuleMs: number;
}

/** Picture sizes of a cold start: two for a detector. */
const DETECTOR_SIZES = [
  [607, 1080],
  [600, 1000],
] as const;

const [backend = '', simd, folder = '', modelName = ''] = process.argv.slice(2);
const pack = await openPack(fileWeights(folder));
const model = pack.model(modelName);
const sizes =
  model.role === 'detector' ? DETECTOR_SIZES : ([[model.inputSize ?? 120, model.inputSize ?? 120]] as const);
const artifact = await pack.readNetwork(model);
const result = backend === 'compiler' ? await compileCold(artifact) : await startCold(backend as BackendName, artifact);
process.stdout.write(JSON.stringify(result), () => process.exit(0));

async function startCold(name: BackendName, network: LayersArtifact): Promise<ColdStart> {
  const inputs = sizes.map(([height, width]) => new Float32Array(height * width * 3));
  const start = performance.now();
  const { createEngine } = await import('../engine/create-engine.ts');
  const engine = await createEngine(name, simd === 'plain' || simd === 'fma' ? { simd } : {});
  const loaded = await engine.loadNetwork(network);
  const times = [performance.now()];
  for (const [i, [height, width]] of sizes.entries()) {
    await loaded.run(inputs[i] as Float32Array, [1, height, width, 3]);
    times.push(performance.now());
  }
  const [before = Number.NaN, first = Number.NaN, second] = times;
  return {
    firstResultMs: first - start,
    firstRunMs: first - before,
    secondSizeMs: second === undefined ? null : second - first,
    peakMegabytes: peakKilobytes() / 1024,
  };
}

async function compileCold(network: LayersArtifact): Promise<ColdCompile> {
  const { compileModule, compileNetwork } = await import('../engine/compiler/compile.ts');
  const start = performance.now();
  const fusedMultiplyAdd = simd === 'fma';
  const compiled = compileNetwork(network, { fusedMultiplyAdd });
  const times = [performance.now()];
  for (const [height, width] of sizes) {
    const { bytes } = compileModule(compiled, [height, width, 3], { fusedMultiplyAdd });
    await WebAssembly.compile(bytes);
    times.push(performance.now());
  }
  const [loaded = Number.NaN, first = Number.NaN, second = Number.NaN] = times;
  return { networkMs: loaded - start, moduleMs: first - loaded, nextModuleMs: second - first };
}

/** On Linux, `maxRSS` starts from the parent's value; VmHWM does not. */
function peakKilobytes(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  return Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
}
