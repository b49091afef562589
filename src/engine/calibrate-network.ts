/**
 * Finds the ranges of a network's values from typical inputs. Each channel has its own range: from 0, or its minimum,
 * to its maximum, clipped where that minimises the error over all values seen.
 */
import { loadObservedNetwork } from './compiled.ts';
import { valuesOfBytes } from './compiler/integers/quantize-program.ts';
import type { LayersArtifact } from './layers-artifact.ts';
import { MAX_BYTE, type Quantization } from './quantization.ts';

/** A batch of inputs, as `Network.run` takes it. */
export interface NetworkInput {
  readonly data: Float32Array;
  readonly shape: readonly [number, number, number, number];
}

export interface CalibrationOptions {
  /** Whether the network's own input becomes bytes too. Its channels share one range, to be readable as one run. */
  readonly quantizesInput: boolean;
}

/** Bins of a channel's histogram, from 0 to its maximum. */
const BINS = 512;

/**
 * How much of the spread between channels' ranges is kept, as an exponent. A convolution rounds the products of its
 * weights and its input's scales, so a few channels with a large range leave coarse weights for the others. Increase in
 * NME of a MobileNet-V1 x0.5 on 512 rendered faces, easy and hard: 0.086 and 0.113 with 1 (all of it), 0.071 and 0.067
 * with 0.75, 0.056 and 0.042 with 0.5.
 */
const KEPT_SPREAD = 0.5;
/** Channels from this quantile up keep their range; the others are drawn towards the range at it. */
const SPREAD_QUANTILE = 0.98;

/**
 * @param inputs - iterated twice: first for the maxima, then for the histograms.
 * @throws RangeError if there are none; otherwise as `CompiledEngine.loadNetwork`.
 */
export async function calibrateNetwork(
  artifact: LayersArtifact,
  inputs: () => AsyncIterable<NetworkInput>,
  { quantizesInput }: CalibrationOptions,
): Promise<Map<string, Quantization>> {
  const names: string[] = [];
  let ownInput = '';
  const network = loadObservedNetwork(artifact, (program) => {
    ownInput = program.input;
    names.push(...valuesOfBytes(program, quantizesInput));
    return names;
  });
  try {
    const statistics = names.map((name) => new ValueStatistics(name === ownInput));
    for (const phase of ['extremes', 'histogram'] as const) {
      let runs = 0;
      for await (const { data, shape } of inputs()) {
        const outputs = (await network.run(data, shape)).slice(-names.length);
        for (const [i, output] of outputs.entries()) statistics[i].note(phase, output.data, output.shape.at(-1) ?? 1);
        runs++;
      }
      if (runs === 0) throw new RangeError('inputs: expected at least one to calibrate with');
    }
    return new Map(names.map((name, i) => [name, statistics[i].quantization()]));
  } finally {
    network.dispose();
  }
}

class ValueStatistics {
  /** Whether all channels share one range. */
  readonly #isShared: boolean;
  #low = new Float32Array();
  #high = new Float32Array();
  #sums = new Float64Array();
  /** Pixels seen. */
  #count = 0;
  #histogram = new Float64Array();

  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  note(phase: 'extremes' | 'histogram', values: Float32Array, channels: number): void {
    if (this.#low.length === 0) {
      this.#low = new Float32Array(channels);
      this.#high = new Float32Array(channels);
      this.#sums = new Float64Array(channels);
    }
    if (phase === 'extremes') this.#noteExtremes(values, channels);
    else this.#noteHistogram(values, channels);
  }

  #noteExtremes(values: Float32Array, channels: number): void {
    const low = this.#low;
    const high = this.#high;
    const sums = this.#sums;
    this.#count += values.length / channels;
    for (let i = 0, c = 0; i < values.length; i++, c = c + 1 === channels ? 0 : c + 1) {
      if (values[i] < low[c]) low[c] = values[i];
      if (values[i] > high[c]) high[c] = values[i];
      sums[c] += values[i];
    }
    if (this.#isShared) {
      low.fill(low.reduce((least, value) => Math.min(least, value)));
      high.fill(high.reduce((most, value) => Math.max(most, value)));
    }
  }

  /** Used for channels that are never negative; 0 has an exact byte and need not be counted. */
  #noteHistogram(values: Float32Array, channels: number): void {
    if (this.#histogram.length === 0) this.#histogram = new Float64Array(channels * BINS);
    const histogram = this.#histogram;
    const factors = Array.from(this.#high, (high) => (high > 0 ? BINS / high : 0));
    for (let i = 0, c = 0; i < values.length; i++, c = c + 1 === channels ? 0 : c + 1) {
      if (!(values[i] > 0)) continue;
      // The maximum would fall into a bin of its own.
      const bin = (values[i] * factors[c]) | 0;
      histogram[c * BINS + (bin < BINS ? bin : BINS - 1)]++;
    }
  }

  quantization(): Quantization {
    const channels = this.#low.length;
    const scales = new Float32Array(channels);
    const zeroPoints = new Uint8Array(channels);
    // A channel that is 0 in all inputs gets a typical range.
    const typical = median(this.#high.filter((high) => high > 0)) || 1;
    for (let c = 0; c < channels; c++) {
      const low = this.#low[c];
      const high = this.#high[c];
      if (low < 0) {
        const scale = (high - low) / MAX_BYTE;
        zeroPoints[c] = Math.round(-low / scale);
        // Rounding the zero point must not clip either end.
        scales[c] = Math.max(-low / Math.max(zeroPoints[c], 1), high / Math.max(MAX_BYTE - zeroPoints[c], 1));
      } else {
        scales[c] = (high > 0 ? this.#bestTop(c, high) : typical) / MAX_BYTE;
      }
    }
    if (!this.#isShared) drawTogether(scales);
    return { scales, zeroPoints, means: Float32Array.from(this.#sums, (sum) => sum / this.#count) };
  }

  /** The upper end of the range with the smallest mean squared error. */
  #bestTop(channel: number, high: number): number {
    if (this.#isShared) return high;
    const counts = this.#histogram.subarray(channel * BINS, (channel + 1) * BINS);
    let best = high;
    let bestError = Number.POSITIVE_INFINITY;
    for (let bins = BINS; bins >= BINS / 4; bins -= 4) {
      // In bins: rounding inside the range, and clipping beyond it.
      const step = bins / MAX_BYTE;
      let error = 0;
      for (let bin = 0; bin < BINS; bin++) {
        const excess = bin + 0.5 - bins;
        error += counts[bin] * (excess > 0 ? excess * excess : (step * step) / 12);
      }
      if (error < bestError) {
        bestError = error;
        best = (high * bins) / BINS;
      }
    }
    return best;
  }
}

function drawTogether(scales: Float32Array): void {
  const sorted = scales.toSorted();
  const top = sorted[Math.floor(SPREAD_QUANTILE * (sorted.length - 1))];
  for (let c = 0; c < scales.length; c++) {
    if (scales[c] < top) scales[c] = top * (scales[c] / top) ** KEPT_SPREAD;
  }
}

function median(values: Float32Array): number {
  return values.toSorted()[values.length >> 1] ?? 0;
}
