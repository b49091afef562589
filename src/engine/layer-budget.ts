/**
 * Limits on the layers of a `model.json`, whichever engine runs them. A one-kilobyte file can describe endless work: a
 * layer without inputs that tfjs waits for, padding too large for any memory, tens of thousands of layers.
 */
import { WeightFormatError } from '../errors.ts';

/** Far above any network in this package; ResNet22 has 87 layers. */
const MAX_LAYERS = 4096;
/** Rows or columns of padding, of a window or of a stride. */
const MAX_EXTENT = 4096;

const EXTENTS = ['padding', 'kernel_size', 'pool_size', 'strides', 'dilation_rate', 'size', 'cropping'];

/**
 * Checks the layers of a topology as far as they are present; the reader reports entries that are not layers at all.
 * @param file - for messages.
 * @throws WeightFormatError
 */
export function checkLayers(file: string, layers: readonly unknown[]): void {
  if (layers.length > MAX_LAYERS) {
    const actual = String(layers.length);
    throw new WeightFormatError(file, 'has too many layers', { expected: `at most ${MAX_LAYERS}`, actual });
  }
  const names = new Set<unknown>();
  for (const layer of layers) {
    if (typeof layer !== 'object' || layer === null) continue;
    const { name, inbound_nodes: nodes, config } = layer as Readonly<Record<string, unknown>>;
    if (Array.isArray(nodes) && nodes.some((node) => Array.isArray(node) && node.length === 0)) {
      throw new WeightFormatError(file, `layer '${String(name)}' has a use without inputs`);
    }
    if (name !== undefined && names.has(name)) {
      throw new WeightFormatError(file, `two layers are called '${String(name)}'`);
    }
    names.add(name);
    if (typeof config !== 'object' || config === null) continue;
    const { name: ownName } = config as { readonly name?: unknown };
    // tfjs uses one of them to build, and the other to look up inputs.
    if (name !== undefined && ownName !== undefined && ownName !== name) {
      throw new WeightFormatError(file, `layer '${String(name)}' is called '${String(ownName)}' in its config`);
    }
    for (const key of EXTENTS) {
      const extents = [Object.hasOwn(config, key) ? (config as Readonly<Record<string, unknown>>)[key] : []].flat(3);
      const wrong = extents.find((extent) => typeof extent === 'number' && !(Math.abs(extent) <= MAX_EXTENT));
      if (wrong === undefined) continue;
      const limits = { expected: `at most ${MAX_EXTENT}`, actual: String(wrong) };
      throw new WeightFormatError(file, `layer '${String(name)}' has too large a '${key}'`, limits);
    }
  }
}
