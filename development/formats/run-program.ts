import { execFile, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';

const runFile = promisify(execFile);
const MAX_OUTPUT_BYTES = 1 << 27;

/** Debian's Python, even if another one comes first on the PATH. */
const PYTHON = '/usr/bin/python3';

/** Runs a program until it exits. @returns its output. */
export async function run(program: string, ...args: string[]): Promise<Buffer> {
  const { stdout } = await runFile(program, args, { encoding: 'buffer', maxBuffer: MAX_OUTPUT_BYTES });
  return stdout;
}

/** Runs ImageMagick. */
export const magick = (...args: string[]): Promise<Buffer> => run('convert', ...args);

/**
 * Reads one line of JSON per request, and answers with `1` or `0`, a number of bytes, and that many bytes: what the statements
 * wrote to `sys.stdout.buffer`, or their error.
 */
const PILLOW_SERVER = `
import io, json, sys, types
from PIL import Image, ImageOps
for line in sys.stdin:
    statements, arguments = json.loads(line)
    written = io.BytesIO()
    names = {'a': arguments, 'Image': Image, 'ImageOps': ImageOps, 'sys': types.SimpleNamespace(stdout=types.SimpleNamespace(buffer=written))}
    try:
        exec(statements, names)
        ok, answer = 1, written.getvalue()
    except Exception as error:
        ok, answer = 0, repr(error).encode()
    sys.stdout.buffer.write(b'%d %d\\n' % (ok, len(answer)) + answer)
    sys.stdout.buffer.flush()
`;

/** One Python for all statements: starting it takes longer than most of them. */
class PillowServer {
  readonly #child = spawn(PYTHON, ['-c', PILLOW_SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
  readonly #waiting: { resolve(output: Buffer): void; reject(error: Error): void }[] = [];
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes that must have arrived before the next check. */
  #needed = 1;

  constructor() {
    const fail = (error: Error): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    };
    this.#child.on('error', fail);
    this.#child.on('exit', (status) => fail(new Error(`Python exited with ${status}`)));
    this.#child.stdin.on('error', fail);
    this.#child.stdout.on('data', (bytes: Buffer) => this.#receive(bytes));
    this.#keepAlive(false);
  }

  run(statements: string, args: readonly string[]): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#keepAlive(true);
      this.#child.stdin.write(`${JSON.stringify([statements, args])}\n`);
    });
  }

  #receive(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    while (this.#size >= this.#needed) {
      const received = Buffer.concat(this.#chunks);
      const end = received.indexOf('\n');
      const [ok, length] = received.subarray(0, Math.max(end, 0)).toString().split(' ').map(Number);
      this.#chunks = [received];
      this.#needed = end < 0 ? received.length + 1 : end + 1 + length;
      if (received.length < this.#needed) return;
      const request = this.#waiting.shift();
      const answer = received.subarray(end + 1, this.#needed);
      if (ok === 1) request?.resolve(answer);
      else request?.reject(new Error(answer.toString()));
      this.#chunks = [received.subarray(this.#needed)];
      this.#size = received.length - this.#needed;
      this.#needed = 1;
      if (this.#waiting.length === 0) this.#keepAlive(false);
    }
  }

  /** Whether it keeps this process alive: it exits when its standard input closes. */
  #keepAlive(isDue: boolean): void {
    const { stdin, stdout } = this.#child;
    for (const part of [this.#child, stdin as Socket, stdout as Socket]) isDue ? part.ref() : part.unref();
  }
}

let server: PillowServer | undefined;

/** Runs Pillow statements, with the arguments in `a`; they write to `sys.stdout.buffer`. */
export function pillow(statements: string, ...args: string[]): Promise<Buffer> {
  server ??= new PillowServer();
  return server.run(statements, args);
}

/** Debian packages whose programs are missing here. */
export async function missingPackages(): Promise<string[]> {
  const needed: [name: string, present: Promise<unknown>][] = [
    ['imagemagick', magick('-version')],
    ['python3-pil', pillow('Image.new("L", (1, 1))')],
    ['libtiff-tools', run('tiffcp', '-h').catch((error: unknown) => ignoreExitStatus(error))],
    ['webp', run('cwebp', '-version')],
    ['libavif-bin', run('avifenc', '--version')],
    ['libheif-examples', run('heif-enc', '--help').catch((error: unknown) => ignoreExitStatus(error))],
    ['libjpeg-turbo-progs', run('cjpeg', '-version')],
    ['ffmpeg', run('ffmpeg', '-version')],
  ];
  const missing: string[] = [];
  for (const [name, present] of needed) {
    await present.catch(() => missing.push(name));
  }
  return missing;
}

/** Some programs exit with a failure when asked for help. */
function ignoreExitStatus(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
}
