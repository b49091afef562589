import { button, canvas, complain, element, select } from './elements.ts';
import { Sliders } from './sliders.ts';
import type { Studio } from './studio.ts';
import type { FaceEdit, LoadedPack, SeenFace } from './studio-protocol.ts';
import { FaceViewer } from './viewer.ts';

export interface TurnPanelEvents {
  /** Another face was chosen, or the present one is wanted as it was found. */
  onShow(): void;
  /** There is a face that can be changed and saved now, or there is none any more. */
  onHasFace(hasFace: boolean): void;
}

/** The panel in which one face is turned and changed: the 3D view, and sliders for its expression and shape. */
export class TurnPanel {
  readonly #studio: Studio;
  readonly #events: TurnPanelEvents;
  readonly #faces = select('face');
  readonly #frontal = button('frontal');
  readonly #expression: Sliders;
  readonly #shape: Sliders;
  readonly #viewer: FaceViewer;
  #isEditing = false;
  #isEditDue = false;

  constructor(studio: Studio, events: TurnPanelEvents) {
    this.#studio = studio;
    this.#events = events;
    this.#viewer = new FaceViewer(element('turntable', HTMLElement), canvas('viewer'), (message) =>
      note(`The 3D view cannot be shown: ${message}`),
    );
    const onEdit = (): void => void this.#onEdit();
    this.#expression = new Sliders(element('expression', HTMLElement), onEdit);
    this.#shape = new Sliders(element('shape', HTMLElement), onEdit);

    this.#faces.addEventListener('change', () => events.onShow());
    select('material').addEventListener('change', ({ target }) => {
      this.#viewer.material((target as HTMLSelectElement).value as 'photo' | 'clay' | 'wireframe');
    });
    button('neutral').addEventListener('click', () => {
      this.#expression.values = this.#expression.values.map(() => 0);
      onEdit();
    });
    this.#frontal.addEventListener('click', () => {
      this.#isFrontal = !this.#isFrontal;
      onEdit();
    });
    button('reset').addEventListener('click', () => {
      this.#viewer.reset();
      events.onShow();
    });
    this.#setHasFace(false);
  }

  /** Index of the face to be turned. */
  get chosenFace(): number {
    return Math.max(0, this.#faces.selectedIndex);
  }

  /** The chosen face, with the sliders as they are. */
  get edit(): FaceEdit {
    return {
      face: this.chosenFace,
      expression: this.#expression.values,
      shape: this.#shape.values,
      frontal: this.#isFrontal,
    };
  }

  /** Puts a model's sliders in the place of those before. */
  build({ expression, shape }: LoadedPack): void {
    this.#expression.build(expression);
    this.#shape.build(shape);
    this.#setHasFace(false);
  }

  /** Offers so many faces. */
  offer(count: number): void {
    if (this.#faces.options.length === count) return;
    this.#faces.replaceChildren(...Array.from({ length: count }, (_, i) => new Option(String(i + 1), String(i))));
    element('face-label', HTMLElement).hidden = count < 2;
  }

  /** Shows the chosen face as it was found; without one, or with a pack that has no mesh, says so. */
  async show(face: SeenFace | undefined, pack: LoadedPack | undefined): Promise<void> {
    if (face === undefined || pack?.hasModel !== true || pack.hasMaps !== true) {
      this.clear(
        face === undefined ? 'There is no face to turn.' : 'This pack has no mesh, so there is nothing to turn.',
      );
      return;
    }
    note(undefined);
    this.#expression.values = face.expression;
    this.#shape.values = face.shape;
    this.#isFrontal = false;
    try {
      this.#viewer.show(await this.#studio.ask('mesh', this.edit));
      this.#setHasFace(true);
    } catch (error) {
      complain((error as Error).message);
    }
  }

  /** Takes the face away. @param why - shown in its place. */
  clear(why?: string): void {
    this.#viewer.clear();
    this.#setHasFace(false);
    if (why !== undefined) note(why);
  }

  get #isFrontal(): boolean {
    return this.#frontal.getAttribute('aria-pressed') === 'true';
  }

  set #isFrontal(pressed: boolean) {
    this.#frontal.setAttribute('aria-pressed', String(pressed));
  }

  #setHasFace(hasFace: boolean): void {
    for (const id of ['neutral', 'frontal', 'reset']) button(id).disabled = !hasFace;
    this.#expression.disabled = !hasFace;
    this.#shape.disabled = !hasFace;
    this.#events.onHasFace(hasFace);
  }

  /** Shows the sliders' face: the newest position when the one before is drawn. */
  async #onEdit(): Promise<void> {
    this.#isEditDue = true;
    if (this.#isEditing) return;
    this.#isEditing = true;
    try {
      while (this.#isEditDue) {
        this.#isEditDue = false;
        this.#viewer.change(await this.#studio.ask('edit', this.edit));
      }
    } catch (error) {
      complain((error as Error).message);
    } finally {
      this.#isEditing = false;
    }
  }
}

function note(text: string | undefined): void {
  const paragraph = element('viewer-note', HTMLElement);
  paragraph.textContent = text ?? '';
  paragraph.hidden = text === undefined;
}
