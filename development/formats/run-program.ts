import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const runFile = promisify(execFile);
const MAX_OUTPUT_BYTES = 1 << 27;

/** Debian's, where another Python comes first on the PATH. */
const PYTHON = '/usr/bin/python3';

/** Runs a program to its end. @returns what it printed. */
export async function run(program: string, ...args: string[]): Promise<Buffer> {
  const { stdout } = await runFile(program, args, { encoding: 'buffer', maxBuffer: MAX_OUTPUT_BYTES });
  return stdout;
}

/** Runs ImageMagick. */
export const magick = (...args: string[]): Promise<Buffer> => run('convert', ...args);

/** Runs statements of Pillow, with the arguments in `a`. */
export function pillow(statements: string, ...args: string[]): Promise<Buffer> {
  return run(PYTHON, '-c', `import sys; from PIL import Image, ImageOps; a = sys.argv[1:]; ${statements}`, ...args);
}

/** Programs that are missing here, by the Debian packages that they are in. */
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

/** Some programs call it a failure to be asked for help. */
function ignoreExitStatus(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
}
