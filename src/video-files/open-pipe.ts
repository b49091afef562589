import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { VideoFileError } from '../errors.ts';

/** Interval for polling a pipe that nobody writes to yet, ms. */
const LOOK_EVERY_MS = 50;

/**
 * Opens a named pipe once somebody writes to it. Simply opening it would block a thread that nothing can stop, not even
 * the end of the process.
 * @throws VideoFileError if the system cannot open it; the signal's reason if aborted.
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

/** Number of bytes read: 0 if there is no writer, undefined if there is one but no data yet. */
function readNow(descriptor: number, chunk: Uint8Array): number | undefined {
  try {
    return readSync(descriptor, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}
