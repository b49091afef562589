import { describe, expect, test } from '@jest/globals';
import { compileModule, compileProgram, requiredBytes } from '../../../../src/engine/compiler/compile.ts';
import { inferShapes, type Shape } from '../../../../src/engine/compiler/infer-shapes.ts';
import { integerCompiler } from '../../../../src/engine/compiler/integers/integer-compiler.ts';
import { quantizeProgram } from '../../../../src/engine/compiler/integers/quantize-program.ts';
import { OPTIMIZATIONS, type OptimizeOption } from '../../../../src/engine/compiler/optimize.ts';
import {
  type Activation,
  type ConvolutionOutput,
  type Operation,
  outputsOf,
  type Padding,
  type Program,
} from '../../../../src/engine/compiler/program.ts';
import { validateProgram } from '../../../../src/engine/compiler/validate.ts';
import type { Quantization } from '../../../../src/engine/quantization.ts';
import { WeightFormatError } from '../../../../src/errors.ts';
import { detectSimdSupport } from '../../../../src/wasm/simd-support.ts';
import { INTEGER_FORMS, integerFormsOf } from '../../../support/compiler-forms.ts';
import { Dice } from '../../../support/dice.ts';
import { runIntegerProgram } from '../../../support/integer-reference.ts';
import fc from '../../../support/property.ts';

/** Programs tried, each with optimisations on, off and half, and both kinds of products. */
const PROGRAMS = Number(process.env.TDDFA_RANDOM_PROGRAMS ?? 300);

const KINDS = ['convolution', 'convolution', 'convolution', 'depthwise', 'maxPool', 'concatenate', 'add'] as const;

/** A program of operations whose results do not depend on the order of sums once all of it is quantised. */
class Growing {
  readonly dice: Dice;
  readonly size: readonly [number, number, number];
  program: Program;
  #shapes: ReadonlyMap<string, Shape>;

  constructor(dice: Dice, size: readonly [number, number, number]) {
    this.dice = dice;
    this.size = size;
    this.program = { input: 'input', inputShape: size, operations: [], outputs: ['input'] };
    this.#shapes = inferShapes(this.program, size).shapes;
  }

  shape(value: string): readonly [number, number, number] {
    const [height = 1, width = 1, channels = 1] = this.#shapes.get(value) ?? [];
    return [height, width, channels];
  }

