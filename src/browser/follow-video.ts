/**
 * Faces from a camera or a video, frame by frame, for drawing an overlay, a mask or an avatar.
 *
 * A frame is taken when the browser shows it, its pixels go to the aligner's worker, and its faces come back together
 * with the frame itself, so that both can be drawn as one picture. While a frame is being processed, only the newest of
 * those that follow is kept: under load frames are dropped, never queued.
 */
import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { withDispose } from '../disposable.ts';
import { CameraError } from '../errors.ts';
import type { FaceAligner } from '../face-aligner.ts';
import { createFaceTracker, type FaceTrackerOptions, type TrackedFace } from '../video/tracker.ts';
import { OPEN_CAMERA_OPTION_NAMES, type OpenCameraOptions, openCamera, stopTracks } from './open-camera.ts';
import { presentFrame } from './present-frame.ts';
import { readPixels } from './read-pixels.ts';

/** An element that plays, a stream, or `'camera'`, which is opened and later closed. */
export type VideoToFollow = HTMLVideoElement | MediaStream | 'camera';

/** A frame and its faces. */
export interface FollowedFrame {
  /** Oldest id first; `[]` if there are none. In px of `frame`. */
  readonly faces: readonly TrackedFace[];
  /** The very frame in which the faces were found, for `drawImage`. Closed when `onFaces` is done with it. */
  readonly frame: ImageBitmap;
  /** Size of the frame, px. */
  readonly width: number;
  readonly height: number;
  /** When the frame was taken, ms, on the clock of `performance.now()`. */
  readonly timeMs: number;
  /** Frames dropped since the previous one, because that one was still being processed. */
  readonly dropped: number;
}

/** Options of {@link followVideo}. */
export interface FollowVideoOptions {
  /** Finds the faces; preferably one from `createFaceAlignerWorker`. It is not disposed. */
  readonly aligner: FaceAligner;
  /** How faces are followed. */
  readonly tracker?: FaceTrackerOptions;
  /** For `'camera'`: which camera to open, and its frame size. */
  readonly camera?: Omit<OpenCameraOptions, 'signal'>;
  /** Whether to pause while the page is hidden. Default true. */
  readonly pauseWhenHidden?: boolean;
  /** Ends following, as `stop` does. */
  readonly signal?: AbortSignal;
}

const FOLLOW_OPTION_NAMES: OptionNames<FollowVideoOptions> = {
  aligner: true,
  tracker: true,
  camera: true,
  pauseWhenHidden: true,
  signal: true,
};

/** A camera or video that is being followed. */
export interface VideoFollower {
  /** Settles when the first frame can be taken. @throws CameraError, or the reason it ended before that. */
  readonly ready: Promise<void>;
  /**
   * Settles when no more frames will come: after `stop`, or when the video ends.
   * @throws CameraError if the camera fails, and whatever the aligner or `onFaces` threw.
   */
  readonly finished: Promise<void>;
  /** The camera or the stream; absent for an element that plays a file. */
  readonly stream: MediaStream | undefined;
  /** Skips frames until `resume`. A camera stays open. */
  pause(): void;
  resume(): void;
  /**
   * Ends it, whatever is pending. A camera that `followVideo` opened is closed, even if permission is granted only
   * afterwards; the caller's elements and streams are left as they are. `onFaces` is not called again. Idempotent.
   */
  stop(): void;
  /** Calls `stop`; for `using`, in engines that support it. */
  [Symbol.dispose](): void;
}

/**
 * Follows the faces of a camera, a stream or a video element.
 * @param source - an element is played and paused by the caller; one from another site needs its `crossorigin`
 *   attribute.
 * @param onFaces - called for each frame; the next frame waits for the promise it returns, if any.
 * @returns at once, before the camera is open, so that it can be stopped at any time.
 * @throws TypeError naming the invalid argument; what `createFaceTracker` throws.
 */
