import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '../../../src/engine/weights/sha256.ts';

const crypto = Object.getOwnPropertyDescriptor(globalThis, 'crypto');

afterEach(() => {
  if (crypto !== undefined) Object.defineProperty(globalThis, 'crypto', crypto);
});

describe.each(['with WebCrypto', 'without WebCrypto'])('sha256 %s', (kind) => {
  test.each([0, 1, 55, 56, 64, 100_003])('is that of Node for %i bytes', async (length) => {
    if (kind === 'without WebCrypto') Object.defineProperty(globalThis, 'crypto', { value: {}, configurable: true });
    const bytes = Uint8Array.from({ length }, (_, i) => i * 31);
    expect(await sha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
  });
});
