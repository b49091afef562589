/**
 * Triangles to pixels and normals of vertices in WebAssembly SIMD: bit for bit what `rasterize` (its watertight rule) and
 * `vertexNormals` of the geometry compute.
 *
 * Four triangles at a time: their boxes, areas and edge functions, and which of 2 x 2 pixels they cover, without a branch; then
 * what is left of them one by one. Larger ones test four pixels of a row at a time.
 *
 * Median ms for a face of 76,073 triangles, Node 20, quiet 2-core machine, interleaved with plain JavaScript:
 *
 *                                    here   plain
 *   triangles to 271 x 315 px         1.7     2.7
 *   the same at half the size         0.9     1.9
 *   normals                           0.25    1.05
 *   PNCC of 61,000 px, with the photo 3.2     4.7
 */
import type { PictureArea, SurfaceKernel } from '../../types.ts';
import type { FunctionBuilder, Local } from '../../wasm/function-builder.ts';
import { ModuleBuilder } from '../../wasm/module-builder.ts';
import { chooseSimdMode } from '../../wasm/simd-mode.ts';

const PAGE_BYTES = 65_536;
/** A vertex in the memory: x and y in steps of 1/256 px (int32) and z, or x, y, z (float32); the last word is free. */
const VERTEX_BYTES = 16;
const TRIANGLE_BYTES = 12;
/** Triangles of a round. */
const GROUP = 4;
/** Behind the last vertex: loads and stores of vectors reach over it. */
const MARGIN_BYTES = 64;
/** More memory than this is not kept from call to call. */
const KEPT_BYTES = 64 * 1024 * 1024;

/** As in the geometry's rasteriser. */
const STEPS = 256;
const STEP_SHIFT = 8;
const MAX_COORDINATE = 1 << 16;
const SMALL_EXTENT = 1 << 14;

/** What is known of the four triangles of a round: a vector each, from address 0. */
const FIELDS = [
  'edge0',
  'edge1',
  'edge2',
  'right0',
  'right1',
  'right2',
  'down0',
  'down1',
  'down2',
  'bias1',
  'bias2',
  'area',
  'pixel',
  'left',
  'top',
  'columns',
  'rows',
  'mask',
] as const;
type Field = (typeof FIELDS)[number];
const field = (name: Field): number => FIELDS.indexOf(name) * 16;
/** In `mask`: bits 0..3 are pixels of a 2 x 2 box; these say that the triangle has to be gone through. */
const MEDIUM = 16;
const LARGE = 32;
const FIRST_VERTEX = 512;

interface Exports {
  readonly place: (source: number, sourceEnd: number, xMin: number, yMin: number) => void;
  readonly rasterize: (
    triangles: number,
    trianglesEnd: number,
    planes: number,
    planeBytes: number,
    width: number,
    height: number,
    fragment: number,
  ) => void;
  readonly spread: (source: number, sourceEnd: number, target: number) => void;
  readonly paint: (
    planes: number,
    depthEnd: number,
    planeBytes: number,
    triangles: number,
    triangleCount: number,
    colours: number,
  ) => void;
  readonly addNormals: (triangles: number, trianglesEnd: number, sums: number) => void;
  readonly normalise: (sums: number, sumsEnd: number, normals: number, sign: number) => void;
}

/** @throws BackendUnavailableError where WebAssembly SIMD is missing. */
export function createSurfaceKernel(): SurfaceKernel {
  chooseSimdMode('plain');
  return new WasmSurfaceKernel();
}

class WasmSurfaceKernel implements SurfaceKernel {
  readonly #module = new WebAssembly.Module(emitModule());
  #workspace: Workspace | undefined;

