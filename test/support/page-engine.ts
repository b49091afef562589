/** The engines as a global of a page, with the GPU contexts and devices within reach, so that a test can take them away. */
import { availableBackends, createEngine } from '../../src/engine/create-engine.ts';
import { BackendUnavailableError } from '../../src/errors.ts';

const takeAways: (() => void)[] = [];

for (const { prototype } of [HTMLCanvasElement, OffscreenCanvas]) {
  const { getContext } = prototype as { getContext(...args: unknown[]): unknown };
  Object.assign(prototype, {
    getContext(this: unknown, ...args: unknown[]) {
      const context = getContext.apply(this, args);
      if (context instanceof WebGL2RenderingContext) {
        takeAways.push(() => context.getExtension('WEBGL_lose_context')?.loseContext());
      }
      return context;
    },
  });
}

interface Adapter {
  requestDevice(...args: unknown[]): Promise<{ destroy(): void }>;
}
const { GPUAdapter } = globalThis as { GPUAdapter?: { readonly prototype: Adapter } };
if (GPUAdapter !== undefined) {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (this: Adapter, ...args) {
    const device = await requestDevice.apply(this, args);
    takeAways.push(() => device.destroy());
    return device;
  };
}

/** Takes away every context and device of the page, as a browser does when the GPU is reset. */
function takeGraphicsAway(): void {
  for (const takeAway of takeAways.splice(0)) takeAway();
}

// Only now: importing them may request a context.
await import('../../src/backends/webgpu.ts');
await import('../../src/backends/webgl.ts');
await import('../../src/backends/wasm.ts');
await import('../../src/backends/cpu.ts');

const pageEngine = { availableBackends, createEngine, BackendUnavailableError, takeGraphicsAway };
export type PageEngine = typeof pageEngine;
Object.assign(globalThis, { pageEngine });
