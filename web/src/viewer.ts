import type { FaceEdit } from './studio-protocol.ts';
import type { SkinName, ViewerAnswer, ViewerRequest } from './viewer-protocol.ts';

const TURN_PER_PX = 0.008;
const TURN_PER_KEY = Math.PI / 24;
const ZOOM_PER_KEY = 1.15;
const LARGEST_PITCH = Math.PI / 2 - 0.05;
const ZOOMS = { least: 0.4, most: 6 } as const;

/** Events of the 3D view. */
export interface FaceViewerEvents {
  onError(message: string): void;
  /** The graphics card was lost, or is back. */
  onLost(isLost: boolean): void;
  /** The user took hold of it. */
  onTouch(): void;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The page's side of the 3D view: turns pointers, wheels and keys into angles. */
export class FaceViewer {
  readonly #worker: Worker;
  readonly #surface: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #events: FaceViewerEvents;
  /** Fingers and pointers that hold it, by their ids. */
  readonly #held = new Map<number, Point>();
  #yaw = 0;
  #pitch = 0;
  #zoom = 1;
  /** Whether left and right are swapped on the screen. */
  isMirrored = false;

  /**
   * @param surface - takes pointers and keys.
   * @param canvas - within it.
   * @param studio - where the faces come from.
   */
  constructor(surface: HTMLElement, canvas: HTMLCanvasElement, studio: MessagePort, events: FaceViewerEvents) {
    this.#surface = surface;
    this.#canvas = canvas;
    this.#events = events;
    this.#worker = new Worker(new URL('./viewer-worker.ts', import.meta.url), { type: 'module', name: 'viewer' });
    this.#worker.onmessage = ({ data }: MessageEvent<ViewerAnswer>) => {
      if ('error' in data) events.onError(data.error);
      else if ('lost' in data) events.onLost(data.lost);
      else canvas.dataset.drawn = String(data.drawn);
    };
    this.#worker.onerror = ({ message }) => events.onError(message || 'its worker could not be started');
    const offscreen = canvas.transferControlToOffscreen();
    this.#send({ type: 'canvas', canvas: offscreen, studio }, [offscreen, studio]);
    new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      const { width, height } = entry.contentRect;
      const pixelRatio = Math.min(2, globalThis.devicePixelRatio);
      this.#send({ type: 'resize', width: Math.round(width), height: Math.round(height), pixelRatio });
    }).observe(canvas);
    this.#listen();
  }

  edit(edit: Omit<FaceEdit, 'face'>): void {
    this.#send({ type: 'edit', edit });
  }

  material(name: SkinName): void {
    this.#send({ type: 'material', name });
  }

  sway(isOn: boolean): void {
    this.#canvas.dataset.sways = String(isOn);
    this.#send({ type: 'sway', isOn });
  }

  puppet(isOn: boolean): void {
    this.#send({ type: 'puppet', isOn });
  }

  clear(): void {
    this.#send({ type: 'clear' });
  }

  /** Back to where the camera was. */
  reset(): void {
    this.#yaw = 0;
    this.#pitch = 0;
    this.#zoom = 1;
    this.#look();
  }

  #listen(): void {
    const surface = this.#surface;
    surface.tabIndex = 0;
    surface.addEventListener('pointerdown', (event) => {
      this.#events.onTouch();
      surface.setPointerCapture(event.pointerId);
      this.#held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'] as const) {
      surface.addEventListener(end, ({ pointerId }) => this.#held.delete(pointerId));
    }
    surface.addEventListener('pointermove', (event) => this.#onMove(event));
    surface.addEventListener('dblclick', () => this.reset());
    surface.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        this.#events.onTouch();
        this.#zoomBy(Math.exp(-event.deltaY * 0.001));
      },
      { passive: false },
    );
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => this.#turn(-TURN_PER_KEY, 0),
      ArrowRight: () => this.#turn(TURN_PER_KEY, 0),
      ArrowUp: () => this.#turn(0, TURN_PER_KEY),
      ArrowDown: () => this.#turn(0, -TURN_PER_KEY),
      '+': () => this.#zoomBy(ZOOM_PER_KEY),
      '=': () => this.#zoomBy(ZOOM_PER_KEY),
      '-': () => this.#zoomBy(1 / ZOOM_PER_KEY),
      Home: () => this.reset(),
    };
    surface.addEventListener('keydown', (event) => {
      const action = actions[event.key];
      if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.#events.onTouch();
      action();
    });
  }

  /** One pointer turns it, two bring it nearer. Not every browser has `movementX`. */
  #onMove({ pointerId, clientX, clientY }: PointerEvent): void {
    const before = this.#held.get(pointerId);
    if (before === undefined) return;
    const now = { x: clientX, y: clientY };
    const [other] = [...this.#held].filter(([id]) => id !== pointerId);
    this.#held.set(pointerId, now);
    if (other === undefined) {
      const side = this.isMirrored ? -1 : 1;
      this.#turn(-side * (now.x - before.x) * TURN_PER_PX, (now.y - before.y) * TURN_PER_PX);
    } else {
      const apart = ({ x, y }: Point): number => Math.max(1, Math.hypot(x - other[1].x, y - other[1].y));
      this.#zoomBy(apart(now) / apart(before));
    }
  }

  #turn(yaw: number, pitch: number): void {
    this.#yaw += yaw;
    this.#pitch = Math.min(LARGEST_PITCH, Math.max(-LARGEST_PITCH, this.#pitch + pitch));
    this.#look();
  }

  #zoomBy(factor: number): void {
    this.#zoom = Math.min(ZOOMS.most, Math.max(ZOOMS.least, this.#zoom * factor));
    this.#look();
  }

  #look(): void {
    this.#canvas.dataset.yaw = this.#yaw.toFixed(3);
    this.#canvas.dataset.zoom = this.#zoom.toFixed(3);
    this.#send({ type: 'look', yaw: this.#yaw, pitch: this.#pitch, zoom: this.#zoom });
  }

  #send(message: ViewerRequest, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, [...transfer]);
  }
}