export function followVideo(
  source: VideoToFollow,
  onFaces: (result: FollowedFrame) => void | Promise<void>,
  options: FollowVideoOptions,
): VideoFollower {
  const isElement = source instanceof HTMLVideoElement;
  const isStream = source instanceof MediaStream;
  if (source !== 'camera' && !isElement && !isStream) {
    throw new TypeError(`source: expected a video element, a MediaStream or 'camera', got ${String(source)}`);
  }
  if (typeof onFaces !== 'function') throw new TypeError('onFaces: expected a function');
  checkOptionNames<object>(options ?? null, FOLLOW_OPTION_NAMES, 'options', { camera: OPEN_CAMERA_OPTION_NAMES });
  const { aligner, camera, pauseWhenHidden = true, signal } = options;
  const tracker = createFaceTracker(aligner, options.tracker);
  const ended = new AbortController();
  let resolveFinished = (): void => {};
  let rejectFinished = (_error: unknown): void => {};
  const finished = new Promise<void>((resolve, reject) => {
    resolveFinished = resolve;
    rejectFinished = reject;
  });
  const cleanUps: (() => void)[] = [];
  let stream: MediaStream | undefined;
  let isPaused = false;
  /** The newest frame not yet processed; below, the frames dropped since the last processed one. */
  let waiting: WaitingFrame | undefined;
  let dropped = 0;
  let isWorking = false;
  /** Camera clocks may stall or restart, yet reported times must keep increasing. */
  let lastMs = 0;

  function end(error?: unknown): void {
    if (ended.signal.aborted) return;
    ended.abort(error ?? new DOMException('stopped', 'AbortError'));
    for (const cleanUp of cleanUps.splice(0)) cleanUp();
    waiting?.frame.close();
    waiting = undefined;
    if (error === undefined) resolveFinished();
    else rejectFinished(error);
  }

  /** Anything that opens after the end is closed at once. */
  function whenEnded(cleanUp: () => void): void {
    if (ended.signal.aborted) cleanUp();
    else cleanUps.push(cleanUp);
  }

  function offer(frame: VideoFrame | ImageBitmap, timeMs: number): void {
    if (ended.signal.aborted || isResting()) {
      frame.close();
      return;
    }
    if (waiting !== undefined) {
      waiting.frame.close();
      dropped++;
    }
    lastMs = Math.max(timeMs, lastMs + 1);
    waiting = { frame, timeMs: lastMs };
    if (!isWorking) void work();
  }

  async function work(): Promise<void> {
    isWorking = true;
    try {
      while (waiting !== undefined) {
        const { frame: taken, timeMs } = waiting;
        const left = dropped;
        waiting = undefined;
        dropped = 0;
        const frame = await toBitmap(taken);
        try {
          const pixels = await readPixels(frame);
          const { width, height } = pixels;
          const faces = await tracker.next(pixels, timeMs);
          if (ended.signal.aborted) return;
          await onFaces({ faces, frame, width, height, timeMs, dropped: left });
        } finally {
          frame.close();
        }
      }
    } catch (error) {
      end(error);
    } finally {
      isWorking = false;
    }
  }

  function isResting(): boolean {
    return isPaused || (pauseWhenHidden && document.hidden);
  }

  async function start(): Promise<void> {
    if (isElement) {
      whenEnded(followElement(source, offer, end));
      return;
    }
    if (source === 'camera') {
      const opened = await openCamera({ ...camera, signal: ended.signal });
      stream = opened;
      whenEnded(() => stopTracks(opened));
    } else {
      stream = source;
    }
    const [track] = stream.getVideoTracks();
    if (track === undefined) throw new TypeError('source: expected a stream with video');
    const onEnded = (): void => end(new CameraError('unplugged'));
    track.addEventListener('ended', onEnded);
    whenEnded(() => track.removeEventListener('ended', onEnded));
    if (track.readyState === 'ended') throw new CameraError('unplugged');
    whenEnded(await followTrack(stream, track, offer, end));
  }

  const stop = (): void => end();
  if (signal !== undefined) {
    signal.addEventListener('abort', stop, { once: true });
    whenEnded(() => signal.removeEventListener('abort', stop));
  }
  const ready = start().then(() => ended.signal.throwIfAborted());
  ready.catch((error) => end(error));
  // Prevents an unhandled rejection if nobody waits for it; `finished` still rejects for those who do.
  finished.catch(() => {});
  if (signal?.aborted) stop();

  const follower: Omit<VideoFollower, typeof Symbol.dispose> = {
    ready,
    finished,
    get stream() {
      return stream;
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
    },
    stop,
  };
  return withDispose(follower, stop);
}

