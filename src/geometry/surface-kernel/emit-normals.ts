import type { FunctionBuilder } from '../../wasm/function-builder.ts';
import { FIRST_VERTEX, TRIANGLE_BYTES, VERTEX_BYTES } from './layout.ts';

/** `addNormals(triangles, trianglesEnd, sums)`: each triangle's normal to its corners, last corner first as the original has it. */
export function emitAddNormals(f: FunctionBuilder): void {
  const [triangles, trianglesEnd, sums] = [0, 1, 2].map((i) => f.param(i));
  const corners = f.locals('i32', 3);
  const [origin, a, b, normal] = f.locals('v128', 4);
  f.stepBelow(triangles, TRIANGLE_BYTES, trianglesEnd, () => {
    for (const [k, corner] of corners.entries())
      f.get(triangles)
        .memory('i32.load', 8 - 4 * k)
        .set(corner);
    f.get(corners[0]).memory('v128.load', FIRST_VERTEX).set(origin);
    f.get(corners[1]).memory('v128.load', FIRST_VERTEX).get(origin).op('f32x4.sub').set(a);
    f.get(corners[2]).memory('v128.load', FIRST_VERTEX).get(origin).op('f32x4.sub').set(b);
    f.get(a).get(a).shuffleLanes([1, 2, 0, 3]).get(b).get(b).shuffleLanes([2, 0, 1, 3]).op('f32x4.mul');
    f.get(a).get(a).shuffleLanes([2, 0, 1, 3]).get(b).get(b).shuffleLanes([1, 2, 0, 3]).op('f32x4.mul');
    f.op('f32x4.sub').set(normal);
    for (const corner of corners) {
      f.get(corner).get(sums).op('i32.add').tee(corner);
      f.get(corner).memory('v128.load').get(normal).op('f32x4.add').memory('v128.store');
    }
  });
}

/** `normalise(sums, sumsEnd, normals, sign)`: to length 1, three numbers each; vectors without length stay. */
export function emitNormalise(f: FunctionBuilder): void {
  const [sums, sumsEnd, normals, sign] = [0, 1, 2, 3].map((i) => f.param(i));
  const [normal, squares, signs] = f.locals('v128', 3);
  const length = f.local('f32');
  f.get(sign).op('f32x4.splat').set(signs);
  f.stepBelow(sums, VERTEX_BYTES, sumsEnd, () => {
    f.get(sums).memory('v128.load').tee(normal).get(normal).op('f32x4.mul').set(squares);
    f.get(squares).extractLane(0).get(squares).extractLane(1).op('f32.add');
    f.get(squares).extractLane(2).op('f32.add').op('f32.sqrt').tee(length).f32(0).op('f32.eq').op('i32.eqz');
    f.if(() => {
      f.get(normal).get(signs).op('f32x4.mul').get(length).op('f32x4.splat').op('f32x4.div').set(normal);
    });
    f.get(normals).get(normal).memory('v128.store');
    f.increment(normals, 12);
  });
}
