/**
 * Pass 1, parse. Before: a Layers artifact as read from a file. After: a `LayerGraph` - every layer once, in an order
 * in which inputs come first, with its configuration and its tensors found and their sizes checked. Nothing is
 * executed, and nothing of the artifact is kept except views of its weights.
 */
import { UnsupportedLayerError, WeightFormatError } from '../../errors.ts';
import { checkLayers } from '../layer-budget.ts';
import type { LayersArtifact } from '../layers-artifact.ts';

/** A layer's configuration as in `model.json`. */
export type LayerConfig = Readonly<Record<string, unknown>>;

/** A weight of a layer. */
export interface LayerTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface LayerNode {
  readonly name: string;
  /** `class_name`: `Conv2D`, `ReLU` … */
  readonly type: string;
  readonly config: LayerConfig;
  /** Names of the layers whose outputs it reads. */
  readonly inputs: readonly string[];
  /** By name without the layer's: `kernel`, `bias` … */
  readonly tensors: ReadonlyMap<string, LayerTensor>;
}

export interface LayerGraph {
  readonly layers: readonly LayerNode[];
  readonly outputs: readonly string[];
}

const FILE = 'model.json';

type JsonObject = Readonly<Record<string, unknown>>;

export function parseLayersArtifact(artifact: LayersArtifact): LayerGraph {
  const topology = asObject(artifact.modelTopology, 'the topology');
  const model = asObject(topology.model_config ?? topology, 'the model');
  const config = model.config;
  const type = model.class_name;
  const nodes =
    type === 'Sequential'
      ? readSequential(config)
      : type === 'Model' || type === 'Functional'
        ? readFunctional(config)
        : malformed(`'class_name' should be Model, Functional or Sequential, not ${String(type)}`);
  const tensors = readTensors(artifact);
  const layers = nodes.layers.map((node) => ({ ...node, tensors: tensors.get(node.name) ?? new Map() }));
  return { layers: inOrder(layers, nodes.outputs), outputs: nodes.outputs };
}

type BareNode = Omit<LayerNode, 'tensors'>;

function readSequential(config: unknown): { layers: BareNode[]; outputs: string[] } {
  const entries = Array.isArray(config) ? config : asArray(asObject(config, 'the model').layers, 'layers');
  checkLayers(FILE, entries);
  const layers: BareNode[] = [];
  for (const entry of entries) {
    const layer = readLayer(entry);
    const previous = layers[layers.length - 1];
    if (previous) layers.push({ ...layer, inputs: [previous.name] });
    else if (layer.type === 'InputLayer') layers.push(layer);
    else {
      const shape = layer.config.batch_input_shape;
      if (shape === undefined) malformed(`the first layer '${layer.name}' has no batch_input_shape`);
      const name = `${layer.name}_input`;
      layers.push({ name, type: 'InputLayer', config: { name, batch_input_shape: shape }, inputs: [] });
      layers.push({ ...layer, inputs: [name] });
    }
  }
  const last = layers[layers.length - 1];
  if (!last) malformed('the model has no layers');
  return { layers, outputs: [last.name] };
}

function readFunctional(configValue: unknown): { layers: BareNode[]; outputs: string[] } {
  const config = asObject(configValue, 'the model');
  const entries = asArray(config.layers, 'layers');
  checkLayers(FILE, entries);
  const layers = entries.map((entry) => {
    const layer = readLayer(entry);
    const calls = asArray(asObject(entry, `layer '${layer.name}'`).inbound_nodes, `inbound_nodes of '${layer.name}'`);
    if (calls.length > 1)
      throw new UnsupportedLayerError(layer.name, layer.type, 'a layer used twice is not supported');
    if (calls.length === 0 && layer.type !== 'InputLayer') malformed(`layer '${layer.name}' has no input`);
    const inputs = calls.length === 0 ? [] : asArray(calls[0], `inbound_nodes of '${layer.name}'`);
    return { ...layer, inputs: inputs.map((reference) => readReference(reference, `input of '${layer.name}'`)) };
  });
  // One output may be written without the outer list.
  const list = asArray(config.output_layers, 'output_layers');
  const references = typeof list[0] === 'string' ? [list] : list;
  const outputs = references.map((reference) => readReference(reference, 'an entry of output_layers'));
  if (outputs.length === 0) malformed('the model has no outputs');
  const twice = outputs.find((name, place) => outputs.indexOf(name) < place);
  if (twice !== undefined) malformed(`'${twice}' occurs twice among the outputs`);
  return { layers, outputs };
}

