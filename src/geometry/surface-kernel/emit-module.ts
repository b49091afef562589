import { ModuleBuilder } from '../../wasm/module-builder.ts';
import { emitLarge } from './emit-large.ts';
import { emitAddNormals, emitNormalise } from './emit-normals.ts';
import { emitPaint } from './emit-paint.ts';
import { emitRasterize } from './emit-rasterize.ts';
import { emitPlace, emitSpread } from './emit-vertices.ts';

/** The kernel as WebAssembly bytes; its functions are `SurfaceFunctions`. */
export function emitModule(): Uint8Array<ArrayBuffer> {
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
