import {
  checkChoice,
  checkImageArgument,
  checkNumber,
  checkOptionNames,
  describeValue,
  type OptionNames,
} from '../check-arguments.ts';
import { WeightFormatError } from '../errors.ts';
import type { FaceAligner } from '../face-aligner.ts';
import type { ReconstructOptions } from '../geometry/face-surface.ts';
import { DETECTOR_DEFAULTS, type DetectorOptions } from '../models/faceboxes/detector.ts';
import type { AlignedFace, RgbaImage } from '../types.ts';
import type { IdentityLock } from './identity-lock.ts';
import { createRobustRule, ROBUST_RULE_DEFAULTS } from './robust-rule.ts';
import {
  createParamSmoother,
  PARAM_SMOOTHING_OPTION_NAMES,
  type ParamSmoother,
  type ParamSmoothingOptions,
  SMOOTHING_PRESETS,
  type SmoothingPreset,
} from './smoothing.ts';
import type { FollowedFace, TrackingRule, TrackingStep } from './tracking-rule.ts';

/** Options of {@link createFaceTracker}. */
export interface FaceTrackerOptions {
  /**
   * `robust`, the default, tracks several faces and notices when one is lost; `upstream` is the Python original's rule:
   * one face, never checked again.
   */
  readonly mode?: TrackingMode;
  /** Maximum number of faces tracked, the detector's best. Default 4; always 1 in mode `upstream`. */
  readonly maxFaces?: number;
  /** The detector looks for new faces and confirms the known ones every `detectEvery` frames. Default 15. Mode `robust` only. */
  readonly detectEvery?: number;
  /** A face that returns within this time, ms, where expected and looking the same, keeps its id. Default 1000. */
  readonly keepLostMs?: number;
  /** Options for face detection. */
  readonly detector?: DetectorOptions;
  /** How strongly parameters are smoothed, without delay. Default `balanced` in mode `robust`, `none` in mode `upstream`. */
  readonly smoothing?: SmoothingPreset | 'none';
  /** Custom smoothing instead of a preset. */
  readonly smoothingOptions?: ParamSmoothingOptions;
  /**
   * Gives each face one shape, the mean over its first frames, so that its mesh does not pulsate; dense vertices then
   * take a fifth of the arithmetic. Default false.
   */
  readonly lockIdentity?: boolean;
  /** Mode `upstream`: what the next crop is placed around; see `UpstreamRuleOptions`. Default `landmarks`. */
  readonly roiFrom?: 'landmarks' | 'vertices';
}

const TRACKER_OPTION_NAMES: OptionNames<FaceTrackerOptions> = {
  mode: true,
  maxFaces: true,
  detectEvery: true,
  keepLostMs: true,
  detector: true,
  smoothing: true,
  smoothingOptions: true,
  lockIdentity: true,
  roiFrom: true,
};

/** How faces are tracked. */
export type TrackingMode = 'robust' | 'upstream';

/** A face in one frame of a video. `params` are smoothed and belong to `roiBox`, as in every aligned face. */
export interface TrackedFace extends AlignedFace {
  /** Constant for the same face from frame to frame; counted from 0, never reused. */
  readonly id: number;
  readonly how: TrackingStep;
  /** `[68 x 3]`, image px, smoothed: the result of `reconstruct` for this face. */
  readonly landmarks: Float32Array;
}

/** Tracks the faces in one video. Holds only a few small arrays: only the aligner needs to be disposed. */
export interface FaceTracker {
  /**
   * Processes the next frame. Calls may overlap: frames are queued and processed one at a time, in the order of the
   * calls. If a camera is faster than the tracker, wait for the result before the next call, or the queue grows.
   * @param image - its size may change between frames; do not modify it before the promise settles.
   * @param timeMs - relative to any origin; greater than that of the previous frame.
   * @returns the faces, oldest id first; `[]` if there are none.
   * @throws RangeError if the time does not increase or the image is invalid, DisposedError; the frame is then skipped,
   *   and the next one continues from the one before.
   */
  next(image: RgbaImage, timeMs: number): Promise<TrackedFace[]>;
  /** Like the aligner's `reconstruct`, but faster for dense vertices with a locked identity. */
  reconstruct(face: TrackedFace, options?: ReconstructOptions): Float32Array;
  /**
   * Forgets all faces and the time, as after a jump in the video. Ids continue. Takes effect after the queued frames.
   */
  reset(): Promise<void>;
}

/**
 * Creates a tracker. Several can share an aligner.
 * @param given - an aligner with a detector and a morphable model, in a worker or not.
 * @throws RangeError or TypeError naming the invalid option; WeightFormatError if the pack has no morphable model.
 */
