/**
 * Drawn faces, and an aligner that knows where they were drawn: for tests of a tracker's decisions, at bounds that no photo and no
 * network meets to the digit. Films test the results of real networks. The geometry is the real one.
 */

import type { FaceAligner } from '../../src/face-aligner.ts';
import { intersectionOverUnion } from '../../src/geometry/box.ts';
import { packLandmarks, packModel, reconstruct } from '../../src/geometry/morphable-model.ts';
import { roiBoxFromFaceBox } from '../../src/geometry/roi-box.ts';
import { CROP_SIZE, cropPlacement, cropToImage } from '../../src/geometry/similarity-transform.ts';
import type { AlignedFace, FaceBox, MorphableModel, RgbaImage, RoiBox } from '../../src/types.ts';
import { faceAppearance, similarity } from '../../src/video/face-appearance.ts';
import { formulaFaceModel } from './formula-face-model.ts';

/** A face in a picture. */
export interface DrawnFace {
  /** Centre and side of the square around its landmarks, px. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  /** Appearance, radians: faces that differ by 0 are alike, by half a turn opposites. Default 0. */
  readonly looks?: number;
  /** The regressor's camera: by how much its third row is longer. Default 0. */
  readonly crookedness?: number;
  /** The detector's boxes, instead of the square around the landmarks; `[]` if it does not find the face. */
  readonly boxes?: readonly RoiBox[];
  /** The place that the regressor gives, instead of the face's own. */
  readonly answer?: { readonly x: number; readonly y: number; readonly size: number };
  /** The first shape parameters that the regressor gives. */
  readonly shape?: readonly number[];
  /** Whether something else is painted at its place. */
  readonly isUnpainted?: boolean;
}

const RADIUS = 60_000;

/** The formula's model with landmarks on a ring of known size, so that boxes around them are square; other vertices lie outside. */
const RING_MODEL: MorphableModel = (() => {
  const model = formulaFaceModel();
  const meanShape = model.meanShape.map((value) => 1.5 * value);
  for (let i = 0; i < 68; i++) {
    const angle = (i / 68) * 2 * Math.PI;
    meanShape.set([RADIUS * Math.cos(angle), RADIUS * Math.sin(angle), RADIUS * Math.cos(3 * angle)], 3 * i);
  }
  return { ...model, meanShape };
})();

/** The square around a place. */
export const squareAt = (x: number, y: number, size: number): RoiBox => ({
  xMin: x - size / 2,
  yMin: y - size / 2,
  xMax: x + size / 2,
  yMax: y + size / 2,
});

/** What was drawn in a picture. */
const drawings = new WeakMap<RgbaImage, readonly DrawnFace[]>();

/** A picture of faces, later ones in front. @param background - grey level. */
export function drawFaces(width: number, height: number, faces: readonly DrawnFace[], background = 128): RgbaImage {
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < data.length; i++) if (i % 4 !== 3) data[i] = background;
  for (const { x, y, size, looks = 0, isUnpainted = false } of faces) {
    if (isUnpainted) continue;
    const [cos, sin] = [Math.cos(looks), Math.sin(looks)];
    const reach = size / 2 + 2;
    for (let row = Math.max(0, Math.floor(y - reach)); row < Math.min(height, y + reach); row++) {
      for (let column = Math.max(0, Math.floor(x - reach)); column < Math.min(width, x + reach); column++) {
        const [u, v] = [(column + 0.5 - x) / size, (row + 0.5 - y) / size];
        const value = 128 + 80 * (cos * Math.sin(9 * u + 4 * v) + sin * Math.sin(8 * v - 7 * u + 1));
        data.fill(Math.round(value), (row * width + column) * 4, (row * width + column) * 4 + 3);
      }
    }
  }
  const image = { data, width, height };
  drawings.set(image, faces);
  return image;
}

/** An appearance with the given similarity to appearance 0. */
export function looksLike(likeness: number): number {
  const appearanceOf = (looks: number) => {
    const face = { x: 60, y: 60, size: 60, looks };
    return faceAppearance(drawFaces(120, 120, [face]), landmarksOf(alignIn(squareAt(60, 60, 85), face)));
  };
  const first = appearanceOf(0);
  let [low, high] = [0, Math.PI];
  for (let i = 0; i < 20; i++) {
    const middle = (low + high) / 2;
    if (similarity(first, appearanceOf(middle)) > likeness) low = middle;
    else high = middle;
  }
  return low;
}

