import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { VideoFileError } from '../errors.ts';

/** Pause between two looks at a pipe that nobody writes to yet, ms. */
const LOOK_EVERY_MS = 50;

/**
 * Opens a named pipe once somebody writes to it. Plain opening would wait in a thread that nothing ends, not even the end of
 * the process.
 * @throws VideoFileError where the system does not open it; the signal's reason where it is aborted.
 */
export async function openPipe(path: string, signal: AbortSignal): Promise<Readable> {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new VideoFileError(path, `cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
  try {
    const chunk = Buffer.alloc(65_536);
    let first = readNow(descriptor, chunk);
    while (first === 0) {
      await setTimeout(LOOK_EVERY_MS, undefined, { signal });
      first = readNow(descriptor, chunk);
    }
    const stream = new Socket({ fd: descriptor, readable: true, writable: false });
    if (first !== undefined) stream.unshift(chunk.subarray(0, first));
    return stream;
  } catch (error) {
    closeSync(descriptor);
    signal.throwIfAborted();
    throw error;
  }
}

/** How many bytes are there: 0 where nobody writes, undefined where somebody is about to. */
function readNow(descriptor: number, chunk: Uint8Array): number | undefined {
  try {
    return readSync(descriptor, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}
