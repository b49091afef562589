import { usageError } from './cli-error.ts';

/** @throws CliError with exit status 2. */
export function parseScore(text: string): number {
  const score = Number(text);
  if (text.trim() === '' || !(score >= 0 && score <= 1)) throw usageError(`--min-score: expected 0..1, got '${text}'`);
  return score;
}

/** @throws CliError with exit status 2. */
export function parseWholeNumber(text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least) {
    throw usageError(`expected a whole number of at least ${least}, got '${text}'`);
  }
  return value;
}

/** @throws CliError with exit status 2. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value < Infinity)) {
    throw usageError(`expected a number greater than 0, got '${text}'`);
  }
  return value;
}