const landmarkModel = packLandmarks(RING_MODEL);
const denseModel = packModel(RING_MODEL);

/** Rounded to 1/4096 px, so that whole pixels are whole. */
function landmarksOf({ params, roiBox }: AlignedFace, dst?: Float32Array): Float32Array {
  const landmarks = cropToImage(reconstruct(landmarkModel, params), roiBox, dst);
  for (let i = 0; i < landmarks.length; i++) landmarks[i] = Math.round(landmarks[i] * 4096) / 4096;
  return landmarks;
}

/** A regressor's output for a face in a crop. */
function alignIn(roiBox: RoiBox, face: DrawnFace): AlignedFace {
  const { x, y, size } = face.answer ?? face;
  const { scaleX, left, top } = cropPlacement(roiBox);
  const scale = size / 2 / RADIUS / scaleX;
  const params = new Float32Array(62);
  params.set([scale, 0, 0, (x - left) / scaleX + 1]);
  params.set([0, scale, 0, CROP_SIZE - (y - top) / scaleX], 4);
  params.set([0, 0, scale * (1 + (face.crookedness ?? 0)), 0], 8);
  params.set(face.shape ?? [], 12);
  return { roiBox, params };
}

/** An aligner of drawn faces that counts its calls. */
export interface DrawnFaceAligner extends FaceAligner {
  /** Detections and aligned crops since the last reset. */
  readonly asked: { detections: number; boxes: RoiBox[]; crops: RoiBox[] };
}

/** Makes an aligner for pictures from `drawFaces`. Where there is no face, it gives a crooked one, as networks do. */
export function createDrawnFaceAligner(): DrawnFaceAligner {
  const asked: DrawnFaceAligner['asked'] = { detections: 0, boxes: [], crops: [] };

  function alignCrop(image: RgbaImage, roiBox: RoiBox): AlignedFace {
    const side = roiBox.xMax - roiBox.xMin;
    const around = squareAt((roiBox.xMin + roiBox.xMax) / 2, (roiBox.yMin + roiBox.yMax) / 2, side / Math.SQRT2);
    let best: DrawnFace | undefined;
    let most = 0.05;
    for (const face of drawings.get(image) ?? []) {
      const overlap = intersectionOverUnion(around, squareAt(face.x, face.y, face.size));
      if (overlap < most) continue;
      best = face;
      most = overlap;
    }
    const [x, y] = [(around.xMin + around.xMax) / 2, (around.yMin + around.yMax) / 2];
    return alignIn(roiBox, best ?? { x, y, size: side / Math.SQRT2, crookedness: 0.5 });
  }

  const aligner: DrawnFaceAligner = {
    asked,
    backend: 'cpu',
    packName: 'drawn faces',
    hasDetector: true,
    regressor: 'drawn',
    regressors: ['drawn'],
    morphableModel: RING_MODEL,
    licences: [],
    detect(image) {
      asked.detections++;
      const boxes = (drawings.get(image) ?? []).flatMap((face) => face.boxes ?? [squareAt(face.x, face.y, face.size)]);
      return Promise.resolve(boxes.map((box, i): FaceBox => ({ ...box, score: 1 - i / 100 })));
    },
    async align(image, boxes) {
      asked.boxes.push(...boxes);
      for (const { xMin, yMin, xMax, yMax } of boxes) {
        const isWithin = xMax > 0 && yMax > 0 && xMin < image.width && yMin < image.height;
        if (!isWithin) throw new RangeError('boxes: expected boxes within the image');
      }
      return boxes.map((box) => alignCrop(image, roiBoxFromFaceBox(box)));
    },
    alignToLandmarks: () => Promise.reject(new Error('drawn faces are aligned in crops')),
    alignCrops(image, roiBoxes) {
      asked.crops.push(...roiBoxes);
      return Promise.resolve(roiBoxes.map((roiBox) => alignCrop(image, roiBox)));
    },
    reconstruct: (face, { dense = false, dst } = {}) =>
      dense ? cropToImage(reconstruct(denseModel, face.params), face.roiBox, dst) : landmarksOf(face, dst),
    expressions: () => ({}),
    gaze: () => undefined,
    dispose: () => undefined,
    [Symbol.dispose]: () => undefined,
  };
  return aligner;
}
