import type { AlignedFace, RoiBox } from '../types.ts';
import { boxSize, centreDistance } from './boxes.ts';
import { blendAppearances, type FaceAppearance } from './face-appearance.ts';

/** How much of a new appearance a track takes over, a frame. */
const APPEARANCE_SHARE = 0.05;
/** Landmarks of a face of which less is seen are too far off to remember what it looks like … */
const REMEMBERED_VISIBLE_SHARE = 0.9;
/** … and where it is. */
const PLACED_VISIBLE_SHARE = 0.65;
/** How much of a new velocity a track takes over, a frame. */
const VELOCITY_SHARE = 0.3;
/** A head with its hair is this many times as large as the box around its landmarks: what is behind it is no further away. */
const HEAD_SIZE = 2;

/** A face that is followed, or was until lately. */
export interface Track {
  /** Undefined while it may be one that was lost. */
  readonly id: number | undefined;
  face: AlignedFace;
  landmarks: Float32Array;
  /** Around the landmarks. */
  box: RoiBox;
  /** The same when most of the face was last seen: of less, landmarks are guesses. */
  seenBox: RoiBox;
  /** A frame ago, and over its life. */
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

/** Where a face seems to be in the present frame. */
export interface Sighting {
  readonly face: AlignedFace;
  readonly landmarks: Float32Array;
  readonly box: RoiBox;
  readonly appearance: FaceAppearance;
  readonly crookedness: number;
  /** How much of the face lies in the picture, of as much as that has room for, 0..1. */
  readonly visible: number;
}

/** A track that begins with a sighting, of nobody known yet. */
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

/** The track a frame later. */
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

/** Ids of the faces so near to a box that they may hide what is in it, or did a moment ago. */
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
