/**
 * Pass 8, emit. Before: steps and a memory plan. After: a WebAssembly module with one function per step and one export
 * that calls them in turn: `run(images)`, or for threads `runPart(images, part, parts, base, maySleep)`, which computes
 * a part of each step and then waits for the others.
 */

import type { FunctionBuilder } from '../../wasm/function-builder.ts';
import { type MemoryImport, ModuleBuilder } from '../../wasm/module-builder.ts';
import type { ComputeOperation, Step, StoredProgram } from './assign-storage.ts';
import { emitConvolution, isSplitByPanels } from './emit/convolution.ts';
import { emitDepthwise } from './emit/depthwise.ts';
import { emitClearBorder, emitCombination, emitElementPrelu, emitPad } from './emit/elementwise.ts';
import { type KernelTarget, KernelWriter } from './emit/kernel-writer.ts';
import { emitGlobalAverage, emitPool } from './emit/pool.ts';
import { emitSoftmax } from './emit/softmax.ts';
import type { IntegerCompiler } from './integers/integer-compiler.ts';
import type { PackedChannels, PackedWeights } from './pack-weights.ts';
import { LINEAR } from './program.ts';

/** A kernel's name and how much work it does. */
export interface KernelInfo {
  readonly name: string;
  /** Units of work, which threads share: usually rows of the output. */
  readonly units: number;
  /** Whether there are this many units per image of a batch, or in total. */
  readonly unitsArePerImage: boolean;
  /** Multiplications per image; 0 if they are negligible. */
  readonly multiplications: number;
}

export interface EmittedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly kernels: readonly KernelInfo[];
  /** How many times a run with threads waits for all of them. */
  readonly waits: number;
}

export interface EmitOptions {
  /** Also exports every kernel under its name, for profiling. */
  readonly exportKernels?: boolean;
  /** Calls long kernels strip by strip, see `STRIP_MULTIPLICATIONS`. */
  readonly callInStrips?: boolean;
  /** Writes the integer steps. */
  readonly integers?: IntegerCompiler | undefined;
}

export function emitModule(
  { steps, input }: StoredProgram,
  weights: PackedWeights,
  target: KernelTarget,
  memory: MemoryImport,
  { exportKernels = false, callInStrips = false, integers }: EmitOptions = {},
): EmittedModule {
  const builder = new ModuleBuilder();
  const kernels: KernelInfo[] = [];
  const calls: { index: number; info: KernelInfo; mustWait: boolean }[] = [];
  for (const [position, step] of steps.entries()) {
    const info = describeStep(step, position, weights);
    const index = builder.addFunction(
      info.name,
      ['i32', 'i32', 'i32'],
      (f) => {
        const writer = new KernelWriter(f, target);
        if (weights.integers && integers?.emitIntegerStep(writer, step, weights.integers)) return;
        emitStep(writer, step, weights);
      },
      { exported: exportKernels },
    );
    kernels.push(info);
    // A border and the picture inside it may be written in parallel; the input's picture is there and is read next.
    calls.push({ index, info, mustWait: step.kind !== 'clearBorder' || step.buffer === input.buffer });
  }
  if (memory.sharedMaximumPages === undefined) {
    builder.addFunction(
      'run',
      ['i32'],
      (f) => {
        const images = f.param(0);
        const [strip, units, stripEnd] = f.locals('i32', 3);
        for (const { index, info } of calls) {
          f.i32(info.units);
          if (info.unitsArePerImage) f.get(images).op('i32.mul');
          f.set(units);
          const stripUnits = Math.ceil((STRIP_MULTIPLICATIONS * info.units) / info.multiplications);
          if (!(callInStrips && info.unitsArePerImage && stripUnits * 2 <= info.units)) {
            f.get(images).i32(0).get(units).call(index);
            continue;
          }
          f.i32(0).set(strip);
          f.stepBelow(strip, stripUnits, units, () => {
            f.get(strip).i32(stripUnits).op('i32.add').tee(stripEnd).get(units).op('i32.gt_u');
            f.if(() => f.get(units).set(stripEnd));
            f.get(images).get(strip).get(stripEnd).call(index);
          });
        }
      },
      { exported: true },
    );
  } else {
    const wait = builder.addFunction('wait', ['i32', 'i32'], emitWait);
    builder.addFunction('runPart', ['i32', 'i32', 'i32', 'i32', 'i32'], (f) => emitRunPart(f, calls, wait), {
      exported: true,
    });
  }
  const waits = calls.filter(({ mustWait }) => mustWait).length;
  return { bytes: builder.encode(memory), kernels, waits };
}

/**
 * Kernels with several times as many multiplications are called for one strip of units after another. V8 starts with
 * code from its baseline compiler, which takes five times as long, and switches to optimised code only at the next
 * call. Measured, a detector's first run at a second size: 106 ms with one call each, 70 in strips of 4 million, 74 of
 * 1.5, 71 to 110 of 20.
 */
const STRIP_MULTIPLICATIONS = 4_000_000;

/** Address of the number of times that a thread has reached a wait, over all runs; it may wrap. */
const ARRIVALS = 0;

/** How many times a thread reads `ARRIVALS` before it sleeps: about 100 microseconds. */
const SPINS = 20_000;
/** Longest sleep, in case the wake-up precedes it. */
const SLEEP_NANOSECONDS = 1_000_000;

