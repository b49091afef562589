import { env } from '@tensorflow/tfjs-core';

/**
 * Stops tfjs's wasm backend from using threads where it could not start them. In a cross-origin isolated page it starts
 * workers from `blob:` URLs, and if the Content Security Policy forbids those, it waits for them forever.
 */
export async function forgoThreadsWhereForbidden(): Promise<void> {
  if (globalThis.crossOriginIsolated !== true || (await canStartBlobWorker())) return;
  env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
}

async function canStartBlobWorker(): Promise<boolean> {
  const url = URL.createObjectURL(new Blob(['postMessage(0)'], { type: 'text/javascript' }));
  let worker: Worker | undefined;
  try {
    const started = new Worker(url);
    worker = started;
    return await new Promise<boolean>((resolve) => {
      started.onmessage = () => resolve(true);
      started.onerror = (event) => {
        event.preventDefault();
        resolve(false);
      };
    });
  } catch {
    return false; // Some browsers throw at once.
  } finally {
    worker?.terminate();
    URL.revokeObjectURL(url);
  }
}
