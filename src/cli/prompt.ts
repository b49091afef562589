import { createInterface } from 'node:readline';
import type { Terminal } from './terminal.ts';

/** Whether questions can be asked. */
export function canPrompt(terminal: Terminal): boolean {
  return terminal.stdin.isTTY === true && terminal.stderr.isTTY === true;
}

/**
 * Asks a yes-or-no question on stderr; anything but `y` or `yes`, including the end of input, means no.
 * @throws the terminal's abort reason at Ctrl-C.
 */
export async function confirm({ stdin, stderr, signal }: Terminal, question: string): Promise<boolean> {
  signal.throwIfAborted();
  stderr.write(`${question} [y/N] `);
  // By default, readline takes over the terminal, including Ctrl-C.
  const lines = createInterface({ input: stdin, terminal: false });
  const stop = () => lines.close();
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
      signal.addEventListener('abort', stop, { once: true });
    });
    signal.throwIfAborted();
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    signal.removeEventListener('abort', stop);
    lines.close();
  }
}
