/** Where the geometry takes its faster rasteriser and normals from, if there are any: it depends on nothing itself. */
import type { SurfaceKernel } from '../types.ts';

let make: (() => SurfaceKernel) | undefined;
let made: SurfaceKernel | undefined;

/**
 * Puts a kernel in place of the geometry's own loops over dense meshes, for all calls from now on. Results stay the same bit for bit.
 * `createFaceAligner` does it with the `compiled` backend.
 * @param create - makes the kernel when it is first needed; undefined goes back to plain JavaScript.
 */
export function installSurfaceKernel(create: (() => SurfaceKernel) | undefined): void {
  make = create;
  made = undefined;
}

/** The kernel in place. */
export function surfaceKernel(): SurfaceKernel | undefined {
  made ??= make?.();
  return made;
}
