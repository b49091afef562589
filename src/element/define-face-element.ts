import { drawFace, type LoadedFace, loadFace, MAX_TURN } from './face-view.ts';

/** Options of {@link defineFaceElement}. */
export interface FaceElementOptions {
  /** Name of the element, with a hyphen. Default `tddfa-face`. */
  readonly name?: string;
  /** Address of the pack's folder, for elements without a `weights` attribute. */
  readonly weights?: string;
}

/** The `detail` of a face element's `load` event. */
export interface FaceLoadDetail {
  /** Number of faces in the photo. */
  readonly faceCount: number;
  /** The parameters of the face that is shown, and its crop on the photo. */
  readonly face: LoadedFace['face'];
}

/** Degrees turned by an arrow key, and by a drag across the element's whole width. */
const KEY_DEGREES = 5;
const DRAG_DEGREES = 160;
const SWAY = { degrees: 25, periodMs: 5000 } as const;

const STYLE = `:host{display:inline-block;width:320px;height:320px;touch-action:pan-y;cursor:grab}
:host([hidden]){display:none}:host(:active){cursor:grabbing}
canvas{display:block;width:100%;height:100%}p{margin:0;font:inherit;text-align:center}p:empty{display:none}`;

const ATTRIBUTES = ['src', 'weights', 'face', 'yaw', 'pitch', 'alt'];

/**
 * Defines the element `<tddfa-face src="portrait.jpg">`: the face in a photo as a textured surface that turns by
 * dragging, by touch and with the arrow keys, and faces forward again on a double click or Home.
 *
 * Attributes: `src`, the photo; `weights`, the pack's folder; `face`, which of several, from 0; `yaw` and `pitch`, the
 * initial direction in degrees; `sway`, keeps the face moving until it is touched, unless the user prefers reduced
 * motion; `alt`, its accessible name.
 *
 * Events: `progress` (`ProgressEvent`, bytes of the weights), `load` (`CustomEvent` of {@link FaceLoadDetail}), `turn`
 * (`CustomEvent` of `{ yawDegrees, pitchDegrees }`), `error` (`ErrorEvent`, whose `error` is an `ImageDecodeError`, a
 * `WeightLoadError` …).
 *
 * Defining it a second time does nothing.
 */
