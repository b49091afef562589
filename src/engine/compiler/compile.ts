/**
 * The pipeline. Once per network: parse -> lower -> fuse (-> quantize) -> pack weights. Once per input size: infer
 * shapes -> schedule -> assign storage -> plan memory -> emit. Fusing changes the weights; because it runs before
 * shapes are known, they are the same for every size, and all modules read one copy. See docs/engine.md.
 */
import { WeightFormatError } from '../../errors.ts';
import type { LayersArtifact } from '../layers-artifact.ts';
import type { StoredRanges } from '../quantization.ts';
import { assignStorage, type StoredProgram } from './assign-storage.ts';
import { type EmitOptions, emitModule, type KernelInfo, OVERREAD_BYTES } from './emit-module.ts';
import { inferShapes, type ShapedProgram } from './infer-shapes.ts';
import type { IntegerCompiler } from './integers/integer-compiler.ts';
import { lowerGraph } from './lower.ts';
import { enabledOptimizations, type Optimization, type OptimizeOption, optimizeProgram } from './optimize.ts';
import { type PackedWeights, packWeights, withoutWeights } from './pack-weights.ts';
import { parseLayersArtifact } from './parse.ts';
import { bufferBytes, planMemory } from './plan-memory.ts';
import type { Program, ProgramCheck } from './program.ts';
import { scheduleOperations } from './schedule.ts';

/** Bytes at the start of the memory for the threads' barrier, before the weights. */
const RESERVED_BYTES = 1024;
export const PAGE_BYTES = 65_536;

export interface CompileOptions {
  /** Which optimisations run; all of them by default. */
  readonly optimize?: OptimizeOption;
  /** Called after every pass; `validateProgram` finds what a pass got wrong. */
  readonly validate?: ProgramCheck | undefined;
  /** Packs the weights for modules with relaxed SIMD. Float weights fit others, which are then slow. Default false. */
  readonly fusedMultiplyAdd?: boolean;
  /** Compiles for int8 inference. */
  readonly integers?: IntegerCompiler | undefined;
  /** Ranges of the network's values, for `integers`. */
  readonly ranges?: StoredRanges | undefined;
  /** Values between the layers that are outputs too, after the network's own. */
  readonly observed?: (fused: Program) => readonly string[];
}

/** A network, parsed and fused, for any input size. */
export interface CompiledNetwork {
  readonly program: Program;
  /** Where the packed weights lie. */
  readonly weights: PackedWeights;
  readonly enabled: ReadonlySet<Optimization>;
  readonly validate: ProgramCheck | undefined;
  readonly integers: IntegerCompiler | undefined;
  /** Address of the arena: the first byte after the weights. */
  readonly arena: number;
}

export interface ModuleOptions extends EmitOptions {
  /** Emit relaxed SIMD's fused multiply-add. */
  readonly fusedMultiplyAdd: boolean;
  /** For threads: the maximum of the shared memory that the module will import. */
  readonly sharedMaximumPages?: number;
}

/** A module for one input size, any batch. */
export interface CompiledModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly kernels: readonly KernelInfo[];
  /** How many times a run with threads waits for all of them. */
  readonly waits: number;
  readonly stored: StoredProgram;
  /** Bytes of the arena that a batch of one takes; a batch of n takes n times as many. */
  readonly arenaBytes: number;
  /** Address of a view's first number in the batch's first image, and the distance between images, in bytes. */
  addressOf(view: StoredProgram['input'], images: number): { address: number; imageStride: number };
}

/**
 * @throws WeightFormatError for a malformed artifact; UnsupportedLayerError for what the engine cannot run.
 */
export function compileNetwork(artifact: LayersArtifact, options: CompileOptions = {}): CompiledNetwork {
  const { optimize = true, validate, integers, ranges, observed } = options;
  const enabled = enabledOptimizations(optimize);
  const lowered = lowerGraph(parseLayersArtifact(artifact));
  validate?.(lowered, 'lower');
  const fused = optimizeProgram(lowered, enabled, validate);
  if (integers && ranges) return compileProgram(integers.quantize(fused, ranges, WeightFormatError), options);
  return compileProgram(observed ? { ...fused, outputs: [...fused.outputs, ...observed(fused)] } : fused, options);
}

/** The last part of `compileNetwork`, for a fused and perhaps quantised program, which is validated once more. */
export function compileProgram(
  program: Program,
  { optimize = true, validate, fusedMultiplyAdd = false, integers }: CompileOptions = {},
): CompiledNetwork {
  const enabled = enabledOptimizations(optimize);
  if (integers) validate?.(program, 'quantize');
  const weights = packWeights(program, enabled, RESERVED_BYTES, fusedMultiplyAdd, integers?.packIntegers);
  const arena = Math.ceil((RESERVED_BYTES + weights.data.byteLength) / PAGE_BYTES) * PAGE_BYTES;
  return { program: withoutWeights(program), weights, enabled, validate, integers, arena };
}

/**
 * @param inputShape - `[height, width, channels]`.
 * @throws RangeError if the network does not accept this size.
 */
export function compileModule(
  network: CompiledNetwork,
  inputShape: readonly [number, number, number],
  { fusedMultiplyAdd, sharedMaximumPages, ...emitOptions }: ModuleOptions,
): CompiledModule {
  const { program, weights, enabled, validate, integers, arena } = network;
  const check = (shaped: ShapedProgram, pass: string): ShapedProgram => {
    validate?.(shaped.program, pass);
    return shaped;
  };
  const shaped = check(inferShapes(program, inputShape), 'infer-shapes');
  const scheduled = check(scheduleOperations(shaped), 'schedule');
  const stored = assignStorage(scheduled, enabled);
  const memory = planMemory(stored, enabled.has('reuse-memory'));
  const target = { fusedMultiplyAdd, registerTiles: enabled.has('register-tiles'), arena, memory };
  const minimumPages = Math.ceil(requiredBytes(network, memory.arenaBytes, 1) / PAGE_BYTES);
  const memoryImport = { minimumPages, ...(sharedMaximumPages !== undefined && { sharedMaximumPages }) };
  const { bytes, kernels, waits } = emitModule(stored, weights, target, memoryImport, {
    callInStrips: enabled.has('call-in-strips'),
    integers,
    ...emitOptions,
  });
  return {
    bytes,
    kernels,
    waits,
    stored,
    arenaBytes: memory.arenaBytes,
    addressOf(view, images) {
      const offset = memory.offsets.get(view.buffer) ?? 0;
      return { address: arena + images * offset + view.offset * 4, imageStride: bufferBytes(view.buffer) };
    },
  };
}

/** Bytes of memory that a batch needs, weights included. */
export function requiredBytes({ arena }: CompiledNetwork, arenaBytes: number, images: number): number {
  return arena + images * arenaBytes + OVERREAD_BYTES;
}
