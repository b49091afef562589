import { describe, expect, test } from '@jest/globals';
import type { RgbaImage } from '../../src/types.ts';
import { PamSplitter } from '../../src/video-files/pam-splitter.ts';
import { noise } from '../support/noise.ts';
import fc from '../support/property.ts';

const encode = ({ data, width, height }: RgbaImage): Buffer =>
  Buffer.concat([
    Buffer.from(`P7\nWIDTH ${width}\nHEIGHT ${height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n`),
    Buffer.from(data),
  ]);

function split(chunks: readonly Uint8Array[]): { frames: RgbaImage[]; isComplete: boolean } {
  const splitter = new PamSplitter();
  const frames: RgbaImage[] = [];
  for (const chunk of chunks) splitter.push(chunk, (frame) => frames.push(frame));
  return { frames, isComplete: splitter.isComplete };
}

describe('PamSplitter', () => {
  const images = [noise(3, 2, 4, 1), noise(1, 1, 4, 2), noise(7, 5, 4, 3)];
  const stream = Buffer.concat(images.map(encode));

  test('gives the frames however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length })), (cuts) => {
        const sorted = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const chunks = sorted.slice(1).map((end, i) => stream.subarray(sorted[i], end));
        const { frames, isComplete } = split(chunks);
        expect(isComplete).toBe(true);
        expect(frames.map(({ width, height }) => [width, height])).toEqual([
          [3, 2],
          [1, 1],
          [7, 5],
        ]);
        for (const [i, { data }] of frames.entries())
          expect(Buffer.from(data)).toEqual(Buffer.from(images[i]?.data ?? []));
      }),
    );
  });

  test('tells a stream that was cut short', () => {
    for (const end of [1, 30, stream.length - 1]) expect(split([stream.subarray(0, end)]).isComplete).toBe(false);
  });

  test('refuses what is no RGBA picture, and never hangs', () => {
    const header = (width: string, depth = '4') =>
      Buffer.from(`P7\nWIDTH ${width}\nHEIGHT 2\nDEPTH ${depth}\nMAXVAL 255\nENDHDR\n`);
    expect(() => split([header('2', '3')])).toThrow('expected a PAM picture of 8-bit RGBA');
    for (const width of ['0', '-1', '1.5', 'x', '1e9']) expect(() => split([header(width)])).toThrow();
    expect(() => split([Buffer.alloc(1000, 'P')])).toThrow('does not end');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        try {
          split([bytes]);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
