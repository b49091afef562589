import type { FunctionBuilder, Local } from '../../wasm/function-builder.ts';
import { edgeLocals, emitEdges, emitFragment, type FragmentLocals } from './emit-fragment.ts';
import { type Field, field } from './layout.ts';
import { vectors3 } from './vectors.ts';

export function mediumLocals(f: FunctionBuilder) {
  const [row, pixel, remaining, columns, rows, bits, column, at, at1, at2, edge1, edge2] = f.locals('i32', 12);
  return {
    triangle: edgeLocals(f),
    edge1,
    edge2,
    row,
    pixel,
    remaining,
    columns,
    rows,
    bits,
    column,
    at,
    at1,
    at2,
    starts: vectors3(f),
    edges: vectors3(f),
    rights: vectors3(f),
    downs: vectors3(f),
  };
}

/** The pixels of a box of at most about 64 x 64, row by row, four at a time. */
export function emitMedium(
  f: FunctionBuilder,
  locals: ReturnType<typeof mediumLocals>,
  fragments: FragmentLocals,
  { lane, planes, width }: { readonly lane: Local; readonly planes: Local; readonly width: Local },
): void {
  const { triangle, edge1, edge2, row, pixel, remaining, columns, rows } = locals;
  const { bits, column, at, at1, at2, starts, edges, rights, downs } = locals;
  const [row1, row2] = triangle.edges;
  const [right1, right2] = triangle.rights;
  const [down1, down2] = triangle.downs;
  const load = (name: Field): FunctionBuilder => f.get(lane).memory('i32.load', field(name));
  for (let k = 0; k < 3; k++) {
    const vector = (name: Field): FunctionBuilder => f.get(lane).memory('v128.load32_splat', field(name));
    vector(`right${k}` as Field).set(rights[k]);
    vector(`edge${k}` as Field)
      .get(rights[k])
      .i32Lanes([0, 1, 2, 3])
      .op('i32x4.mul')
      .op('i32x4.add')
      .set(starts[k]);
    f.get(rights[k]).i32(2).op('i32x4.shl').set(rights[k]);
    vector(`down${k}` as Field).set(downs[k]);
  }
  emitEdges(f, triangle, lane);
  load('pixel').get(planes).op('i32.add').set(row);
  load('columns').set(columns);
  load('rows').set(rows);
  f.doWhile(() => {
    for (let k = 0; k < 3; k++) f.get(starts[k]).set(edges[k]);
    f.get(row1).set(edge1);
    f.get(row2).set(edge2);
    f.get(row).set(pixel);
    f.get(columns).set(remaining);
    f.doWhile(() => {
      f.get(edges[0]).get(edges[1]).op('v128.or').get(edges[2]).op('v128.or').op('i32x4.bitmask').i32(15).op('i32.xor');
      // If a box is cut off at the raster's right edge, the rest of it must not be drawn.
      f.i32(2).get(remaining).i32(3).get(remaining).i32(3).op('i32.lt_s').select().op('i32.shl');
      f.i32(1).op('i32.sub').op('i32.and').tee(bits);
      f.if(() => {
        f.doWhile(() => {
          f.get(bits).op('i32.ctz').set(column);
          f.get(edge1).get(column).get(right1).op('i32.mul').op('i32.add').set(at1);
          f.get(edge2).get(column).get(right2).op('i32.mul').op('i32.add').set(at2);
          f.get(pixel).get(column).i32(2).op('i32.shl').op('i32.add').set(at);
          emitFragment(f, fragments, at, at1, at2);
          f.get(bits).get(bits).i32(1).op('i32.sub').op('i32.and').tee(bits);
        });
      });
      for (let k = 0; k < 3; k++) f.get(edges[k]).get(rights[k]).op('i32x4.add').set(edges[k]);
      f.get(edge1).get(right1).i32(2).op('i32.shl').op('i32.add').set(edge1);
      f.get(edge2).get(right2).i32(2).op('i32.shl').op('i32.add').set(edge2);
      f.increment(pixel, 16);
      f.get(remaining).i32(4).op('i32.sub').tee(remaining).i32(-1).op('i32.gt_s');
    });
    for (let k = 0; k < 3; k++) f.get(starts[k]).get(downs[k]).op('i32x4.add').set(starts[k]);
    f.get(row1).get(down1).op('i32.add').set(row1);
    f.get(row2).get(down2).op('i32.add').set(row2);
    f.get(row).get(width).i32(2).op('i32.shl').op('i32.add').set(row);
    f.get(rows).i32(1).op('i32.sub').tee(rows).i32(-1).op('i32.gt_s');
  });
}