function readLayer(entry: unknown): BareNode {
  const layer = asObject(entry, 'a layer');
  const config = asObject(layer.config, 'the config of a layer');
  const name = layer.name ?? config.name;
  if (typeof name !== 'string') malformed('a layer has no name');
  const type = layer.class_name;
  if (typeof type !== 'string') malformed(`layer '${name}' has no class_name`);
  return { name, type, config, inputs: [] };
}

/** `[layer name, call, output number, …]`: only the first output of the first call exists here. */
function readReference(value: unknown, what: string): string {
  const [name, call, output] = asArray(value, what);
  if (typeof name !== 'string') malformed(`${what} names no layer`);
  if ((call ?? 0) !== 0 || (output ?? 0) !== 0)
    malformed(`${what} refers to call ${call}, output ${output} of '${name}'`);
  return name;
}

/** Layers that the outputs need, inputs first. */
function inOrder(layers: readonly LayerNode[], outputs: readonly string[]): LayerNode[] {
  const byName = new Map<string, LayerNode>();
  for (const layer of layers) {
    if (byName.has(layer.name)) malformed(`two layers are called '${layer.name}'`);
    byName.set(layer.name, layer);
  }
  const ordered: LayerNode[] = [];
  const state = new Map<string, 'open' | 'done'>();
  // An explicit stack: a hostile file may chain more layers than the call stack holds.
  const stack = [...outputs].reverse().map((name) => ({ name, expanded: false }));
  for (let entry = stack.pop(); entry; entry = stack.pop()) {
    const { name, expanded } = entry;
    const layer = byName.get(name) ?? malformed(`there is no layer '${name}'`);
    if (expanded) {
      state.set(name, 'done');
      ordered.push(layer);
      continue;
    }
    if (state.get(name) === 'done') continue;
    if (state.get(name) === 'open') malformed(`layer '${name}' depends on itself`);
    state.set(name, 'open');
    stack.push({ name, expanded: true });
    for (const input of [...layer.inputs].reverse()) {
      if (state.get(input) !== 'done') stack.push({ name: input, expanded: false });
    }
  }
  return ordered;
}

function readTensors(artifact: LayersArtifact): Map<string, Map<string, LayerTensor>> {
  const byLayer = new Map<string, Map<string, LayerTensor>>();
  let offset = 0;
  for (const { name, shape, dtype } of artifact.weightSpecs) {
    if (dtype !== 'float32') {
      throw new WeightFormatError(FILE, 'wrong type', { tensor: name, expected: 'float32', actual: String(dtype) });
    }
    const length = shape.reduce((product, size) => product * size, 1);
    if (!Number.isSafeInteger(length) || length < 0 || offset + length * 4 > artifact.weightData.byteLength) {
      throw new WeightFormatError(FILE, 'the weight data is too short', {
        tensor: name,
        expected: `${offset + length * 4} bytes`,
        actual: `${artifact.weightData.byteLength}`,
      });
    }
    const slash = name.lastIndexOf('/');
    const layer = name.slice(0, Math.max(slash, 0));
    const tensors = byLayer.get(layer) ?? new Map<string, LayerTensor>();
    byLayer.set(layer, tensors);
    tensors.set(name.slice(slash + 1), { shape, data: new Float32Array(artifact.weightData, offset, length) });
    offset += length * 4;
  }
  return byLayer;
}

function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) malformed(`${what} should be an object`);
  return value as JsonObject;
}

function asArray(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) malformed(`${what} should be a list`);
  return value;
}

function malformed(reason: string): never {
  throw new WeightFormatError(FILE, reason);
}
