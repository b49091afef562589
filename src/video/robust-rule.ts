/**
 * Tracks several faces: each from its landmarks in the previous frame, all in one batch; the detector, ten to twenty
 * times slower, runs every few frames and when a face is in doubt.
 *
 * A face is in doubt when the regressed camera is not a rotation, when it looks different from the previous frame, when
 * it jumps, when it leaves the picture, or when another face is in the same place. The detector then decides, in the
 * same frame: an overlapping box keeps the face, otherwise its track ends. A face whose track ended keeps its id for a
 * while and gets it back when a face that looks the same appears where it would be; anything else is a new face.
 *
 * A face at the border is compared by its visible part. An unknown face that is less than two thirds visible is tracked
 * without being reported: it may be a returning one.
 *
 * A face that emerges from behind another resembles nobody while it is half hidden. If a face was lost nearby, it is
 * tracked without being reported until it is recognised or is well clear of the other. Over 72 crossings of three
 * faces, at three speeds and two sizes, that cuts spurious ids from 56 to 0, and all end with the ids they began with
 * (65 before).
 */
import type { FaceAligner } from '../face-aligner.ts';
import { boundingBox, intersectionOverUnion } from '../geometry/box.ts';
import { roiBoxFromLandmarks } from '../geometry/roi-box.ts';
import type { DetectorOptions } from '../models/faceboxes/detector.ts';
import type { FaceBox, RgbaImage, RoiBox } from '../types.ts';
import { joinByOverlap, type Size, visibleShare, visibleShareOfRoom } from './boxes.ts';
import { faceAppearance, similarity } from './face-appearance.ts';
import { type FrameThumbnail, frameThumbnail, thumbnailDifference } from './frame-thumbnail.ts';
import { HALF_HIDDEN_SIMILARITY, LostFaces, SAME_FACE_SIMILARITY } from './lost-faces.ts';
import { cameraCrookedness } from './plausibility.ts';
import { advance, idsBeside, newTrack, type Sighting, type Track } from './track.ts';
import type { FollowedFace, TrackingRule, TrackingStep } from './tracking-rule.ts';

/** Options of {@link createRobustRule}. */
export interface RobustRuleOptions {
  readonly detector?: DetectorOptions;
  readonly maxFaces?: number;
  readonly detectEvery?: number;
  readonly keepLostMs?: number;
}

export const ROBUST_RULE_DEFAULTS: Required<Omit<RobustRuleOptions, 'detector'>> = {
  maxFaces: 4,
  detectEvery: 15,
  keepLostMs: 1000,
};

/** A camera more distorted than this is doubtful (faces: up to 0.05), … */
const DOUBTFUL_CROOKEDNESS = 0.08;
/** … and more than this is not a face, even if the detector sees one. */
const IMPOSSIBLE_CROOKEDNESS = 0.3;
/** A face less similar than this to itself one frame ago is doubtful (a talking head: at least 0.97). */
const DOUBTFUL_SIMILARITY = 0.85;
/**
 * A face that overlaps its position one frame ago by less than this moved far in its crop, as when frames were dropped,
 * and is aligned again around its landmarks: a face of 93 px that moved by 30 or 40 px is 1.7 to 10 px off otherwise,
 * and 0.5 px at most then.
 */
const REALIGNED_STEP_OVERLAP = 0.7;
/** A face that overlaps its position one frame ago by less than this has jumped. */
const DOUBTFUL_STEP_OVERLAP = 0.4;
/** Two tracks that overlap by more than this are on the same face. */
const SAME_PLACE_OVERLAP = 0.5;
/** A face with less than this share inside the picture is doubtful … */
const DOUBTFUL_VISIBLE_SHARE = 0.6;
/** … and one less visible than this gets no new id; half-visible faces may appear to be up to 0.6. */
const NEW_FACE_VISIBLE_SHARE = 0.65;
/**
 * The same if a face was lost recently: it may be that one, which is easier to recognise once more of it is visible.
 */
const OTHER_FACE_VISIBLE_SHARE = 0.85;
/** Minimum overlap of a detector's box with the landmarks' box of its track (0.6 to 0.8 is usual). */
const JOINING_OVERLAP = 0.3;
/** A track that the detector misses this many times in a row ends, even if nothing else is wrong with it. */
const MAX_MISSED_DETECTIONS = 4;
/** While a face is missing, the detector runs again after at most this many frames. */
const DETECT_EVERY_WHILE_MISSING = 3;
/** Frames that differ by more than this belong to different scenes; mean grey levels. */
const CUT_DIFFERENCE = 25;

/** A track in this frame. */
interface Followed {
  readonly track: Track;
  readonly sighting: Sighting;
  isDoubtful: boolean;
}

