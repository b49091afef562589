import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { CameraError, type CameraProblem } from '../errors.ts';

/** Options of {@link openCamera}. */
export interface OpenCameraOptions {
  /** `front` (default) faces the person holding the phone, `back` away from them. */
  readonly facing?: 'front' | 'back';
  /** Id of one camera, from `navigator.mediaDevices.enumerateDevices()`; `facing` is then ignored. */
  readonly deviceId?: string;
  /** Requested size, px; the camera may deliver another. Default 640 x 480. */
  readonly width?: number;
  readonly height?: number;
  /** Cancels opening; a camera that opens later is closed at once. */
  readonly signal?: AbortSignal;
}

export const OPEN_CAMERA_OPTION_NAMES: OptionNames<OpenCameraOptions> = {
  facing: true,
  deviceId: true,
  width: true,
  height: true,
  signal: true,
};

/** By the name of the error that `getUserMedia` throws. */
const PROBLEMS: Readonly<Record<string, CameraProblem>> = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'busy',
};

/**
 * Opens a camera. The caller stops its tracks; if `signal` is aborted, nothing stays open, even if the user answers the
 * permission prompt afterwards.
 * @throws CameraError, whose `problem` is the cause; the signal's reason; TypeError or RangeError naming the option.
 */
export async function openCamera(options: OpenCameraOptions = {}): Promise<MediaStream> {
  checkOptionNames(options, OPEN_CAMERA_OPTION_NAMES);
  const { facing = 'front', deviceId, width = 640, height = 480, signal } = options;
  if (facing !== 'front' && facing !== 'back') {
    throw new TypeError(`facing: expected 'front' or 'back', got '${facing}'`);
  }
  for (const [name, value] of Object.entries({ width, height })) {
    if (!(value >= 1 && value < Infinity)) throw new RangeError(`${name}: expected at least 1 px, got ${value}`);
  }
  signal?.throwIfAborted();
  // Absent if the page is not from https or this device, or if the browser has no cameras at all.
  if (navigator.mediaDevices === undefined) throw new CameraError('insecure');
  const opening = navigator.mediaDevices.getUserMedia({
    video: {
      width,
      height,
      ...(deviceId ? { deviceId: { exact: deviceId } } : { facingMode: facing === 'front' ? 'user' : 'environment' }),
    },
  });
  try {
    return await (signal === undefined ? opening : unlessAborted(opening, signal));
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    const name = cause instanceof Error || cause instanceof DOMException ? cause.name : '';
    throw new CameraError(PROBLEMS[name] ?? 'failed', { cause });
  }
}

/** Stops all tracks of a stream: the camera's light goes out. */
export function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function unlessAborted(opening: Promise<MediaStream>, signal: AbortSignal): Promise<MediaStream> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    opening
      .then((stream) => {
        if (signal.aborted) stopTracks(stream);
        else resolve(stream);
      }, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
