import type { FunctionBuilder, Local } from '../../../wasm/function-builder.ts';
import { multiplyAdd } from '../../../wasm/multiply-add.ts';
import { elementBytes, imageNumbers, type View } from '../assign-storage.ts';
import { bufferBytes, type MemoryPlan } from '../plan-memory.ts';
import { type Activation, HARD_SIGMOID_SLOPE } from '../program.ts';

/** Bytes of a vector and of a number. */
export const VECTOR = 16;
export const FLOAT = 4;

/** Settings that all kernels of a module share. */
export interface KernelTarget {
  /** Relaxed SIMD's fused multiply-add; otherwise a product and a sum, each rounded. */
  readonly fusedMultiplyAdd: boolean;
  /** Register tiles of several pixels. */
  readonly registerTiles: boolean;
  /** Address of the arena, in bytes. */
  readonly arena: number;
  readonly memory: MemoryPlan;
}

/**
 * Writes one kernel: a function `(images, begin, end)` that computes units `begin` to `end` (not including) of the
 * result of a batch of `images`. A unit is usually one row of one image, so that kernels can be cut into strips.
 */
export class KernelWriter {
  readonly f: FunctionBuilder;
  readonly target: KernelTarget;
  readonly images: Local;
  readonly begin: Local;
  readonly end: Local;

  constructor(f: FunctionBuilder, target: KernelTarget) {
    this.f = f;
    this.target = target;
    this.images = f.param(0);
    this.begin = f.param(1);
    this.end = f.param(2);
  }

  /** Distance between two images of a view, in bytes. */
  imageStride(view: View): number {
    return bufferBytes(view.buffer);
  }

  /** Sets `local` to the address of a view's number at `position` from its first, in the batch's first image. */
  setBase(local: Local, view: View, position = 0): void {
    const offset = this.target.memory.offsets.get(view.buffer);
    if (offset === undefined) throw new Error(`buffer '${view.buffer.name}' has no place in memory`);
    const start = view.offset + position;
    if (start < 0 || start > imageNumbers(view.buffer)) throw new Error(`buffer '${view.buffer.name}' lacks a border`);
    this.f
      .get(this.images)
      .i32(offset)
      .op('i32.mul')
      .i32(this.target.arena + start * elementBytes(view.buffer))
      .op('i32.add')
      .set(local);
  }

  /** Runs `body` if there is anything to do. */
  ifAny(body: () => void): void {
    this.f.get(this.begin).get(this.end).op('i32.lt_u').if(body);
  }

  /**
   * Splits a unit number into image and row.
   * @param pointers - each set to `base + image * imageStride + row * rowStride`.
   */
  setRowPointers(
    unit: Local,
    rows: number,
    scratch: { readonly image: Local; readonly row: Local },
    pointers: readonly { pointer: Local; base: Local; imageStride: number; rowStride: number }[],
  ): void {
    const { f } = this;
    f.get(unit).i32(rows).op('i32.div_u').tee(scratch.image);
    f.i32(-rows).op('i32.mul').get(unit).op('i32.add').set(scratch.row);
    for (const { pointer, base, imageStride, rowStride } of pointers) {
      f.get(base).get(scratch.image).i32(imageStride).op('i32.mul').op('i32.add');
      f.get(scratch.row).i32(rowStride).op('i32.mul').op('i32.add').set(pointer);
    }
  }

  /** `body` for every row (unit) of the kernel's range, with pointers to the start of the row in each view. */
  forEachRow(
    rows: number,
    views: readonly { readonly view: View; readonly rowStep?: number; readonly position?: number }[],
    body: (pointers: Local[], row: Local) => void,
  ): void {
    const { f } = this;
    const bases = f.locals('i32', views.length);
    const pointers = f.locals('i32', views.length);
    const unit = f.local('i32');
    const scratch = { image: f.local('i32'), row: f.local('i32') };
    this.ifAny(() => {
      for (const [i, { view, position }] of views.entries()) this.setBase(bases[i], view, position);
      f.get(this.begin).set(unit);
      f.stepBelow(unit, 1, this.end, () => {
        this.setRowPointers(
          unit,
          rows,
          scratch,
          views.map(({ view, rowStep = 1 }, i) => ({
            pointer: pointers[i],
            base: bases[i],
            imageStride: this.imageStride(view),
            rowStride: rowStep * view.rowStride * elementBytes(view.buffer),
          })),
        );
        body(pointers, scratch.row);
      });
    });
  }

  /**
   * `body(lanes)` for every four of `count` numbers, then for the one to three that remain.
   * Pointers advance with it and are reset afterwards.
   */
  forEachVector(count: number, pointers: readonly Local[], body: (lanes: number) => void): void {
    const { f } = this;
    const whole = Math.floor(count / 4);
    if (whole > 0) {
      const counter = f.local('i32');
      f.repeat(whole, counter, () => {
        body(4);
        for (const pointer of pointers) f.increment(pointer, VECTOR);
      });
    }
    if (count % 4 > 0) body(count % 4);
    for (const pointer of pointers) f.increment(pointer, -whole * VECTOR);
  }