export function createFaceTracker(given: FaceAligner, options: FaceTrackerOptions = {}): FaceTracker {
  if (typeof given?.align !== 'function') {
    throw new TypeError(
      `aligner: expected a face aligner, got ${describeValue(given)}; await createFaceAligner() makes one`,
    );
  }
  // Appearance is sampled here, from pixels that must not have been transferred to a worker.
  const aligner = given.keepingPixels ?? given;
  checkOptionNames(options, TRACKER_OPTION_NAMES, 'options', {
    detector: DETECTOR_DEFAULTS,
    smoothingOptions: PARAM_SMOOTHING_OPTION_NAMES,
  });
  const settings = checkOptions(options);
  const { morphableModel } = aligner;
  if (morphableModel === undefined) throw new WeightFormatError('the pack', 'tracking needs a morphable model');
  const model = morphableModel;
  let rule: TrackingRule | undefined = settings.mode === 'upstream' ? undefined : createRobustRule(aligner, settings);
  const smoothers = new Map<number, ParamSmoother>();
  const locks = new Map<number, IdentityLock>();
  let lastTimeMs = -Infinity;
  /** The previous call; settles, never rejects. */
  let queue: Promise<unknown> = Promise.resolve();

  let createLock: ((of: typeof model) => IdentityLock) | undefined;

  function finish({ id, how, face, landmarks }: FollowedFace, timeMs: number): TrackedFace {
    if (createLock === undefined && settings.smoothing === 'none') return { id, how, ...face, landmarks };
    let result = face;
    if (settings.smoothing !== 'none') {
      const smoother =
        smoothers.get(id) ??
        createParamSmoother(model, options.smoothingOptions ?? SMOOTHING_PRESETS[settings.smoothing]);
      smoothers.set(id, smoother);
      result = smoother.next(result, timeMs);
    }
    if (createLock !== undefined) {
      const lock = locks.get(id) ?? createLock(model);
      locks.set(id, lock);
      result = lock.next(result);
    }
    return { id, how, ...result, landmarks: aligner.reconstruct(result) };
  }

  async function take(image: RgbaImage, timeMs: number): Promise<TrackedFace[]> {
    checkImageArgument(image);
    if (!(timeMs > lastTimeMs) || timeMs === Infinity) {
      throw new RangeError(`timeMs: expected a time after ${lastTimeMs}, got ${timeMs}`);
    }
    // Few use the original's rule or a locked identity, so they are loaded on demand.
    rule ??= (await import('./upstream-rule.ts')).createUpstreamRule(aligner, options);
    if (settings.lockIdentity) createLock ??= (await import('./identity-lock.ts')).createIdentityLock;
    const followed = await rule.step(image, timeMs);
    lastTimeMs = timeMs;
    const faces = followed.sort((a, b) => a.id - b.id).map((face) => finish(face, timeMs));
    const isHere = (id: number): boolean => followed.some((face) => face.id === id);
    // A face that returns starts afresh where it is; its identity is kept.
    for (const id of smoothers.keys()) if (!isHere(id)) smoothers.delete(id);
    forgetOldest(locks, isHere);
    return faces;
  }

  function enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work);
    queue = result.catch(() => {});
    return result;
  }

  return {
    next: (image, timeMs) => enqueue(() => take(image, timeMs)),

    reconstruct(face, { dense = false, dst } = {}) {
      const locked = dense ? locks.get(face.id)?.reconstructDense(face, dst) : undefined;
      return locked ?? aligner.reconstruct(face, { dense, ...(dst && { dst }) });
    },

    reset: () =>
      enqueue(async () => {
        rule?.reset();
        locks.clear();
        lastTimeMs = -Infinity;
      }),
  };
}

/** This many faces that have gone keep their identity, in case they return. */
const REMEMBERED_IDENTITIES = 16;

function forgetOldest(locks: Map<number, IdentityLock>, isHere: (id: number) => boolean): void {
  const gone = [...locks.keys()].filter((id) => !isHere(id));
  for (const id of gone.slice(0, Math.max(0, gone.length - REMEMBERED_IDENTITIES))) locks.delete(id);
}

type Settings = Required<Omit<FaceTrackerOptions, 'roiFrom' | 'smoothingOptions'>>;

function checkOptions(options: FaceTrackerOptions): Settings {
  const { mode = 'robust' } = options;
  const settings: Settings = {
    detector: {},
    smoothing: mode === 'upstream' ? 'none' : 'balanced',
    lockIdentity: false,
    ...ROBUST_RULE_DEFAULTS,
    ...options,
    mode,
  };
  checkChoice('mode', mode, ['robust', 'upstream']);
  checkChoice('smoothing', settings.smoothing, [...Object.keys(SMOOTHING_PRESETS), 'none']);
  checkChoice('roiFrom', options.roiFrom ?? 'landmarks', ['landmarks', 'vertices']);
  for (const name of ['maxFaces', 'detectEvery'] as const) {
    checkNumber(name, settings[name], 1, Infinity, true);
  }
  checkNumber('keepLostMs', settings.keepLostMs, 0);
  return settings;
}
