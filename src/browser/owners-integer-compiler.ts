/**
 * The code for integers in a worker of a page. The worker's script is one file, so that no bundler has to look for parts of it; most workers
 * need no integers. So the build puts this in the place of load-integer-compiler.ts, and the owner sends the text of the code.
 */
import type { IntegerCompiler } from '../engine/compiler/integers/integer-compiler.ts';
import { BackendUnavailableError } from '../errors.ts';
import type { OwnerMessage, WorkerMessage } from '../workers/worker-protocol.ts';

interface WorkerScope {
  postMessage(message: WorkerMessage): void;
  addEventListener(
    type: 'message',
    listener: (event: MessageEvent<OwnerMessage>) => void,
    options: { readonly signal: AbortSignal },
  ): void;
}

const scope = globalThis as unknown as WorkerScope;

/** @throws BackendUnavailableError where the owner has no such text or a Content Security Policy forbids to run it. */
export async function loadIntegerCompiler(): Promise<IntegerCompiler> {
  const answered = new AbortController();
  const text = await new Promise<string>((resolve) => {
    const listener = ({ data }: MessageEvent<OwnerMessage>) => {
      if (data.type === 'integers') resolve(data.text);
    };
    scope.addEventListener('message', listener, { signal: answered.signal });
    scope.postMessage({ type: 'read-integers' });
  });
  answered.abort();
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ url)).integerCompiler;
  } catch (cause) {
    throw new BackendUnavailableError('compiled', [], "int8 needs 'blob:' in script-src", { cause });
  } finally {
    URL.revokeObjectURL(url);
  }
}
