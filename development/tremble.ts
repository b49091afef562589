/** Mean length of the landmarks' second difference over time in the image, px: how much they tremble. */
export function tremble(sequence: readonly Float32Array[]): number {
  let sum = 0;
  let count = 0;
  for (let k = 2; k < sequence.length; k++) {
    const [a, b, c] = sequence.slice(k - 2, k + 1) as [Float32Array, Float32Array, Float32Array];
    for (let i = 0; i < c.length; i += 3, count++) {
      const second = (at: number): number => a[at] - 2 * b[at] + c[at];
      sum += Math.hypot(second(i), second(i + 1));
    }
  }
  return sum / count;
}