export function defineFaceElement({ name = 'tddfa-face', weights: defaultWeights }: FaceElementOptions = {}): void {
  if (customElements.get(name) !== undefined) return;

  class FaceElement extends HTMLElement {
    static readonly observedAttributes = ATTRIBUTES;
    readonly #canvas = document.createElement('canvas');
    readonly #message = document.createElement('p');
    readonly #resizes = new ResizeObserver(() => this.#draw(2));
    #loaded: LoadedFace | undefined;
    #loading: AbortController | undefined;
    #isDue = false;
    #turn: [yaw: number, pitch: number] = [0, 0];
    #swayFrame = 0;
    #drag: { readonly x: number; readonly y: number; readonly turn: readonly [number, number] } | undefined;
    #settle: ReturnType<typeof setTimeout> | undefined;

    constructor() {
      super();
      const style = document.createElement('style');
      style.textContent = STYLE;
      this.#message.setAttribute('role', 'status');
      this.attachShadow({ mode: 'open' }).append(style, this.#canvas, this.#message);
      this.addEventListener('pointerdown', (event) => this.#grab(event));
      this.addEventListener('pointermove', (event) => this.#pull(event));
      for (const end of ['pointerup', 'pointercancel']) this.addEventListener(end, () => (this.#drag = undefined));
      this.addEventListener('keydown', (event) => this.#press(event));
      this.addEventListener('dblclick', () => this.#turnTo(0, 0));
    }

    connectedCallback(): void {
      if (!this.hasAttribute('tabindex')) this.tabIndex = 0;
      if (!this.hasAttribute('role')) this.setAttribute('role', 'img');
      this.#resizes.observe(this);
      this.#name();
      this.#load();
    }

    disconnectedCallback(): void {
      this.#resizes.disconnect();
      this.#loading?.abort();
      this.#loaded = undefined;
      cancelAnimationFrame(this.#swayFrame);
      clearTimeout(this.#settle);
    }

    attributeChangedCallback(attribute: string, before: string | null, now: string | null): void {
      if (before === now || !this.isConnected) return;
      if (attribute === 'alt') this.#name();
      else if (attribute === 'yaw' || attribute === 'pitch') this.#turnTo(this.#number('yaw'), this.#number('pitch'));
      else this.#load();
    }

    /** Address of the photo, relative to the page. */
    get src(): string {
      return this.getAttribute('src') ?? '';
    }

    set src(address: string) {
      this.setAttribute('src', address);
    }

    /** Which way it is turned, degrees. */
    get yawDegrees(): number {
      return this.#turn[0];
    }

    get pitchDegrees(): number {
      return this.#turn[1];
    }

    #number(attribute: string): number {
      const value = Number(this.getAttribute(attribute) ?? 0);
      return Number.isFinite(value) ? value : 0;
    }

    #name(): void {
      this.setAttribute('aria-label', this.getAttribute('alt') ?? 'A face in 3D; arrow keys turn it');
    }

    /** Only the newest request counts: an earlier one is abandoned, however far it has got. */
    #load(): void {
      this.#loading?.abort();
      this.#loaded = undefined;
      this.#canvas.getContext('2d')?.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
      this.#message.textContent = '';
      if (this.src === '') return;
      const loading = new AbortController();
      this.#loading = loading;
      this.setAttribute('aria-busy', 'true');
      const weights = this.getAttribute('weights') ?? defaultWeights;
      const work =
        weights === undefined
          ? Promise.reject(new TypeError("weights: expected the attribute 'weights', the address of a pack"))
          : loadFace({
              photo: new URL(this.src, document.baseURI).href,
              weights: new URL(weights, document.baseURI).href,
              index: this.#number('face'),
              signal: loading.signal,
              onProgress: (loaded, total) =>
                this.dispatchEvent(new ProgressEvent('progress', { lengthComputable: total > 0, loaded, total })),
            });
      work.then(
        (face) => {
          if (!loading.signal.aborted) this.#show(face);
        },
        (error: unknown) => {
          if (!loading.signal.aborted) this.#fail(error);
        },
      );
    }

    #show(face: LoadedFace): void {
      this.removeAttribute('aria-busy');
      this.#loaded = face;
      this.#turn = [this.#number('yaw'), this.#number('pitch')];
      this.#draw(2);
      const detail: FaceLoadDetail = { faceCount: face.faceCount, face: face.face };
      this.dispatchEvent(new CustomEvent('load', { detail }));
      const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
      if (this.hasAttribute('sway') && !isStill) this.#sway(performance.now());
    }

    #fail(error: unknown): void {
      this.removeAttribute('aria-busy');
      const message = error instanceof Error ? error.message : String(error);
      this.#message.textContent = message;
      this.dispatchEvent(new ErrorEvent('error', { error, message }));
    }

    #sway(start: number): void {
      this.#swayFrame = requestAnimationFrame((now) => {
        if (this.#loaded === undefined) return;
        const yaw = SWAY.degrees * Math.sin(((now - start) / SWAY.periodMs) * 2 * Math.PI);
        this.#turn = [this.#number('yaw') + yaw, this.#turn[1]];
        this.#draw(1);
        this.#sway(start);
      });
    }

    #grab(event: PointerEvent): void {
      if (this.#loaded === undefined || !event.isPrimary) return;
      cancelAnimationFrame(this.#swayFrame);
      this.setPointerCapture(event.pointerId);
      this.#drag = { x: event.clientX, y: event.clientY, turn: this.#turn };
    }

    #pull(event: PointerEvent): void {
      if (this.#drag === undefined || !event.isPrimary) return;
      const { x, y, turn } = this.#drag;
      const perPx = DRAG_DEGREES / Math.max(1, this.clientWidth);
      this.#turnTo(turn[0] + (event.clientX - x) * perPx, turn[1] - (event.clientY - y) * perPx);
    }

    #press(event: KeyboardEvent): void {
      const [yaw, pitch] = this.#turn;
      const turns: Readonly<Record<string, readonly [number, number]>> = {
        ArrowLeft: [yaw - KEY_DEGREES, pitch],
        ArrowRight: [yaw + KEY_DEGREES, pitch],
        ArrowUp: [yaw, pitch + KEY_DEGREES],
        ArrowDown: [yaw, pitch - KEY_DEGREES],
        Home: [0, 0],
      };
      const turn = turns[event.key];
      if (turn === undefined || this.#loaded === undefined) return;
      event.preventDefault();
      cancelAnimationFrame(this.#swayFrame);
      this.#turnTo(...turn);
    }

    #turnTo(yaw: number, pitch: number): void {
      const within = (value: number, most: number): number => Math.min(Math.max(value, -most), most);
      this.#turn = [within(yaw, MAX_TURN.yawDegrees), within(pitch, MAX_TURN.pitchDegrees)];
      this.#draw(1);
      // Sharp again once it rests.
      clearTimeout(this.#settle);
      this.#settle = setTimeout(() => this.#draw(2), 150);
      const [yawDegrees, pitchDegrees] = this.#turn;
      this.dispatchEvent(new CustomEvent('turn', { detail: { yawDegrees, pitchDegrees } }));
    }

    /** Once per screen frame. */
    #draw(sharpness: number): void {
      if (this.#isDue) return;
      this.#isDue = true;
      requestAnimationFrame(() => {
        this.#isDue = false;
        if (this.#loaded === undefined || this.clientWidth === 0 || this.clientHeight === 0) return;
        drawFace(this.#canvas, this.#loaded, this.#turn, [this.clientWidth, this.clientHeight], sharpness);
      });
    }
  }

  customElements.define(name, FaceElement);
}
