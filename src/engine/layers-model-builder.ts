import type { WeightSpec } from './layers-artifact.ts';

/** A network without its weights: the topology of a Layers artifact, and the tensors that it requires. */
export interface NetworkTopology {
  /** As `modelTopology` of `model.json`. */
  readonly modelTopology: object;
  /**
   * In the order in which the layers were added; names are `<layer>/kernel`, `<layer>/depthwise_kernel`,
   * `<layer>/bias`.
   */
  readonly weightSpecs: readonly WeightSpec[];
}

/** The output of one layer, for use as the input of others. */
export interface LayerOutput {
  readonly layer: string;
  /** Without the batch; null where it depends on the input size. Channels last. */
  readonly shape: readonly (number | null)[];
}

/** Elementwise functions, by their Keras names; `hard_sigmoid` is 0.2 x + 0.5, clipped to 0..1. */
export type LayerActivation = 'relu' | 'hard_sigmoid';

/** Options common to all convolutions. */
export interface ConvolutionOptions {
  /** Side of the square kernel, px. */
  readonly kernelSize: number;
  /** Default 1. */
  readonly stride?: number;
  /** Whether a bias is added; true unless given. */
  readonly bias?: boolean;
  /** Applied to the result; none unless given. */
  readonly activation?: LayerActivation;
}

/** Options of a fully connected layer. */
export interface DenseOptions {
  /** Whether a bias is added; true unless given. */
  readonly bias?: boolean;
  /** Applied to the result; none unless given. */
  readonly activation?: LayerActivation;
}

type LayerConfig = Readonly<Record<string, unknown>>;

interface SerializedLayer {
  readonly class_name: string;
  readonly name: string;
  readonly config: LayerConfig;
  readonly inbound_nodes: readonly unknown[];
}

// The random default values would be overwritten with the artifact's weights.
const ZEROS = { class_name: 'Zeros', config: {} };

/** Names that tfjs accepts for layers and that can begin the name of a tensor. */
const LAYER_NAME = /^[A-Za-z0-9][-\w.]*$/;

/**
 * Writes the topology of a network layer by layer, as `model.toJSON()` of tfjs and Keras 2 would: a functional model of
 * stock layers, channels last.
 *
 * Every convolution and pooling uses `valid` padding: a network from torch pads symmetrically, which `same` with
 * stride 2 does not, so padding is always a separate layer.
 */
export class LayersModelBuilder {
  readonly #name: string;
  readonly #layers: SerializedLayer[] = [];
  readonly #inputs: LayerOutput[] = [];
  readonly #weightSpecs: WeightSpec[] = [];
  readonly #names = new Set<string>();

  /** @param name - of the model. */
  constructor(name: string) {
    this.#name = name;
  }

  /** A float32 input. @param shape - without the batch, which can have any size; null where any size is allowed. */
  input(name: string, shape: readonly (number | null)[]): LayerOutput {
    const config = { batch_input_shape: [null, ...shape], dtype: 'float32', sparse: false };
    const output = this.#add('InputLayer', name, [], config, shape);
    this.#inputs.push(output);
    return output;
  }

  /** Zeros around the picture. @param padding - px on each of the four sides. */
  zeroPadding2d(name: string, input: LayerOutput, padding: number): LayerOutput {
    const [height, width, channels] = pictureShape(name, input);
    const config = {
      padding: [
        [padding, padding],
        [padding, padding],
      ],
      data_format: 'channels_last',
    };
    return this.#add('ZeroPadding2D', name, [input], config, [grown(height, padding), grown(width, padding), channels]);
  }