  get values(): string[] {
    return [...this.#shapes.keys()];
  }

  grow(kind: (typeof KINDS)[number], name: string): void {
    const { dice } = this;
    const [last] = this.values.slice(-1);
    const input = dice.below(3) === 0 ? dice.of(this.values) : last;
    const operation = this.#make(kind, name, input);
    if (!operation) return;
    const program = {
      ...this.program,
      operations: [...this.program.operations, operation],
      outputs: outputsOf(operation),
    };
    let shapes: ReadonlyMap<string, Shape>;
    try {
      shapes = inferShapes(program, this.size).shapes;
    } catch {
      // A window that does not fit.
      return;
    }
    if (outputsOf(operation).some((value) => (shapes.get(value) ?? []).reduce((a, b) => a * b, 1) > 4000)) return;
    this.program = program;
    this.#shapes = shapes;
  }

  #make(kind: (typeof KINDS)[number], name: string, input: string): Operation | undefined {
    const { dice } = this;
    const [height, width, channels] = this.shape(input);
    const side = (): number => dice.of([0, 0, 1, 2]);
    const padding: Padding | 'same' = dice.of([
      'same',
      { top: side(), bottom: side(), left: side(), right: side() },
    ] as const);
    const stride = dice.of([1, 1, 1, 2, 3]);
    const strides = [stride, stride] as const;
    switch (kind) {
      case 'convolution': {
        const kernel = [dice.of([1, 1, 2, 3, 5]), dice.of([1, 1, 2, 3, 4])] as const;
        const isShortcut = dice.below(4) === 0;
        const outputs = Array.from({ length: isShortcut ? 1 : dice.of([1, 1, 2]) }, (_, i): ConvolutionOutput => {
          const count = isShortcut ? channels : 1 + dice.below(19);
          return {
            value: `${name}.${i}`,
            channels: count,
            activation: this.#activation(count),
            mirrored: !isShortcut && dice.below(4) === 0,
          };
        });
        const total = outputs.reduce((sum, output) => sum + output.channels, 0);
        const reads = kernel[0] * kernel[1] * channels;
        return {
          ...{ kind, name, input, kernel, outputs, inputChannels: channels },
          ...(isShortcut ? { strides: [1, 1], padding: 'same', residual: input } : { strides, padding }),
          weights: dice.numbers(reads * total, Math.sqrt(3 / reads)),
          bias: dice.numbers(total, 0.5),
        };
      }
      case 'depthwise': {
        const kernel = [dice.of([1, 2, 3, 3]), dice.of([1, 2, 3, 3])] as const;
        const taps = kernel[0] * kernel[1];
        return {
          ...{ kind, name, input, output: name, kernel, strides, padding, channels },
          weights: dice.numbers(taps * channels, Math.sqrt(3 / taps)),
          bias: dice.numbers(channels, 0.5),
          activation: dice.of([{ kind: 'linear' }, { kind: 'relu' }, { kind: 'relu', maxValue: 1 }] as const),
        };
      }
      case 'maxPool': {
        const kernel = dice.of([
          [2, 2],
          [3, 3],
          [5, 4],
          [5, 4],
        ] as const);
        // Padding by numbers comes from a layer of zeros.
        const paddingIsZero = padding !== 'same' || dice.below(2) === 0;
        return { ...{ kind, name, input, output: name, kernel, strides, padding }, paddingIsZero };
      }
      case 'concatenate': {
        const axis = dice.of([2, 2, 2, 1]);
        const fits = (value: string): boolean =>
          this.shape(value).every((n, i) => i === axis || n === [height, width, channels][i]);
        const inputs = [...new Set([input, ...this.values.filter((value) => fits(value) && dice.below(2) === 0)])];
        return { kind, name, inputs, output: name, axis };
      }
      case 'add': {
        const alike = this.values.filter((value) => this.shape(value).join() === [height, width, channels].join());
        return { kind, name, inputs: [input, dice.of(alike)], output: name, activation: this.#activation(channels) };
      }
    }
  }

  #activation(channels: number): Activation {
    return this.dice.of<Activation>([
      { kind: 'linear' },
      { kind: 'relu' },
      { kind: 'relu' },
      { kind: 'relu', maxValue: 1 },
      { kind: 'leakyRelu', alpha: 0.2 },
      { kind: 'prelu', alphas: this.dice.numbers(channels, 1) },
    ]);
  }

  /** Ranges of all values: most of those that are never negative begin at 0, others lie around it. */
  ranges(): Map<string, Quantization> {
    const { dice, program } = this;
    const unsigned = new Set<string>();
    const bounded = new Set<string>();
    for (const operation of program.operations) {
      for (const value of outputsOf(operation)) {
        const activation =
          operation.kind === 'convolution'
            ? operation.outputs.find((output) => output.value === value)?.activation
            : 'activation' in operation
              ? operation.activation
              : undefined;
        if (activation?.kind === 'relu') unsigned.add(value);
        if (operation.kind === 'depthwise') bounded.add(value);
      }
    }
    const ranges = new Map<string, Quantization>();
    for (const value of this.values) {
      const channels = this.shape(value)[2];
      const isShared = dice.below(3) === 0;
      // Depthwise convolutions of floats are not the reference's: those with a maximum get ranges that end below it.
      const isUnsigned = unsigned.has(value) && dice.below(8) > 0;
      const most = bounded.has(value) ? 0.9 : 2.5;
      const draw = (): { scale: number; zero: number } => ({
        scale: (0.4 + (dice.below(100) / 100) * (most - 0.4)) / 127,
        zero: isUnsigned ? 0 : dice.of([0, 40, 64, 127, dice.below(128)]),
      });
      const shared = draw();
      const all = Array.from({ length: channels }, () =>
        isShared ? shared : { ...draw(), zero: dice.below(2) ? shared.zero : draw().zero },
      );
      ranges.set(value, {
        scales: Float32Array.from(all, ({ scale }) => scale),
        zeroPoints: Uint8Array.from(all, ({ zero }) => zero),
      });
    }
    return ranges;
  }
}