/** Creates the rule for mode `robust`. Options are not checked here: `createFaceTracker` does that. */
export function createRobustRule(aligner: FaceAligner, options: RobustRuleOptions = {}): TrackingRule {
  return new RobustRule(aligner, options);
}

class RobustRule implements TrackingRule {
  readonly #aligner: FaceAligner;
  readonly #options: Required<RobustRuleOptions>;
  readonly #lost = new LostFaces();
  #tracks: Track[] = [];
  #framesSinceDetection = 0;
  #lastThumbnail: FrameThumbnail | undefined;
  #nextId = 0;

  constructor(aligner: FaceAligner, options: RobustRuleOptions) {
    this.#aligner = aligner;
    this.#options = { ...ROBUST_RULE_DEFAULTS, ...options, detector: options.detector ?? {} };
  }

  async step(image: RgbaImage, timestampMs: number): Promise<FollowedFace[]> {
    const lost = this.#lost;
    const waiting = this.#tracks.flatMap(({ id, box }) => (id === undefined ? [box] : []));
    lost.forget(timestampMs, this.#options.keepLostMs, waiting, image);
    const isCut = this.#noticeCut(image);
    const followed = await this.#follow(image);
    const frame = new FrameTracks(image, timestampMs, followed, (track, sighting, beside) =>
      this.#identify(track, sighting, beside, { image, timestampMs, isCut }),
    );

    this.#framesSinceDetection++;
    const { detectEvery } = this.#options;
    const whileMissing = Math.min(DETECT_EVERY_WHILE_MISSING, detectEvery);
    const pause = followed.length === 0 ? 1 : lost.count > 0 ? whileMissing : detectEvery;
    const isInDoubt = followed.some(({ isDoubtful }) => isDoubtful);
    if (isInDoubt || this.#framesSinceDetection >= pause) {
      this.#framesSinceDetection = 0;
      await this.#detect(frame, isCut);
    } else {
      for (const { track, sighting } of followed) frame.keep(track, sighting);
    }
    this.#tracks = frame.tracks;
    return frame.found;
  }

  reset(): void {
    this.#tracks = [];
    this.#lost.clear();
  }

  /** Whether this frame belongs to a different scene from the previous one. */
  #noticeCut(image: RgbaImage): boolean {
    const thumbnail = frameThumbnail(image);
    const last = this.#lastThumbnail;
    this.#lastThumbnail = thumbnail;
    return last !== undefined && thumbnailDifference(last, thumbnail) > CUT_DIFFERENCE;
  }

