import { type OpenCameraOptions, openCamera, stopTracks } from '../../src/browser/open-camera.ts';
import { presentFrame } from '../../src/browser/present-frame.ts';
import { CameraError } from '../../src/errors.ts';
import type { Studio } from './studio.ts';
import type { SeenPicture } from './studio-protocol.ts';

export interface PlayerEvents {
  /** @param framesPerSecond - of what plays; absent for a single frame. */
  onPicture(picture: SeenPicture, framesPerSecond: number | undefined): void;
  onError(error: Error): void;
  /** Which of the faces the 3D view shows. */
  chosenFace(): number;
}

/** Shows a video or a camera through the studio, as fast as possible; frames that come too fast are dropped. */
export class Player {
  readonly #video: HTMLVideoElement;
  readonly #studio: Studio;
  readonly #events: PlayerEvents;
  /** Changes with every start and stop, so that an old loop notices. */
  #run = 0;
  #url: string | undefined;
  /** The camera that is being opened. */
  #opening: AbortController | undefined;
  /** Ends what listens to the camera. */
  #listening: AbortController | undefined;
  /** The frame that was handed over last, once it is shown. */
  #shown: Promise<void> = Promise.resolve();
  /** Of the frame that was handed over last; a tracker only accepts later ones. */
  #timeMs = 0;

  constructor(video: HTMLVideoElement, studio: Studio, events: PlayerEvents) {
    this.#video = video;
    this.#studio = studio;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#url !== undefined || this.#video.srcObject !== null;
  }

  get isPlaying(): boolean {
    return this.isOpen && !this.#video.paused;
  }

  /** The open camera, if any. */
  get camera(): MediaStreamTrack | undefined {
    const stream = this.#video.srcObject;
    return stream instanceof MediaStream ? stream.getVideoTracks()[0] : undefined;
  }

  /** Whether it is mirrored on the screen: cameras are, except those at the back of a phone. */
  get isMirrored(): boolean {
    const { camera } = this;
    return camera !== undefined && camera.getSettings().facingMode !== 'environment';
  }

  /** Whether it can seek; a camera cannot. */
  get canSeek(): boolean {
    return this.#url !== undefined && Number.isFinite(this.#video.duration);
  }

  /** 0..1 of the video. */
  get position(): number {
    return this.canSeek ? this.#video.currentTime / this.#video.duration : 0;
  }

  set position(share: number) {
    if (!this.canSeek) return;
    this.#video.currentTime = share * this.#video.duration;
    void this.#studio.ask('restart', null);
    if (this.#video.paused) this.#video.addEventListener('seeked', () => void this.#showOne(), { once: true });
  }

  async openFile(file: Blob): Promise<void> {
    this.close();
    this.#url = URL.createObjectURL(file);
    this.#video.src = this.#url;
    this.#video.loop = true;
    await this.play();
  }

  async openCamera(options: Omit<OpenCameraOptions, 'signal'>): Promise<void> {
    this.close();
    const opening = new AbortController();
    this.#opening = opening;
    const stream = await openCamera({ ...options, signal: opening.signal });
    this.#video.srcObject = stream;
    const listening = new AbortController();
    this.#listening = listening;
    const onEnded = (): void => this.#events.onError(new CameraError('unplugged'));
    for (const track of stream.getVideoTracks()) {
      track.addEventListener('ended', onEnded, { signal: listening.signal });
    }
    await this.play();
  }

  async play(): Promise<void> {
    const run = ++this.#run;
    await this.#studio.ask('restart', null);
    if (run !== this.#run) return;
    await this.#video.play();
    if (run === this.#run) void this.#loop(run);
  }

  /** Processes the frame that is shown once more, for example with another model. */
  async showAgain(): Promise<void> {
    await this.#studio.ask('restart', null);
    await this.#showOne();
  }

  /** Settles when the last frame is shown. */
  async pause(): Promise<void> {
    this.#video.pause();
    await this.#shown.catch(() => {});
    this.#run++;
  }

  /** Also gives up a camera that has not been allowed yet: whatever opens later is closed at once. */
  close(): void {
    this.#run++;
    this.#opening?.abort();
    this.#opening = undefined;
    this.#listening?.abort();
    this.#listening = undefined;
    this.#video.pause();
    const stream = this.#video.srcObject;
    if (stream instanceof MediaStream) stopTracks(stream);
    this.#video.srcObject = null;
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#url = undefined;
    this.#video.removeAttribute('src');
  }

  /** One frame is fetched while the one before is computed: waiting for it would skip every second frame. */
  async #loop(run: number): Promise<void> {
    let interval: number | undefined;
    let last: number | undefined;
    const show = (picture: SeenPicture): void => {
      if (run !== this.#run) return;
      const now = performance.now();
      if (last !== undefined) interval = interval === undefined ? now - last : interval * 0.9 + (now - last) * 0.1;
      last = now;
      this.#events.onPicture(picture, interval === undefined ? undefined : 1000 / interval);
    };
    try {
      for (;;) {
        const timeMs = await this.#nextFrame();
        if (run !== this.#run) return;
        const seen = await this.#follow(timeMs);
        const present = seen().then(show);
        // Thrown when it is awaited.
        present.catch(() => {});
        const before = this.#shown;
        this.#shown = present;
        await before;
      }
    } catch (error) {
      if (run === this.#run) this.#events.onError(error as Error);
    }
  }

  async #showOne(): Promise<void> {
    const run = this.#run;
    try {
      const seen = await this.#follow(performance.now());
      const picture = await seen();
      if (run === this.#run) this.#events.onPicture(picture, undefined);
    } catch (error) {
      if (run === this.#run) this.#events.onError(error as Error);
    }
  }

  /** Hands over the current frame. @returns what will be seen in it. */
  async #follow(timeMs: number): Promise<() => Promise<SeenPicture>> {
    const bitmap = await presentFrame(this.#video);
    this.#timeMs = Math.max(timeMs, this.#timeMs + 1);
    const frame = { bitmap, timeMs: this.#timeMs, face: this.#events.chosenFace() };
    const seen = this.#studio.ask('follow', frame, [bitmap]);
    return () => seen;
  }

  /** When the video has a new frame. @returns its time, on the page's clock. */
  #nextFrame(): Promise<number> {
    const video = this.#video;
    return new Promise((resolve) => {
      if ('requestVideoFrameCallback' in video)
        video.requestVideoFrameCallback((_, shown) => resolve(shown.presentationTime));
      else requestAnimationFrame(resolve);
    });
  }
}

/** Why the camera cannot be used, and what to do. */
export function cameraProblem(error: Error): string {
  switch (error instanceof CameraError ? error.problem : undefined) {
    case 'denied':
      return 'Access to the camera was denied. Allow it in the address bar and try again, or choose a photo.';
    case 'missing':
      return 'There is no camera. Choose a photo or a video instead.';
    case 'busy':
      return 'The camera is in use by another program. Close that and try again.';
    case 'insecure':
      return 'Cameras only work on pages from https or from this device.';
    case 'unplugged':
      return 'The camera was disconnected. Plug it in and try again, or choose a photo.';
    default:
      return `The camera could not be started: ${error.message}`;
  }
}
