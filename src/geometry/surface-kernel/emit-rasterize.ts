import type { FunctionBuilder } from '../../wasm/function-builder.ts';
import { emitDepthGradient, type FragmentLocals } from './emit-fragment.ts';
import { emitGroup, groupLocals } from './emit-group.ts';
import { emitMedium, mediumLocals } from './emit-medium.ts';
import { emitSmall, smallLocals } from './emit-small.ts';
import { field, GROUP, LARGE, MEDIUM, TRIANGLE_BYTES } from './layout.ts';

/** `rasterize(triangles, trianglesEnd, planes, planeBytes, width, height, fragment)` */
export function emitRasterize(f: FunctionBuilder, large: number): void {
  const [triangles, trianglesEnd, planes, planeBytes, width, height, fragment] = [0, 1, 2, 3, 4, 5, 6].map((i) =>
    f.param(i),
  );
  const [lastColumn, lastRow, widths] = f.locals('v128', 3);
  const [lane, triangle, mask, at] = f.locals('i32', 4);
  const z = f.local('f32');
  const [z0, dz1, dz2, scale] = f.locals('f64', 4);
  const fragments: FragmentLocals = { planeBytes, fragment, z0, dz1, dz2, scale, z, at };
  const medium = mediumLocals(f);
  const small = smallLocals(f);

  f.get(width).i32(1).op('i32.sub').op('i32x4.splat').set(lastColumn);
  f.get(height).i32(1).op('i32.sub').op('i32x4.splat').set(lastRow);
  f.get(width).op('i32x4.splat').set(widths);
  const group = groupLocals(f);
  f.stepBelow(triangles, GROUP * TRIANGLE_BYTES, trianglesEnd, () => {
    emitGroup(f, group, { triangles, lastColumn, lastRow, widths });
    f.get(group.mask).op('v128.any_true');
    f.if(
      () => {
        f.i32(0).set(lane);
        f.get(triangles).set(triangle);
        f.stepBelow(lane, 4, GROUP * 4, () => {
          f.get(lane).memory('i32.load', field('mask')).tee(mask);
          f.if(() => {
            f.get(mask).i32(LARGE).op('i32.eq');
            f.if(
              () => {
                for (const local of [triangle, lane, planes, planeBytes, width, fragment]) f.get(local);
                f.call(large);
              },
              () => {
                f.f64(1).get(lane).memory('i32.load', field('area')).op('f64.convert_i32_s').op('f64.div').set(scale);
                emitDepthGradient(f, fragments, triangle);
                f.get(mask).i32(MEDIUM).op('i32.lt_u');
                f.if(
                  () => emitSmall(f, small, fragments, { lane, mask, planes, width }),
                  () => emitMedium(f, medium, fragments, { lane, planes, width }),
                );
              },
            );
          });
          f.increment(triangle, TRIANGLE_BYTES);
          f.increment(fragment, 1);
        });
      },
      () => {
        f.increment(fragment, GROUP);
      },
    );
  });
}
