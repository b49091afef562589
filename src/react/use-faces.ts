import { type RefObject, useEffect, useRef, useState } from 'react';
import { createFaceAlignerWorker } from '../browser/face-aligner-worker.ts';
import { type FollowedFrame, followVideo } from '../browser/follow-video.ts';
import { type OpenCameraOptions, openCamera, stopTracks } from '../browser/open-camera.ts';
import type { WeightSource } from '../engine/weights/weight-source.ts';
import type { FaceAligner } from '../face-aligner.ts';
import type { FaceTrackerOptions, TrackedFace } from '../video/tracker.ts';

/** Options of {@link useFaces}. They are read when the component mounts, `onFaces` at every frame. */
export interface UseFacesOptions {
  /**
   * Finds the faces; it is not disposed. Without it one is created in a worker from `weights` and disposed with the
   * component.
   */
  readonly aligner?: FaceAligner;
  /** The pack, if there is no `aligner`: `httpWeights(…)`. */
  readonly weights?: WeightSource;
  /**
   * Opens a camera and shows it in the element; it is closed with the component. Default false: the element plays its
   * own source.
   */
  readonly camera?: boolean | Omit<OpenCameraOptions, 'signal'>;
  /** How faces are followed. */
  readonly tracker?: FaceTrackerOptions;
  /** Called for each frame, without re-rendering the component if `render` is false: for meshes and canvases. */
  readonly onFaces?: (result: FollowedFrame, aligner: FaceAligner) => void;
  /** Whether to re-render the component for each frame. Default true. */
  readonly render?: boolean;
}

/** What {@link useFaces} returns. */
export interface FacesOfVideo {
  /** The faces in the newest frame, oldest id first; `[]` before the first one, and always with `render: false`. */
  readonly faces: readonly TrackedFace[];
  /** Undefined until it is loaded. */
  readonly aligner: FaceAligner | undefined;
  /** `loading` the weights and the camera; `running`; `ended` with the video; `failed`. */
  readonly status: 'loading' | 'running' | 'ended' | 'failed';
  /** With status `failed`: a `CameraError`, `WeightLoadError` …, or what `onFaces` threw. */
  readonly error: unknown;
}

const LOADING: FacesOfVideo = { faces: [], aligner: undefined, status: 'loading', error: undefined };

/**
 * Follows the faces in a component's video element from when it is mounted until it is removed, even if something is
 * still pending then.
 * @param video - `useRef` of the `<video>`, which should be muted and play inline if it shows a camera.
 */
export function useFaces(video: RefObject<HTMLVideoElement | null>, options: UseFacesOptions): FacesOfVideo {
  const [result, setResult] = useState(LOADING);
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    const ended = new AbortController();
    follow(video, () => latest.current, ended.signal, setResult).catch((error: unknown) => {
      if (!ended.signal.aborted) setResult({ ...LOADING, status: 'failed', error });
    });
    return () => {
      ended.abort();
      setResult(LOADING);
    };
  }, [video]);
  return result;
}

async function follow(
  video: RefObject<HTMLVideoElement | null>,
  options: () => UseFacesOptions,
  signal: AbortSignal,
  setResult: (change: FacesOfVideo | ((before: FacesOfVideo) => FacesOfVideo)) => void,
): Promise<void> {
  const { aligner: given, weights, camera = false, tracker, render = true } = options();
  const element = video.current;
  if (element === null) throw new TypeError('video: expected the ref of a video element that is on the page');
  const aligner = given ?? (await loadAligner(weights, signal));
  const cleanUps: (() => void)[] = given === undefined ? [() => aligner.dispose()] : [];
  try {
    signal.throwIfAborted();
    let stream: MediaStream | undefined;
    if (camera !== false) {
      const opened = await openCamera({ ...(camera === true ? {} : camera), signal });
      cleanUps.push(() => {
        stopTracks(opened);
        if (element.srcObject === opened) element.srcObject = null;
      });
      stream = opened;
      element.srcObject = opened;
      await element.play();
      signal.throwIfAborted();
    }
    const follower = followVideo(
      // A stream reports when its camera is unplugged.
      stream ?? element,
      (frame) => {
        options().onFaces?.(frame, aligner);
        if (render) setResult((before) => ({ ...before, faces: frame.faces }));
      },
      { aligner, signal, ...(tracker && { tracker }) },
    );
    setResult({ faces: [], aligner, status: 'running', error: undefined });
    await follower.finished;
    if (!signal.aborted) setResult((before) => ({ ...before, status: 'ended' }));
  } finally {
    for (const cleanUp of cleanUps) cleanUp();
  }
}

async function loadAligner(weights: WeightSource | undefined, signal: AbortSignal): Promise<FaceAligner> {
  if (weights === undefined) throw new TypeError('options.weights: expected weights, or an aligner');
  return createFaceAlignerWorker({ weights, signal });
}
