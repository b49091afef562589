import type { FunctionBuilder, Local } from '../../wasm/function-builder.ts';
import { FIRST_VERTEX, type Field, field } from './layout.ts';

/** Locals that determine where and how a triangle's fragments are written. */
export interface FragmentLocals {
  readonly planeBytes: Local;
  readonly fragment: Local;
  /** f64. */
  readonly z0: Local;
  readonly dz1: Local;
  readonly dz2: Local;
  readonly scale: Local;
  /** Scratch, f32 and i32. */
  readonly z: Local;
  readonly at: Local;
}

/** `z0 = z of the first corner; dz1, dz2 = (z of the others - z0) * scale`. @param triangle - its address. */
export function emitDepthGradient(f: FunctionBuilder, { z0, dz1, dz2, scale }: FragmentLocals, triangle: Local): void {
  const depthOf = (corner: number): FunctionBuilder =>
    f
      .get(triangle)
      .memory('i32.load', corner * 4)
      .memory('f32.load', FIRST_VERTEX + 8)
      .op('f64.promote_f32');
  depthOf(0).set(z0);
  for (const [corner, gradient] of [
    [1, dz1],
    [2, dz2],
  ] as const) {
    depthOf(corner).get(z0).op('f64.sub').get(scale).op('f64.mul').set(gradient);
  }
}

/** A triangle's edge functions 1 and 2 at its first pixel, without their biases, and their steps to the right and down; i32. */
export interface EdgeLocals {
  readonly edges: readonly [Local, Local];
  readonly rights: readonly [Local, Local];
  readonly downs: readonly [Local, Local];
}

export function edgeLocals(f: FunctionBuilder): EdgeLocals {
  const pair = (): readonly [Local, Local] => [f.local('i32'), f.local('i32')];
  return { edges: pair(), rights: pair(), downs: pair() };
}

/** Loads what `emitGroup` stored for the triangle in a lane. */
export function emitEdges(f: FunctionBuilder, { edges, rights, downs }: EdgeLocals, lane: Local): void {
  const load = (name: Field): FunctionBuilder => f.get(lane).memory('i32.load', field(name));
  for (const k of [1, 2] as const) {
    load(`edge${k}`);
    load(`bias${k}`)
      .op('i32.sub')
      .set(edges[k - 1]);
    load(`right${k}`).set(rights[k - 1]);
    load(`down${k}`).set(downs[k - 1]);
  }
}

/** Writes a fragment at `pixel` (address in the plane of depths) if it is nearer than what is there. */
export function emitFragment(
  f: FunctionBuilder,
  locals: FragmentLocals,
  pixel: Local,
  edge1: Local,
  edge2: Local,
): void {
  const { planeBytes, fragment, z0, dz1, dz2, scale, z, at } = locals;
  const convert = edge1.type === 'i64' ? 'f64.convert_i64_s' : 'f64.convert_i32_s';
  f.get(z0).get(edge1).op(convert).get(dz1).op('f64.mul').op('f64.add');
  f.get(edge2).op(convert).get(dz2).op('f64.mul').op('f64.add').op('f32.demote_f64').tee(z);
  f.get(pixel).memory('f32.load').op('f32.gt');
  f.if(() => {
    f.get(pixel).get(z).memory('f32.store');
    f.get(pixel).get(planeBytes).op('i32.add').tee(at).get(fragment).memory('i32.store');
    for (const edge of [edge1, edge2]) {
      f.get(at).get(planeBytes).op('i32.add').tee(at);
      f.get(edge).op(convert).get(scale).op('f64.mul').op('f32.demote_f64').memory('f32.store');
    }
  });
}