  rasterize: SurfaceKernel['rasterize'] = (faces, triangles, area) => {
    const { buffer, planes, planeBytes, pixelCount } = this.#fill(faces, triangles, area);
    const plane = (index: number): [ArrayBuffer, number, number] => [buffer, planes + index * planeBytes, pixelCount];
    return {
      depth: new Float32Array(...plane(0)).slice(),
      fragments: new Int32Array(...plane(1)).slice(),
      weights1: new Float32Array(...plane(2)).slice(),
      weights2: new Float32Array(...plane(3)).slice(),
    };
  };

  paint: SurfaceKernel['paint'] = (faces, triangles, area, colours) => {
    const vertexCount = faces[0].length / 3;
    const colourBytes = vertexCount * VERTEX_BYTES + MARGIN_BYTES;
    const filled = this.#fill(faces, triangles, area, colourBytes);
    const { buffer, exports, free, planes, planeBytes, pixelCount, triangleStart } = filled;
    const spread = planes + 4 * planeBytes;
    new Float32Array(buffer, free, colours.length).set(colours);
    exports.spread(free, free + colours.length * 4, spread);
    exports.paint(planes, planes + pixelCount * 4, planeBytes, triangleStart, triangles.length / 3, spread);
    // They lie where the first weights were.
    return new Uint32Array(buffer, planes + 2 * planeBytes, pixelCount).slice();
  };

  /** Rasterises into the memory: planes of depth, fragments and both weights, and room for `moreBytes` behind them. */
  #fill(
    faces: readonly Float32Array[],
    triangles: Uint32Array,
    { xMin, yMin, width, height }: PictureArea,
    moreBytes = 0,
  ): FilledWorkspace {
    const pixelCount = width * height;
    const planeBytes = roundUp(pixelCount * 4, 16);
    const vertexBytes = faces[0].length * 4;
    const freeBytes = vertexBytes + 2 * MARGIN_BYTES + 4 * planeBytes + moreBytes;
    const space = this.#prepare(faces[0].length / 3, triangles, freeBytes);
    const { memory, exports, triangleStart, ends, free } = space;
    const planes = roundUp(free + vertexBytes + MARGIN_BYTES, 16);
    const { buffer } = memory;
    new Float32Array(buffer, planes, pixelCount).fill(Number.NEGATIVE_INFINITY);
    new Uint8Array(buffer, planes + planeBytes, 3 * planeBytes).fill(0);
    for (const [index, vertices] of faces.entries()) {
      new Float32Array(buffer, free, vertices.length).set(vertices);
      exports.place(free, free + vertexBytes, xMin, yMin);
      const first = 1 + (index * triangles.length) / 3;
      exports.rasterize(triangleStart, ends.groups, planes, planeBytes, width, height, first);
    }
    return { ...space, buffer, planes, planeBytes, pixelCount };
  }

  vertexNormals: SurfaceKernel['vertexNormals'] = (vertices, triangles, sign, dst) => {
    const vertexBytes = vertices.length * 4;
    const sumBytes = (vertices.length / 3) * VERTEX_BYTES;
    const space = this.#prepare(vertices.length / 3, triangles, vertexBytes + sumBytes + 3 * MARGIN_BYTES);
    const { memory, exports, triangleStart, ends, free } = space;
    const source = new Float32Array(memory.buffer, free, vertices.length);
    const sums = roundUp(free + vertexBytes + MARGIN_BYTES, 16);
    source.set(vertices);
    exports.spread(free, free + vertexBytes, FIRST_VERTEX);
    new Float32Array(memory.buffer, sums, sumBytes / 4).fill(0);
    exports.addNormals(triangleStart, ends.triangles, sums);
    exports.normalise(sums, sums + sumBytes, free, sign);
    dst.set(source);
  };

  /** Memory that holds the triangles and has room for as many vertices, and for `freeBytes` more. */
  #prepare(vertexCount: number, triangles: Uint32Array, freeBytes: number): PreparedWorkspace {
    const start = FIRST_VERTEX + vertexCount * VERTEX_BYTES + MARGIN_BYTES;
    const paddedLength = roundUp(triangles.length, 3 * GROUP);
    const free = roundUp(start + paddedLength * 4 + MARGIN_BYTES, 16);
    const bytes = free + freeBytes;
    let workspace = this.#workspace;
    if (workspace === undefined || workspace.memory.buffer.byteLength < bytes) {
      const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
      const { exports } = new WebAssembly.Instance(this.#module, { env: { memory } });
      workspace = { memory, exports: exports as unknown as Exports, triangles: undefined, triangleStart: 0 };
      if (bytes <= KEPT_BYTES) this.#workspace = workspace;
    }
    if (workspace.triangles?.deref() !== triangles || workspace.triangleStart !== start) {
      workspace.triangles = new WeakRef(triangles);
      workspace.triangleStart = start;
      // Corners as the byte offsets of their vertices; what fills up the last group has no area.
      const offsets = new Uint32Array(workspace.memory.buffer, start, paddedLength).fill(0, triangles.length);
      for (let i = 0; i < triangles.length; i++) offsets[i] = triangles[i] * VERTEX_BYTES;
    }
    return { ...workspace, ends: { triangles: start + triangles.length * 4, groups: start + paddedLength * 4 }, free };
  }
}

