import type { FaceAligner } from '../face-aligner.ts';
import { roiBoxFromLandmarks } from '../geometry/roi-box.ts';
import type { DetectorOptions } from '../models/faceboxes/detector.ts';
import type { AlignedFace, RgbaImage, RoiBox } from '../types.ts';
import type { FollowedFace, TrackingRule, TrackingStep } from './tracking-rule.ts';

/** A crop of less than this many image px is no longer a face. */
const MINIMUM_ROI_AREA = 2020;

/** Options of {@link createUpstreamRule}. */
export interface UpstreamRuleOptions {
  readonly detector?: DetectorOptions;
  /**
   * What the next crop is placed around. The original uses whatever it draws: the landmarks for `2d_sparse`, all
   * vertices, with forehead and ears, for everything else; the crops, and so the results, differ.
   */
  readonly roiFrom?: 'landmarks' | 'vertices';
}

/**
 * The Python original's rule: the best face in the first frame, refined once; then always the crop around the previous
 * frame's points, until that is smaller than 2020 px, which triggers the detector. Nothing checks whether it is still a
 * face. Without a face the original crashes; here the result is empty and the next frame starts afresh.
 * @see demo_video.py (3DDFA_V2 1b6c676)
 */
export function createUpstreamRule(
  aligner: FaceAligner,
  { detector = {}, roiFrom = 'landmarks' }: UpstreamRuleOptions = {},
): TrackingRule {
  /** Points in the previous frame. */
  let points: Float32Array | undefined;
  let id = 0;

  async function detectBest(image: RgbaImage): Promise<AlignedFace | undefined> {
    const [best] = await aligner.detect(image, detector);
    if (best === undefined) return undefined;
    const [face] = await aligner.align(image, [best]);
    return face;
  }

  function pointsOf(face: AlignedFace): Float32Array {
    return aligner.reconstruct(face, { dense: roiFrom === 'vertices' });
  }

  async function alignAround(image: RgbaImage, roiBox: RoiBox): Promise<AlignedFace> {
    const [face] = await aligner.alignCrops(image, [roiBox]);
    return face;
  }

  async function find(image: RgbaImage): Promise<{ how: TrackingStep; face: AlignedFace } | undefined> {
    const roiBox = points && nextRoiBox(points);
    if (points === undefined) {
      const face = await detectBest(image);
      const refinedRoiBox = face && nextRoiBox(pointsOf(face));
      if (face === undefined) return undefined;
      if (refinedRoiBox === undefined) return { how: 'detect', face };
      return { how: 'detect+refine', face: await alignAround(image, refinedRoiBox) };
    }
    if (roiBox !== undefined) return { how: 'track', face: await alignAround(image, roiBox) };
    const face = await detectBest(image);
    return face && { how: 'detect', face };
  }

  return {
    async step(image) {
      const found = await find(image);
      if (found === undefined) {
        if (points !== undefined) id++;
        points = undefined;
        return [];
      }
      const { how, face } = found;
      points = pointsOf(face);
      const landmarks = roiFrom === 'landmarks' ? points.slice() : aligner.reconstruct(face);
      return [{ id, how, face, landmarks } satisfies FollowedFace];
    },

    reset() {
      if (points !== undefined) id++;
      points = undefined;
    },
  };
}

/** The crop around the previous points; undefined if the detector must run. */
function nextRoiBox(points: Float32Array): RoiBox | undefined {
  // Invalid input, such as infinite parameters, yields no crop.
  if (!points.every(Number.isFinite)) return undefined;
  const roiBox = roiBoxFromLandmarks(points);
  const area = Math.abs(roiBox.xMax - roiBox.xMin) * Math.abs(roiBox.yMax - roiBox.yMin);
  return area < MINIMUM_ROI_AREA ? undefined : roiBox;
}
