/**
 * Anti-aliased strokes. Lines, discs, rings and letters are all segments with round ends; a pixel's coverage is its
 * distance to the nearest segment, so one kernel draws everything at any width.
 *
 * Strokes of one call are merged before they are blended: where two segments of a half-transparent line meet, the joint
 * is not darker than the line.
 */
import type { Colour, Picture } from './picture.ts';

/** How strokes are drawn on a canvas. */
export interface StrokeStyle {
  readonly colour: Colour;
  /** px, > 0. Below 1 the line is 1 px wide and fainter. */
  readonly lineWidth: number;
  /** 0..1, default 1. */
  readonly opacity?: number;
}

/**
 * Paints segments with round ends on a canvas, in place; what lies outside is clipped.
 * @param segments - `[n x 4]`: x0, y0, x1, y1 in px, where whole numbers are the centres of pixels. A segment without
 *   length is a disc.
 */
export function paintSegments(canvas: Picture, segments: ArrayLike<number>, style: StrokeStyle): void {
  const { data, width, height } = canvas;
  const { colour, opacity = 1 } = style;
  const radius = Math.max(1, style.lineWidth) / 2;
  const strength = opacity * Math.min(1, style.lineWidth);
  const reach = radius + 1;

  let left = width;
  let top = height;
  let right = -1;
  let bottom = -1;
  for (let i = 0; i + 3 < segments.length; i += 4) {
    const x0 = segments[i];
    const y0 = segments[i + 1];
    const x1 = segments[i + 2];
    const y1 = segments[i + 3];
    left = Math.min(left, Math.floor(Math.min(x0, x1) - reach));
    right = Math.max(right, Math.ceil(Math.max(x0, x1) + reach));
    top = Math.min(top, Math.floor(Math.min(y0, y1) - reach));
    bottom = Math.max(bottom, Math.ceil(Math.max(y0, y1) + reach));
  }
  left = Math.max(0, left);
  top = Math.max(0, top);
  right = Math.min(width - 1, right);
  bottom = Math.min(height - 1, bottom);
  if (left > right || top > bottom) return;

  const maskWidth = right - left + 1;
  const mask = new Uint8Array(maskWidth * (bottom - top + 1));
  for (let i = 0; i + 3 < segments.length; i += 4) {
    coverSegment(
      mask,
      maskWidth,
      bottom - top + 1,
      segments[i] - left,
      segments[i + 1] - top,
      segments[i + 2] - left,
      segments[i + 3] - top,
      radius,
    );
  }

  const [red, green, blue] = colour;
  const scale = strength / 255;
  for (let y = top; y <= bottom; y++) {
    let pixel = (y * width + left) * 4;
    let cell = (y - top) * maskWidth;
    for (let x = left; x <= right; x++, pixel += 4, cell++) {
      const coverage = mask[cell];
      if (coverage === 0) continue;
      const alpha = coverage * scale;
      data[pixel] = data[pixel] + (red - data[pixel]) * alpha;
      data[pixel + 1] = data[pixel + 1] + (green - data[pixel + 1]) * alpha;
      data[pixel + 2] = data[pixel + 2] + (blue - data[pixel + 2]) * alpha;
    }
  }
}

/** Raises the coverage (0..255) of a mask's pixels to that of one segment with round ends. */
function coverSegment(
  mask: Uint8Array,
  maskWidth: number,
  maskHeight: number,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  radius: number,
): void {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const squaredLength = dx * dx + dy * dy;
  const reach = radius + 0.5;
  const firstRow = Math.max(0, Math.ceil(Math.min(y0, y1) - reach));
  const lastRow = Math.min(maskHeight - 1, Math.floor(Math.max(y0, y1) + reach));
  const segmentLeft = Math.min(x0, x1) - reach;
  const segmentRight = Math.max(x0, x1) + reach;
  // On one row, the strip of points no further than `reach` from the line is this wide.
  const halfStrip = dy === 0 ? Number.POSITIVE_INFINITY : (reach * Math.sqrt(squaredLength)) / Math.abs(dy);
  for (let y = firstRow; y <= lastRow; y++) {
    let from = segmentLeft;
    let to = segmentRight;
    if (halfStrip !== Number.POSITIVE_INFINITY) {
      const centre = x0 + ((y - y0) * dx) / dy;
      from = Math.max(from, centre - halfStrip);
      to = Math.min(to, centre + halfStrip);
    }
    const firstColumn = Math.max(0, Math.ceil(from));
    const lastColumn = Math.min(maskWidth - 1, Math.floor(to));
    for (let x = firstColumn; x <= lastColumn; x++) {
      let along = squaredLength === 0 ? 0 : ((x - x0) * dx + (y - y0) * dy) / squaredLength;
      if (along < 0) along = 0;
      else if (along > 1) along = 1;
      const ex = x - (x0 + along * dx);
      const ey = y - (y0 + along * dy);
      const coverage = reach - Math.sqrt(ex * ex + ey * ey);
      if (coverage <= 0) continue;
      const value = coverage >= 1 ? 255 : (coverage * 255 + 0.5) | 0;
      const cell = y * maskWidth + x;
      if (value > mask[cell]) mask[cell] = value;
    }
  }
}
