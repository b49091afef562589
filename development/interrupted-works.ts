/** Work that is interrupted at each of its steps: by its signal, or by disposal. */
import { deepStrictEqual } from 'node:assert';
import { getEventListeners } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { downloadFile } from '../src/cli/download-file.ts';
import { gitBlobId } from '../src/cli/git-blob-id.ts';
import { runCli } from '../src/cli/run-cli.ts';
import { fileWeights } from '../src/engine/weights/file-source.ts';
import { httpWeights } from '../src/engine/weights/http-source.ts';
import { memoryWeights } from '../src/engine/weights/memory-source.ts';
import { openPack } from '../src/engine/weights/open-pack.ts';
import type { WeightSource } from '../src/engine/weights/weight-source.ts';
import { DisposedError } from '../src/errors.ts';
import { createFaceAligner } from '../src/face-aligner.ts';
import { readImage } from '../src/image-files/read-image.ts';
import { createFaceAlignerPool } from '../src/node.ts';
import { fetchPicture } from '../src/queue/fetch-picture.ts';
import { fixturePath } from './formula.ts';
import { hasFfmpeg } from './has-ffmpeg.ts';
import type { InterruptedWork } from './interrupt-everywhere.ts';
import { serveFolder, startServer } from './local-server.ts';
import { repositoryRoot, sharedPath } from './paths.ts';

const OPEN = join(repositoryRoot, 'weights', 'open');
const PORTRAIT = join(repositoryRoot, 'examples', 'astronaut.png');

/** Kinds of work by name, and a function that disposes of what they share. */
export interface InterruptedWorks {
  readonly works: ReadonlyMap<string, () => Promise<InterruptedWork> | InterruptedWork>;
  dispose(): Promise<void>;
}

/**
 * Work with a signal.
 * @param check - checks its result.
 * @param checkRest - checks what is left, however it ended.
 */
function abortable<T>(
  run: (signal: AbortSignal) => Promise<T>,
  check: (result: T) => Promise<void> | void,
  checkRest: () => void = () => {},
): InterruptedWork {
  const controller = new AbortController();
  const reason = new Error('enough');
  const { signal } = controller;
  return {
    run: () => run(signal),
    interrupt: () => controller.abort(reason),
    async check(end) {
      if (end.status === 'fulfilled') await check(end.value as T);
      else if (end.reason !== reason) throw end.reason;
      const listeners = getEventListeners(signal, 'abort').length;
      if (listeners > 0) throw new Error(`${listeners} listeners are left on its signal`);
      checkRest();
    },
  };
}

/**
 * A command that writes into an empty folder.
 * @param files - files present after it has succeeded, sorted.
 */
function command(
  folder: string,
  args: readonly string[],
  files: readonly string[],
  env: Readonly<Record<string, string>> = {},
): InterruptedWork {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const controller = new AbortController();
  let stderr = '';
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
  const told = new Writable({
    write(chunk, _encoding, done) {
      stderr += chunk;
      done();
    },
  });
  const { signal } = controller;
  return {
    async run() {
      const status = await runCli(args, { stdout: nothing, stderr: told, stdin: new PassThrough().end(), env, signal });
      if (status !== 0) throw status;
    },
    interrupt: () => controller.abort(),
    check(end) {
      const status = end.status === 'rejected' ? end.reason : 0;
      const left = readdirSync(folder).sort();
      // Notes may come first.
      const errors = stderr.replace(/^(?!tddfa:).*\n/gm, '');
      const expected = status === 0 ? [0, '', files] : [130, 'tddfa: interrupted\n', []];
      // It may have finished except for its last message.
      if (status === 130 && left.join() === files.join()) return;
      deepStrictEqual([status, errors, left], expected);
    },
  };
}

