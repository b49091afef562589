import { complain } from './elements.ts';
import { saveFile } from './save-file.ts';
import type { Studio } from './studio.ts';
import type { ExportKind, FaceEdit } from './studio-protocol.ts';

/** The panel that saves a face. */
export class DownloadPanel {
  readonly #studio: Studio;
  readonly #buttons = [...document.querySelectorAll<HTMLButtonElement>('[data-export]')];

  /** @param wanted - which face, and the file name without its extension. */
  constructor(studio: Studio, wanted: () => { readonly name: string; readonly edit: FaceEdit }) {
    this.#studio = studio;
    for (const control of this.#buttons) {
      control.addEventListener('click', () => {
        void this.#save({ kind: control.dataset.export as ExportKind, ...wanted() });
      });
    }
    this.disabled = true;
  }

  set disabled(disabled: boolean) {
    for (const control of this.#buttons) control.disabled = disabled;
  }

  async #save(request: { readonly kind: ExportKind; readonly name: string; readonly edit: FaceEdit }): Promise<void> {
    try {
      saveFile(await this.#studio.ask('export', request));
    } catch (error) {
      complain((error as Error).message);
    }
  }
}
