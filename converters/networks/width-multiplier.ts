/** A layer's channel count, and the multipliers that yield it: >= `from` and < `to`. */
export interface LayerChannels {
  /** At width 1. */
  readonly base: number;
  readonly channels: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The width multiplier that explains the most layers; of all that fit, the shortest decimal. Any layer that it does not
 * explain is then reported as misshapen.
 * @param isRight - whether a multiplier yields a layer's channels.
 */
export function explainChannels(
  layers: readonly LayerChannels[],
  isRight: (widthMultiplier: number, layer: LayerChannels) => boolean,
): number {
  let best: readonly LayerChannels[] = [];
  for (const { from } of layers) {
    const explained = layers.filter((layer) => layer.from <= from && from < layer.to);
    if (explained.length > best.length) best = explained;
  }
  const from = Math.max(0, ...best.map((layer) => layer.from));
  const to = Math.min(...best.map((layer) => layer.to));
  for (let power = 1; power <= 1e9; power *= 10) {
    const decimal = Math.ceil(from * power) / power;
    if (decimal > 0 && decimal < to && best.every((layer) => isRight(decimal, layer))) return decimal;
  }
  return from > 0 ? from : 1;
}
