import { complain, say } from './elements.ts';
import type { Studio } from './studio.ts';
import type { ExportKind, FaceEdit } from './studio-protocol.ts';

/** How long the browser may take to begin with saving. */
const REVOKE_AFTER_MS = 60_000;

/** The panel that saves a face. */
export class DownloadPanel {
  readonly #studio: Studio;
  readonly #buttons = [...document.querySelectorAll<HTMLButtonElement>('[data-export]')];

  /** @param wanted - which face, and the files' name without their ending. */
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
      const file = await this.#studio.ask('export', request);
      const link = Object.assign(document.createElement('a'), {
        href: URL.createObjectURL(file.blob),
        download: file.name,
      });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_AFTER_MS);
      say(`${file.name} is saved: ${(file.blob.size / 1e6).toFixed(2)} MB.`);
    } catch (error) {
      complain((error as Error).message);
    }
  }
}
