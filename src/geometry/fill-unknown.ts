import type { Picture } from './picture.ts';

/** One size of a texture: colours times weights, and weights of 0..1. */
interface Level {
  readonly size: number;
  readonly colours: Float32Array;
  readonly weights: Float32Array;
}

/**
 * Spreads the known colours of a texture over its unknown texels, in place: halves the texture until one texel is left,
 * then goes back up and takes what is missing from the coarser level ("push-pull").
 * @param texture - square.
 * @param known - `[height x width]`, 0..1.
 */
export function fillUnknown(texture: Picture, known: Float32Array): void {
  const colours = new Float32Array(known.length * 3);
  for (let i = 0; i < known.length; i++) {
    for (let c = 0; c < 3; c++) colours[i * 3 + c] = texture.data[i * 4 + c] * known[i];
  }
  const levels: Level[] = [{ size: texture.width, colours, weights: known }];
  for (let level = levels[0]; level.size > 1; ) {
    level = halve(level);
    levels.push(level);
  }
  for (let level = levels.length - 2; level >= 0; level--) takeMissing(levels[level], levels[level + 1]);
  for (let i = 0; i < known.length; i++) {
    for (let c = 0; c < 3; c++) texture.data[i * 4 + c] = colours[i * 3 + c];
  }
}

/** The level of half the size, rounded up. */
function halve({ size, colours, weights }: Level): Level {
  const half = Math.ceil(size / 2);
  const nextColours = new Float32Array(half * half * 3);
  const nextWeights = new Float32Array(half * half);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const from = y * size + x;
      const weight = weights[from];
      if (weight === 0) continue;
      const to = (y >> 1) * half + (x >> 1);
      nextWeights[to] = nextWeights[to] + weight;
      for (let c = 0; c < 3; c++) {
        nextColours[to * 3 + c] = nextColours[to * 3 + c] + colours[from * 3 + c];
      }
    }
  }
  // Weights of a coarser level express how certain its colour is, at most 1.
  for (let i = 0; i < nextWeights.length; i++) {
    const weight = nextWeights[i];
    if (weight <= 1) continue;
    for (let c = 0; c < 3; c++) nextColours[i * 3 + c] = nextColours[i * 3 + c] / weight;
    nextWeights[i] = 1;
  }
  return { size: half, colours: nextColours, weights: nextWeights };
}

/** Fills in what a level's texels lack from the next coarser level, in place. */
function takeMissing(fine: Level, coarse: Level): void {
  for (let y = 0; y < fine.size; y++) {
    const cy = Math.min(Math.max(y / 2 - 0.25, 0), coarse.size - 1);
    const top = Math.floor(cy);
    const down = top + 1 < coarse.size ? coarse.size : 0;
    const fy = cy - top;
    for (let x = 0; x < fine.size; x++) {
      const i = y * fine.size + x;
      const missing = 1 - fine.weights[i];
      if (missing <= 0) continue;
      const cx = Math.min(Math.max(x / 2 - 0.25, 0), coarse.size - 1);
      const left = Math.floor(cx);
      const across = left + 1 < coarse.size ? 1 : 0;
      const fx = cx - left;
      const corner = top * coarse.size + left;
      for (let c = 0; c < 3; c++) {
        const upper = coarse.colours[corner * 3 + c] * (1 - fx) + coarse.colours[(corner + across) * 3 + c] * fx;
        const lower =
          coarse.colours[(corner + down) * 3 + c] * (1 - fx) + coarse.colours[(corner + down + across) * 3 + c] * fx;
        fine.colours[i * 3 + c] = fine.colours[i * 3 + c] + missing * (upper * (1 - fy) + lower * fy);
      }
    }
  }
}
