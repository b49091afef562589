import { InvalidArgumentError } from 'commander';

/** A whole number of at least `least` as a flag's value. @throws InvalidArgumentError */
export function countFrom(least: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (Number.isSafeInteger(count) && count >= least) return count;
    throw new InvalidArgumentError(`expected a whole number of at least ${least}`);
  };
}
