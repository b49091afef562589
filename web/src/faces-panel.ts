import { element } from './elements.ts';
import type { SeenFace } from './studio-protocol.ts';

/** The faces in a picture to choose from: outlined on it, and as small pictures beside the 3D view. */
export class FacesPanel {
  readonly #outlines = element('outlines', HTMLElement);
  readonly #group = element('faces', HTMLElement);
  readonly #row = element('thumbnails', HTMLElement);
  readonly #onChoose: () => void;
  #chosen = 0;
  #count = 0;

  constructor(onChoose: () => void) {
    this.#onChoose = onChoose;
  }

  /** Index of the face that is turned. */
  get chosen(): number {
    return this.#chosen;
  }

  /** Offers the faces of another photo; the first is chosen. */
  offer(faces: readonly SeenFace[]): void {
    this.#chosen = 0;
    this.#count = faces.length;
    this.#group.hidden = faces.length < 2;
    this.#row.replaceChildren(...(faces.length < 2 ? [] : faces.map((face, index) => this.#thumbnail(face, index))));
    this.#outlines.replaceChildren(...(faces.length < 2 ? [] : faces.map((face, index) => this.#outline(face, index))));
    this.#show();
  }

  /** While a video plays there is nothing to choose from; the chosen face stays chosen while there are enough faces. */
  follow(faces: readonly SeenFace[]): void {
    if (this.#row.childElementCount > 0 || this.#outlines.childElementCount > 0) {
      this.#group.hidden = true;
      this.#row.replaceChildren();
      this.#outlines.replaceChildren();
    }
    if (faces.length !== this.#count) this.#chosen = 0;
    this.#count = faces.length;
  }

  #thumbnail({ thumbnail }: SeenFace, index: number): HTMLElement {
    const small = Object.assign(document.createElement('canvas'), { width: 96, height: 96 });
    if (thumbnail !== undefined) {
      const context = small.getContext('bitmaprenderer');
      context?.transferFromImageBitmap(thumbnail);
    }
    return this.#control(index, 'thumbnail', small);
  }

  #outline({ box }: SeenFace, index: number): HTMLElement {
    const outline = this.#control(index, 'outline');
    const percent = (share: number): string => `${(100 * share).toFixed(3)}%`;
    const { left, top, width, height } = box;
    Object.assign(outline.style, {
      left: percent(left),
      top: percent(top),
      width: percent(width),
      height: percent(height),
    });
    return outline;
  }

  #control(index: number, kind: string, ...content: readonly Node[]): HTMLButtonElement {
    const control = Object.assign(document.createElement('button'), { type: 'button', className: kind });
    control.setAttribute('aria-label', kind === 'outline' ? `Face ${index + 1} on the photo` : `Face ${index + 1}`);
    control.append(...content);
    control.addEventListener('click', () => {
      if (index === this.#chosen) return;
      this.#chosen = index;
      this.#show();
      this.#onChoose();
    });
    return control;
  }

  #show(): void {
    for (const group of [this.#row, this.#outlines]) {
      for (const [index, control] of [...group.children].entries()) {
        control.setAttribute('aria-pressed', String(index === this.#chosen));
      }
    }
  }
}
