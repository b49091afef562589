import type { FunctionBuilder } from '../../wasm/function-builder.ts';
import { emitDepthGradient, emitFragment, type FragmentLocals } from './emit-fragment.ts';
import { FIRST_VERTEX, type Field, field, STEP_SHIFT, STEPS } from './layout.ts';

/** `large(triangle, lane, planes, planeBytes, width, fragment)`: edge functions need more than 32 bits. */
export function emitLarge(f: FunctionBuilder): void {
  const [triangle, lane, planes, planeBytes, width, fragment] = [0, 1, 2, 3, 4, 5].map((i) => f.param(i));
  const x = f.locals('i64', 3);
  const y = f.locals('i64', 3);
  const a = f.locals('i64', 3);
  const b = f.locals('i64', 3);
  const bias = f.locals('i64', 3);
  const row = f.locals('i64', 3);
  const edge = f.locals('i64', 3);
  const [area, sign] = f.locals('i64', 2);
  const [z0, dz1, dz2, scale] = f.locals('f64', 4);
  const [at, rowStart, pixel, columns, column, rows] = f.locals('i32', 6);
  const z = f.local('f32');
  const fragments: FragmentLocals = { planeBytes, fragment, z0, dz1, dz2, scale, z, at };
  const load = (name: Field): FunctionBuilder => f.get(lane).memory('i32.load', field(name));
  const constant = (value: number): FunctionBuilder => f.i32(value).op('i64.extend_i32_s');
  for (let k = 0; k < 3; k++) {
    f.get(triangle)
      .memory('i32.load', k * 4)
      .tee(at)
      .memory('i32.load', FIRST_VERTEX)
      .op('i64.extend_i32_s')
      .set(x[k]);
    f.get(at)
      .memory('i32.load', FIRST_VERTEX + 4)
      .op('i64.extend_i32_s')
      .set(y[k]);
  }
  f.get(x[1]).get(x[0]).op('i64.sub').get(y[2]).get(y[0]).op('i64.sub').op('i64.mul');
  f.get(x[2]).get(x[0]).op('i64.sub').get(y[1]).get(y[0]).op('i64.sub').op('i64.mul').op('i64.sub').tee(area);
  f.op('i64.eqz');
  f.if(() => f.return());
  constant(1);
  constant(-1).get(area);
  constant(0).op('i64.gt_s').select().set(sign);
  f.f64(1).get(area).get(sign).op('i64.mul').op('f64.convert_i64_s').op('f64.div').set(scale);
  emitDepthGradient(f, fragments, triangle);
  for (let k = 0; k < 3; k++) {
    const next = (k + 1) % 3;
    const last = (k + 2) % 3;
    f.get(y[next]).get(y[last]).op('i64.sub').get(sign).op('i64.mul').set(a[k]);
    f.get(x[last]).get(x[next]).op('i64.sub').get(sign).op('i64.mul').set(b[k]);
    // 0 for a > 0, or a = 0 and b > 0: for 2^20 a + b > 0, as both are below 2^26 and whole.
    constant(0);
    constant(-1);
    f.get(a[k]);
    constant(1 << 28)
      .op('i64.mul')
      .get(b[k])
      .op('i64.add');
    constant(0).op('i64.gt_s').select().set(bias[k]);
    load('left')
      .i32(STEP_SHIFT)
      .op('i32.shl')
      .op('i64.extend_i32_s')
      .get(x[next])
      .op('i64.sub')
      .get(a[k])
      .op('i64.mul');
    load('top').i32(STEP_SHIFT).op('i32.shl').op('i64.extend_i32_s').get(y[next]).op('i64.sub').get(b[k]).op('i64.mul');
    f.op('i64.add').set(row[k]);
    f.get(a[k]);
    constant(STEPS).op('i64.mul').set(a[k]);
    f.get(b[k]);
    constant(STEPS).op('i64.mul').set(b[k]);
  }
  load('pixel').get(planes).op('i32.add').set(rowStart);
  load('columns').set(columns);
  load('rows').set(rows);
  f.doWhile(() => {
    for (let k = 0; k < 3; k++) f.get(row[k]).set(edge[k]);
    f.get(rowStart).set(pixel);
    f.get(columns).set(column);
    f.doWhile(() => {
      for (let k = 0; k < 3; k++) {
        f.get(edge[k]).get(bias[k]).op('i64.add');
        if (k > 0) f.op('i64.or');
      }
      constant(0).op('i64.ge_s');
      f.if(() => emitFragment(f, fragments, pixel, edge[1], edge[2]));
      for (let k = 0; k < 3; k++) f.get(edge[k]).get(a[k]).op('i64.add').set(edge[k]);
      f.increment(pixel, 4);
      f.get(column).i32(1).op('i32.sub').tee(column).i32(-1).op('i32.gt_s');
    });
    for (let k = 0; k < 3; k++) f.get(row[k]).get(b[k]).op('i64.add').set(row[k]);
    f.get(rowStart).get(width).i32(2).op('i32.shl').op('i32.add').set(rowStart);
    f.get(rows).i32(1).op('i32.sub').tee(rows).i32(-1).op('i32.gt_s');
  });
}
