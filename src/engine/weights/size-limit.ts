import { WeightFormatError } from '../../errors.ts';

/**
 * Refuses a file that is longer than it may be.
 * @param file - for the message.
 * @param bytes - its size as far as it is known.
 * @throws WeightFormatError
 */
export function checkSizeLimit(file: string, bytes: number, maxBytes: number | undefined): void {
  if (maxBytes === undefined || bytes <= maxBytes) return;
  throw new WeightFormatError(file, 'is too long', { expected: `at most ${maxBytes} bytes`, actual: `${bytes} bytes` });
}
