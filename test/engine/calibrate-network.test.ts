import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { calibrateNetwork } from '../../src/engine/calibrate-network.ts';
import { LayersModelBuilder } from '../../src/engine/layers-model-builder.ts';

const CHANNELS = 4;

/** Two convolutions of single pixels: the first passes its input on where that is positive, the second is any. */
function network() {
  const model = new LayersModelBuilder('two');
  const input = model.input('input', [null, null, CHANNELS]);
  const same = model.conv2d('same', input, { filters: CHANNELS, kernelSize: 1, activation: 'relu' });
  const topology = model.build([model.conv2d('any', same, { filters: CHANNELS, kernelSize: 1 })]);
  const numbers: number[] = [];
  for (const { shape } of topology.weightSpecs) {
    const isKernel = shape.length > 1;
    const count = shape.reduce((product, size) => product * size, 1);
    for (let i = 0; i < count; i++) numbers.push(isKernel && i % (CHANNELS + 1) === 0 ? 1 : 0);
  }
  return { ...topology, weightData: Float32Array.from(numbers).buffer };
}

const random = randomNumbers(31);
/** Channels of ranges 1, 10, 100 and never positive. */
const pictures = [
  [1, 6, 5],
  [2, 3, 7],
].map(([images, height, width]) => ({
  shape: [images, height, width, CHANNELS] as const,
  data: Float32Array.from({ length: images * height * width * CHANNELS }, (_, i) =>
    i % CHANNELS === 3 ? -5 * random() : [1, 10, 100][i % CHANNELS] * (random() ** 3 - 0.1),
  ),
}));
async function* inputs() {
  yield* pictures;
}
const channel = (c: number): number[] => pictures.flatMap(({ data }) => [...data].filter((_, i) => i % CHANNELS === c));
const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);

describe('ranges of a network', () => {
  test('its input has one range from its least to its largest number, where it is bytes too', async () => {
    const ranges = await calibrateNetwork(network(), inputs, { quantizesInput: true });
    const range = ranges.get('input');
    if (range === undefined) throw new Error(`only ${[...ranges.keys()]}`);
    const all = [0, 1, 2, 3].flatMap(channel);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const zero = Math.round((-low / (high - low)) * 127);
    expect([...range.zeroPoints]).toEqual(new Array(CHANNELS).fill(zero));
    for (const scale of range.scales) {
      expect(scale).toBeCloseTo(Math.max(-low / zero, high / (127 - zero)), 6);
      // Both ends are within the bytes.
      expect(-zero * scale).toBeLessThanOrEqual(low + 1e-4);
      expect((127 - zero) * scale).toBeGreaterThanOrEqual(high - 1e-4);
    }
    expect(range.means).toHaveLength(CHANNELS);
    range.means?.forEach((mean, c) => {
      expect(mean).toBeCloseTo(meanOf(channel(c)), 3);
    });
    const others = await calibrateNetwork(network(), inputs, { quantizesInput: false });
    expect(others.has('input')).toBe(false);
    await expect(calibrateNetwork(network(), async function* () {}, { quantizesInput: true })).rejects.toThrow(
      'inputs: expected at least one',
    );
  });

  test('values without a negative number have a range for each channel, cut where that is better, and drawn together', async () => {
    const ranges = await calibrateNetwork(network(), inputs, { quantizesInput: true });
    const [name] = [...ranges.keys()].filter((key) => key !== 'input');
    const range = ranges.get(name);
    if (range === undefined) throw new Error('no range');
    const values = [0, 1, 2, 3].map((c) => channel(c).map((value) => Math.max(0, value)));
    expect([...range.zeroPoints]).toEqual([0, 0, 0, 0]);
    range.means?.forEach((mean, c) => {
      expect(mean).toBeCloseTo(meanOf(values[c]), 3);
    });
    const tops = values.map((list) => Math.max(...list));
    // Of the fourth, which is always 0, the range is the median's: of three the second.
    tops[3] = [...tops.slice(0, 3)].sort((a, b) => a - b)[1];
    const best = values.map((list, c) => (c === 3 ? tops[c] : bestTop(list, tops[c])));
    const scales = best.map((top) => top / 127);
    // Channels above the quantile of 0.98 keep theirs; of four that is the third, and others go half of the way to it, as powers.
    const [, , third] = [...scales].sort((a, b) => a - b);
    scales.forEach((scale, c) => {
      const drawn = scale < third ? Math.sqrt(scale * third) : scale;
      expect(range.scales[c] / drawn).toBeCloseTo(1, 3);
    });
  });
});

/** The end of a range of 512 parts, in steps of four from all to a quarter, with the least sum of squares. */
function bestTop(values: readonly number[], high: number): number {
  let best = { top: high, error: Infinity };
  for (let parts = 512; parts >= 128; parts -= 4) {
    let error = 0;
    for (const value of values) {
      if (value <= 0) continue;
      const place = Math.min(511, Math.floor((value / high) * 512)) + 0.5;
      error += place > parts ? (place - parts) ** 2 : (parts / 127) ** 2 / 12;
    }
    if (error < best.error) best = { top: (high * parts) / 512, error };
  }
  return best.top;
}
