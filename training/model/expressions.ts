/** The ten named expressions of the original's layout. */
import type { BlendshapeName } from './blendshape-names.ts';

/** One expression: its name and composition. Its natural range is 0..1. */
export interface NamedExpression {
  readonly name: string;
  /** Blendshape -> coefficient at 1. */
  readonly shapes: Readonly<Partial<Record<BlendshapeName, number>>>;
}

/**
 * The ten as combinations of the 52, in the order of the original's ten expression parameters: a regressor of 62 numbers gives
 * the ten, and a pack with 52 maps them to its own.
 */
export const NAMED_EXPRESSIONS: readonly NamedExpression[] = [
  { name: 'mouthOpen', shapes: { jawOpen: 1 } },
  { name: 'smile', shapes: { mouthSmileLeft: 1, mouthSmileRight: 1 } },
  { name: 'pucker', shapes: { mouthPucker: 1 } },
  { name: 'stretch', shapes: { mouthDimpleLeft: 1.25, mouthDimpleRight: 1.25 } },
  { name: 'sneer', shapes: { mouthUpperUpLeft: 1, mouthUpperUpRight: 1, noseSneerLeft: 0.4, noseSneerRight: 0.4 } },
  {
    name: 'lipsApart',
    shapes: { mouthLowerDownLeft: 1, mouthLowerDownRight: 1, mouthUpperUpLeft: 0.5, mouthUpperUpRight: 0.5 },
  },
  { name: 'frown', shapes: { mouthFrownLeft: 1, mouthFrownRight: 1 } },
  { name: 'browsUp', shapes: { browInnerUp: 1, browOuterUpLeft: 1, browOuterUpRight: 1 } },
  { name: 'browsDown', shapes: { browDownLeft: 1, browDownRight: 1 } },
  { name: 'eyesClosed', shapes: { eyeBlinkLeft: 1, eyeBlinkRight: 1 } },
];
