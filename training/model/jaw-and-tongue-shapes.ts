import { add, ramp, type ShapeMaker, times } from './shape-maker.ts';
import type { ShapeSet } from './shape-set.ts';

/** `mouth-open` reaches 39 mm at 1; a jaw does not. */
const WIDEST_JAW = 0.75;
/** How far the jaw bone turns when the skin's jaw is open by `WIDEST_JAW`: for teeth and tongue, which no unit moves. */
const JAW_DEGREES = 20;
const JAW_BONES = [
  'jaw',
  'special04',
  'oris06',
  'oris06.L',
  'oris06.R',
  'oris01',
  'oris07.L',
  'oris07.R',
  'tongue00',
  'tongue01',
  'tongue02',
  'tongue03',
  'tongue04',
  'tongue05.L',
  'tongue05.R',
  'tongue06.L',
  'tongue06.R',
  'tongue07.L',
  'tongue07.R',
];

/** Jaw. Teeth and tongue follow the bone. */
export function addJawShapes(shapes: ShapeSet, maker: ShapeMaker): void {
  const { skin } = maker;
  const jaw = maker.bones(...JAW_BONES);
  const jawJoint = maker.joint('jaw');
  const inMouth = maker.groups('helper-lower-teeth', 'helper-tongue');
  const jawOpen = add(
    times(
      maker.unit('mouth-open'),
      skin.map((weight) => WIDEST_JAW * weight),
    ),
    times(maker.turn(jaw, 'x', JAW_DEGREES, jawJoint), inMouth),
  );
  shapes.single('jawOpen', jawOpen);
  shapes.single('jawForward', maker.shift(jaw, [0, 0, 8]));
  const jawLeft = add(maker.turn(jaw, 'y', 4, jawJoint), maker.shift(jaw, [3.5, 0, 0]));
  shapes.pair('jaw', jawLeft);
}

/** The tongue, and the lips that let it through. */
export function addTongueShape(shapes: ShapeSet, maker: ShapeMaker): void {
  const { skin, nearUpper, nearLower } = maker;
  const middle = maker.where(([x]) => ramp(Math.abs(x), 22, 6));
  const tongueTip = maker.bones(
    'tongue02',
    'tongue03',
    'tongue04',
    'tongue06.L',
    'tongue06.R',
    'tongue07.L',
    'tongue07.R',
  );
  const tongueRoot = maker.bones('tongue01', 'tongue05.L', 'tongue05.R');
  shapes.single(
    'tongueOut',
    add(
      maker.shift(tongueTip, [0, -1, 29]),
      maker.shift(tongueRoot, [0, 2, 12]),
      maker.shift(
        nearLower.map((weight, v) => weight * middle[v] * skin[v]),
        [0, -6, 0],
      ),
      maker.shift(
        nearUpper.map((weight, v) => weight * middle[v] * skin[v]),
        [0, 2, 0],
      ),
    ),
  );
}
