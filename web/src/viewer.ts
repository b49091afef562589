import type { FaceSurface, ViewedFace } from './studio-protocol.ts';
import type { ViewerAnswer, ViewerRequest } from './viewer-protocol.ts';

const TURN_PER_PX = 0.008;
const TURN_PER_KEY = Math.PI / 24;
const ZOOM_PER_KEY = 1.15;
const LARGEST_PITCH = Math.PI / 2 - 0.05;

/** The page's side of the 3D view: turns pointers, wheels and keys into angles. */
export class FaceViewer {
  readonly #worker: Worker;
  readonly #surface: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  #yaw = 0;
  #pitch = 0;
  #zoom = 1;

  /**
   * @param surface - takes pointers and keys.
   * @param canvas - within it.
   */
  constructor(surface: HTMLElement, canvas: HTMLCanvasElement, onError: (message: string) => void) {
    this.#surface = surface;
    this.#canvas = canvas;
    this.#worker = new Worker(new URL('./viewer-worker.ts', import.meta.url), { type: 'module', name: 'viewer' });
    this.#worker.onmessage = ({ data }: MessageEvent<ViewerAnswer>) => {
      if ('error' in data) onError(data.error);
      else canvas.dataset.drawn = String(data.drawn);
    };
    const offscreen = canvas.transferControlToOffscreen();
    this.#send({ type: 'canvas', canvas: offscreen }, [offscreen]);
    new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      const { width, height } = entry.contentRect;
      const pixelRatio = Math.min(2, globalThis.devicePixelRatio);
      this.#send({ type: 'resize', width: Math.round(width), height: Math.round(height), pixelRatio });
    }).observe(canvas);
    this.#listen();
  }

  show(mesh: ViewedFace): void {
    const { positions, normals, triangles, uvs, texture } = mesh;
    this.#send({ type: 'mesh', mesh }, [positions.buffer, normals.buffer, triangles.buffer, uvs.buffer, texture]);
  }

  change(surface: FaceSurface): void {
    this.#send({ type: 'surface', surface }, [surface.positions.buffer, surface.normals.buffer]);
  }

  material(name: 'photo' | 'clay' | 'wireframe'): void {
    this.#send({ type: 'material', name });
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
    surface.addEventListener('pointerdown', (event) => surface.setPointerCapture(event.pointerId));
    surface.addEventListener('pointermove', (event) => {
      if (event.buttons !== 0) this.#turn(-event.movementX * TURN_PER_PX, event.movementY * TURN_PER_PX);
    });
    surface.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
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
      action();
    });
  }

  #turn(yaw: number, pitch: number): void {
    this.#yaw += yaw;
    this.#pitch = Math.min(LARGEST_PITCH, Math.max(-LARGEST_PITCH, this.#pitch + pitch));
    this.#look();
  }

  #zoomBy(factor: number): void {
    this.#zoom = Math.min(6, Math.max(0.4, this.#zoom * factor));
    this.#look();
  }

  #look(): void {
    this.#canvas.dataset.yaw = this.#yaw.toFixed(3);
    this.#send({ type: 'look', yaw: this.#yaw, pitch: this.#pitch, zoom: this.#zoom });
  }

  #send(message: ViewerRequest, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, [...transfer]);
  }
}
