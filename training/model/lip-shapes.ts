import { add, curveThrough, ramp, type ShapeMaker, times, type Vector } from './shape-maker.ts';
import type { ShapeSet } from './shape-set.ts';

/** All lip shapes. Those of the jaw come first: `mouthClose` undoes the effect of an open jaw on the lips. */
export function addLipShapes(shapes: ShapeSet, maker: ShapeMaker): void {
  addMouthShapes(shapes, maker);
  addCornerShapes(shapes, maker);
  addRolledLips(shapes, maker);
  addShrugsAndPresses(shapes, maker);
}

/** Lips as a whole: shut over an open jaw, pursed, rounded, moved sideways. */
function addMouthShapes(shapes: ShapeSet, maker: ShapeMaker): void {
  const { skin, seam, upperLip, lowerLip, nearUpper, nearLower } = maker;
  shapes.single(
    'mouthClose',
    times(
      shapes.get('jawOpen'),
      upperLip.map((weight, v) => -ramp(weight + lowerLip[v], 0.05, 0.75) * skin[v]),
    ),
  );
  shapes.single('mouthPucker', maker.unit('mouth-pursing'));
  shapes.single(
    'mouthFunnel',
    add(
      times(maker.unit('mouth-pursing'), 0.6),
      maker.shift(nearUpper, [0, 5.5, 4]),
      maker.shift(nearLower, [0, -7, 4]),
    ),
  );
  // Lips slide along the row of teeth.
  const mouthRegion = maker.where(
    ([x, y, z], v) =>
      skin[v] * Math.exp(-((x / 36) ** 2) - ((y - seam) / (y > seam ? 17 : 24)) ** 4) * ramp(z, 100, 125),
  );
  const mouthLeft = maker.turn(mouthRegion, 'y', 12, [0, seam, 106]);
  shapes.pair('mouth', mouthLeft);
}

/** Movements of the corners of the mouth. */
function addCornerShapes(shapes: ShapeSet, maker: ShapeMaker): void {
  const { skin, corner } = maker;
  shapes.pair('mouthSmile', maker.half(maker.unit('mouth-corner-puller')));
  shapes.pair('mouthFrown', maker.half(maker.unit('mouth-depression')));
  shapes.pair('mouthDimple', maker.half(times(maker.unit('mouth-retraction'), 0.8)));
  const atCorner = maker.around(corner, [15, 13, 25]).map((weight, v) => weight * skin[v]);
  shapes.pair(
    'mouthStretch',
    add(
      maker.shift(atCorner, [5.5, -3, -4]),
      maker.half(times(maker.unit('mouth-retraction'), 0.3)),
      maker.half(times(maker.unit('neck-platysma'), 0.45)),
    ),
  );
}

/** Lips that roll in over the teeth. */
function addRolledLips(shapes: ShapeSet, maker: ShapeMaker): void {
  const { lower, upper, skin, corner, upperLip, lowerLip, nearUpper, nearLower } = maker;
  const lowerBorder = curveThrough([48, 59, 58, 57, 56, 55, 54].map((i) => maker.landmark(i)));
  const upperBorder = curveThrough([48, 49, 50, 51, 52, 53, 54].map((i) => maker.landmark(i)));
  const betweenCorners = ([x]: Vector): number => ramp(Math.abs(x), corner[0] + 1, corner[0] - 9);
  const rolledLower = maker.where((place, v) =>
    lowerLip[v] > 0 || (lower[v] > 0.5 && Math.abs(place[0]) < 30)
      ? skin[v] *
        lower[v] *
        betweenCorners(place) *
        ramp(place[1], lowerBorder(place[0])[0] - 5, lowerBorder(place[0])[0] + 2) *
        ramp(place[2], 118, 132)
      : 0,
  );
  const rolledUpper = maker.where((place, v) =>
    upperLip[v] > 0
      ? skin[v] *
        upper[v] *
        betweenCorners(place) *
        ramp(place[1], upperBorder(place[0])[0] + 5, upperBorder(place[0])[0] - 2) *
        ramp(place[2], 118, 132)
      : 0,
  );
  shapes.single(
    'mouthRollLower',
    add(
      maker.turn(rolledLower, 'x', -65, ([x]) => [x, ...lowerBorder(x)]),
      maker.shift(
        maker.around([0, 653, 148], [20, 9, 30]).map((weight, v) => weight * lower[v] * skin[v]),
        [0, 9, -2.5],
      ),
      maker.shift(nearUpper, [0, -1.5, -1]),
    ),
  );
  shapes.single(
    'mouthRollUpper',
    add(
      maker.turn(rolledUpper, 'x', 60, ([x]) => [x, ...upperBorder(x)]),
      maker.shift(
        maker.around([0, 670, 153], [20, 8, 30]).map((weight, v) => weight * upper[v] * skin[v]),
        [0, -8, -2.5],
      ),
      maker.shift(nearLower, [0, 1.5, -1]),
    ),
  );
}

/** Lips that are pushed up, pressed together, lowered and raised. */
function addShrugsAndPresses(shapes: ShapeSet, maker: ShapeMaker): void {
  const { lower, upper, skin, seam, corner, lowerLip } = maker;
  shapes.single(
    'mouthShrugLower',
    add(times(times(maker.unit('mouth-eversion'), 0.5), lower), maker.shift(lowerLip, [0, 5.5, 2])),
  );
  shapes.single(
    'mouthShrugUpper',
    maker.shift(
      maker.where(([x, y], v) => upper[v] * skin[v] * Math.exp(-((x / 19) ** 2) - ((y - seam - 10) / 7) ** 2)),
      [0, 3.5, 4],
    ),
  );
  const pressed = maker.where(
    ([x, y, z], v) =>
      skin[v] *
      Math.exp(-(((y - seam) / 11) ** 4)) *
      ramp(x, -6, 9) *
      ramp(x, corner[0] + 8, corner[0] - 2) *
      ramp(z, 120, 134),
  );
  shapes.pair(
    'mouthPress',
    add(
      maker.field(([, y], v) => [0, -0.45 * pressed[v] * (y - seam), -2 * pressed[v]]),
      maker.half(times(maker.unit('mouth-compression'), 0.35)),
    ),
  );
  shapes.pair('mouthLowerDown', maker.half(times(times(maker.unit('mouth-part-later'), lower), 0.6)));
  shapes.pair('mouthUpperUp', maker.half(times(maker.unit('mouth-elevation'), upper)));
}