interface WaitingFrame {
  readonly frame: VideoFrame | ImageBitmap;
  readonly timeMs: number;
}

type Offer = (frame: VideoFrame | ImageBitmap, timeMs: number) => void;
type End = (error?: unknown) => void;

/** Takes the frames of an element as it shows them. @returns a function that ends it. */
function followElement(video: HTMLVideoElement, offer: Offer, end: End): () => void {
  let isOver = false;
  const take = async (timeMs: number): Promise<void> => {
    try {
      const frame = await presentFrame(video);
      if (isOver) frame.close();
      else offer(frame, timeMs);
    } catch (error) {
      if (!isOver) end(error);
    }
  };
  const onFrame = (now: number, shown?: VideoFrameCallbackMetadata): void => {
    if (isOver) return;
    // Without the frame callback, the element may have no frame yet, or still the previous one.
    if (video.readyState >= 2) void take(shown?.captureTime ?? shown?.presentationTime ?? now);
    next();
  };
  const next = (): void => {
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(onFrame);
    else requestAnimationFrame(onFrame);
  };
  const onEnded = (): void => end();
  const onError = (): void => end(video.error ?? new Error('the video cannot be shown'));
  video.addEventListener('ended', onEnded);
  video.addEventListener('error', onError);
  next();
  return () => {
    isOver = true;
    video.removeEventListener('ended', onEnded);
    video.removeEventListener('error', onError);
  };
}

/**
 * Camera frames are scarce: Chromium delivers no more while two of them are open, so none would be newer than the one
 * being processed. A bitmap is a copy.
 */
async function toBitmap(frame: VideoFrame | ImageBitmap): Promise<ImageBitmap> {
  if (frame instanceof ImageBitmap) return frame;
  try {
    return await createImageBitmap(frame);
  } finally {
    frame.close();
  }
}

/** `MediaStreamTrackProcessor` is not in TypeScript's DOM library, as Firefox does not have it. */
interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame>;
}
type TrackProcessorClass = new (options: { track: MediaStreamTrack; maxBufferSize: number }) => TrackProcessor;

/** Takes the frames of a track: straight from it if the browser can, else from a hidden element that plays it. */
async function followTrack(stream: MediaStream, track: MediaStreamTrack, offer: Offer, end: End): Promise<() => void> {
  const Processor = (globalThis as { MediaStreamTrackProcessor?: TrackProcessorClass }).MediaStreamTrackProcessor;
  if (Processor !== undefined) {
    const reader = new Processor({ track, maxBufferSize: 1 }).readable.getReader();
    // By the camera's clock, which runs like the page's but from another origin: a frame that is delivered late keeps
    // its time, and smoothing needs to know how long a face took from one place to the next.
    let beginMs = Number.NaN;
    const read = async (): Promise<void> => {
      try {
        for (;;) {
          const { value, done } = await reader.read();
          if (done) {
            // A camera that is disconnected fires an event of its own, which comes first.
            setTimeout(() => end(), 0);
            return;
          }
          const ownMs = value.timestamp / 1000;
          const nowMs = performance.now() - ownMs;
          // Gradually, as no two clocks run equally fast; at once if the camera's restarted.
          beginMs = Math.abs(nowMs - beginMs) < 1000 ? beginMs + (nowMs - beginMs) / 64 : nowMs;
          offer(value, ownMs + beginMs);
        }
      } catch (error) {
        end(error);
      }
    };
    void read();
    return () => void reader.cancel().catch(() => {});
  }
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  await video.play();
  const stopFollowing = followElement(video, offer, end);
  return () => {
    stopFollowing();
    video.pause();
    video.srcObject = null;
  };
}
