/**
 * Run in a process of its own: `cold-start.js BACKEND SIMD PACK MODEL`, or `compiler` as the backend. Reads a network of a pack,
 * and prints as JSON how long it takes from the import of the engine to the first result, in ms, and the peak memory; or what the
 * compiler takes.
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
  /** Of that, the first run, which compiles. */
  readonly firstRunMs: number;
  /** Result of a second size of picture, where V8 has seen the compiler's code: only for networks that take any. */
  readonly secondSizeMs: number | null;
  readonly peakMegabytes: number;
}

/** What the compiler takes, never run before in its process. */
export interface ColdCompile {
  /** Parse, fuse and pack: once per network. */
  readonly networkMs: number;
  /** Emit and compile a module, without what V8 compiles when a function is first called. */
  readonly moduleMs: number;
  /** The same for another size. */
  readonly nextModuleMs: number;
}

/** Sizes of the pictures of a cold start: of a detector two. */
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

/** Linux lets `maxRSS` begin with what the parent process had; its own figure of the process does not. */
function peakKilobytes(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  return Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
}
