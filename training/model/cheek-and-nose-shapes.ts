import { add, ramp, type ShapeMaker, times } from './shape-maker.ts';
import type { ShapeSet } from './shape-set.ts';

/** Puffed cheeks and wrinkled noses. */
export function addCheekAndNoseShapes(shapes: ShapeSet, maker: ShapeMaker): void {
  const { upper, skin, seam } = maker;
  const puffed = maker.where(
    ([x, y, z], v) => skin[v] * Math.exp(-(((Math.abs(x) - 40) / 19) ** 2) - ((y - 667) / 20) ** 2) * ramp(z, 60, 95),
  );
  const blown = maker.where(
    ([x, y, z], v) => skin[v] * Math.exp(-((x / 26) ** 2) - ((y - seam) / 16) ** 2) * ramp(z, 118, 132),
  );
  shapes.single(
    'cheekPuff',
    add(
      maker.field(([x], v) => [Math.sign(x) * 7.5 * puffed[v], 0, 6 * puffed[v]]),
      maker.shift(blown, [0, 0, 2.5]),
      times(maker.unit('mouth-compression'), 0.3),
    ),
  );
  shapes.pair(
    'noseSneer',
    add(
      times(maker.unit('nose-left-elevation'), 0.8),
      maker.shift(maker.around([13, 686, 146], [9, 9, 14]), [1, 3.5, 0]),
      maker.shift(maker.around([21, 690, 142], [10, 12, 18]), [-0.5, 4.5, 2]),
      maker.shift(maker.around([11, 733, 145], [9, 9, 18]), [-1, -2, 0.5]),
      maker.shift(
        maker.around([13, 669, 151], [9, 7, 14]).map((weight, v) => weight * upper[v] * skin[v]),
        [0, 3, 0.5],
      ),
    ),
  );
}