/** What is kept from call to call. */
interface Workspace {
  readonly memory: WebAssembly.Memory;
  readonly exports: Exports;
  /** Those in the memory, and where they are. */
  triangles: WeakRef<Uint32Array> | undefined;
  triangleStart: number;
}

/** A workspace made ready for one call. */
interface PreparedWorkspace extends Workspace {
  /** Where the triangles end, and where the last group of them does. */
  readonly ends: { readonly triangles: number; readonly groups: number };
  /** From here on the memory is free. */
  readonly free: number;
}

/** A workspace whose planes are filled. */
interface FilledWorkspace extends PreparedWorkspace {
  readonly buffer: ArrayBuffer;
  readonly planes: number;
  readonly planeBytes: number;
  readonly pixelCount: number;
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

function emitModule(): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  const large = builder.addFunction('large', ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], emitLarge);
  const rasterizeParams = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;
  builder.addFunction('rasterize', rasterizeParams, (f) => emitRasterize(f, large), { exported: true });
  builder.addFunction('place', ['i32', 'i32', 'i32', 'i32'], emitPlace, { exported: true });
  builder.addFunction('spread', ['i32', 'i32', 'i32'], emitSpread, { exported: true });
  builder.addFunction('paint', ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], emitPaint, { exported: true });
  builder.addFunction('addNormals', ['i32', 'i32', 'i32'], emitAddNormals, { exported: true });
  builder.addFunction('normalise', ['i32', 'i32', 'i32', 'f32'], emitNormalise, { exported: true });
  return builder.encode({ minimumPages: 1 });
}

/** `place(source, sourceEnd, xMin, yMin)`: x and y to steps from the raster's corner, as `toSteps` does it; z as it is. */
function emitPlace(f: FunctionBuilder): void {
  const [source, sourceEnd, xMin, yMin] = [0, 1, 2, 3].map((i) => f.param(i));
  const target = f.local('i32');
  const [origin, low, high, steps, lift, half, wholeLift] = f.locals('v128', 7);
  const constant = (value: number, local: Local): unknown => f.f64(value).op('f64x2.splat').set(local);
  f.get(xMin).op('f64.convert_i32_s').op('f64x2.splat').get(yMin).op('f64.convert_i32_s').replaceDoubleLane(1);
  f.set(origin);
  constant(-MAX_COORDINATE, low);
  constant(MAX_COORDINATE, high);
  constant(STEPS, steps);
  constant((MAX_COORDINATE + 1) * STEPS, lift);
  constant(0.5, half);
  f.i32x4((MAX_COORDINATE + 1) * STEPS).set(wholeLift);
  f.i32(FIRST_VERTEX).set(target);
  f.stepBelow(source, 12, sourceEnd, () => {
    f.get(target);
    f.get(source).memory('v128.load64_zero').op('f64x2.promote_low_f32x4').get(origin).op('f64x2.sub');
    f.get(low).op('f64x2.max').get(high).op('f64x2.min').get(steps).op('f64x2.mul');
    f.get(lift).op('f64x2.add').get(half).op('f64x2.add').op('i32x4.trunc_sat_f64x2_s_zero');
    f.get(wholeLift).op('i32x4.sub');
    f.get(source).memory('v128.load32_zero', 8).shuffleLanes([0, 1, 4, 5]);
    f.memory('v128.store');
    f.increment(target, VERTEX_BYTES);
  });
}

