import { describe, expect, test } from '@jest/globals';
import { decodeBoxes, selectConfident } from '../../../src/models/faceboxes/decode.ts';
import { priorBoxes } from '../../../src/models/faceboxes/prior-boxes.ts';
import { expectClose } from '../../support/expect-close.ts';

describe('selectConfident', () => {
  test('takes scores of faces strictly above the threshold', () => {
    const conf = Float32Array.of(0.9, 0.1, 0.5, 0.5, 0, 1, 0.75, 0.25);
    expect(selectConfident(conf, 0.25)).toEqual([1, 2]);
    expect(selectConfident(conf, 0)).toEqual([0, 1, 2, 3]);
    expect(selectConfident(conf, 1)).toEqual([]);
  });
});

describe('decodeBoxes', () => {
  const priors = Float32Array.of(0.5, 0.25, 0.25, 0.5, 0.125, 0.5, 0.25, 0.25);

  test('outputs of zero are the priors themselves, in px', () => {
    const boxes = decodeBoxes(new Float32Array(8), priors, [1, 0], 200, 100, 0.5);
    expect([...boxes]).toEqual([0, 75, 100, 125, 150, 0, 250, 100]);
  });

  test('centres move by tenths of the size, sizes grow by the exponential of a fifth', () => {
    const loc = Float32Array.of(1, -2, 5 * Math.log(2), 0, 0, 0, 0, 0);
    // Centre 0.5 + 0.1 * 0.25, 0.25 - 0.2 * 0.5; size 0.5, 0.5.
    const boxes = decodeBoxes(loc, priors, [0], 1000, 1000, 1);
    expectClose(boxes, [275, -100, 775, 400], { maxAbs: 1e-3 });
  });

  test('decodes many in the order of the indices and does not change its arguments', () => {
    const all = priorBoxes(64, 64);
    const loc = Float32Array.from(all, (_, i) => Math.sin(i));
    const before = [all.slice(), loc.slice()];
    const indices = [85, 3, 40];
    const together = decodeBoxes(loc, all, indices, 64, 64, 1);
    const apart = indices.flatMap((index) => [...decodeBoxes(loc, all, [index], 64, 64, 1)]);
    expect([...together]).toEqual(apart);
    expect([all, loc]).toEqual(before);
  });
});
