import { describe, expect, test } from '@jest/globals';
import type { FunctionBuilder } from '../../src/wasm/function-builder.ts';
import { INSTRUCTIONS, MEMORY_INSTRUCTIONS, type ValueType } from '../../src/wasm/instructions.ts';
import { ModuleBuilder } from '../../src/wasm/module-builder.ts';
import { detectSimdSupport } from '../../src/wasm/simd-support.ts';

/** Puts a value of a type on the stack. */
function push(f: FunctionBuilder, type: ValueType): void {
  if (type === 'i32') f.i32(0);
  else if (type === 'i64') f.i32(0).op('i64.extend_i32_s');
  else if (type === 'f32') f.f32(0);
  else if (type === 'f64') f.f64(0);
  else f.f32x4(0);
}

/** Takes a value of a type off the stack, as WebAssembly's own check sees it. */
function consume(f: FunctionBuilder, type: ValueType | undefined): void {
  if (type !== undefined) f.set(f.local(type));
}

function isValid(write: (f: FunctionBuilder) => void): boolean {
  const builder = new ModuleBuilder();
  builder.addFunction('callee', ['i32', 'f32'], () => {});
  builder.addFunction('tested', ['i32', 'v128'], write);
  return WebAssembly.validate(builder.encode({ minimumPages: 1 }));
}

describe('types of instructions are those of WebAssembly', () => {
  const all = { ...INSTRUCTIONS, ...MEMORY_INSTRUCTIONS };
  const supported = Object.keys(all).filter(
    (name) => !name.includes('relaxed') || detectSimdSupport().fusedMultiplyAdd,
  ) as (keyof typeof all)[];

  // A wrong operand or result leaves a module that the engine refuses.
  test.each(supported)('%s', (name) => {
    const { operands, result } = all[name];
    const write = (f: FunctionBuilder): void => {
      for (const type of operands) push(f, type);
      if (name in INSTRUCTIONS) f.op(name as keyof typeof INSTRUCTIONS);
      else f.memory(name as keyof typeof MEMORY_INSTRUCTIONS);
      consume(f, result);
    };
    expect(isValid(write)).toBe(true);
  });

  test.each<[string, (f: FunctionBuilder) => void]>([
    ['storeLane', (f) => f.i32(0).f32x4(0).storeLane(3, 4)],
    ['storeLane, wide', (f) => f.i32(0).f32x4(0).storeLane(1, 4, 8)],
    ['extractLane', (f) => f.f32x4(0).extractLane(1).set(f.local('f32'))],
    ['extractLane of i32', (f) => f.i32x4(0).extractLane(1, 'i32').set(f.local('i32'))],
    ['replaceDoubleLane', (f) => f.f32x4(0).f64(1).replaceDoubleLane(1).drop()],
    ['shuffleLanes', (f) => f.f32x4(0).f32x4(1).shuffleLanes([0, 1, 4, 7]).drop()],
    ['tee and select', (f) => f.f32(1).f32(2).i32(1).select().tee(f.local('f32')).drop()],
    ['call', (f) => f.i32(1).f32(2).call(0)],
    ['return within a branch', (f) => f.get(f.param(0)).if(() => f.i32(1).return())],
    [
      'a jump out of a loop',
      (f) =>
        f.block((leaveIf) =>
          f.doWhile(() => {
            f.i32(1);
            leaveIf();
            f.i32(0);
          }),
        ),
    ],
  ])('%s', (_, write) => {
    expect(isValid(write)).toBe(true);
  });
});

describe('a mistake is refused where it is made', () => {
  test.each<[string, (f: FunctionBuilder) => void, string]>([
    [
      'an operand of another type',
      (f) => f.i32(1).f32(2).op('i32.add'),
      "'i32.add' takes i32, i32; the stack has i32, f32",
    ],
    ['a missing operand', (f) => f.i32(1).op('i32.add'), "'i32.add' takes i32, i32; the stack has i32"],
    ['nothing at all', (f) => f.op('i32.eqz'), "'i32.eqz' takes i32; the stack has nothing"],
    [
      'a store of another type',
      (f) => f.i32(0).i32(1).memory('f32.store'),
      "'f32.store' takes i32, f32; the stack has i32, i32",
    ],
    ['a local set to another type', (f) => f.i32(0).set(f.local('f32')), "'local.set' takes f32; the stack has i32"],
    ['a local of another function', (f) => f.get({ index: 7, type: 'i32' }), 'local 7 is not there, not i32'],
    ['a local by a wrong type', (f) => f.get({ index: 1, type: 'i32' }), 'local 1 is v128, not i32'],
    [
      'two types to select from',
      (f) => f.i32(1).f32(1).i32(0).select(),
      "'select' takes f32, f32; the stack has i32, f32",
    ],
    ['nothing to drop', (f) => f.drop(), 'the stack is empty'],
    ['a call with too little', (f) => f.i32(1).call(0), "'call' takes i32, f32; the stack has i32"],
    ['a branch that leaves something', (f) => f.i32(1).if(() => f.i32(2)), "'if' ends with i32 on the stack"],
    [
      'the other branch that leaves something',
      (f) =>
        f.i32(1).if(
          () => {},
          () => f.f32(2),
        ),
      "'else' ends with f32 on the stack",
    ],
    [
      'a branch that takes from outside',
      (f) =>
        f
          .i32(1)
          .i32(1)
          .if(() => f.drop()),
      'the stack is empty',
    ],
    ['a loop without its condition', (f) => f.doWhile(() => {}), "'br_if' takes i32; the stack has nothing"],
    [
      'a jump without its condition',
      (f) => f.block((leaveIf) => leaveIf()),
      "'br_if' takes i32; the stack has nothing",
    ],
    ['a function that leaves something', (f) => f.i32(1), "'function' ends with i32 on the stack"],
  ])('%s', (_, write, message) => {
    expect(() => isValid(write)).toThrow(new TypeError(message));
  });

  test('a call of what is not there, a parameter that is not there, a shuffle of too few bytes', () => {
    expect(() => isValid((f) => f.call(1))).toThrow(new RangeError('there is no function 1 to call yet'));
    expect(() => isValid((f) => f.param(2))).toThrow(new RangeError('the function has no parameter 2'));
    expect(() => isValid((f) => f.shuffle([1]))).toThrow(new RangeError('a shuffle needs 16 byte indices, got 1'));
  });
});
