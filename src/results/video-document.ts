import * as v from 'valibot';
import { poseFromParams } from '../geometry/pose.ts';
import type { MorphableModel } from '../types.ts';
import type { TrackedFace } from '../video/tracker.ts';
import { alignedFaceSchema, describeAlignedFace } from './align-document.ts';

/** A line of what `tddfa video --json` writes. Its JSON schema is `schemas/video.schema.json`. */
const trackedFaceSchema = v.object({
  id: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(0),
    v.description('the same for the same face from frame to frame; never given twice'),
  ),
  how: v.pipe(
    v.picklist(['detect', 'detect+refine', 'track']),
    v.description(
      "whether the face comes from the detector's box, from that and once more from its landmarks, or from its landmarks in the frame before",
    ),
  ),
  ...alignedFaceSchema.entries,
});

export const videoFrameSchema = v.pipe(
  v.object({
    frame: v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.description('counted from 0 at the beginning of the video'),
    ),
    timeMs: v.pipe(v.number(), v.minValue(0), v.description('when it is shown, from the beginning of the video, ms')),
    faces: v.pipe(v.array(trackedFaceSchema), v.description('oldest id first; empty where there is no face')),
  }),
  v.title('tddfa video'),
  v.description('A line of what `tddfa video --json` writes: JSON Lines, one frame a line, in order.'),
);

export type VideoFrameEntry = v.InferOutput<typeof videoFrameSchema>;

/** One frame as a line has it. */
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