  /** Continues each track into this frame. */
  async #follow(image: RgbaImage): Promise<Followed[]> {
    const tracks = this.#tracks;
    const sightings = await this.#sight(
      image,
      tracks.map(({ landmarks }) => roiBoxFromLandmarks(landmarks)),
    );
    const followed: Followed[] = [];
    for (const [i, track] of tracks.entries()) {
      let sighting = sightings[i];
      if (sighting !== undefined && hasMovedFar(track, sighting)) {
        const [again] = await this.#sight(image, [roiBoxFromLandmarks(sighting.landmarks)]);
        sighting = again ?? sighting;
      }
      if (sighting === undefined) this.#lost.add(track, tracks);
      else followed.push({ track, sighting, isDoubtful: isDoubtful(track, sighting, image) });
    }
    // Of two tracks on the same face, the one that looks less like its own is in doubt.
    for (const [i, one] of followed.entries()) {
      for (const other of followed.slice(i + 1)) {
        if (intersectionOverUnion(one.sighting.box, other.sighting.box) < SAME_PLACE_OVERLAP) continue;
        const isOneOwner = loyalty(one) >= loyalty(other);
        (isOneOwner ? other : one).isDoubtful = true;
      }
    }
    return followed;
  }

  /** Runs the detector to decide which tracks continue and which faces are new. */
  async #detect(frame: FrameTracks, isCut: boolean): Promise<void> {
    const { image, followed } = frame;
    const boxes = await this.#aligner.detect(image, this.#options.detector);
    const free = new Set(boxes.filter((box) => visibleShare(box, image) > 0));
    // Certain tracks choose first, so that a doubtful one cannot take their box.
    const certain = followed.filter(({ isDoubtful }) => !isDoubtful);
    for (const { track, sighting, box } of joinBoxes(certain, free)) {
      track.missedDetections = box === undefined ? track.missedDetections + 1 : 0;
      if (track.missedDetections > MAX_MISSED_DETECTIONS) this.#lost.add(track, this.#tracks);
      else frame.keep(track, sighting);
    }
    const doubtful = joinBoxes(
      followed.filter(({ isDoubtful }) => isDoubtful),
      free,
    );
    for (const { track, box } of doubtful) if (box === undefined) this.#lost.add(track, this.#tracks);
    // A box on a face that is already tracked adds nothing.
    for (const box of free) if (frame.isTaken(box, JOINING_OVERLAP)) free.delete(box);

    const rejoined = doubtful.flatMap(({ track, box }) => (box === undefined ? [] : [{ track, box }]));
    const room = this.#options.maxFaces - frame.tracks.length - rejoined.length;
    const candidates: { readonly track?: Track; readonly box: FaceBox }[] = [
      ...rejoined,
      ...[...free].slice(0, room).map((box) => ({ box })),
    ];
    const sightings = await this.#sightBoxes(
      image,
      candidates.map(({ box }) => box),
    );
    for (const [i, { track }] of candidates.entries()) this.#admit(frame, track, sightings[i], isCut);
  }

  /**
   * Accepts a face in one of the detector's boxes as a doubtful track's if it is the same face, otherwise as a new one.
   */
  #admit(frame: FrameTracks, before: Track | undefined, sighting: Sighting | undefined, isCut: boolean): void {
    const isSame = before !== undefined && sighting !== undefined && this.#isSameFace(before, sighting, isCut);
    const isTaken = sighting !== undefined && frame.isTaken(sighting.box, SAME_PLACE_OVERLAP);
    if (before !== undefined && (!isSame || isTaken)) this.#lost.add(before, this.#tracks);
    if (sighting === undefined || isTaken) return;
    if (isSame) frame.keep({ ...before, missedDetections: 0 }, sighting, 'detect+refine');
    else frame.start(sighting);
  }

  /** Whether a sighting at the position of a track is the same face. */
  #isSameFace(track: Track, sighting: Sighting, isCut: boolean): boolean {
    const alike = similarity(track.appearance, sighting.appearance);
    if (!(alike < SAME_FACE_SIMILARITY)) return true;
    if (isCut || Math.max(alike, similarity(track.lastAppearance, sighting.appearance)) < HALF_HIDDEN_SIMILARITY)
      return false;
    // It may be another face that was here before.
    return !this.#lost.someLike(sighting);
  }

  /** Gives a new face its id: that of the lost face it continues, or its own once it cannot be a lost one. */
  #identify(
    track: Track,
    sighting: Sighting,
    beside: readonly number[],
    { image, timestampMs, isCut }: { readonly image: Size; readonly timestampMs: number; readonly isCut: boolean },
  ): Track {
    const lost = this.#lost;
    const known = lost.take(sighting, beside, isCut, timestampMs, image);
    if (known !== undefined) return { ...advance(known, sighting, timestampMs), missedDetections: 0 };
    const mayBeLost = !isCut && lost.someBehind(beside);
    const isTooLittle = seemsHalfSeen(sighting, !isCut && lost.someAt(sighting.box, timestampMs, image));
    return mayBeLost || isTooLittle ? track : { ...track, id: this.#nextId++ };
  }

  /** Aligns faces in the detector's boxes, then once more around their landmarks. */
  async #sightBoxes(image: RgbaImage, boxes: readonly FaceBox[]): Promise<(Sighting | undefined)[]> {
    const rough = await this.#aligner.align(image, boxes);
    const usable = rough.map((face) => {
      const landmarks = this.#aligner.reconstruct(face);
      const roiBox = landmarks.every(Number.isFinite) ? roiBoxFromLandmarks(landmarks) : undefined;
      return roiBox !== undefined && isUsable(roiBox) ? roiBox : undefined;
    });
    const sightings = await this.#sight(
      image,
      usable.filter((roiBox) => roiBox !== undefined),
    );
    let next = 0;
    return usable.map((roiBox) => {
      const sighting = roiBox && sightings[next++];
      return sighting !== undefined && sighting.crookedness < IMPOSSIBLE_CROOKEDNESS ? sighting : undefined;
    });
  }

  /** Aligns crops and checks the results; undefined for each crop without a usable one. */
  async #sight(image: RgbaImage, roiBoxes: readonly RoiBox[]): Promise<(Sighting | undefined)[]> {
    const faces = await this.#aligner.alignCrops(image, roiBoxes);
    return faces.map((face) => {
      const landmarks = this.#aligner.reconstruct(face);
      if (!landmarks.every(Number.isFinite) || !isUsable(roiBoxFromLandmarks(landmarks))) return undefined;
      const box = boundingBox(landmarks);
      return {
        face,
        landmarks,
        box,
        visible: visibleShareOfRoom(box, image),
        appearance: faceAppearance(image, landmarks),
        crookedness: cameraCrookedness(face.params),
      };
    });
  }
}

