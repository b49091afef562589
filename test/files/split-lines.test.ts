import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type SplitLinesOptions, splitLines, type TextLine } from '../../src/files/split-lines.ts';

async function linesOf(chunks: readonly (Uint8Array | string)[], options?: SplitLinesOptions): Promise<TextLine[]> {
  const lines: TextLine[] = [];
  for await (const line of splitLines(Readable.from(chunks), options)) lines.push(line);
  return lines;
}

describe('splitLines', () => {
  test('lines, where they end, and a last one that was not finished', async () => {
    expect(await linesOf(['a\n\nbé', '\ncd'])).toEqual([
      { text: 'a', end: 2, isWhole: true },
      { text: '', end: 3, isWhole: true },
      { text: 'bé', end: 7, isWhole: true },
      { text: 'cd', end: 9, isWhole: false },
    ]);
    expect(await linesOf([])).toEqual([]);
  });

  test('the same lines wherever the bytes are cut', async () => {
    const cut = fc.tuple(fc.array(fc.string({ unit: 'binary' })), fc.array(fc.nat(20), { minLength: 1 }));
    await fc.assert(
      fc.asyncProperty(cut, async ([texts, sizes]) => {
        const lines = texts.map((text) => Buffer.from(text.replaceAll('\n', '')).toString());
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const chunks: Buffer[] = [];
        for (let start = 0, i = 0; start < bytes.length; i++) {
          const size = 1 + (sizes[i % sizes.length] ?? 0);
          chunks.push(bytes.subarray(start, start + size));
          start += size;
        }
        const split = await linesOf(chunks);
        expect(split.map(({ text }) => text)).toEqual(lines);
        expect(split.at(-1)?.end ?? 0).toBe(bytes.length);
      }),
    );
  });

  test('a line is there before the next one comes', async () => {
    const stream = new Readable({ read() {} });
    const lines = splitLines(stream);
    stream.push('first\nsec');
    expect((await lines.next()).value).toMatchObject({ text: 'first' });
    stream.push('ond\n');
    expect((await lines.next()).value).toMatchObject({ text: 'second' });
    stream.push(null);
    expect(await lines.next()).toEqual({ value: undefined, done: true });
  });

  test('zero bytes between lines, and a line that is too long', async () => {
    const texts = (await linesOf(['a\nb\0c'], { separator: 0 })).map(({ text }) => text);
    expect(texts).toEqual(['a\nb', 'c']);
    const long = 'x'.repeat(11);
    await expect(linesOf([`${long}\n`], { maxLineBytes: 10 })).rejects.toThrow('a line is longer than 10 bytes');
    await expect(linesOf(['x'.repeat(6), 'x'.repeat(6)], { maxLineBytes: 10 })).rejects.toThrow(RangeError);
  });
});
