/** Run in a process of its own: imports, loads a network, runs it once, and prints the times in ms and the peak memory. */
import { existsSync, readFileSync } from 'node:fs';
import { convertNetwork } from '../converters/networks/convert-network.ts';
import type { CompiledEngineOptions } from '../src/engine/compiled.ts';
import { compileModule, compileNetwork } from '../src/engine/compiler/compile.ts';
import type { BackendName } from '../src/engine/engine.ts';
import { formulaFaceboxes, formulaRegressor } from '../test/support/formula.ts';

/** Linux lets `maxRSS` begin with what the parent process had; its own figure of the process does not. */
function peakKilobytes(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  return Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
}

/** What one process measured. */
export interface ColdStart {
  /** From the import of the engine to the first result. */
  readonly firstResultMs: number;
  /** Of that, the first run, which compiles. */
  readonly firstRunMs: number;
  /** Result of a second size of picture, where V8 has seen the compiler's code: only for networks that take any. */
  readonly secondSizeMs: number;
  readonly peakMegabytes: number;
}

/** What the compiler takes, never run before in its process. */
export interface ColdCompile {
  /** Parse, fuse and pack: once per network. */
  readonly networkMs: number;
  /** Emit and compile a module for 1080 x 607, without what V8 compiles when a function is first called. */
  readonly moduleMs: number;
  /** The same for another size. */
  readonly nextModuleMs: number;
}

const [backend, simd, name] = process.argv.slice(2);
if (backend === 'compiler') {
  const { artifact } = convertNetwork(formulaFaceboxes().stateDict, { file: 'network' });
  const start = performance.now();
  const network = compileNetwork(artifact);
  const loaded = performance.now();
  const times = [];
  for (const height of [607, 608]) {
    const before = performance.now();
    const { bytes } = compileModule(network, [height, 1080, 3], { fusedMultiplyAdd: simd === 'fma' });
    await WebAssembly.compile(bytes);
    times.push(performance.now() - before);
  }
  const [moduleMs = Number.NaN, nextModuleMs = Number.NaN] = times;
  const result: ColdCompile = { networkMs: loaded - start, moduleMs, nextModuleMs };
  process.stdout.write(JSON.stringify(result));
} else if (backend !== undefined) {
  const isDetector = name === 'faceboxes';
  const { artifact } = convertNetwork(
    isDetector ? formulaFaceboxes().stateDict : formulaRegressor('mobilenet_v1_x1.0').stateDict,
    { file: 'network' },
  );
  const [width, height] = isDetector ? [1080, 607] : [120, 120];
  const input = new Float32Array(width * height * 3);
  const start = performance.now();
  const { createEngine } = await import('../src/engine/create-engine.ts');
  const options: CompiledEngineOptions = simd === 'plain' || simd === 'fma' ? { simd } : {};
  const engine = await createEngine(backend as BackendName, options);
  const network = await engine.loadNetwork(artifact);
  const loaded = performance.now();
  await network.run(input, [1, height, width, 3]);
  const done = performance.now();
  if (isDetector) await network.run(new Float32Array(1000 * 600 * 3), [1, 600, 1000, 3]);
  const result: ColdStart = {
    firstResultMs: done - start,
    firstRunMs: done - loaded,
    secondSizeMs: isDetector ? performance.now() - done : Number.NaN,
    peakMegabytes: peakKilobytes() / 1024,
  };
  process.stdout.write(JSON.stringify(result));
  process.exit(0);
}
