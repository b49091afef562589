import * as v from 'valibot';
import { poseFromParams } from '../geometry/pose.ts';
import type { MorphableModel } from '../types.ts';
import type { TrackedFace } from '../video/tracker.ts';
import { alignedFaceSchema, describeAlignedFace } from './align-document.ts';

/** A line written by `tddfa video --json`. Its JSON schema is `schemas/video.schema.json`. */
const trackedFaceSchema = v.object({
  id: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(0),
    v.description('stays the same for a face from frame to frame; never reused'),
  ),
  how: v.pipe(
    v.picklist(['detect', 'detect+refine', 'track']),
    v.description(
      "whether the face comes from the detector's box, from that and then again from its landmarks, or from its landmarks in the previous frame",
    ),
  ),
  ...alignedFaceSchema.entries,
});

export const videoFrameSchema = v.pipe(
  v.object({
    frame: v.pipe(v.number(), v.integer(), v.minValue(0), v.description('counted from 0 at the start of the video')),
    timeMs: v.pipe(v.number(), v.minValue(0), v.description('when it is shown, from the start of the video, ms')),
    faces: v.pipe(v.array(trackedFaceSchema), v.description('oldest id first; empty if there is no face')),
  }),
  v.title('tddfa video'),
  v.description('A line written by `tddfa video --json`: JSON Lines, one frame per line, in order.'),
);

export type VideoFrameEntry = v.InferOutput<typeof videoFrameSchema>;

/** One frame as it appears in a line. */
export function describeFrame(
  index: number,
  timeMs: number,
  faces: readonly TrackedFace[],
  model: MorphableModel | undefined,
): VideoFrameEntry {
  return {
    frame: index,
    timeMs: Math.round(timeMs * 1000) / 1000,
    faces: faces.map(({ id, how, roiBox, params, landmarks }) => ({
      id,
      how,
      ...describeAlignedFace({ roiBox, params }, poseFromParams(params), landmarks, model),
    })),
  };
}
