import type { FunctionBuilder, Local } from '../../wasm/function-builder.ts';
import {
  FIRST_VERTEX,
  type Field,
  field,
  LARGE,
  MEDIUM,
  SMALL_EXTENT,
  STEP_SHIFT,
  STEPS,
  TRIANGLE_BYTES,
} from './layout.ts';
import { vectors3 } from './vectors.ts';

export function groupLocals(f: FunctionBuilder) {
  const [low, high, sign, area, left, top, columns, rows, mask, both, extents, outside, span] = f.locals('v128', 13);
  return {
    rows4: f.locals('v128', 4),
    x: vectors3(f),
    y: vectors3(f),
    a: vectors3(f),
    b: vectors3(f),
    bias: vectors3(f),
    edge: vectors3(f),
    low,
    high,
    sign,
    area,
    left,
    top,
    columns,
    rows,
    mask,
    both,
    extents,
    outside,
    span,
  };
}

type Group = ReturnType<typeof groupLocals>;

/** Locals that every group shares. */
interface GroupSurroundings {
  readonly triangles: Local;
  readonly lastColumn: Local;
  readonly lastRow: Local;
  readonly widths: Local;
}

/** Four triangles at once: fills the fields, and leaves their masks in `group.mask`. */
export function emitGroup(f: FunctionBuilder, group: Group, surroundings: GroupSurroundings): void {
  emitCorners(f, group, surroundings);
  emitBoxes(f, group, surroundings);
  emitEdgeFunctions(f, group);
  emitOutside(f, group);
  emitMask(f, group, surroundings);
  emitFields(f, group);
}

/** x and y of the three corners, each of four triangles. */
function emitCorners(f: FunctionBuilder, { rows4, x, y }: Group, { triangles }: GroupSurroundings): void {
  for (let k = 0; k < 3; k++) {
    for (const [i, row] of rows4.entries()) {
      f.get(triangles)
        .memory('i32.load', i * TRIANGLE_BYTES + k * 4)
        .memory('v128.load', FIRST_VERTEX)
        .set(row);
    }
    // x y of two vertices each: x x y y, then all four.
    const [r0, r1, r2, r3] = rows4;
    f.get(r0).get(r1).shuffleLanes([0, 4, 1, 5]).set(r0);
    f.get(r2).get(r3).shuffleLanes([0, 4, 1, 5]).set(r2);
    f.get(r0).get(r2).shuffleLanes([0, 1, 4, 5]).set(x[k]);
    f.get(r0).get(r2).shuffleLanes([2, 3, 6, 7]).set(y[k]);
  }
}

/** The box of pixel centres of each triangle, clipped to the raster: first column and row, and how many more there are. */
function emitBoxes(
  f: FunctionBuilder,
  { x, y, low, high, left, top, columns, rows, extents }: Group,
  { lastColumn, lastRow }: GroupSurroundings,
): void {
  for (const [coordinates, first, count, last] of [
    [x, left, columns, lastColumn],
    [y, top, rows, lastRow],
  ] as const) {
    const [c0, c1, c2] = coordinates;
    f.get(c0).get(c1).op('i32x4.min_s').get(c2).op('i32x4.min_s').set(low);
    f.get(c0).get(c1).op('i32x4.max_s').get(c2).op('i32x4.max_s').set(high);
    f.get(low)
      .i32x4(STEPS - 1)
      .op('i32x4.add')
      .i32(STEP_SHIFT)
      .op('i32x4.shr_s')
      .i32x4(0)
      .op('i32x4.max_s')
      .set(first);
    f.get(high).i32(STEP_SHIFT).op('i32x4.shr_s').get(last).op('i32x4.min_s').get(first).op('i32x4.sub').set(count);
    f.get(high).get(low).op('i32x4.sub');
    if (coordinates === x) f.set(extents);
    else f.get(extents).op('i32x4.max_s').set(extents);
  }
}

