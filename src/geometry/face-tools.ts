/**
 * What can be done to a face through its parameters alone. Every function returns new parameters and leaves the given
 * ones unchanged.
 */
import { checkFaceArgument, describeValue } from '../check-arguments.ts';
import type { AlignedFace, MorphableModel, ParamLayout } from '../types.ts';
import { checkModelArgument } from './check-surface-arguments.ts';
import { LANDMARK_REGIONS } from './landmark-regions.ts';
import { CAMERA_PARAM_COUNT, checkParamCount, paramLayout, splitParams } from './params.ts';

/**
 * The face with any given expression.
 * @param expression - `[expressionCount]`, as the regressor returns them; in upstream's model the columns have no
 *   names.
 * @param layout - of a model with counts other than upstream's.
 * @throws RangeError if the counts do not match.
 */
export function withExpression(
  face: AlignedFace,
  expression: ArrayLike<number>,
  layout: ParamLayout = layoutOf(face),
): AlignedFace {
  checkFaceArgument(face);
  checkParamCount(face.params, layout);
  if (!hasLength(expression)) {
    throw new TypeError(
      `expression: expected ${layout.expressionCount} coefficients, got ${describeValue(expression)}`,
    );
  }
  if (expression.length !== layout.expressionCount) {
    throw new RangeError(`expression: expected ${layout.expressionCount} coefficients, got ${expression.length}`);
  }
  const params = face.params.slice();
  params.set(expression, CAMERA_PARAM_COUNT + layout.shapeCount);
  return { ...face, params };
}

/** The face at rest: all expression coefficients 0. */
export function neutralFace(face: AlignedFace, layout: ParamLayout = layoutOf(face)): AlignedFace {
  return withExpression(face, new Float32Array(layout.expressionCount), layout);
}

/**
 * One face with the expression of another.
 * @param face - provides shape and pose.
 * @param source - provides the expression.
 */
export function transferExpression(
  face: AlignedFace,
  source: AlignedFace,
  layout: ParamLayout = layoutOf(face),
): AlignedFace {
  checkFaceArgument(source, 'source');
  return withExpression(face, splitParams(source.params, layout).expression, layout);
}

/** The layout implied by the number of a face's parameters. */
function layoutOf(face: AlignedFace): ParamLayout {
  checkFaceArgument(face);
  return paramLayout(face.params.length);
}

function hasLength(value: unknown): boolean {
  return typeof Object(value).length === 'number';
}

/** The face turned to look straight at the camera, in the same place and at the same size. */
export function frontalFace(face: AlignedFace, layout: ParamLayout = layoutOf(face)): AlignedFace {
  checkFaceArgument(face);
  checkParamCount(face.params, layout);
  const params = face.params.slice();
  const rowLength = (row: number): number => Math.hypot(params[row * 4], params[row * 4 + 1], params[row * 4 + 2]);
  const scale = (rowLength(0) + rowLength(1)) / 2;
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) params[row * 4 + column] = row === column ? scale : 0;
  }
  return { ...face, params };
}

/** Regions of a mesh that `meshRegions` can find from the landmarks. Right and left are the person's. */
export type MeshRegion = 'rightEye' | 'leftEye' | 'rightBrow' | 'leftBrow' | 'nose' | 'mouth' | 'jaw';

/** The landmarks that a region is found from, and by how much their outline is enlarged around its centre. */
const REGION_OUTLINES: Readonly<
  Record<MeshRegion, { readonly landmarks: readonly number[]; readonly growth: number }>
> = {
  rightEye: { landmarks: LANDMARK_REGIONS.rightEye, growth: 1.4 },
  leftEye: { landmarks: LANDMARK_REGIONS.leftEye, growth: 1.4 },
  rightBrow: { landmarks: LANDMARK_REGIONS.rightBrow, growth: 1.3 },
  leftBrow: { landmarks: LANDMARK_REGIONS.leftBrow, growth: 1.3 },
  nose: { landmarks: [...LANDMARK_REGIONS.noseBridge, ...LANDMARK_REGIONS.noseBase], growth: 1.4 },
  mouth: { landmarks: LANDMARK_REGIONS.outerLips, growth: 1.15 },
  // From corner to corner under the lower lip, and down to the chin.
  jaw: { landmarks: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 54, 55, 56, 57, 58, 59, 48], growth: 1 },
};

/**
 * Vertices of the parts of the face: those that, on the mean face seen from the front, lie within the slightly enlarged
 * outline of the landmarks that mark the part.
 * @returns vertex indices, ascending.
 */
export function meshRegions(
  model: Pick<MorphableModel, 'vertexCount' | 'meanShape' | 'keypointIndices'>,
): Record<MeshRegion, Uint32Array> {
  checkModelArgument(model);
  const { meanShape, keypointIndices } = model;
  const find = ({ landmarks, growth }: { landmarks: readonly number[]; growth: number }): Uint32Array => {
    const points = landmarks.map((landmark): [number, number] => [
      meanShape[keypointIndices[landmark * 3]],
      meanShape[keypointIndices[landmark * 3 + 1]],
    ]);
    const hull = convexHull(points);
    const centreX = hull.reduce((sum, [x]) => sum + x / hull.length, 0);
    const centreY = hull.reduce((sum, [, y]) => sum + y / hull.length, 0);
    // Thin outlines, such as a brow's, grow by their length in every direction.
    const reach = Math.max(...hull.map(([x, y]) => Math.hypot(x - centreX, y - centreY))) * (growth - 1);
    const grown = convexHull(
      hull.flatMap(([x, y]) => CIRCLE.map(([dx, dy]): [number, number] => [x + dx * reach, y + dy * reach])),
    );
    const found: number[] = [];
    for (let vertex = 0; vertex < model.vertexCount; vertex++) {
      if (isInside(grown, meanShape[vertex * 3], meanShape[vertex * 3 + 1])) found.push(vertex);
    }
    return Uint32Array.from(found);
  };
  return {
    rightEye: find(REGION_OUTLINES.rightEye),
    leftEye: find(REGION_OUTLINES.leftEye),
    rightBrow: find(REGION_OUTLINES.rightBrow),
    leftBrow: find(REGION_OUTLINES.leftBrow),
    nose: find(REGION_OUTLINES.nose),
    mouth: find(REGION_OUTLINES.mouth),
    jaw: find(REGION_OUTLINES.jaw),
  };
}

/** Eight directions. */
const CIRCLE = Array.from({ length: 8 }, (_, i): [number, number] => [
  Math.cos((i * Math.PI) / 4),
  Math.sin((i * Math.PI) / 4),
]);

/** Convex hull, counter-clockwise with y up (Andrew's monotone chain). */
function convexHull(points: readonly (readonly [number, number])[]): [number, number][] {
  const sorted = points.map(([x, y]): [number, number] => [x, y]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const chain = (ordered: readonly [number, number][]): [number, number][] => {
    const half: [number, number][] = [];
    for (const point of ordered) {
      while (half.length > 1 && turn(half.at(-2) as [number, number], half.at(-1) as [number, number], point) <= 0) {
        half.pop();
      }
      half.push(point);
    }
    half.pop();
    return half;
  };
  return [...chain(sorted), ...chain(sorted.reverse())];
}

function turn(a: readonly [number, number], b: readonly [number, number], c: readonly [number, number]): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
}

function isInside(hull: readonly [number, number][], x: number, y: number): boolean {
  return hull.every((point, i) => turn(point, hull[(i + 1) % hull.length], [x, y]) >= 0);
}
