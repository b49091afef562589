import { button, canvas, complain } from './elements.ts';
import { saveFile } from './save-file.ts';

/** Maximum length of a clip, s. */
const LONGEST_SECONDS = 15;
const SIDE = 480;
const FRAMES_PER_SECOND = 30;
const BACKGROUND = '#12181a';
/** The first one that the browser can write is used. */
const TYPES = ['video/webm;codecs=vp9', 'video/webm;codecs=vp8', 'video/webm', 'video/mp4'];

/** Records the picture and the 3D view beside it as a short clip. */
export class Recorder {
  readonly #button = button('record');
  #stop: (() => void) | undefined;

  /**
   * @param name - of the file, without its extension.
   * @param isMirrored - whether left and right are swapped on the screen.
   */
  constructor(name: () => string, isMirrored: () => boolean) {
    this.#button.addEventListener('click', () => {
      if (this.#stop !== undefined) this.#stop();
      else this.#record(name(), isMirrored());
    });
    const type = typeof MediaRecorder === 'function' && TYPES.find((known) => MediaRecorder.isTypeSupported(known));
    this.#button.hidden = !type || !('captureStream' in HTMLCanvasElement.prototype);
  }

  /** Ends a clip that is being recorded; it is saved. */
  stop(): void {
    this.#stop?.();
  }

  #record(name: string, isMirrored: boolean): void {
    const clip = Object.assign(document.createElement('canvas'), { width: 2 * SIDE, height: SIDE });
    const context = clip.getContext('2d');
    const type = TYPES.find((known) => MediaRecorder.isTypeSupported(known));
    if (context === null || type === undefined) return;
    const stream = clip.captureStream(FRAMES_PER_SECOND);
    const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 4_000_000 });
    const parts: Blob[] = [];
    const start = performance.now();
    let frame = 0;
    const paint = (): void => {
      const seconds = (performance.now() - start) / 1000;
      context.fillStyle = BACKGROUND;
      context.fillRect(0, 0, clip.width, clip.height);
      drawContained(context, canvas('picture'), 0, isMirrored);
      drawContained(context, canvas('viewer'), SIDE, isMirrored);
      this.#button.textContent = `Stop, ${seconds.toFixed(0)} s`;
      if (seconds >= LONGEST_SECONDS) this.#stop?.();
      else frame = requestAnimationFrame(paint);
    };
    recorder.addEventListener('dataavailable', ({ data }) => parts.push(data));
    recorder.addEventListener('error', () => complain('The clip could not be recorded.'));
    recorder.addEventListener('stop', () => {
      const ending = type.startsWith('video/mp4') ? 'mp4' : 'webm';
      saveFile({ name: `${name}.${ending}`, blob: new Blob(parts, { type }) });
    });
    this.#stop = () => {
      this.#stop = undefined;
      cancelAnimationFrame(frame);
      recorder.stop();
      for (const track of stream.getTracks()) track.stop();
      this.#button.textContent = 'Record a clip';
      this.#button.setAttribute('aria-pressed', 'false');
    };
    this.#button.setAttribute('aria-pressed', 'true');
    paint();
    recorder.start();
  }
}

/** Draws a canvas whole into one half of the clip. */
function drawContained(
  context: CanvasRenderingContext2D,
  source: HTMLCanvasElement,
  left: number,
  isMirrored: boolean,
): void {
  if (source.width === 0 || source.height === 0) return;
  const scale = SIDE / Math.max(source.width, source.height);
  const [width, height] = [source.width * scale, source.height * scale];
  context.save();
  context.translate(left + SIDE / 2, SIDE / 2);
  context.scale(isMirrored ? -1 : 1, 1);
  context.drawImage(source, -width / 2, -height / 2, width, height);
  context.restore();
}