/**
 * `wait(target, maySleep)`: counts this thread as arrived, and returns when `ARRIVALS` has reached `target`. Spins at
 * first, as the others are usually a few microseconds behind. With more threads than free cores they are not: spinning
 * alone would then take the core from the threads being waited for (mb1 on two threads and two busy cores: 280 ms
 * instead of 25), so the thread sleeps, unless it is a browser's main thread, which must not.
 */
function emitWait(f: FunctionBuilder): void {
  const [target, maySleep] = [f.param(0), f.param(1)];
  const [arrivals, spins] = f.locals('i32', 2);
  f.i32(ARRIVALS).i32(1).atomicAdd(0).i32(1).op('i32.add').get(target).op('i32.eq');
  f.if(() => f.i32(ARRIVALS).i32(-1).atomicNotify(0).drop());
  f.block((leaveIf) => {
    f.doWhile(() => {
      f.i32(ARRIVALS).atomicLoad(0).tee(arrivals).get(target).op('i32.sub').i32(-1).op('i32.gt_s');
      leaveIf();
      f.increment(spins, 1);
      f.get(spins).i32(SPINS).op('i32.gt_u').get(maySleep).op('i32.and');
      f.if(() => f.i32(ARRIVALS).get(arrivals).atomicWait(0, SLEEP_NANOSECONDS).drop());
      f.i32(1);
    });
  });
}

/** `runPart(images, part, parts, base, maySleep)`: `base` is the value of `ARRIVALS` before the run. */
function emitRunPart(
  f: FunctionBuilder,
  calls: readonly { index: number; info: KernelInfo; mustWait: boolean }[],
  wait: number,
): void {
  const [images, part, parts, target, maySleep] = [0, 1, 2, 3, 4].map((i) => f.param(i));
  const units = f.local('i32');
  for (const { index, info, mustWait } of calls) {
    f.i32(info.units);
    if (info.unitsArePerImage) f.get(images).op('i32.mul');
    f.set(units);
    f.get(images);
    f.get(units).get(part).op('i32.mul').get(parts).op('i32.div_u');
    f.get(units).get(part).i32(1).op('i32.add').op('i32.mul').get(parts).op('i32.div_u');
    f.call(index);
    if (mustWait) f.get(target).get(parts).op('i32.add').tee(target).get(maySleep).call(wait);
  }
}

function emitStep(writer: KernelWriter, step: Step, weights: PackedWeights): void {
  if (step.kind === 'clearBorder') {
    emitClearBorder(writer, step);
    return;
  }
  const { operation, inputs, outputs, padding } = step;
  const [input] = inputs;
  const [output] = outputs;
  switch (operation.kind) {
    case 'convolution': {
      const groups = weights.convolutions.get(operation.name) ?? [];
      emitConvolution(writer, operation, groups, { input, residual: inputs[1], outputs, padding });
      return;
    }
    case 'depthwise':
      emitDepthwise(writer, operation, channelsOf(weights, step), input, output, padding);
      return;
    case 'maxPool':
    case 'averagePool':
      emitPool(writer, operation, input, output, padding);
      return;
    case 'globalAverage':
      emitGlobalAverage(writer, operation, input, output);
      return;
    case 'pad':
      emitPad(writer, input, output, operation.padding);
      return;
    case 'activate':
    case 'add':
      emitCombination(writer, 'f32x4.add', inputs, output, operation.activation, channelsOf(weights, step));
      return;
    case 'multiply':
      emitCombination(writer, 'f32x4.mul', inputs, output, operation.activation, channelsOf(weights, step));
      return;
    case 'copy':
      emitCombination(writer, 'f32x4.add', inputs, output, LINEAR, undefined);
      return;
    case 'elementPrelu':
      emitElementPrelu(writer, input, output, channelsOf(weights, step));
      return;
    case 'softmax':
      emitSoftmax(writer, input, output);
      return;
  }
}

function channelsOf(weights: PackedWeights, step: Extract<Step, { kind: 'compute' }>): PackedChannels {
  const packed = weights.channels.get(step.operation.name);
  if (!packed) throw new Error(`the weights of '${step.operation.name}' are not packed`);
  return packed;
}

function describeStep(step: Step, position: number, weights: PackedWeights): KernelInfo {
  if (step.kind === 'clearBorder') {
    return { name: `${position}:clear ${step.buffer.name}`, units: 1, unitsArePerImage: true, multiplications: 0 };
  }
  const { operation, inputs, outputs } = step;
  const [{ height, width }] = outputs;
  const name = `${position}:${operation.kind} ${operation.name}`;
  const multiplications = height * width * multiplicationsPerPixel(operation);
  if ('inputChannels' in operation && isSplitByPanels(operation, inputs[0])) {
    const groups =
      weights.integers?.convolutions.get(operation.name)?.groups ?? weights.convolutions.get(operation.name);
    const panels = groups?.reduce((sum, { count }) => sum + count, 0) ?? 0;
    return { name, units: panels, unitsArePerImage: false, multiplications };
  }
  const units = operation.kind === 'globalAverage' ? 1 : height;
  return { name, units, unitsArePerImage: true, multiplications };
}

function multiplicationsPerPixel(operation: ComputeOperation): number {
  if (!('weights' in operation)) return 0;
  const taps = operation.kernel[0] * operation.kernel[1];
  return taps * ('inputChannels' in operation ? operation.inputChannels * operation.bias.length : operation.channels);
}

/** Bytes past the end of a view that a vector load may touch. */
export const OVERREAD_BYTES = 64;
