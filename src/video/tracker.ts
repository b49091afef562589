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
   * `robust`, the default, follows several faces and notices when one is lost; `upstream` is the Python original's rule: one
   * face, never checked again.
   */
  readonly mode?: TrackingMode;
  /** At most this many faces are tracked, the detector's best. Default 4; always 1 in mode `upstream`. */
  readonly maxFaces?: number;
  /** The detector looks for new faces and confirms the known ones every `detectEvery` frames. Default 15. Mode `robust` only. */
  readonly detectEvery?: number;
  /** A face that comes back within this time, where it would be and looking the same, keeps its id, ms. Default 1000. */
  readonly keepLostMs?: number;
  /** How faces are detected. */
  readonly detector?: DetectorOptions;
  /** How strongly parameters are smoothed, without delay. Default `balanced` in mode `robust`, `none` in mode `upstream`. */
  readonly smoothing?: SmoothingPreset | 'none';
  /** Smoothing of your own instead of the preset's. */
  readonly smoothingOptions?: ParamSmoothingOptions;
  /**
   * Gives each face one shape, the mean over its first frames, so that its mesh does not pulsate. Default false. Dense
   * vertices then take a fifth of the arithmetic.
   */
  readonly lockIdentity?: boolean;
  /** Mode `upstream`: what the next crop is put around; see `UpstreamRuleOptions`. Default `landmarks`. */
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

/** How faces are followed. */
export type TrackingMode = 'robust' | 'upstream';

/** A face in one frame of a video. `params` are smoothed and belong to `roiBox`, as in every aligned face. */
export interface TrackedFace extends AlignedFace {
  /** The same for the same face from frame to frame; counted from 0, never given twice. */
  readonly id: number;
  readonly how: TrackingStep;
  /** `[68 x 3]`, px of the image, smoothed: `reconstruct` of this face. */
  readonly landmarks: Float32Array;
}

/** Follows the faces of one video. Holds no memory but its own few arrays: there is nothing to dispose but the aligner. */
export interface FaceTracker {
  /**
   * Takes the next frame. Calls may overlap: frames are queued and taken one after the other, in the order of the calls. A
   * camera that is faster than the tracker should wait for the result before it calls again, or the queue grows.
   * @param image - may change size between frames; must not be changed before the promise settles.
   * @param timeMs - from any beginning; greater than that of the frame before.
   * @returns the faces, oldest id first; `[]` where there is none.
   * @throws RangeError for a time that does not go on or an image that makes no sense, DisposedError; the frame is then left
   *   out, and the next one goes on from the one before.
   */
  next(image: RgbaImage, timeMs: number): Promise<TrackedFace[]>;
  /** As the aligner's `reconstruct`, and faster for dense vertices of a locked identity. */
  reconstruct(face: TrackedFace, options?: ReconstructOptions): Float32Array;
  /** Forgets all faces, as after a jump in the video, and when it is. Ids continue. Comes after the frames in the queue. */
  reset(): Promise<void>;
}

/**
 * Makes a tracker. Several can share an aligner.
 * @param given - an aligner with a detector and a morphable model, in a worker or not.
 * @throws RangeError or TypeError naming the option that makes no sense; WeightFormatError when the pack has no morphable
 *   model.
 */
export function createFaceTracker(given: FaceAligner, options: FaceTrackerOptions = {}): FaceTracker {
  if (typeof given?.align !== 'function') {
    throw new TypeError(
      `aligner: expected a face aligner, got ${describeValue(given)}; await createFaceAligner() makes one`,
    );
  }
  // What a face looks like is seen here, in pixels that must not have moved to a worker.
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
  /** The call before; settles, never rejects. */
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
    // Few ask for the original's rule or for one identity: who does, loads it.
    rule ??= (await import('./upstream-rule.ts')).createUpstreamRule(aligner, options);
    if (settings.lockIdentity) createLock ??= (await import('./identity-lock.ts')).createIdentityLock;
    const followed = await rule.step(image, timeMs);
    lastTimeMs = timeMs;
    const faces = followed.sort((a, b) => a.id - b.id).map((face) => finish(face, timeMs));
    const isHere = (id: number): boolean => followed.some((face) => face.id === id);
    // A face that comes back starts anew where it is; its identity is kept.
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

/** This many faces that are gone keep their identity, in case they come back. */
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
