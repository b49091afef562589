import { FULL_LOOK_DEGREES } from '../../src/geometry/acting.ts';
import { add, type Field, ramp, type ShapeMaker, times } from './shape-maker.ts';
import type { ShapeSet } from './shape-set.ts';

/** `eye-*-closure` shuts the average person's lids at 0.82; beyond that, they cross. */
const SHUT_LIDS = 0.82;

/** Lids turn about the ball's centre, as in reality. */
export function addEyeShapes(shapes: ShapeSet, maker: ShapeMaker): void {
  const ball = maker.joint('eye.L');
  const upperLid = maker.bones('orbicularis03.L');
  const lowerLid = maker.bones('orbicularis04.L');
  const lids = (upperDegrees: number, lowerDegrees: number): Field =>
    add(maker.turn(upperLid, 'x', upperDegrees, ball), maker.turn(lowerLid, 'x', lowerDegrees, ball));
  shapes.pair('eyeBlink', times(maker.unit('eye-left-closure'), SHUT_LIDS));
  shapes.pair('eyeLookUp', lids(-0.55 * FULL_LOOK_DEGREES.up, -0.25 * FULL_LOOK_DEGREES.up));
  shapes.pair('eyeLookDown', lids(0.7 * FULL_LOOK_DEGREES.down, 0.35 * FULL_LOOK_DEGREES.down));
  const bothLids = upperLid.map((weight, v) => weight + lowerLid[v]);
  shapes.pair('eyeLookOut', maker.turn(bothLids, 'y', 0.08 * FULL_LOOK_DEGREES.out, ball));
  shapes.pair('eyeLookIn', maker.turn(bothLids, 'y', -0.08 * FULL_LOOK_DEGREES.in, ball));
  shapes.pair('eyeWide', maker.unit('eye-left-opened-up'));
  const underEye = maker.around([31, 714, 136], [15, 7, 25]);
  shapes.pair(
    'eyeSquint',
    add(lids(3, -8), times(maker.unit('eye-left-slit'), 0.18), maker.shift(underEye, [0, 1.8, 1])),
  );
  shapes.pair(
    'cheekSquint',
    add(
      lids(0, -8),
      maker.shift(maker.around([31, 703, 132], [18, 11, 30]), [1, 6, 3]),
      times(
        maker.half(maker.unit('mouth-corner-puller')),
        maker.where(([, y]) => 0.7 * ramp(y, 664, 690)),
      ),
    ),
  );
}

/** Brow movements, on each side and in the middle. */
export function addBrowShapes(shapes: ShapeSet, maker: ShapeMaker): void {
  shapes.pair('browDown', maker.unit('eyebrows-left-down'));
  shapes.pair(
    'browOuterUp',
    add(times(maker.unit('eyebrows-left-extern-up'), 0.65), times(maker.half(maker.unit('eyebrows-left-up')), 0.35)),
  );
  shapes.single('browInnerUp', add(maker.unit('eyebrows-left-inner-up'), maker.unit('eyebrows-right-inner-up')));
}
