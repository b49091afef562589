/** Numbers between `-amplitude` and `amplitude`, the same in every run. */
export function noise(length: number, amplitude: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * amplitude;
  });
}
