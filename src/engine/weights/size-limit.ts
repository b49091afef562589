import { WeightFormatError } from '../../errors.ts';

/**
 * Rejects a file that exceeds its size limit.
 * @param file - for the message.
 * @param bytes - its size as far as it is known.
 * @throws WeightFormatError
 */
export function checkSizeLimit(file: string, bytes: number, maxBytes: number | undefined): void {
  if (maxBytes === undefined || bytes <= maxBytes) return;
  throw new WeightFormatError(file, 'is too long', { expected: `at most ${maxBytes} bytes`, actual: `${bytes} bytes` });
}
