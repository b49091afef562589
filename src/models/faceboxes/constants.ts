/** One feature map of the detector: the px of the input that a cell spans, and the prior boxes of a cell. */
export interface PriorScale {
  /** Px of the input between two cells. */
  readonly step: number;
  /** In the order of the priors. */
  readonly boxes: readonly PriorBoxSize[];
}

/** Square prior boxes of one size. */
export interface PriorBoxSize {
  /** Side, px of the input. */
  readonly size: number;
  /** Where their centres lie in the cell along each axis, in cells; all pairs are used, y first. */
  readonly offsets: readonly number[];
}

/**
 * The prior boxes, densest where they are smallest. Dense centres begin at the corner of the cell, not half a gap in.
 * @see FaceBoxes/utils/prior_box.py (3DDFA_V2 1b6c676)
 */
export const PRIOR_SCALES: readonly PriorScale[] = [
  {
    step: 32,
    boxes: [
      { size: 32, offsets: [0, 0.25, 0.5, 0.75] },
      { size: 64, offsets: [0, 0.5] },
      { size: 128, offsets: [0.5] },
    ],
  },
  { step: 64, boxes: [{ size: 256, offsets: [0.5] }] },
  { step: 128, boxes: [{ size: 512, offsets: [0.5] }] },
];

/** Prior boxes per cell of each feature map: 21, 1, 1. */
export const ANCHORS_PER_CELL: readonly number[] = PRIOR_SCALES.map(({ boxes }) =>
  boxes.reduce((count, { offsets }) => count + offsets.length ** 2, 0),
);

/** Factors of the offsets of centres and the logarithms of sizes. */
export const VARIANCES: readonly [centre: number, size: number] = [0.1, 0.2];
