/** Pictures made of lines, dots and text on the photo: landmarks, points, boxes, pose. */

import { checkBoxesArgument, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { FaceBox, RgbaImage, RoiBox } from '../types.ts';
import { boundingBox } from './box.ts';
import { checkListArgument, checkSurfacesArgument } from './check-surface-arguments.ts';
import { LANDMARK_COUNT, LANDMARK_OUTLINES } from './landmark-regions.ts';
import { paintSegments } from './paint.ts';
import {
  type Colour,
  type Compatibility,
  checkVertices,
  newCanvas,
  type Picture,
  type PictureOptions,
} from './picture.ts';
import { poseBox } from './pose-box.ts';
import { textSegments, textWidth } from './stroke-font.ts';

/** Options of the line pictures. */
export interface DrawOptions extends PictureOptions {
  /** px. By default it grows with the image and with the face, so that it looks the same at 100 px and at 8k. */
  readonly lineWidth?: number;
  /** Colour of the lines or dots. */
  readonly colour?: Colour;
}

const DRAW_OPTION_NAMES: OptionNames<DrawOptions> = { background: true, lineWidth: true, colour: true };

/** Options of `drawPoints`. */
export interface DrawPointsOptions extends DrawOptions {
  /**
   * Draws only every n-th point; by default so that about 6,400 are left: every sixth of the original's mesh, as the
   * original does.
   */
  readonly every?: number;
}

const POINTS_OPTION_NAMES: OptionNames<DrawPointsOptions> = { ...DRAW_OPTION_NAMES, every: true };

/** Options of `drawPose`. */
export interface DrawPoseOptions extends DrawOptions {
  /** Default `both`. */
  readonly style?: 'box' | 'axes' | 'both';
  /** `upstream`: the original's box alone, its corners truncated to whole px, its green and its line width. */
  readonly compatibility?: Compatibility;
}

const POSE_OPTION_NAMES: OptionNames<DrawPoseOptions> = { ...DRAW_OPTION_NAMES, style: true, compatibility: true };

/** What `drawPose` needs from a face. */
export interface PoseFace {
  /** 3DMM parameters, `[62]` (or 72, 141). */
  readonly params: Float32Array;
  /** `[68 x 3]`, image px. */
  readonly landmarks: Float32Array;
  /** A line written under the box, such as its angles. */
  readonly label?: string;
}

const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [0, 0, 0];
const CYAN: Colour = [0, 191, 191];
const RED: Colour = [255, 0, 0];
const POSE_GREEN: Colour = [0, 255, 40];
const AXIS_COLOURS: readonly [Colour, Colour, Colour] = [
  [235, 50, 50],
  [60, 190, 60],
  [60, 110, 255],
];

/** About as many points as the original draws of its 38,365. */
const DRAWN_POINTS = 6400;

/** What OpenCV paints for an anti-aliased line of thickness 2, measured across one. */
const OPENCV_LINE_WIDTH = 3.4;

/**
 * Line width that suits an image and a face: about a pixel when the image is shown 800 px wide, but never so wide that
 * it swamps a small face.
 */
function defaultLineWidth(image: RgbaImage, faceSize: number): number {
  const forImage = Math.max(image.width, image.height) / 800;
  return Math.max(1, Math.min(forImage, Math.max(1, faceSize / 60)));
}

/** Larger side of the points' extent in x and y. */
function extent(points: Float32Array): number {
  const { xMin, yMin, xMax, yMax } = boundingBox(points);
  return points.length === 0 ? 0 : Math.max(xMax - xMin, yMax - yMin);
}

/**
 * Draws the 68 landmarks of each face: white lines along its parts and ringed dots. The original's `2d_sparse`, at the
 * image's own size.
 * @param faces - per face `[68 x 3]`, image px.
 * @returns a new image.
 * @throws RangeError for a wrong length or a coordinate that is not finite.
 */
export function drawLandmarks(image: RgbaImage, faces: readonly Float32Array[], options: DrawOptions = {}): Picture {
  checkOptionNames(options, DRAW_OPTION_NAMES);
  checkSurfacesArgument(faces);
  const canvas = newCanvas(image, options.background);
  const colour = options.colour ?? WHITE;
  faces.forEach((points, index) => {
    checkVertices(points, `faces[${index}]`, LANDMARK_COUNT);
    const lineWidth = options.lineWidth ?? defaultLineWidth(image, extent(points));
    const lines: number[] = [];
    const dots: number[] = [];
    const add = (target: number[], from: number, to: number): void => {
      target.push(points[from * 3], points[from * 3 + 1], points[to * 3], points[to * 3 + 1]);
    };
    for (const { indices, closed } of LANDMARK_OUTLINES) {
      for (let i = 0; i + 1 < indices.length; i++) add(lines, indices[i], indices[i + 1]);
      if (closed) add(lines, indices.at(-1) as number, indices[0]);
    }
    for (let i = 0; i < LANDMARK_COUNT; i++) add(dots, i, i);
    paintSegments(canvas, lines, { colour, lineWidth, opacity: 0.7 });
    paintSegments(canvas, dots, { colour: BLACK, lineWidth: lineWidth * 3, opacity: 0.8 });
    paintSegments(canvas, dots, { colour, lineWidth: lineWidth * 2, opacity: 0.9 });
  });
  return canvas;
}

/**
 * Draws the points of each face as small dots: the original's `2d_dense`, at the image's own size.
 * @param faces - per face `[n x 3]`, image px.
 * @returns a new image.
 * @throws RangeError for a wrong length or a coordinate that is not finite.
 */
export function drawPoints(image: RgbaImage, faces: readonly Float32Array[], options: DrawPointsOptions = {}): Picture {
  checkOptionNames(options, POINTS_OPTION_NAMES);
  checkSurfacesArgument(faces);
  if (options.every !== undefined && !(Number.isInteger(options.every) && options.every >= 1)) {
    throw new RangeError(`every: expected a whole number >= 1, got ${options.every}`);
  }
  const canvas = newCanvas(image, options.background);
  faces.forEach((points, index) => {
    checkVertices(points, `faces[${index}]`);
    const dots: number[] = [];
    const every = options.every ?? Math.max(1, Math.round(points.length / 3 / DRAWN_POINTS));
    for (let i = 0; i + 2 < points.length; i += 3 * every) {
      const x = points[i];
      const y = points[i + 1];
      dots.push(x, y, x, y);
    }
    paintSegments(canvas, dots, {
      colour: options.colour ?? CYAN,
      lineWidth: options.lineWidth ?? defaultLineWidth(image, extent(points)),
      opacity: 0.7,
    });
  });
  return canvas;
}

/**
 * Draws boxes; a detector's box also shows its score.
 * @returns a new image.
 * @throws RangeError for a side that is not finite.
 */
export function drawBoxes(image: RgbaImage, boxes: readonly (FaceBox | RoiBox)[], options: DrawOptions = {}): Picture {
  checkOptionNames(options, DRAW_OPTION_NAMES);
  checkBoxesArgument(boxes, 'boxes');
  const canvas = newCanvas(image, options.background);
  const colour = options.colour ?? RED;
  boxes.forEach((box, index) => {
    const { xMin, yMin, xMax, yMax } = box;
    if (![xMin, yMin, xMax, yMax].every(Number.isFinite)) {
      throw new RangeError(`boxes[${index}]: expected finite sides, got ${xMin}, ${yMin}, ${xMax}, ${yMax}`);
    }
    const size = Math.max(xMax - xMin, yMax - yMin);
    const lineWidth = options.lineWidth ?? defaultLineWidth(image, size) * 1.5;
    const segments = [xMin, yMin, xMax, yMin, xMax, yMin, xMax, yMax, xMax, yMax, xMin, yMax, xMin, yMax, xMin, yMin];
    paintSegments(canvas, segments, { colour, lineWidth });
    if ('score' in box) {
      const height = labelHeight(image, size);
      const margin = lineWidth + height / 3;
      paintLabel(canvas, box.score.toFixed(4), xMin + margin, yMin + margin + height, height);
    }
  });
  return canvas;
}

/**
 * Draws each head's pose: a wire box whose large side is in front, and its x (red), y (green) and z (blue) axes.
 * @returns a new image.
 * @throws RangeError for a wrong length or a coordinate that is not finite.
 */
export function drawPose(image: RgbaImage, faces: readonly PoseFace[], options: DrawPoseOptions = {}): Picture {
  checkOptionNames(options, POSE_OPTION_NAMES);
  checkListArgument(faces, 'faces', 'faces as { params, landmarks }');
  const { compatibility = 'none', style = compatibility === 'upstream' ? 'box' : 'both' } = options;
  const canvas = newCanvas(image, options.background);
  faces.forEach((face, index) => {
    checkVertices(face.landmarks, `faces[${index}].landmarks`, LANDMARK_COUNT);
    const { corners, origin, axes } = poseBox(face.params, face.landmarks);
    const faceSize = extent(face.landmarks);
    const points = compatibility === 'upstream' ? corners.map(Math.trunc) : corners;
    const lineWidth =
      options.lineWidth ?? (compatibility === 'upstream' ? OPENCV_LINE_WIDTH : defaultLineWidth(image, faceSize) * 1.5);

    if (style !== 'axes') {
      const segments: number[] = [];
      const add = (from: number, to: number): void => {
        for (const corner of [from, to]) segments.push(points[corner * 2], points[corner * 2 + 1]);
      };
      for (let i = 0; i < 4; i++) {
        add(i, i + 1);
        add(i, i + 5);
        add(i + 5, i + 6);
      }
      paintSegments(canvas, segments, { colour: options.colour ?? POSE_GREEN, lineWidth });
    }
    if (style !== 'box') {
      // z comes last: it points at the viewer, on top of the others.
      for (let axis = 0; axis < 3; axis++) {
        paintSegments(canvas, [origin[0], origin[1], axes[axis * 2], axes[axis * 2 + 1]], {
          colour: AXIS_COLOURS[axis],
          lineWidth: lineWidth * 1.5,
        });
      }
    }
    if (face.label !== undefined) {
      const height = labelHeight(image, faceSize);
      const originX = origin[0];
      const originY = origin[1];
      if (originX < 0 || originY < 0 || originX >= image.width || originY >= image.height) return;
      let lowest = Number.NEGATIVE_INFINITY;
      for (let i = 1; i < 20; i += 2) lowest = Math.max(lowest, points[i]);
      const width = textWidth(face.label, height);
      const left = Math.max(height, Math.min(originX - width / 2, image.width - width - height));
      paintLabel(canvas, face.label, left, Math.min(lowest + height * 2, image.height - height), height);
    }
  });
  return canvas;
}

/** Height of a capital letter, px, that is legible on the image and fits a face of that size. */
function labelHeight(image: RgbaImage, faceSize: number): number {
  return Math.max(7, Math.min(Math.max(image.width, image.height) / 90, faceSize / 12));
}

/** Writes white letters with a dark rim, in place; `y` is the baseline. */
function paintLabel(canvas: Picture, text: string, x: number, y: number, height: number): void {
  const segments = textSegments(text, x, y, height);
  const lineWidth = Math.max(1, height / 8);
  paintSegments(canvas, segments, { colour: BLACK, lineWidth: lineWidth + Math.max(2, height / 5), opacity: 0.6 });
  paintSegments(canvas, segments, { colour: WHITE, lineWidth });
}
