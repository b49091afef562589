import type { FunctionBuilder, Local } from '../../wasm/function-builder.ts';
import { edgeLocals, emitEdges, emitFragment, type FragmentLocals } from './emit-fragment.ts';
import { field } from './layout.ts';

export function smallLocals(f: FunctionBuilder) {
  const [pixel, corner, inRight, inBelow, at1, at2, at] = f.locals('i32', 7);
  return { triangle: edgeLocals(f), pixel, corner, inRight, inBelow, at1, at2, at };
}

/** The covered pixels of a 2 x 2 box. */
export function emitSmall(
  f: FunctionBuilder,
  locals: ReturnType<typeof smallLocals>,
  fragments: FragmentLocals,
  {
    lane,
    mask,
    planes,
    width,
  }: { readonly lane: Local; readonly mask: Local; readonly planes: Local; readonly width: Local },
): void {
  const { triangle, pixel, corner, inRight, inBelow, at1, at2, at } = locals;
  const { edges, rights, downs } = triangle;
  emitEdges(f, triangle, lane);
  f.get(lane).memory('i32.load', field('pixel')).get(planes).op('i32.add').set(pixel);
  f.doWhile(() => {
    f.get(mask).op('i32.ctz').set(corner);
    f.i32(0).get(corner).i32(1).op('i32.and').op('i32.sub').set(inRight);
    f.i32(0).get(corner).i32(1).op('i32.shr_u').op('i32.sub').set(inBelow);
    for (const [k, target] of [at1, at2].entries()) {
      f.get(edges[k]).get(rights[k]).get(inRight).op('i32.and').op('i32.add');
      f.get(downs[k]).get(inBelow).op('i32.and').op('i32.add').set(target);
    }
    f.get(pixel).get(inRight).i32(4).op('i32.and').op('i32.add');
    f.get(width).i32(2).op('i32.shl').get(inBelow).op('i32.and').op('i32.add').set(at);
    emitFragment(f, fragments, at, at1, at2);
    f.get(mask).get(mask).i32(1).op('i32.sub').op('i32.and').tee(mask);
  });
}