  /** `sum += a * b`. */
  multiplyAdd(sum: Local, a: Local, b: Local): void {
    multiplyAdd(this.f, this.target.fusedMultiplyAdd, sum, a, b);
  }

  /** Stores the first `lanes` numbers of a vector; memory after them is not touched. */
  store(pointer: Local, offset: number, value: Local, lanes: number): void {
    const { f } = this;
    if (lanes === 4) {
      f.get(pointer).get(value).memory('v128.store', offset);
      return;
    }
    if (lanes >= 2) f.get(pointer).get(value).storeLane(0, offset, 8);
    if (lanes % 2 === 1)
      f.get(pointer)
        .get(value)
        .storeLane(lanes - 1, offset + (lanes - 1) * FLOAT);
  }

  /**
   * `value = activation(value)`.
   * @param loadAlphas - puts the PReLU factors of the vector's channels on the stack.
   */
  activate(value: Local, activation: Activation, loadAlphas: () => void): void {
    const { f } = this;
    switch (activation.kind) {
      case 'linear':
        return;
      case 'relu':
        // pmax and pmin are one instruction each; max and min spend seven on NaN and -0.
        f.get(value).f32x4(0).op('f32x4.pmax');
        if (activation.maxValue !== undefined) f.f32x4(activation.maxValue).op('f32x4.pmin');
        f.set(value);
        return;
      case 'leakyRelu':
      case 'prelu':
        f.get(value).f32x4(0).op('f32x4.pmax');
        f.get(value).f32x4(0).op('f32x4.pmin');
        if (activation.kind === 'prelu') loadAlphas();
        else f.f32x4(activation.alpha);
        f.op('f32x4.mul').op('f32x4.add').set(value);
        return;
      case 'sigmoid':
        f.f32x4(1).f32x4(1).get(value).op('f32x4.neg').set(value);
        this.exponential(value);
        f.get(value).op('f32x4.add').op('f32x4.div').set(value);
        return;
      case 'hardSigmoid':
        this.#hardSigmoid(value, HARD_SIGMOID_SLOPE);
        f.set(value);
        return;
      case 'hardSwish':
        f.get(value);
        this.#hardSigmoid(value, activation.slope);
        f.op('f32x4.mul').set(value);
        return;
      case 'tanh':
        this.#tanh(value);
        return;
    }
  }

  /**
   * `value = e^value`, within 2 units in the last place; results are clamped to 2^-126 and the largest float.
   * e^x = 2^n e^r with |r| <= ln(2)/2, and Cephes' polynomial for e^r (expf.c, S. Moshier).
   */
  exponential(value: Local): void {
    const { f } = this;
    const n = f.local('v128');
    const square = f.local('v128');
    f.get(value).f32x4(88.37).op('f32x4.pmin').f32x4(-87.33).op('f32x4.pmax').set(value);
    f.get(value).f32x4(Math.LOG2E).op('f32x4.mul').op('f32x4.nearest').set(n);
    // ln(2) in two parts, the first of which has enough zeros for an exact product.
    f.get(value).get(n).f32x4(0.693359375).op('f32x4.mul').op('f32x4.sub');
    f.get(n).f32x4(-2.1219444e-4).op('f32x4.mul').op('f32x4.sub').set(value);
    f.get(value).get(value).op('f32x4.mul').set(square);
    f.f32x4(1.98756915e-4);
    for (const coefficient of [1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]) {
      f.get(value).op('f32x4.mul').f32x4(coefficient).op('f32x4.add');
    }
    f.get(square).op('f32x4.mul').get(value).op('f32x4.add').f32x4(1).op('f32x4.add');
    f.get(n).op('i32x4.trunc_sat_f32x4_s').i32x4(127).op('i32x4.add').i32(23).op('i32x4.shl');
    f.op('f32x4.mul').set(value);
  }

  /** Puts `slope value + 0.5`, clipped to 0..1, on the stack. */
  #hardSigmoid(value: Local, slope: number): void {
    const { f } = this;
    f.get(value).f32x4(slope).op('f32x4.mul').f32x4(0.5).op('f32x4.add');
    f.f32x4(0).op('f32x4.pmax').f32x4(1).op('f32x4.pmin');
  }

  /** Cephes' tanhf: a polynomial near zero, where 1 - 2 / (e^2x + 1) would cancel. */
  #tanh(value: Local): void {
    const { f } = this;
    const x = f.local('v128');
    const square = f.local('v128');
    f.get(value).set(x);
    f.get(x).get(x).op('f32x4.mul').set(square);
    f.get(x).get(x).op('f32x4.add').set(value);
    this.exponential(value);
    f.f32x4(-5.70498872745e-3);
    for (const coefficient of [2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1]) {
      f.get(square).op('f32x4.mul').f32x4(coefficient).op('f32x4.add');
    }
    f.get(square).op('f32x4.mul').get(x).op('f32x4.mul').get(x).op('f32x4.add');
    f.f32x4(1).f32x4(2).get(value).f32x4(1).op('f32x4.add').op('f32x4.div').op('f32x4.sub');
    f.get(x).op('f32x4.abs').f32x4(0.625).op('f32x4.lt').op('v128.bitselect').set(value);
  }
}