/** Edge functions a * x + b * y + c at the box's first pixel, and their steps to the right and down. */
function emitEdgeFunctions(f: FunctionBuilder, { x, y, a, b, bias, edge, sign, area, left, top }: Group): void {
  // Positive inside, whichever way round the triangle goes.
  f.get(x[1]).get(x[0]).op('i32x4.sub').get(y[2]).get(y[0]).op('i32x4.sub').op('i32x4.mul');
  f.get(x[2]).get(x[0]).op('i32x4.sub').get(y[1]).get(y[0]).op('i32x4.sub').op('i32x4.mul').op('i32x4.sub').tee(area);
  f.i32(31).op('i32x4.shr_s').set(sign);
  const turned = (local: Local): unknown => f.get(sign).op('v128.xor').get(sign).op('i32x4.sub').set(local);
  f.get(area);
  turned(area);
  for (let k = 0; k < 3; k++) {
    const next = (k + 1) % 3;
    const last = (k + 2) % 3;
    f.get(y[next]).get(y[last]).op('i32x4.sub');
    turned(a[k]);
    f.get(x[last]).get(x[next]).op('i32x4.sub');
    turned(b[k]);
    // -1 unless the edge is at the top or the left.
    f.get(a[k]).i32(15).op('i32x4.shl').get(b[k]).op('i32x4.add').i32x4(1).op('i32x4.sub');
    f.i32(31).op('i32x4.shr_s').set(bias[k]);
    f.get(left).i32(STEP_SHIFT).op('i32x4.shl').get(x[next]).op('i32x4.sub').get(a[k]).op('i32x4.mul');
    f.get(top).i32(STEP_SHIFT).op('i32x4.shl').get(y[next]).op('i32x4.sub').get(b[k]).op('i32x4.mul');
    f.op('i32x4.add').get(bias[k]).op('i32x4.add').set(edge[k]);
    f.get(a[k]).i32(STEP_SHIFT).op('i32x4.shl').set(a[k]);
    f.get(b[k]).i32(STEP_SHIFT).op('i32x4.shl').set(b[k]);
  }
}

/** Which of 2 x 2 pixels lie outside: the sign of any edge function. */
function emitOutside(f: FunctionBuilder, { a, b, edge, outside }: Group): void {
  const outsideAt = (right: boolean, below: boolean): void => {
    for (let k = 0; k < 3; k++) {
      f.get(edge[k]);
      if (right) f.get(a[k]).op('i32x4.add');
      if (below) f.get(b[k]).op('i32x4.add');
      if (k > 0) f.op('v128.or');
    }
    f.i32(31).op('i32x4.shr_u');
  };
  outsideAt(false, false);
  outsideAt(true, false);
  f.i32(1).op('i32x4.shl').op('v128.or');
  outsideAt(false, true);
  f.i32(2).op('i32x4.shl').op('v128.or');
  outsideAt(true, true);
  f.i32(3).op('i32x4.shl').op('v128.or').set(outside);
}

/** What remains to be done for each triangle. */
function emitMask(
  f: FunctionBuilder,
  { area, left, top, columns, rows, mask, both, extents, outside, span }: Group,
  { lastColumn, lastRow, widths }: GroupSurroundings,
): void {
  f.get(columns).get(rows).op('v128.or').set(both);
  // Boxes of at most 2 x 2 px whose second column and row lie in the raster.
  f.i32x4(15).get(outside).op('v128.xor').i32x4(MEDIUM);
  f.i32x4(2).get(both).op('i32x4.gt_s');
  f.get(lastColumn).get(left).op('i32x4.gt_s').op('v128.and').get(lastRow).get(top).op('i32x4.gt_s').op('v128.and');
  f.op('v128.bitselect');
  // Excludes triangles without area.
  f.get(area).i32x4(0).op('i32x4.eq').op('v128.andnot').set(mask);
  f.i32x4(LARGE).get(mask).get(extents).i32x4(SMALL_EXTENT).op('i32x4.gt_s').op('v128.bitselect');
  // Excludes those without a pixel centre in the box.
  f.get(both).i32(31).op('i32x4.shr_s').op('v128.andnot').set(mask);
  f.get(top).get(widths).op('i32x4.mul').get(left).op('i32x4.add').i32(2).op('i32x4.shl').set(span);
}

function emitFields(f: FunctionBuilder, { a, b, bias, edge, area, left, top, columns, rows, mask, span }: Group): void {
  const store = (name: Field, local: Local): unknown => f.i32(0).get(local).memory('v128.store', field(name));
  for (let k = 0; k < 3; k++) {
    store(`edge${k}` as Field, edge[k]);
    store(`right${k}` as Field, a[k]);
    store(`down${k}` as Field, b[k]);
    if (k > 0) store(`bias${k}` as Field, bias[k]);
  }
  store('area', area);
  store('pixel', span);
  store('left', left);
  store('top', top);
  store('columns', columns);
  store('rows', rows);
  store('mask', mask);
}
