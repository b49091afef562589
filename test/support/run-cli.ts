import { PassThrough, Readable, Writable } from 'node:stream';
import { runCli as run } from '../../src/cli/run-cli.ts';

/** What a command printed and how it ended. */
export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliTestOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Text typed at the prompt; only with `isTTY`. */
  readonly answers?: string;
  /** Whether stdin, stdout and stderr claim to be terminals. */
  readonly isTTY?: boolean;
  /** Data on stdin. */
  readonly stdin?: Uint8Array;
  readonly signal?: AbortSignal;
}

/** Runs the command in this process with captured streams and an empty environment. */
export async function runCli(args: readonly string[], options: CliTestOptions = {}): Promise<CliResult> {
  const stdout = new CapturedStream(options.isTTY === true);
  const stderr = new CapturedStream(options.isTTY === true);
  const stdin =
    options.isTTY === true
      ? ttyInput(options.answers ?? '')
      : Readable.from(options.stdin === undefined ? [] : [options.stdin]);
  const status = await run(args, {
    stdout,
    stderr,
    stdin,
    env: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
  });
  return { status, stdout: stdout.text, stderr: stderr.text };
}

class CapturedStream extends Writable {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function ttyInput(answers: string): Readable & { isTTY: boolean } {
  const stream = Object.assign(new PassThrough(), { isTTY: true });
  stream.end(answers);
  return stream;
}