/** Locals that say where and how a triangle's fragments are written. */
interface FragmentLocals {
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

/** `z0 = z of the first corner; dz1, dz2 = (z of the others - z0) * scale`, from addresses of vertices. */
function emitDepthGradient(
  f: FunctionBuilder,
  { z0, dz1, dz2, scale }: FragmentLocals,
  corners: readonly (() => unknown)[],
): void {
  const [first, second, third] = corners;
  first();
  f.memory('f32.load', FIRST_VERTEX + 8)
    .op('f64.promote_f32')
    .set(z0);
  second();
  f.memory('f32.load', FIRST_VERTEX + 8)
    .op('f64.promote_f32')
    .get(z0)
    .op('f64.sub')
    .get(scale)
    .op('f64.mul')
    .set(dz1);
  third();
  f.memory('f32.load', FIRST_VERTEX + 8)
    .op('f64.promote_f32')
    .get(z0)
    .op('f64.sub')
    .get(scale)
    .op('f64.mul')
    .set(dz2);
}

/** Writes a fragment at `pixel` (address in the plane of depths) where it is nearer than what is there. */
function emitFragment(f: FunctionBuilder, locals: FragmentLocals, pixel: Local, edge1: Local, edge2: Local): void {
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

/** `rasterize(triangles, trianglesEnd, planes, planeBytes, width, height, fragment)` */
function emitRasterize(f: FunctionBuilder, large: number): void {
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
                emitDepthGradient(
                  f,
                  fragments,
                  [0, 4, 8].map((offset) => () => f.get(triangle).memory('i32.load', offset)),
                );
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

type Vectors3 = readonly [Local, Local, Local];
const vectors3 = (f: FunctionBuilder): Vectors3 => [f.local('v128'), f.local('v128'), f.local('v128')];

function groupLocals(f: FunctionBuilder) {
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

/** Four triangles at once: fills the fields, and leaves their masks in `group.mask`. */
function emitGroup(
  f: FunctionBuilder,
  group: ReturnType<typeof groupLocals>,
  {
    triangles,
    lastColumn,
    lastRow,
    widths,
  }: {
    readonly triangles: Local;
    readonly lastColumn: Local;
    readonly lastRow: Local;
    readonly widths: Local;
  },
): void {
  const { rows4, x, y, a, b, bias, edge, low, high, sign, area, left, top, columns, rows, mask } = group;
  const { both, extents, outside, span } = group;
  const store = (name: Field, local: Local): unknown => f.i32(0).get(local).memory('v128.store', field(name));

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

  // Edge functions a * x + b * y + c, positive inside whichever way round the triangle goes.
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

  // Which of 2 x 2 pixels lie outside: the sign of any edge function.
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

  f.get(columns).get(rows).op('v128.or').set(both);
  // Boxes of at most 2 x 2 px whose second column and row lie in the raster.
  f.i32x4(15).get(outside).op('v128.xor').i32x4(MEDIUM);
  f.i32x4(2).get(both).op('i32x4.gt_s');
  f.get(lastColumn).get(left).op('i32x4.gt_s').op('v128.and').get(lastRow).get(top).op('i32x4.gt_s').op('v128.and');
  f.op('v128.bitselect');
  // None of those without area.
  f.get(area).i32x4(0).op('i32x4.eq').op('v128.andnot').set(mask);
  f.i32x4(LARGE).get(mask).get(extents).i32x4(SMALL_EXTENT).op('i32x4.gt_s').op('v128.bitselect');
  // None without a pixel centre in the box.
  f.get(both).i32(31).op('i32x4.shr_s').op('v128.andnot').set(mask);
  f.get(top).get(widths).op('i32x4.mul').get(left).op('i32x4.add').i32(2).op('i32x4.shl').set(span);

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

function smallLocals(f: FunctionBuilder) {
  const [edge1, edge2, right1, right2, down1, down2, pixel, corner, inRight, inBelow, at1, at2, at] = f.locals(
    'i32',
    13,
  );
  return { edge1, edge2, right1, right2, down1, down2, pixel, corner, inRight, inBelow, at1, at2, at };
}

/** The covered ones of 2 x 2 pixels. */
function emitSmall(
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
  const { edge1, edge2, right1, right2, down1, down2, pixel, corner, inRight, inBelow, at1, at2, at } = locals;
  const load = (name: Field): FunctionBuilder => f.get(lane).memory('i32.load', field(name));
  load('edge1');
  load('bias1').op('i32.sub').set(edge1);
  load('edge2');
  load('bias2').op('i32.sub').set(edge2);
  load('right1').set(right1);
  load('right2').set(right2);
  load('down1').set(down1);
  load('down2').set(down2);
  load('pixel').get(planes).op('i32.add').set(pixel);
  f.doWhile(() => {
    f.get(mask).op('i32.ctz').set(corner);
    f.i32(0).get(corner).i32(1).op('i32.and').op('i32.sub').set(inRight);
    f.i32(0).get(corner).i32(1).op('i32.shr_u').op('i32.sub').set(inBelow);
    for (const [edge, right, down, target] of [
      [edge1, right1, down1, at1],
      [edge2, right2, down2, at2],
    ] as const) {
      f.get(edge).get(right).get(inRight).op('i32.and').op('i32.add');
      f.get(down).get(inBelow).op('i32.and').op('i32.add').set(target);
    }
    f.get(pixel).get(inRight).i32(4).op('i32.and').op('i32.add');
    f.get(width).i32(2).op('i32.shl').get(inBelow).op('i32.and').op('i32.add').set(at);
    emitFragment(f, fragments, at, at1, at2);
    f.get(mask).get(mask).i32(1).op('i32.sub').op('i32.and').tee(mask);
  });
}

function mediumLocals(f: FunctionBuilder) {
  const [edge1, edge2, right1, right2, down1, down2] = f.locals('i32', 6);
  const [row, pixel, remaining, columns, rows, bits, column, at, at1, at2, row1, row2] = f.locals('i32', 12);
  return {
    edge1,
    edge2,
    right1,
    right2,
    down1,
    down2,
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
    row1,
    row2,
    starts: vectors3(f),
    edges: vectors3(f),
    rights: vectors3(f),
    downs: vectors3(f),
  };
}

/** The pixels of a box of at most some 64 x 64, row by row, four at a time. */
function emitMedium(
  f: FunctionBuilder,
  locals: ReturnType<typeof mediumLocals>,
  fragments: FragmentLocals,
  { lane, planes, width }: { readonly lane: Local; readonly planes: Local; readonly width: Local },
): void {
  const { edge1, edge2, right1, right2, down1, down2, row, pixel, remaining, columns, rows } = locals;
  const { bits, column, at, at1, at2, row1, row2, starts, edges, rights, downs } = locals;
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
  load('edge1');
  load('bias1').op('i32.sub').set(row1);
  load('edge2');
  load('bias2').op('i32.sub').set(row2);
  load('right1').set(right1);
  load('right2').set(right2);
  load('down1').set(down1);
  load('down2').set(down2);
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
      // Of a box that is cut off at the raster's right side the rest must not be drawn.
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

/** `large(triangle, lane, planes, planeBytes, width, fragment)`: edge functions need more than 32 bits. */
function emitLarge(f: FunctionBuilder): void {
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
  emitDepthGradient(
    f,
    fragments,
    [0, 4, 8].map((offset) => () => f.get(triangle).memory('i32.load', offset)),
  );
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

/** `spread(source, sourceEnd, target)`: three numbers a vector. */
function emitSpread(f: FunctionBuilder): void {
  const [source, sourceEnd, target] = [0, 1, 2].map((i) => f.param(i));
  f.stepBelow(source, 12, sourceEnd, () => {
    f.get(target).get(source).memory('v128.load').memory('v128.store');
    f.increment(target, VERTEX_BYTES);
  });
}

/**
 * `paint(planes, depthEnd, planeBytes, triangles, triangleCount, colours)`: a pixel's three colours at once, to bytes where its first
 * weight was.
 */
function emitPaint(f: FunctionBuilder): void {
  const [pixel, pixelEnd, planeBytes, triangles, triangleCount, colours] = [0, 1, 2, 3, 4, 5].map((i) => f.param(i));
  const [fragment, triangle, at] = f.locals('i32', 3);
  const [w0, w1, w2, levels, colour, redGreen, blue] = f.locals('v128', 7);
  const weight = (): FunctionBuilder =>
    f.get(at).memory('v128.load32_splat').op('f64x2.promote_low_f32x4').get(levels).op('f64x2.mul');
  f.f64(255).op('f64x2.splat').set(levels);
  f.stepBelow(pixel, 4, pixelEnd, () => {
    f.get(pixel).get(planeBytes).op('i32.add').tee(at).memory('i32.load').tee(fragment);
    f.if(() => {
      f.get(at).get(planeBytes).op('i32.add').get(planeBytes).op('i32.add').set(at);
      weight().set(w2);
      f.get(at).get(planeBytes).op('i32.sub').set(at);
      weight().set(w1);
      f.get(levels).get(w1).op('f64x2.sub').get(w2).op('f64x2.sub').set(w0);
      f.get(fragment).i32(1).op('i32.sub').get(triangleCount).op('i32.rem_u');
      f.i32(TRIANGLE_BYTES).op('i32.mul').get(triangles).op('i32.add').set(triangle);
      for (const [k, share] of [w0, w1, w2].entries()) {
        f.get(triangle)
          .memory('i32.load', k * 4)
          .get(colours)
          .op('i32.add')
          .memory('v128.load')
          .set(colour);
        for (const [sum, lanes] of [
          [redGreen, undefined],
          [blue, [2, 3, 2, 3]],
        ] as const) {
          f.get(colour);
          if (lanes !== undefined) f.get(colour).shuffleLanes(lanes);
          f.op('f64x2.promote_low_f32x4').get(share).op('f64x2.mul');
          if (k > 0) f.get(sum).op('f64x2.add');
          f.set(sum);
        }
      }
      f.get(at);
      for (const sum of [redGreen, blue]) {
        f.get(sum).f64(0.5).op('f64x2.splat').op('f64x2.add').op('i32x4.trunc_sat_f64x2_s_zero');
      }
      f.shuffleLanes([0, 1, 4, 5]).tee(colour);
      f.get(colour).op('i16x8.narrow_i32x4_s').tee(colour).get(colour).op('i8x16.narrow_i16x8_u');
      f.extractLane(0, 'i32')
        .i32(0xff_ff_ff)
        .op('i32.and')
        .i32(0xff << 24)
        .op('i32.or')
        .memory('i32.store');
    });
  });
}

/** `addNormals(triangles, trianglesEnd, sums)`: each triangle's normal to its corners, last corner first as the original has it. */
function emitAddNormals(f: FunctionBuilder): void {
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
function emitNormalise(f: FunctionBuilder): void {
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
