import type { RoiBox } from '../types.ts';
import { boxSize, centreDistance, crossSameSide, moveBox, type Size } from './boxes.ts';
import { similarity } from './face-appearance.ts';
import { idsBeside, type Sighting, type Track } from './track.ts';

/** Faces at least this similar are the same (the same person: at least 0.74; two people: at most 0.55). */
export const SAME_FACE_SIMILARITY = 0.62;
/** A half-hidden face is less similar to itself; if it cannot be anybody else, this much is enough. */
export const HALF_HIDDEN_SIMILARITY = 0.3;
/**
 * Nobody else can have come this near, in face sizes, to a face that was there this recently, ms, unless the scene was
 * cut.
 */
const SAME_PLACE_DISTANCE = 0.5;
const SAME_PLACE_MS = 500;
/** A lost face may reappear this far away, in face sizes, … */
const REVIVAL_DISTANCE = 1.5;
/** … and up to this many times larger or smaller. */
const REVIVAL_SCALE = 1.6;

/** Recently lost faces, which get their ids back when they return. */
export class LostFaces {
  #tracks: readonly Track[] = [];

  get count(): number {
    return this.#tracks.length;
  }

  /**
   * @param others - tracks in the same frame; it may be behind one of them. A track without an id was not identified
   *   yet.
   */
  add(track: Track, others: readonly Track[]): void {
    if (track.id === undefined) return;
    this.#tracks = [...this.#tracks, { ...track, lostBeside: idsBeside(track.box, others) }];
  }

  /**
   * Forgets the faces last seen more than `keepMs` ago.
   * @param waiting - boxes of faces at the border with too little visible to identify them; the lost faces that one of
   *   them may turn out to be are kept.
   */
  forget(timestampMs: number, keepMs: number, waiting: readonly RoiBox[], image: Size): void {
    this.#tracks = this.#tracks.filter(
      (track) =>
        timestampMs - track.timestampMs <= keepMs || waiting.some((box) => mayBeAt(track, box, timestampMs, image)),
    );
  }

  clear(): void {
    this.#tracks = [];
  }

  /**
   * Removes and returns the track, if any, that a new sighting continues: the most similar of those near enough.
   * @param beside - ids of the faces beside the sighting.
   * @param isCut - whether this frame begins a new scene.
   */
  take(
    sighting: Sighting,
    beside: readonly number[],
    isCut: boolean,
    timestampMs: number,
    image: Size,
  ): Track | undefined {
    let best: Track | undefined;
    let bestSimilarity = Number.NEGATIVE_INFINITY;
    for (const track of this.#tracks) {
      if (!isOfItsSize(track, sighting.box)) continue;
      if (!mayBeAt(track, sighting.box, timestampMs, image) && !isBehind(track, beside)) continue;
      const isInPlace =
        !isCut &&
        distanceTo(track, sighting.box, timestampMs) <= SAME_PLACE_DISTANCE &&
        timestampMs - track.timestampMs <= SAME_PLACE_MS;
      const known = similarity(track.appearance, sighting.appearance);
      const alike = isInPlace && Number.isNaN(known) ? HALF_HIDDEN_SIMILARITY : known;
      if (!(alike >= (isInPlace ? HALF_HIDDEN_SIMILARITY : SAME_FACE_SIMILARITY)) || alike <= bestSimilarity) continue;
      best = track;
      bestSimilarity = alike;
    }
    if (best !== undefined) this.#tracks = this.#tracks.filter((track) => track !== best);
    return best;
  }

  /** Whether a lost face may have moved on behind one of these. */
  someBehind(beside: readonly number[]): boolean {
    return this.#tracks.some((track) => isBehind(track, beside));
  }

  /** Whether a lost face may be in a box by now. */
  someAt(box: RoiBox, timestampMs: number, image: Size): boolean {
    return this.#tracks.some((track) => isOfItsSize(track, box) && mayBeAt(track, box, timestampMs, image));
  }

  /** Whether a sighting looks like a lost face. */
  someLike(sighting: Sighting): boolean {
    return this.#tracks.some((track) => !(similarity(track.appearance, sighting.appearance) < SAME_FACE_SIMILARITY));
  }
}

/** Whether a face was lost beside one of these and so may have moved on behind it. */
function isBehind({ lostBeside }: Track, beside: readonly number[]): boolean {
  return lostBeside.some((id) => beside.includes(id));
}

/** Whether a face may have the size of a box by now. */
function isOfItsSize(track: Track, box: RoiBox): boolean {
  return [track.box, track.seenBox].some((before) => {
    const scale = boxSize(box) / boxSize(before);
    return Math.max(scale, 1 / scale) <= REVIVAL_SCALE;
  });
}

/** Whether a face may be in a box by now: near where it was or would be, or anywhere along the side where it left. */
function mayBeAt(track: Track, box: RoiBox, timestampMs: number, image: Size): boolean {
  const hasLeftThere = crossSameSide(track.box, box, image) || crossSameSide(track.seenBox, box, image);
  return hasLeftThere || distanceTo(track, box, timestampMs) <= REVIVAL_DISTANCE;
}

/** Distance from where a face was, or would be by now, whichever is nearer, to a box, in box sizes. */
function distanceTo(track: Track, box: RoiBox, timestampMs: number): number {
  const places = [predictBox(track, timestampMs), track.box, track.seenBox];
  return Math.min(...places.map((place) => centreDistance(place, box))) / boxSize(box);
}

/** Where a track's box would be by now if the face had kept moving as before. */
function predictBox({ box, velocityX, velocityY, timestampMs }: Track, now: number): RoiBox {
  return moveBox(box, velocityX * (now - timestampMs), velocityY * (now - timestampMs));
}
