import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { convertUpstream } from '../../converters/convert-upstream.ts';
import { type WrittenPack, writePack } from '../../converters/write-pack.ts';
import type { WeightStorage } from '../engine/weights/layers-file.ts';
import { TddfaError, WeightFormatError, WeightLoadError } from '../errors.ts';
import { makeFolder } from '../files/make-folder.ts';
import { withLock } from '../files/with-lock.ts';
import { writeFailure, writeFileAtomically } from '../files/write-file-atomically.ts';
import { type DownloadOptions, downloadFile, hasBlobId } from './download-file.ts';
import { gitBlobId } from './git-blob-id.ts';
import { UPSTREAM_FILES, type UpstreamModel } from './upstream-files.ts';

export interface PullOptions {
  /** Where the files come from: a folder, or a URL without a trailing slash. */
  readonly from: string;
  readonly models: readonly UpstreamModel[];
  /** Where they are kept until they are converted; files already there are not fetched again. */
  readonly downloads: string;
  /** The pack that they become or are added to. */
  readonly out: string;
  readonly storage: WeightStorage;
  readonly signal: AbortSignal;
  readonly onProgress: (file: string, loadedBytes: number, totalBytes: number | undefined) => void;
  /** Called when another process is downloading to the same place and has to finish first. */
  readonly onWait?: () => void;
  /** For tests: how long to wait before trying again. */
  readonly download?: Pick<DownloadOptions, 'attempts' | 'retryDelayMilliseconds' | 'silenceMilliseconds'>;
}

/**
 * Fetches files of the original, checks each and converts them into a pack. It stops at the first file that fails;
 * earlier ones are kept for the next run and removed once there is a pack. Processes that download to the same place
 * take turns.
 * @param isDone - called when it is this process's turn: another one may have made the pack in the meantime.
 * @returns undefined if `isDone` returned true.
 * @throws WeightLoadError, WeightFormatError, TddfaError if the pack cannot be written, or the signal's reason.
 */
export async function pullWeights(
  options: PullOptions,
  isDone: () => Promise<boolean> = async () => false,
): Promise<WrittenPack | undefined> {
  const { downloads, signal, onWait } = options;
  const pullOnce = async (): Promise<WrittenPack | undefined> => {
    if (await isDone()) return undefined;
    const written = await pullAlone(options);
    await rm(downloads, { recursive: true, force: true });
    return written;
  };
  try {
    await makeFolder(dirname(downloads));
  } catch (cause) {
    throw new TddfaError(`cannot write ${downloads}: ${writeFailure(cause)}`, { cause });
  }
  return withLock(`${downloads}.lock`, pullOnce, { signal, onWait });
}

async function pullAlone(options: PullOptions): Promise<WrittenPack> {
  const { from, models, downloads, out, signal, onProgress } = options;
  const files = UPSTREAM_FILES.filter((file) => models.includes(file.model));
  for (const { path, blobId } of files) {
    const target = join(downloads, path);
    if (/^https?:\/\//.test(from)) {
      await downloadFile(`${from}/${path}`, target, {
        ...options.download,
        blobId,
        signal,
        onProgress: (loadedBytes, totalBytes) => onProgress(path, loadedBytes, totalBytes),
      });
    } else {
      signal.throwIfAborted();
      await takeFile(from, path, target, blobId);
    }
  }
  const { pack } = await convertUpstream(downloads, { signal });
  // An earlier pull that failed may have left more.
  const wanted = pack.models.filter(({ name }) => models.some((model) => model === name));
  return writePack(out, { ...pack, models: wanted }, { storage: options.storage, signal, onWait: options.onWait });
}

/** Copies a file from a folder in the original's layout, plain or gzipped, once its content is verified. */
async function takeFile(folder: string, path: string, target: string, blobId: string): Promise<void> {
  if (await hasBlobId(target, blobId)) return;
  // Folders assembled by hand have all checkpoints in one place.
  const candidates = [path, path.replace(/^FaceBoxes\//, '')].flatMap((name) => [name, `${name}.gz`]);
  for (const candidate of new Set(candidates)) {
    const source = join(folder, candidate);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(source);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') continue;
      throw new WeightLoadError(source, (error as Error).message, { cause: error });
    }
    const content = candidate.endsWith('.gz') ? gunzip(source, bytes) : bytes;
    const actual = gitBlobId(content);
    if (actual !== blobId) {
      throw new WeightFormatError(source, 'is not the expected file: wrong git blob id', {
        expected: blobId,
        actual,
      });
    }
    await writeFileAtomically(target, content);
    return;
  }
  throw new WeightLoadError(join(folder, path), 'there is no such file');
}

function gunzip(file: string, bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNZIPPED_BYTES });
  } catch (error) {
    throw new WeightFormatError(file, `cannot be decompressed: ${(error as Error).message}`, { cause: error });
  }
}

const MAX_UNZIPPED_BYTES = 2 ** 30;