/** Runs a quantised program as the engine does. */
function runCompiled(
  program: Program,
  input: Float32Array,
  size: readonly [number, number, number],
  { relaxed, optimize, images }: { relaxed: boolean; optimize: OptimizeOption; images: number },
  note: (forms: readonly string[]) => void,
): Float32Array[][] {
  const options = { optimize, validate: validateProgram, fusedMultiplyAdd: relaxed, integers: integerCompiler };
  const network = compileProgram(program, options);
  const module = compileModule(network, size, { fusedMultiplyAdd: relaxed });
  note(integerFormsOf(module, network));
  const pages = Math.ceil(requiredBytes(network, module.arenaBytes, images) / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages });
  // What was in the memory before must not matter.
  new Uint8Array(memory.buffer).fill(0xa5);
  const floats = new Float32Array(memory.buffer);
  floats.set(network.weights.data, network.weights.baseAddress / 4);
  const { input: view, outputs } = module.stored;
  const at = module.addressOf(view, images);
  const length = input.length / images;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < view.height; row++) {
      const rowLength = view.width * view.channels;
      const from = image * length + row * rowLength;
      floats.set(
        input.subarray(from, from + rowLength),
        (at.address + image * at.imageStride) / 4 + row * view.rowStride,
      );
    }
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.bytes), { env: { memory } });
  (instance.exports.run as (images: number) => void)(images);
  return Array.from({ length: images }, (_, image) =>
    outputs.map(({ view: output }) => {
      const { address, imageStride } = module.addressOf(output, images);
      const start = (address + image * imageStride) / 4;
      return unsignedZeros(floats.slice(start, start + output.height * output.width * output.channels));
    }),
  );
}

/** A ReLU may leave -0 or 0. */
function unsignedZeros(numbers: Float32Array): Float32Array {
  return numbers.map((x) => x + 0);
}

function isSame(a: readonly Float32Array[][], b: readonly Float32Array[][]): boolean {
  const bytes = (all: readonly Float32Array[][]): Buffer[] =>
    all.flat().map((numbers) => Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  const others = bytes(b);
  return bytes(a).every((own, i) => own.equals(others[i]));
}

describe('random quantised programs', () => {
  test(`${PROGRAMS} give what plain TypeScript gives, bit for bit, by every form of kernel`, () => {
    const hasRelaxed = detectSimdSupport().fusedMultiplyAdd;
    const fired = new Set<string>();
    const note = (forms: readonly string[]): void => {
      for (const form of forms) fired.add(form);
    };
    const half = OPTIMIZATIONS.filter((_, i) => i % 2 === 0);
    const variants = [true, false, { except: half }].flatMap((optimize) =>
      (hasRelaxed ? [false, true] : [false]).map((relaxed) => ({ optimize, relaxed })),
    );
    const plans = fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 8 });
    const sizes = fc.tuple(
      fc.integer({ min: 1, max: 11 }),
      fc.integer({ min: 1, max: 11 }),
      fc.integer({ min: 1, max: 9 }),
    );
    const property = fc.property(plans, sizes, fc.integer({ min: 1, max: 3 }), fc.nat(), (plan, size, images, seed) => {
      const growing = new Growing(new Dice(seed), size);
      for (const [i, kind] of plan.entries()) growing.grow(kind, `operation${i}`);
      const { dice } = growing;
      // The last operation's results, and sometimes something on the way.
      const outputs = new Set(growing.program.outputs);
      if (dice.below(3) === 0) outputs.add(dice.of(growing.values));
      const quantized = quantizeProgram(
        { ...growing.program, outputs: [...outputs] },
        growing.ranges(),
        WeightFormatError,
      );
      validateProgram(quantized, 'quantize');
      const length = size[0] * size[1] * size[2];
      const input = dice.numbers(images * length, 2);
      const expected = Array.from({ length: images }, (_, image) =>
        runIntegerProgram(quantized, input.subarray(image * length, (image + 1) * length), size).map(unsignedZeros),
      );
      for (const variant of variants) {
        const actual = runCompiled(quantized, input, size, { ...variant, images }, note);
        // Jest takes its time over long arrays.
        if (!isSame(actual, expected)) expect(actual).toEqual(expected);
      }
    });
    fc.assert(property, { numRuns: PROGRAMS });
    if (PROGRAMS < 300 || process.env.TDDFA_SEED !== undefined) return;
    const missing = INTEGER_FORMS.filter((name) => !fired.has(name));
    const unlisted = [...fired].filter((name) => !INTEGER_FORMS.includes(name));
    expect({ missing, unlisted }).toEqual({ missing: [], unlisted: [] });
  }, 300_000);
});
