/**
 * The 52 expression shapes under ARKit's names, over the whole base mesh: MakeHuman's expression units, cut into halves and
 * into upper and lower lip, and moves of the bones and regions of its facial rig where no unit fits.
 *
 * Every shape was inspected on renders from the front and from the side. One-sided shapes are made for the person's left and
 * mirrored, so that both sides of a face move identically to the last bit.
 *
 * @see https://developer.apple.com/documentation/arkit/arfaceanchor/blendshapelocation
 */
import { BLENDSHAPE_NAMES, type BlendshapeName } from './blendshape-names.ts';
import { addCheekAndNoseShapes } from './cheek-and-nose-shapes.ts';
import { addBrowShapes, addEyeShapes } from './eye-and-brow-shapes.ts';
import { addJawShapes, addTongueShape } from './jaw-and-tongue-shapes.ts';
import { addLipShapes } from './lip-shapes.ts';
import type { MakeHuman } from './makehuman.ts';
import { MM_PER_DECIMETRE, ShapeMaker, times } from './shape-maker.ts';
import { ShapeSet } from './shape-set.ts';

/**
 * Makes the 52 shapes.
 * @returns for each name `[19158 x 3]`, the displacement at coefficient 1 in decimetres, in the base mesh's frame.
 */
export function buildBlendshapes(makeHuman: MakeHuman): Map<BlendshapeName, Float64Array> {
  const maker = new ShapeMaker(makeHuman);
  const shapes = new ShapeSet(maker);
  addEyeShapes(shapes, maker);
  addBrowShapes(shapes, maker);
  addJawShapes(shapes, maker);
  addLipShapes(shapes, maker);
  addCheekAndNoseShapes(shapes, maker);
  addTongueShape(shapes, maker);

  const made = new Map<BlendshapeName, Float64Array>();
  for (const name of BLENDSHAPE_NAMES) {
    const field = shapes.get(name);
    // Skin regions extend into eyeballs, teeth and tongue, which only the jaw and the tongue's own shape may move.
    const whole = name.startsWith('jaw') || name === 'tongueOut' ? field : times(field, maker.skin);
    made.set(
      name,
      whole.map((value) => value / MM_PER_DECIMETRE),
    );
  }
  return made;
}
