import { button, canvas, complain, element, input } from './elements.ts';
import type { Player } from './player.ts';
import type { Studio } from './studio.ts';
import type { Overlays, SeenFace } from './studio-protocol.ts';

/** Kinds of drawings, in the order in which they are drawn over the photo. */
const SURFACE_KINDS = ['render', 'depth', 'pncc'] as const;
const LINE_KINDS = ['points', 'landmarks', 'boxes', 'pose'] as const;

export interface PhotoPanelEvents {
  /** Overlays were redrawn, in this many milliseconds. */
  onDrawn(milliseconds: number): void;
  onPlay(): void;
  /** The last frame is shown. */
  onPause(): Promise<void>;
  /** The video or camera was closed. */
  onClose(): void;
}

/** The panel with the photo or video, what is drawn over it, and the pose of the head. */
export class PhotoPanel {
  readonly #studio: Studio;
  readonly #player: Player;
  readonly #events: PhotoPanelEvents;
  readonly #canvas = canvas('picture');
  #isWipeHeld = new URLSearchParams(location.search).has('wipe');
  #onWipe: () => void = () => {};
  /** How often the overlays were changed and drawn. */
  #drawings = 0;

  constructor(studio: Studio, player: Player, events: PhotoPanelEvents) {
    this.#studio = studio;
    this.#player = player;
    this.#events = events;
    this.#canvas.dataset.drawings = '0';
    const offscreen = this.#canvas.transferControlToOffscreen();
    void studio.ask('canvas', offscreen, [offscreen]);
    void studio.ask('overlays', chosenOverlays());
    const stage = this.#canvas.closest('.stage');
    if (stage !== null) {
      new ResizeObserver(([entry]) => {
        if (entry === undefined) return;
        const ratio = Math.min(2, globalThis.devicePixelRatio);
        const { width, height } = entry.contentRect;
        void studio.ask('display', { width: Math.round(width * ratio), height: Math.round(height * ratio) });
      }).observe(stage);
    }
    const wipe = input('wipe');
    const onWipe = (): void => {
      element('wipe-label', HTMLElement).style.setProperty('--wipe', wipe.value);
      wipe.setAttribute('aria-valuetext', `${Math.round(Number(wipe.value) * 100)} %`);
      void studio.ask('wipe', Number(wipe.value));
    };
    wipe.addEventListener('input', () => {
      this.#isWipeHeld = true;
      onWipe();
    });
    this.#onWipe = onWipe;
    onWipe();

    for (const id of ['surfaces', 'lines']) {
      element(id, HTMLElement).addEventListener('change', () => void this.#onOverlays());
    }
    button('play').addEventListener('click', () => void this.#onPlayButton());
    button('stop').addEventListener('click', () => {
      player.close();
      this.showPlayer();
      events.onClose();
    });
    input('seek').addEventListener('input', ({ target }) => {
      player.position = Number((target as HTMLInputElement).value);
    });
  }

  /** The wipe goes through the middle of a photo's first face, until somebody moves it. */
  showWipe(face: SeenFace | undefined): void {
    if (this.#isWipeHeld || face === undefined) return;
    input('wipe').value = String(face.box.left + face.box.width / 2);
    this.#onWipe();
  }

  /** The frame has the picture's shape. */
  showSize({ width, height }: { readonly width: number; readonly height: number }): void {
    element('frame', HTMLElement).style.setProperty('--aspect', String(width / height));
    // The placeholder from before anything was computed.
    document.getElementById('first')?.remove();
  }

  /** Updates the player's controls. */
  showPlayer(): void {
    const player = this.#player;
    this.#canvas.classList.toggle('mirrored', player.isMirrored);
    element('wipe-label', HTMLElement).hidden = player.isPlaying;
    element('player', HTMLElement).hidden = !player.isOpen;
    button('play').textContent = player.isPlaying ? 'Pause and turn it' : 'Play';
    element('seek-label', HTMLElement).hidden = !player.canSeek;
  }

  /** Moves the slider to where the video is, unless the user holds it. */
  showPosition(): void {
    const slider = input('seek');
    if (this.#player.canSeek && document.activeElement !== slider) slider.value = String(this.#player.position);
  }

  /** @param face - without one there is no pose to show. */
  showPose(face: SeenFace | undefined): void {
    const angles = face && { Yaw: face.yawDegrees, Pitch: face.pitchDegrees, Roll: face.rollDegrees };
    element('pose', HTMLElement).replaceChildren(
      ...Object.entries(angles ?? {}).map(([term, degrees]) => {
        const pair = document.createElement('div');
        const dt = Object.assign(document.createElement('dt'), { textContent: term });
        pair.append(dt, Object.assign(document.createElement('dd'), { textContent: `${degrees.toFixed(1)}°` }));
        return pair;
      }),
    );
  }

  async #onOverlays(): Promise<void> {
    try {
      const milliseconds = await this.#studio.ask('overlays', chosenOverlays());
      this.#drawings++;
      this.#canvas.dataset.drawings = String(this.#drawings);
      this.#events.onDrawn(milliseconds);
    } catch (error) {
      complain((error as Error).message);
    }
  }

  async #onPlayButton(): Promise<void> {
    try {
      if (this.#player.isPlaying) {
        await this.#player.pause();
        await this.#events.onPause();
      } else {
        await this.#player.play();
        this.#events.onPlay();
      }
    } catch (error) {
      complain((error as Error).message);
    }
    this.showPlayer();
  }
}

function chosenOverlays(): Overlays {
  const isChecked = (key: string) => document.querySelector<HTMLInputElement>(`#lines [name=${key}]`)?.checked === true;
  const surface = document.querySelector<HTMLInputElement>('#surfaces :checked')?.value;
  const kinds = [...SURFACE_KINDS.filter((kind) => kind === surface), ...LINE_KINDS.filter(isChecked)];
  return { kinds, background: isChecked('black') ? 'black' : 'image' };
}