  /** Convolution; kernel `[size, size, input channels, filters]`. */
  conv2d(name: string, input: LayerOutput, options: ConvolutionOptions & { readonly filters: number }): LayerOutput {
    const { filters, kernelSize } = options;
    const [height, width, channels] = pictureShape(name, input);
    const { stride, config } = convolution(options);
    const output = this.#add('Conv2D', name, [input], { filters, kernel_initializer: ZEROS, ...config }, [
      slid(height, kernelSize, stride),
      slid(width, kernelSize, stride),
      filters,
    ]);
    this.#addWeight(`${name}/kernel`, [kernelSize, kernelSize, channels, filters]);
    if (config.use_bias) this.#addWeight(`${name}/bias`, [filters]);
    return output;
  }

  /** One kernel per channel; kernel `[size, size, channels, 1]`. */
  depthwiseConv2d(name: string, input: LayerOutput, options: ConvolutionOptions): LayerOutput {
    const { kernelSize } = options;
    const [height, width, channels] = pictureShape(name, input);
    const { stride, config } = convolution(options);
    const output = this.#add(
      'DepthwiseConv2D',
      name,
      [input],
      { depth_multiplier: 1, depthwise_initializer: ZEROS, ...config },
      [slid(height, kernelSize, stride), slid(width, kernelSize, stride), channels],
    );
    this.#addWeight(`${name}/depthwise_kernel`, [kernelSize, kernelSize, channels, 1]);
    if (config.use_bias) this.#addWeight(`${name}/bias`, [channels]);
    return output;
  }

  /** Largest value of each window. */
  maxPooling2d(name: string, input: LayerOutput, size: number, stride: number): LayerOutput {
    return this.#pooling('MaxPooling2D', name, input, size, stride);
  }

  /** Mean of each window. */
  averagePooling2d(name: string, input: LayerOutput, size: number, stride: number): LayerOutput {
    return this.#pooling('AveragePooling2D', name, input, size, stride);
  }

  /** Mean of the whole picture, per channel: `[channels]`. */
  globalAveragePooling2d(name: string, input: LayerOutput): LayerOutput {
    const [, , channels] = pictureShape(name, input);
    return this.#add('GlobalAveragePooling2D', name, [input], { data_format: 'channels_last' }, [channels]);
  }

  /** Fully connected; kernel `[inputs, units]`. */
  dense(name: string, input: LayerOutput, units: number, options: DenseOptions = {}): LayerOutput {
    const inputs = knownSize(name, input.shape.at(-1));
    const config = {
      units,
      activation: options.activation ?? 'linear',
      use_bias: options.bias ?? true,
      kernel_initializer: ZEROS,
      bias_initializer: ZEROS,
    };
    const output = this.#add('Dense', name, [input], config, [...input.shape.slice(0, -1), units]);
    this.#addWeight(`${name}/kernel`, [inputs, units]);
    if (config.use_bias) this.#addWeight(`${name}/bias`, [units]);
    return output;
  }

  /** Negative values become 0. */
  relu(name: string, input: LayerOutput): LayerOutput {
    return this.#add('ReLU', name, [input], { max_value: null }, input.shape);
  }

  /** Negative values are multiplied by a factor of their channel; weight `alpha`, `[1, 1, channels]`. */
  prelu(name: string, input: LayerOutput): LayerOutput {
    const [, , channels] = pictureShape(name, input);
    const output = this.#add('PReLU', name, [input], { alpha_initializer: ZEROS, shared_axes: [1, 2] }, input.shape);
    this.#addWeight(`${name}/alpha`, [1, 1, channels]);
    return output;
  }

  /** An elementwise function on its own. */
  activation(name: string, input: LayerOutput, activation: LayerActivation): LayerOutput {
    return this.#add('Activation', name, [input], { activation }, input.shape);
  }

  /** Product of a picture and another of the same shape, or one number per channel, `[1, 1, channels]`. */
  multiply(name: string, input: LayerOutput, factors: LayerOutput): LayerOutput {
    const [, , channels] = pictureShape(name, input);
    if (String(factors.shape) !== String(input.shape) && String(factors.shape) !== String([1, 1, channels])) {
      throw new RangeError(`layer ${name}: inputs do not match: ${shapesOf([input, factors])}`);
    }
    return this.#add('Multiply', name, [input, factors], {}, input.shape);
  }

  /** Exponentials that add up to 1, over the last axis. */
  softmax(name: string, input: LayerOutput): LayerOutput {
    return this.#add('Softmax', name, [input], { axis: -1 }, input.shape);
  }

  /** Sum of inputs of the same shape. */
  add(name: string, inputs: readonly LayerOutput[]): LayerOutput {
    const [first, ...others] = inputs;
    if (first === undefined || others.some(({ shape }) => String(shape) !== String(first.shape))) {
      throw new RangeError(`layer ${name}: expected inputs of one shape, got ${shapesOf(inputs)}`);
    }
    return this.#add('Add', name, inputs, {}, first.shape);
  }

  /** Joins inputs along an axis. @param axis - counted without the batch, from 0. */
  concatenate(name: string, inputs: readonly LayerOutput[], axis: number): LayerOutput {
    const rank = inputs[0]?.shape.length ?? 0;
    const rest = new Set(inputs.map(({ shape }) => shape.map((size, i) => (i === axis ? '*' : String(size))).join()));
    if (!(axis >= 0 && axis < rank) || rest.size !== 1) {
      throw new RangeError(`layer ${name}: inputs do not fit along axis ${axis}: ${shapesOf(inputs)}`);
    }
    const along = inputs.map(({ shape }) => shape[axis] ?? null);
    const total = along.reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0);
    const shape = (inputs[0]?.shape ?? []).map((size, i) => (i === axis ? total : size));
    return this.#add('Concatenate', name, inputs, { axis: axis + 1 }, shape);
  }

  /** Another shape for the same numbers. @param shape - without the batch; one size may be null: it is inferred. */
  reshape(name: string, input: LayerOutput, shape: readonly (number | null)[]): LayerOutput {
    return this.#add('Reshape', name, [input], { target_shape: shape.map((size) => size ?? -1) }, shape);
  }

  /** The finished network. @param outputs - in the order in which it will return them. */
  build(outputs: readonly LayerOutput[]): NetworkTopology {
    const endpoint = ({ layer }: LayerOutput) => [layer, 0, 0];
    return {
      modelTopology: {
        class_name: 'Model',
        config: {
          name: this.#name,
          layers: [...this.#layers],
          input_layers: this.#inputs.map(endpoint),
          output_layers: outputs.map(endpoint),
        },
        keras_version: 'tfjs-layers 4.22.0',
        backend: 'tensor_flow.js',
      },
      weightSpecs: [...this.#weightSpecs],
    };
  }

  #pooling(type: string, name: string, input: LayerOutput, size: number, stride: number): LayerOutput {
    const [height, width, channels] = pictureShape(name, input);
    const config = {
      pool_size: [size, size],
      strides: [stride, stride],
      padding: 'valid',
      data_format: 'channels_last',
    };
    const shape = [slid(height, size, stride), slid(width, size, stride), channels];
    return this.#add(type, name, [input], config, shape);
  }

  #add(
    type: string,
    name: string,
    inputs: readonly LayerOutput[],
    config: LayerConfig,
    shape: readonly (number | null)[],
  ): LayerOutput {
    if (!LAYER_NAME.test(name))
      throw new RangeError(`layer name: expected letters, digits, '.', '_', '-', got '${name}'`);
    if (this.#names.has(name)) throw new RangeError(`layer name: '${name}' is taken`);
    this.#names.add(name);
    this.#layers.push({
      class_name: type,
      name,
      config: { name, trainable: true, ...config },
      inbound_nodes: inputs.length === 0 ? [] : [inputs.map(({ layer }) => [layer, 0, 0, {}])],
    });
    return { layer: name, shape };
  }

  #addWeight(name: string, shape: readonly number[]): void {
    this.#weightSpecs.push({ name, shape, dtype: 'float32' });
  }
}

