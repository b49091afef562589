import { UnsupportedLayerError, WeightFormatError } from '../../errors.ts';
import type { LayerNode, LayerTensor } from './parse.ts';
import { type Activation, LINEAR, NO_PADDING, type Padding } from './program.ts';

/** Typed access to a layer's configuration and tensors; missing or odd ones are rejected with the layer's name. */
export class LayerReader {
  readonly node: LayerNode;

  constructor(node: LayerNode) {
    this.node = node;
  }

  get name(): string {
    return this.node.name;
  }

  /** The layer's single input. */
  get input(): string {
    const [input, ...more] = this.node.inputs;
    if (input === undefined || more.length > 0) this.refuse(`it has ${this.node.inputs.length} inputs instead of one`);
    return input;
  }

  refuse(reason: string): never {
    throw new UnsupportedLayerError(this.node.name, this.node.type, reason);
  }

  /** Channels must come last. */
  checkPicture(): void {
    const format = this.node.config.data_format;
    if (format !== undefined && format !== null && format !== 'channels_last') {
      this.refuse(`data_format '${String(format)}' is not supported, only channels_last`);
    }
  }

  number(key: string, fallback: number): number {
    const value = this.node.config[key];
    if (value === undefined || value === null) return fallback;
    if (typeof value !== 'number' || !Number.isFinite(value)) this.refuse(`${key} is not a number`);
    return value;
  }

  size(key: string, fallback?: number): number {
    const value = this.node.config[key] ?? fallback;
    if (!isSize(value)) this.refuse(`${key} is not a positive integer`);
    return value;
  }

  /** Rows and columns; a single number applies to both. */
  pair(key: string, fallback?: readonly [number, number]): readonly [number, number] {
    const value = this.node.config[key] ?? fallback;
    const [rows, columns, ...more] = Array.isArray(value) ? value : [value, value];
    if (!isSize(rows) || !isSize(columns) || more.length > 0) this.refuse(`${key} is not a pair of positive integers`);
    return [rows, columns];
  }

  window(kernel: readonly [number, number]): {
    kernel: readonly [number, number];
    strides: readonly [number, number];
    padding: Padding | 'same';
  } {
    const isPool = 'pool_size' in this.node.config;
    const strides = this.pair('strides', isPool ? kernel : [1, 1]);
    const dilation = this.pair('dilation_rate', [1, 1]);
    if (dilation[0] !== 1 || dilation[1] !== 1) this.refuse(`dilation ${dilation.join(' x ')} is not supported`);
    const padding = this.node.config.padding ?? 'valid';
    if (padding !== 'valid' && padding !== 'same') this.refuse(`padding '${String(padding)}' is not supported`);
    return { kernel, strides, padding: padding === 'same' ? 'same' : NO_PADDING };
  }

  activation(): Activation | 'softmax' {
    const value: unknown = this.node.config.activation ?? 'linear';
    switch (value) {
      case 'linear':
        return LINEAR;
      case 'relu':
        return { kind: 'relu' };
      case 'relu6':
        return { kind: 'relu', maxValue: 6 };
      case 'sigmoid':
        return { kind: 'sigmoid' };
      case 'hardSigmoid':
      case 'hard_sigmoid':
        return { kind: 'hardSigmoid' };
      case 'tanh':
        return { kind: 'tanh' };
      case 'softmax':
        return 'softmax';
      default: {
        const name = typeof value === 'object' && value !== null && 'class_name' in value ? value.class_name : value;
        return this.refuse(`activation '${String(name)}' is not supported`);
      }
    }
  }

  /** Values of a weight that must be there, with exactly this shape. */
  tensor(key: string, shape: readonly number[]): Float32Array {
    const tensor: LayerTensor | undefined = this.node.tensors.get(key);
    if (!tensor || tensor.shape.join() !== shape.join()) {
      throw new WeightFormatError('model.json', tensor ? 'wrong shape' : 'the weight file has no such tensor', {
        tensor: `${this.node.name}/${key}`,
        expected: `[${shape.join(', ')}]`,
        actual: tensor ? `[${tensor.shape.join(', ')}]` : 'nothing',
      });
    }
    return tensor.data;
  }

  bias(channels: number): Float32Array {
    return this.node.config.use_bias === false ? new Float32Array(channels) : this.tensor('bias', [channels]);
  }
}

export function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}
