import { describe, expect, test } from '@jest/globals';
import {
  type Convolution,
  LINEAR,
  NO_PADDING,
  type Operation,
  type Program,
} from '../../../src/engine/compiler/program.ts';
import { InvalidProgramError, validateProgram } from '../../../src/engine/compiler/validate.ts';

const convolution: Convolution = {
  kind: 'convolution',
  name: 'conv',
  input: 'input',
  kernel: [1, 1],
  strides: [1, 1],
  padding: NO_PADDING,
  inputChannels: 3,
  weights: new Float32Array(6),
  bias: new Float32Array(2),
  outputs: [{ value: 'features', channels: 2, activation: LINEAR, mirrored: false }],
};
const relu: Operation = {
  kind: 'activate',
  name: 'relu',
  input: 'features',
  output: 'y',
  activation: { kind: 'relu' },
};

function programOf(operations: readonly Operation[], outputs: readonly string[] = ['y']): Program {
  return { input: 'input', inputShape: [null, null, 3], operations, outputs };
}

describe('the validator', () => {
  test('lets a sound program pass', () => {
    expect(() => validateProgram(programOf([convolution, relu]), 'test')).not.toThrow();
  });

  test.each<[string, Program, RegExp]>([
    ['a value read before it is written', programOf([relu, convolution]), /'relu' reads 'features' before/],
    [
      'a value written twice',
      programOf([convolution, { ...convolution, name: 'again' }, relu]),
      /'again' writes 'features'/,
    ],
    [
      'two operations of one name',
      programOf([convolution, { ...relu, name: 'conv' }]),
      /two operations are called 'conv'/,
    ],
    ['an output that nobody writes', programOf([convolution], ['y']), /output 'y' is never written/],
    ['too few weights', programOf([{ ...convolution, weights: new Float32Array(5) }, relu]), /wrong number of weights/],
    [
      'too few biases',
      programOf([{ ...convolution, bias: new Float32Array(1) }, relu]),
      /2 output channels but 1 biases/,
    ],
    [
      'a residual of a mirrored output',
      programOf([
        {
          ...convolution,
          residual: 'input',
          outputs: convolution.outputs.map((output) => ({ ...output, mirrored: true })),
        },
        relu,
      ]),
      /a residual needs a single plain output/,
    ],
  ])('names %s', (_, program, message) => {
    expect(() => validateProgram(program, 'some pass')).toThrow(InvalidProgramError);
    expect(() => validateProgram(program, 'some pass')).toThrow(/^after pass 'some pass': /);
    expect(() => validateProgram(program, 'some pass')).toThrow(message);
  });
});