function convolution({ kernelSize, stride = 1, bias = true, activation }: ConvolutionOptions) {
  const config = {
    kernel_size: [kernelSize, kernelSize],
    strides: [stride, stride],
    padding: 'valid',
    data_format: 'channels_last',
    dilation_rate: [1, 1],
    activation: activation ?? 'linear',
    use_bias: bias,
    bias_initializer: ZEROS,
  };
  return { stride, config };
}

/** Splits `[height, width, channels]`; the channels must be known. */
function pictureShape(name: string, { shape }: LayerOutput): [number | null, number | null, number] {
  const [height = null, width = null, channels] = shape;
  if (shape.length !== 3)
    throw new RangeError(`layer ${name}: expected an input [height, width, channels], got [${shape}]`);
  return [height, width, knownSize(name, channels)];
}

function knownSize(name: string, size: number | null | undefined): number {
  if (typeof size !== 'number') throw new RangeError(`layer ${name}: the size of the input's last axis must be known`);
  return size;
}

function grown(size: number | null, padding: number): number | null {
  return size === null ? null : size + 2 * padding;
}

/** How many positions a window has. */
function slid(size: number | null, window: number, stride: number): number | null {
  return size === null ? null : Math.floor((size - window) / stride) + 1;
}

function shapesOf(outputs: readonly LayerOutput[]): string {
  return outputs.map(({ shape }) => `[${shape}]`).join(' ');
}
