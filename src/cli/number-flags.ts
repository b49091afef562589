/** Numbers as values of flags; commander names the flag before each message. */
import { InvalidArgumentError } from 'commander';

/** 0..1. @throws InvalidArgumentError */
export function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError(`expected 0..1, got '${text}'`);
}

/** @throws InvalidArgumentError */
export function parseWholeNumber(text: string, least: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`expected a whole number of at least ${least}, got '${text}'`);
}

/** @throws InvalidArgumentError */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value < Infinity) return value;
  throw new InvalidArgumentError(`expected a number greater than 0, got '${text}'`);
}
