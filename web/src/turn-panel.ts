import { button, canvas, complain, element, input, select } from './elements.ts';
import { Sliders } from './sliders.ts';
import type { Studio } from './studio.ts';
import type { FaceEdit, LoadedPack, SeenFace } from './studio-protocol.ts';
import { FaceViewer } from './viewer.ts';
import type { SkinName } from './viewer-protocol.ts';

export interface TurnPanelEvents {
  /** The current face is to be shown as it was found. */
  onShow(): void;
  /** Whether there is now a face that can be changed and saved. */
  onHasFace(hasFace: boolean): void;
}

/** Sliders that follow a video are moved at this interval: each move redraws a part of the page. */
const LIVE_INTERVAL_MS = 80;
const NO_GRAPHICS = 'Pictures, overlays and downloads work without it.';

/** The panel in which one face is turned and changed: the 3D view, and sliders for its expression and shape. */
export class TurnPanel {
  readonly #studio: Studio;
  readonly #events: TurnPanelEvents;
  readonly #frontal = button('frontal');
  readonly #expression: Sliders;
  readonly #shape: Sliders;
  readonly #viewer: FaceViewer;
  /** Counts the faces that were requested, so that an older one is not mistaken for the newest. */
  #shows = 0;
  #lastLive = 0;
  #isBroken = false;

  constructor(studio: Studio, events: TurnPanelEvents) {
    this.#studio = studio;
    this.#events = events;
    const { port1, port2 } = new MessageChannel();
    void studio.ask('viewer', port1, [port1]);
    this.#viewer = new FaceViewer(element('turntable', HTMLElement), canvas('viewer'), port2, {
      onError: (message) => {
        this.#isBroken = true;
        note(`The 3D view cannot be shown: ${plain(message)} ${NO_GRAPHICS}`);
      },
      onLost: (isLost) => note(isLost ? `The connection to the graphics card was lost. ${NO_GRAPHICS}` : undefined),
      onTouch: () => this.#viewer.sway(false),
    });
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) this.#viewer.sway(true);
    const onEdit = (): void => this.#viewer.edit(this.#edited);
    this.#expression = new Sliders(element('expression', HTMLElement), onEdit);
    this.#shape = new Sliders(element('shape', HTMLElement), onEdit);

    select('material').addEventListener('change', () => this.#viewer.material(this.material));
    this.#viewer.material(this.material);
    input('puppet').addEventListener('change', () => this.#viewer.puppet(input('puppet').checked));
    button('neutral').addEventListener('click', () => {
      this.#expression.values = this.#expression.values.map(() => 0);
      onEdit();
    });
    this.#frontal.addEventListener('click', () => {
      this.#isFrontal = !this.#isFrontal;
      onEdit();
    });
    button('reset').addEventListener('click', () => {
      this.#viewer.sway(false);
      this.#viewer.reset();
      events.onShow();
    });
    this.#setHasFace(false);
  }

  get material(): SkinName {
    return select('material').value as SkinName;
  }

  /** Whether left and right are swapped, as in a mirror. */
  set isMirrored(isMirrored: boolean) {
    this.#viewer.isMirrored = isMirrored;
    canvas('viewer').classList.toggle('mirrored', isMirrored);
  }

  /** The current slider settings, for a face. */
  editOf(face: number): FaceEdit {
    return { face, ...this.#edited };
  }

  get #edited(): Omit<FaceEdit, 'face'> {
    return { expression: this.#expression.values, shape: this.#shape.values, frontal: this.#isFrontal };
  }

  /** Replaces the sliders with those of a model. */
  build({ expression, shape }: LoadedPack): void {
    this.#expression.build(expression);
    this.#shape.build(shape);
    this.#setHasFace(false);
  }

  /**
   * Shows a face as it was found; without one, or with a pack that has no mesh, shows a note instead.
   * @param index - which of the picture's.
   * @param isPhoto - whether it may be the puppet later.
   */
  async show(
    face: SeenFace | undefined,
    pack: LoadedPack | undefined,
    { index, isPhoto }: { readonly index: number; readonly isPhoto: boolean },
  ): Promise<void> {
    const show = ++this.#shows;
    if (face === undefined || pack?.hasModel !== true || pack.hasMaps !== true) {
      this.clear(
        face === undefined ? 'There is no face to turn.' : 'This pack has no mesh, so there is nothing to turn.',
      );
      return;
    }
    if (!this.#isBroken) note(undefined);
    try {
      await this.#studio.ask('mesh', { face: index, isPhoto });
      if (show !== this.#shows) return;
      this.#expression.find(face.expression);
      this.#shape.find(face.shape);
      this.#isFrontal = false;
      this.#setHasFace(true);
    } catch (error) {
      if (show === this.#shows) complain((error as Error).message);
    }
  }

  /** Moves the sliders with a face that is being followed; the 3D view gets it from the studio. */
  follow(face: SeenFace | undefined): void {
    this.#shows++;
    if (!this.#isBroken) note(undefined);
    this.#setHasFace(false);
    const now = performance.now();
    if (face === undefined || now - this.#lastLive < LIVE_INTERVAL_MS) return;
    this.#lastLive = now;
    this.#expression.values = face.expression;
    this.#shape.values = face.shape;
  }

  /** Takes the face away. @param why - shown in its place. */
  clear(why?: string): void {
    this.#shows++;
    this.#viewer.clear();
    this.#setHasFace(false);
    if (why !== undefined && !this.#isBroken) note(why);
  }

  get #isFrontal(): boolean {
    return this.#frontal.getAttribute('aria-pressed') === 'true';
  }

  set #isFrontal(pressed: boolean) {
    this.#frontal.setAttribute('aria-pressed', String(pressed));
  }

  #setHasFace(hasFace: boolean): void {
    if (this.#frontal.disabled === !hasFace && this.#hadFace === hasFace) return;
    this.#hadFace = hasFace;
    for (const id of ['neutral', 'frontal', 'reset']) button(id).disabled = !hasFace;
    this.#expression.disabled = !hasFace;
    this.#shape.disabled = !hasFace;
    this.#events.onHasFace(hasFace);
  }

  #hadFace: boolean | undefined;
}

/** The message of three.js about a missing context is for programmers. */
function plain(message: string): string {
  return /webgl|context/i.test(message) ? 'this browser has no 3D graphics (WebGL).' : `${message}.`;
}

function note(text: string | undefined): void {
  const paragraph = element('viewer-note', HTMLElement);
  if (paragraph.textContent === (text ?? '')) return;
  paragraph.textContent = text ?? '';
  paragraph.hidden = text === undefined;
}
