import type { AlignedFace, RoiBox } from '../types.ts';
import { boxSize, centreDistance } from './boxes.ts';
import { blendAppearances, type FaceAppearance } from './face-appearance.ts';

/** Share of a new appearance that a track adopts per frame. */
const APPEARANCE_SHARE = 0.05;
/** Below this visible share, landmarks are too inaccurate to remember what a face looks like … */
const REMEMBERED_VISIBLE_SHARE = 0.9;
/** … and, below this one, where it is. */
const PLACED_VISIBLE_SHARE = 0.65;
/** Share of a new velocity that a track adopts per frame. */
const VELOCITY_SHARE = 0.3;
/**
 * A head with its hair is this many times as large as the box around its landmarks: anything behind it is within that.
 */
const HEAD_SIZE = 2;

/** A face that is being tracked, or was until recently. */
export interface Track {
  /** Undefined while it may be a lost face. */
  readonly id: number | undefined;
  face: AlignedFace;
  landmarks: Float32Array;
  /** Around the landmarks. */
  box: RoiBox;
  /** The same when most of the face was last visible: with less visible, landmarks are guesses. */
  seenBox: RoiBox;
  /** One frame ago, and over its lifetime. */
  lastAppearance: FaceAppearance;
  appearance: FaceAppearance;
  /** Px per ms. */
  velocityX: number;
  velocityY: number;
  timestampMs: number;
  missedDetections: number;
  /** Ids of the faces that it was beside when it was lost: it may be behind one of them. */
  lostBeside: readonly number[];
}

/** Where a face appears to be in the current frame. */
export interface Sighting {
  readonly face: AlignedFace;
  readonly landmarks: Float32Array;
  readonly box: RoiBox;
  readonly appearance: FaceAppearance;
  readonly crookedness: number;
  /** Share of the face inside the picture, relative to as much as fits into it, 0..1. */
  readonly visible: number;
}

/** A track that begins with a sighting of an unknown face. */
export function newTrack({ face, landmarks, box, appearance }: Sighting, timestampMs: number): Track {
  return {
    id: undefined,
    face,
    landmarks,
    box,
    seenBox: box,
    lastAppearance: appearance,
    appearance,
    velocityX: 0,
    velocityY: 0,
    timestampMs,
    missedDetections: 0,
    lostBeside: [],
  };
}

/** The track one frame later. */
export function advance(track: Track, sighting: Sighting, timestampMs: number): Track {
  const { face, landmarks, box, appearance, visible } = sighting;
  const passedMs = timestampMs - track.timestampMs;
  const velocityX = (box.xMin + box.xMax - track.box.xMin - track.box.xMax) / 2 / passedMs;
  const velocityY = (box.yMin + box.yMax - track.box.yMin - track.box.yMax) / 2 / passedMs;
  return {
    id: track.id,
    face,
    landmarks,
    box,
    seenBox: visible < PLACED_VISIBLE_SHARE ? track.seenBox : box,
    lastAppearance: appearance,
    appearance:
      visible < REMEMBERED_VISIBLE_SHARE
        ? track.appearance
        : blendAppearances(track.appearance, appearance, APPEARANCE_SHARE),
    velocityX: track.velocityX + VELOCITY_SHARE * (velocityX - track.velocityX),
    velocityY: track.velocityY + VELOCITY_SHARE * (velocityY - track.velocityY),
    timestampMs,
    missedDetections: track.missedDetections,
    lostBeside: [],
  };
}

/** Ids of the faces close enough to a box to hide what is in it, now or a moment ago. */
export function idsBeside(
  box: RoiBox,
  faces: readonly { readonly id: number | undefined; readonly box: RoiBox }[],
): number[] {
  return faces.flatMap((face) =>
    face.id !== undefined && face.box !== box && centreDistance(face.box, box) < HEAD_SIZE * boxSize(face.box)
      ? [face.id]
      : [],
  );
}
