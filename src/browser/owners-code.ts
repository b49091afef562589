/**
 * Code that few workers of a page need. The worker's script is one file, so that no bundler has to look for parts of
 * it, and it omits this code, so that it stays small. The page, which owns the worker, sends the text of the code on
 * request.
 */
import { TddfaError } from '../errors.ts';
import type { OwnerMessage, WorkerCode, WorkerMessage } from '../workers/worker-protocol.ts';

interface WorkerScope {
  postMessage(message: WorkerMessage): void;
  addEventListener(
    type: 'message',
    listener: (event: MessageEvent<OwnerMessage>) => void,
    options: { readonly signal: AbortSignal },
  ): void;
}

const scope = globalThis as unknown as WorkerScope;

/**
 * @param option - the option of the aligner that needs the code.
 * @returns the module.
 * @throws TddfaError if the page has no such text or a Content Security Policy forbids running it.
 */
export async function ownersModule<Module>(name: WorkerCode, option: string): Promise<Module> {
  const answered = new AbortController();
  const text = await new Promise<string>((resolve) => {
    const listener = ({ data }: MessageEvent<OwnerMessage>) => {
      if (data.type === 'code' && data.name === name) resolve(data.text);
    };
    scope.addEventListener('message', listener, { signal: answered.signal });
    scope.postMessage({ type: 'read-code', name });
  });
  answered.abort();
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  try {
    // An empty module would export nothing.
    if (text === '') throw new TypeError('no code');
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ url);
  } catch (cause) {
    const problem = text === '' ? 'needs code that could not be loaded' : "needs 'blob:' in script-src";
    throw new TddfaError(`${option} ${problem}`, { cause });
  } finally {
    URL.revokeObjectURL(url);
  }
}
