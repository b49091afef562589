/** Draws settings from a seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(count: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * count);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  /** -1 to 1. */
  number(): number {
    return this.below(20001) / 10000 - 1;
  }

  numbers(length: number, scale: number): Float32Array {
    return Float32Array.from({ length }, () => this.number() * scale);
  }
}
