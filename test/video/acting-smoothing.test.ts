/** Blinks and looks have filters of their own: a blink of three frames survives, and open eyes do not flutter. */
import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import type { AlignedFace } from '../../src/types.ts';
import {
  createParamSmoother,
  type ParamSmoothingOptions,
  SMOOTHING_PRESETS,
  type SmoothingPreset,
} from '../../src/video/smoothing.ts';
import { formulaActingModel, formulaActingParams } from '../support/formula-acting-model.ts';
import { type Followed, shareOfJump } from '../support/smoothing-shares.ts';

const FRAME_MS = 1000 / 30;
const model = formulaActingModel();
const EXPRESSIONS = 12 + model.shapeCount;
const GAZE = EXPRESSIONS + model.expressionCount;
const BLINKS = ['eyeBlinkLeft', 'eyeBlinkRight'].map(
  (name) => EXPRESSIONS + (model.expressionNames ?? []).indexOf(name),
);
/** What a regressor is off by from frame to frame, on renders: parts of a blink, and degrees. */
const NOISE = { blink: 0.04, gaze: 1.5 };
/** What is left of a lid that is shut for one frame; 0.83 was measured. */
const LEAST_PEAK = 0.75;
const PRESETS = Object.keys(SMOOTHING_PRESETS) as SmoothingPreset[];

const roiBox = { xMin: 0, yMin: 0, xMax: 240, yMax: 240 };

/** The same face with other lids and another look, with noise. */
function faceOf(blink: number, yaw: number, noise: () => number): AlignedFace {
  const params = formulaActingParams();
  for (const at of BLINKS) params[at] = blink + NOISE.blink * noise();
  for (const [i, angle] of [yaw, 0, yaw, 0].entries()) params[GAZE + i] = angle + NOISE.gaze * noise();
  return { roiBox, params };
}

/** Numbers of a normal distribution. */
function normalNoise(seed: number): () => number {
  const uniform = randomNumbers(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

function smoothed(preset: SmoothingPreset, frames: readonly { blink: number; yaw: number }[], noise: () => number) {
  const smoother = createParamSmoother(model, SMOOTHING_PRESETS[preset]);
  return frames.map(({ blink, yaw }, i) => smoother.next(faceOf(blink, yaw, noise), i * FRAME_MS).params);
}

const deviation = (values: readonly number[]): number => {
  const mean = values.reduce((sum, value) => sum + value / values.length, 0);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2 / values.length, 0));
};

describe.each(PRESETS)('smoothing %s', (preset) => {
  test('keeps a blink of three frames: half, shut, half', () => {
    const blinks = [...Array(60).fill(0.05), 0.5, 1, 0.5, ...Array(30).fill(0.05)];
    const frames = blinks.map((blink) => ({ blink, yaw: 0 }));
    const params = smoothed(preset, frames, normalNoise(3));
    for (const at of BLINKS) {
      const lids = params.map((values) => values[at]);
      const shut = lids.indexOf(Math.max(...lids));
      expect(shut).toBe(61);
      expect(lids[61]).toBeGreaterThan(LEAST_PEAK);
      expect(Math.max(...lids.slice(65))).toBeLessThan(0.25);
    }
  });

  test('leaves open lids and a steady look calmer than they come', () => {
    const frames = Array.from({ length: 150 }, () => ({ blink: 0.05, yaw: 10 }));
    const params = smoothed(preset, frames, normalNoise(5)).slice(30);
    for (const at of BLINKS) expect(deviation(params.map((values) => values[at]))).toBeLessThan(0.6 * NOISE.blink);
    for (let i = 0; i < 4; i++) {
      const angles = params.map((values) => values[GAZE + i]);
      expect(deviation(angles)).toBeLessThan(0.6 * NOISE.gaze);
    }
  });

  test('follows eyes that jump within two frames', () => {
    const frames = Array.from({ length: 60 }, (_, i) => ({ blink: 0.05, yaw: i < 40 ? -10 : 15 }));
    const params = smoothed(preset, frames, normalNoise(7));
    for (const i of [0, 2]) {
      expect(params[39]?.[GAZE + i]).toBeLessThan(-7);
      expect(params[41]?.[GAZE + i]).toBeGreaterThan(11);
    }
  });

  test('does not let a blink move the rest of the face', () => {
    const still = { blink: 0, yaw: 0 };
    const quiet = () => 0;
    const without = smoothed(preset, Array(6).fill(still), quiet);
    const blink = smoothed(preset, [still, still, still, { blink: 1, yaw: 0 }, still, still], quiet);
    for (const [i, params] of blink.entries()) {
      const rest = (values: Float32Array | undefined) => values?.filter((_, k) => !BLINKS.includes(k));
      expect(rest(params)).toEqual(rest(without[i]));
    }
  });
});

describe('how much of a change of lids and looks is taken over in a frame of 40 ms', () => {
  const blink: Followed = { hz: 2, step: 0.08, drift: 0.05, driftHz: 3 };
  const gaze: Followed = { hz: 1, step: 3, drift: 0.8, driftHz: 3 };
  const optionsOf = ({ hz, step, drift, driftHz }: Followed) => ({
    minCutoffHz: hz,
    stepSize: step,
    driftSize: drift,
    driftCutoffHz: driftHz,
  });
  const own: Followed = { hz: 1.5, step: 0.5, drift: 0.3, driftHz: 2 };

  test.each<[string, ParamSmoothingOptions, Followed, Followed]>([
    ['by default', SMOOTHING_PRESETS.balanced, blink, gaze],
    ['by options', { ...SMOOTHING_PRESETS.quick, blink: optionsOf(own), gaze: optionsOf(gaze) }, own, gaze],
    ['by other options', { ...SMOOTHING_PRESETS.calm, gaze: optionsOf(own) }, blink, own],
  ])('%s', (_name, options, ofBlink, ofGaze) => {
    for (const [at, followed] of [
      ...BLINKS.map((blinkAt) => [blinkAt, ofBlink] as const),
      ...[0, 1, 2, 3].map((i) => [GAZE + i, ofGaze] as const),
    ]) {
      for (const part of [0.3, 1, 2]) {
        const jump = part * followed.step;
        const smoother = createParamSmoother(model, options);
        const params = formulaActingParams();
        const first = smoother.next({ roiBox, params }, 0).params[at];
        expect(first).toBeCloseTo(params[at], 5);
        const changed = params.slice();
        changed[at] += jump;
        const taken = (smoother.next({ roiBox, params: changed }, 40).params[at] - first) / jump;
        expect(taken).toBeCloseTo(shareOfJump(followed, jump), 4);
      }
    }
  });
});