/** What becomes of the tracks in one frame. */
class FrameTracks {
  readonly image: RgbaImage;
  readonly followed: readonly Followed[];
  /** Tracks for the next frame, … */
  readonly tracks: Track[] = [];
  /** … and those with an id, as reported. */
  readonly found: FollowedFace[] = [];
  readonly #timestampMs: number;
  readonly #identify: (track: Track, sighting: Sighting, beside: readonly number[]) => Track;

  constructor(
    image: RgbaImage,
    timestampMs: number,
    followed: readonly Followed[],
    identify: (track: Track, sighting: Sighting, beside: readonly number[]) => Track,
  ) {
    this.image = image;
    this.followed = followed;
    this.#timestampMs = timestampMs;
    this.#identify = identify;
  }

  /** Continues a track. */
  keep(track: Track, sighting: Sighting, how: TrackingStep = 'track'): void {
    this.#add(advance(track, sighting, this.#timestampMs), sighting, how);
  }

  /** Begins a track. */
  start(sighting: Sighting): void {
    this.#add(newTrack(sighting, this.#timestampMs), sighting, 'detect+refine');
  }

  /** Whether a track is already there. */
  isTaken(box: RoiBox, overlap: number): boolean {
    return this.tracks.some((track) => intersectionOverUnion(track.box, box) >= overlap);
  }

  #add(track: Track, sighting: Sighting, how: TrackingStep): void {
    const others = [...this.followed.map((one) => ({ id: one.track.id, box: one.sighting.box })), ...this.tracks];
    const beside = idsBeside(sighting.box, others);
    const kept = track.id === undefined ? this.#identify(track, sighting, beside) : track;
    this.tracks.push(kept);
    if (kept.id !== undefined) this.found.push({ id: kept.id, how, face: kept.face, landmarks: kept.landmarks });
  }
}

/** Side of a crop, image px: a smaller one shows nothing, and a larger one is a mistake. */
const MINIMUM_ROI_SIDE = 8;
const MAXIMUM_ROI_SIDE = 2 ** 15;

function isUsable({ xMin, yMin, xMax, yMax }: RoiBox): boolean {
  const side = xMax - xMin;
  const isNear = Math.max(Math.abs(xMin), Math.abs(yMin), Math.abs(xMax), Math.abs(yMax)) <= 2 * MAXIMUM_ROI_SIDE;
  return side >= MINIMUM_ROI_SIDE && side <= MAXIMUM_ROI_SIDE && isNear;
}

/** Far, but not so far that the detector has to find it. */
function hasMovedFar(track: Track, sighting: Sighting): boolean {
  const overlap = intersectionOverUnion(track.box, sighting.box);
  return overlap < REALIGNED_STEP_OVERLAP && overlap >= DOUBTFUL_STEP_OVERLAP;
}

function isDoubtful(track: Track, sighting: Sighting, image: RgbaImage): boolean {
  return (
    !(sighting.crookedness <= DOUBTFUL_CROOKEDNESS) ||
    similarity(track.lastAppearance, sighting.appearance) < DOUBTFUL_SIMILARITY ||
    intersectionOverUnion(track.box, sighting.box) < DOUBTFUL_STEP_OVERLAP ||
    visibleShare(sighting.box, image) < DOUBTFUL_VISIBLE_SHARE
  );
}

/**
 * Whether too little of a face at the border is visible for a new one; with very little visible, landmarks are
 * distorted.
 */
function seemsHalfSeen({ visible, crookedness }: Sighting, mayBeKnown: boolean): boolean {
  const least = mayBeKnown ? OTHER_FACE_VISIBLE_SHARE : NEW_FACE_VISIBLE_SHARE;
  return visible < least || (visible < 1 && !(crookedness <= DOUBTFUL_CROOKEDNESS));
}

/** How similar a sighting is to its track's long-term appearance. */
function loyalty({ track, sighting }: { readonly track: Track; readonly sighting: Sighting }): number {
  const alike = similarity(track.appearance, sighting.appearance);
  return Number.isNaN(alike) ? 0 : alike;
}

/** Gives each its most overlapping box, and removes those boxes from `free`. */
function joinBoxes<T extends { readonly sighting: Sighting }>(
  followed: readonly T[],
  free: Set<FaceBox>,
): (T & { readonly box: FaceBox | undefined })[] {
  const boxes = [...free];
  const partners = joinByOverlap(
    followed.map(({ sighting }) => sighting.box),
    boxes,
    JOINING_OVERLAP,
  );
  return followed.map((one, i) => {
    const box = boxes[partners[i]];
    if (box !== undefined) free.delete(box);
    return { ...one, box };
  });
}
