/** What the rule of mode `upstream` decides at its bounds; upstream-rule.test.ts compares it with the original on a film. */
import { describe, expect, test } from '@jest/globals';
import { createUpstreamRule, type UpstreamRuleOptions } from '../../src/video/upstream-rule.ts';
import { createDrawnFaceAligner, type DrawnFace, drawFaces, squareAt } from '../support/drawn-faces.ts';

const WIDTH = 200;
const HEIGHT = 160;
const anna: DrawnFace = { x: 60, y: 80, size: 48 };
/** Where a crop leads nowhere. */
const nowhere: DrawnFace = { ...anna, answer: { x: Number.NaN, y: 80, size: 48 }, boxes: [] };

/** Id and step of the face in each frame, and the side of the crop it was taken from. */
async function follow(frames: readonly (readonly DrawnFace[])[], options?: UpstreamRuleOptions) {
  const aligner = createDrawnFaceAligner();
  const rule = createUpstreamRule(aligner, options);
  const seen: { readonly id?: number; readonly how?: string; readonly points?: number; readonly side?: number }[] = [];
  for (const [i, faces] of frames.entries()) {
    const [face] = await rule.step(drawFaces(WIDTH, HEIGHT, faces), i);
    if (face === undefined) seen.push({});
    else {
      const { xMin, xMax } = face.face.roiBox;
      seen.push({ id: face.id, how: face.how, points: face.landmarks.length / 3, side: Math.round(xMax - xMin) });
    }
  }
  return seen;
}

describe('mode upstream, step by step', () => {
  test('detects once and refines, and then goes on', async () => {
    const seen = await follow([[], [anna], [{ ...anna, x: 66 }], [{ ...anna, x: 72 }]]);
    // The root of two times 48 px.
    expect(seen).toEqual([
      {},
      { id: 0, how: 'detect+refine', points: 68, side: 68 },
      { id: 0, how: 'track', points: 68, side: 68 },
      { id: 0, how: 'track', points: 68, side: 68 },
    ]);
  });

  test('a crop of less than 2020 px is no crop', async () => {
    // Two times the square of the side: 2019.4 and 2020.4 px.
    const small = (size: number): DrawnFace => ({ ...anna, size, boxes: [squareAt(60, 80, 40)] });
    const hows = async (size: number) => (await follow([[small(size)], [small(size)]])).map(({ how }) => how);
    expect(await hows(31.776)).toEqual(['detect', 'detect']);
    expect(await hows(31.784)).toEqual(['detect+refine', 'track']);
  });

  test('nobody asks whether it is still a face; where there is nothing at all, the next is another', async () => {
    const seen = await follow([[nowhere], [anna], [], [nowhere], [nowhere], [anna], [anna]]);
    expect(seen.map(({ id, how }) => [id, how])).toEqual([
      [undefined, undefined],
      [0, 'detect+refine'],
      [0, 'track'],
      [0, 'track'],
      [undefined, undefined],
      [1, 'detect+refine'],
      [1, 'track'],
    ]);
  });

  test('from points that are none, the detector goes on', async () => {
    const lost = { ...nowhere, boxes: [squareAt(60, 80, 48)] };
    expect((await follow([[anna], [lost], [anna]])).map(({ id, how }) => [id, how])).toEqual([
      [0, 'detect+refine'],
      [0, 'track'],
      [0, 'detect'],
    ]);
    expect((await follow([[lost]])).map(({ how }) => how)).toEqual(['detect']);
  });

  test('crops are put around all vertices on demand; landmarks are landmarks', async () => {
    const [, sparse] = await follow([[anna], [anna]], { roiFrom: 'landmarks' });
    const [, dense] = await follow([[anna], [anna]], { roiFrom: 'vertices' });
    expect(sparse).toMatchObject({ points: 68, side: 68 });
    expect(dense.points).toBe(68);
    expect(dense.side).toBeGreaterThan(80);
  });

  test('a reset begins anew, with another id if there was a face', async () => {
    const rule = createUpstreamRule(createDrawnFaceAligner());
    const step = async () => (await rule.step(drawFaces(WIDTH, HEIGHT, [anna]), 0)).map(({ id, how }) => [id, how]);
    rule.reset();
    expect(await step()).toEqual([[0, 'detect+refine']]);
    rule.reset();
    rule.reset();
    expect(await step()).toEqual([[1, 'detect+refine']]);
  });
});
