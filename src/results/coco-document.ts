import { LANDMARK_COUNT, LANDMARK_REGIONS } from '../geometry/landmark-regions.ts';
import type { AlignDocumentFace } from './align-document.ts';
import type { AlignedResult } from './result-line.ts';

/** The only category of the annotations. */
const FACE_CATEGORY = 1;
/** COCO's flag for a labelled keypoint; whether it is hidden is unknown. */
const MARKED = 2;

/** The regions that are closed lines. */
const CLOSED_REGIONS: ReadonlySet<string> = new Set(['rightEye', 'leftEye', 'outerLips', 'innerLips']);

/**
 * COCO's entry for the annotated category: a face with 68 keypoints in iBUG order, and the lines between them, for
 * which COCO counts keypoints from 1.
 */
export function cocoCategory(): object {
  const lines = Object.entries(LANDMARK_REGIONS).flatMap(([region, points]) => {
    const next = CLOSED_REGIONS.has(region) ? points.length : points.length - 1;
    return points.slice(0, next).map((point, i) => [point + 1, points[(i + 1) % points.length] + 1]);
  });
  return {
    id: FACE_CATEGORY,
    name: 'face',
    supercategory: 'person',
    keypoints: Array.from({ length: LANDMARK_COUNT }, (_, point) => `face-${point}`),
    skeleton: lines,
  };
}

/** COCO's entry for a picture. */
export function cocoImage(id: number, { path, width, height }: AlignedResult): object {
  return { id, file_name: path, width, height };
}

/** COCO's entry for a face: its box, and its landmarks without z. */
export function cocoAnnotation(id: number, imageId: number, { box, landmarks = [] }: AlignDocumentFace): object {
  const width = box.xMax - box.xMin;
  const height = box.yMax - box.yMin;
  return {
    id,
    image_id: imageId,
    category_id: FACE_CATEGORY,
    bbox: [box.xMin, box.yMin, width, height],
    area: width * height,
    iscrowd: 0,
    score: box.score,
    num_keypoints: landmarks.length,
    keypoints: landmarks.flatMap(([x, y]) => [x, y, MARKED]),
  };
}