/** @param scratch - a folder for files. */
export async function interruptedWorks(scratch: string): Promise<InterruptedWorks> {
  const files = new Map(
    readdirSync(OPEN, { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      return entry.isFile() ? [[path.slice(OPEN.length + 1), new Uint8Array(readFileSync(path))] as const] : [];
    }),
  );
  const image = await readImage(PORTRAIT);
  const photo = new Uint8Array(readFileSync(PORTRAIT));
  const aligner = await createFaceAligner({ weights: fileWeights(OPEN) });
  const boxes = await aligner.detect(image);
  const faces = await aligner.align(image, boxes);
  aligner.dispose();
  const pool = await createFaceAlignerPool({ size: 1, weights: OPEN });
  const server = await startServer(serveFolder(join(OPEN, '..')));
  const boxesFile = join(scratch, 'boxes.json');
  writeFileSync(boxesFile, JSON.stringify(boxes));

  const equals =
    (expected: unknown) =>
    (result: unknown): void => {
      if (!isDeepStrictEqual(result, expected)) throw new Error('the result differs');
    };

  function making(weights: () => WeightSource): InterruptedWork {
    return abortable(
      (signal) => createFaceAligner({ weights: weights(), signal, onProgress: () => {} }),
      async (made) => {
        equals(faces)(await made.align(image, boxes));
        made.dispose();
      },
    );
  }

  /** Work of an aligner that is disposed of meanwhile. */
  async function disposing(
    run: (one: Awaited<ReturnType<typeof createFaceAligner>>) => Promise<unknown>,
    expected: unknown,
  ) {
    const one = await createFaceAligner({ weights: memoryWeights(files) });
    return {
      run: () => run(one),
      interrupt: () => one.dispose(),
      check(end: PromiseSettledResult<unknown>): void {
        one.dispose();
        if (end.status === 'fulfilled') equals(expected)(end.value);
        else if (!(end.reason instanceof DisposedError)) throw end.reason;
      },
    };
  }

  const target = join(scratch, 'download', 'photo.png');
  const works = new Map<string, () => Promise<InterruptedWork> | InterruptedWork>([
    ['an aligner made from memory', () => making(() => memoryWeights(files))],
    ['an aligner made from files', () => making(() => fileWeights(OPEN))],
    ['an aligner made from a server', () => making(() => httpWeights(`${server.url}/open`))],
    [
      'a pack that is verified',
      () =>
        abortable(
          async (signal) => (await openPack(httpWeights(`${server.url}/open`), { signal })).verify(),
          () => {},
        ),
    ],
    [
      'a pool that is made',
      () =>
        abortable(
          (signal) => createFaceAlignerPool({ size: 2, weights: OPEN, signal }),
          async (made) => {
            equals(faces)(await made.align(image, boxes));
            await made.dispose();
          },
        ),
    ],
    ["a pool's detect", () => abortable((signal) => pool.detect(image, { signal }), equals(boxes))],
    ["a pool's align", () => abortable((signal) => pool.align(image, boxes, { signal }), equals(faces))],
    [
      "a pool's alignFile",
      () => abortable((signal) => pool.alignFile(photo, { signal }), equals({ width: 512, height: 512, boxes, faces })),
    ],
    [
      "a pool's decodeImage",
      () =>
        abortable(
          (signal) => pool.decodeImage(photo, { signal }),
          ({ data }) => equals(true)(Buffer.from(data).equals(Buffer.from(image.data))),
        ),
    ],
    ['detect and dispose', () => disposing((one) => one.detect(image), boxes)],
    ['align and dispose', () => disposing((one) => one.align(image, boxes), faces)],
    [
      'a picture that is downloaded',
      () =>
        abortable(
          (signal) => fetchPicture(`${server.url}/open/pack.json`, { signal, isAllowed: () => true }),
          (bytes) => equals(true)(Buffer.from(bytes).equals(Buffer.from(files.get('pack.json') ?? []))),
        ),
    ],
    [
      'a file that is downloaded',
      () => {
        const whole = files.get('pack.json') ?? new Uint8Array();
        rmSync(target, { force: true });
        return abortable(
          (signal) => downloadFile(`${server.url}/open/pack.json`, target, { blobId: gitBlobId(whole), signal }),
          () => {},
          () => equals(true)(!existsSync(target) || readFileSync(target).equals(whole)),
        );
      },
    ],
    [
      'tddfa align',
      () => {
        const folder = join(scratch, 'align');
        const args = ['align', PORTRAIT, '--weights', OPEN, '--boxes', boxesFile, '--json', join(folder, 'faces.json')];
        return command(folder, args, ['faces.json']);
      },
    ],
    [
      'tddfa convert',
      () => {
        const folder = join(scratch, 'convert');
        const [checkpoint, meanStd] = ['ema.pth.gz', 'row.mat'].map((name) => fixturePath('checkpoints', name));
        return command(
          folder,
          ['convert', checkpoint, '--mean-std', meanStd, '--no-base', '--out', join(folder, 'pack')],
          ['pack'],
        );
      },
    ],
  ]);
  if (hasFfmpeg()) {
    works.set('tddfa video', () => {
      const folder = join(scratch, 'video');
      const [film, lines] = ['film.mp4', 'lines.jsonl'].map((name) => join(folder, name));
      const args = ['video', PORTRAIT, PORTRAIT, PORTRAIT, '--weights', OPEN, '--out', film, '--json', lines];
      return command(folder, args, ['film.mp4', 'lines.jsonl']);
    });
  }
  if (existsSync(sharedPath('upstream'))) {
    works.set('tddfa weights pull', () => {
      const folder = join(scratch, 'pull');
      const from = ['--from', sharedPath('upstream'), '--only', 'faceboxes'];
      const args = ['weights', 'pull', '--accept-licence', ...from, '--out', join(folder, 'pack')];
      return command(folder, args, ['pack'], { TDDFA_CACHE: join(scratch, 'cache') });
    });
  }
  return {
    works,
    async dispose() {
      await pool.dispose();
      await server.close();
    },
  };
}
