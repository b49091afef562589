import { button, element, input } from './elements.ts';

export interface InputPanelEvents {
  onFile(file: File): void;
  onCamera(): void;
  onSample(): void;
}

/** The panel where pictures come from: a file, chosen, dropped or pasted, the camera, or the sample photo. */
export class InputPanel {
  #disabled = true;

  constructor({ onFile, onCamera, onSample }: InputPanelEvents) {
    const take = (file: File | undefined): void => {
      if (file && !this.#disabled) onFile(file);
    };
    input('file').addEventListener('change', ({ target }) => {
      const chooser = target as HTMLInputElement;
      take(chooser.files?.[0]);
      // Choosing the same file again is a change too.
      chooser.value = '';
    });
    button('sample').addEventListener('click', onSample);
    button('camera').addEventListener('click', onCamera);

    addEventListener('dragover', (event) => {
      event.preventDefault();
      document.body.classList.add('dropping');
    });
    addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) document.body.classList.remove('dropping');
    });
    addEventListener('drop', (event) => {
      event.preventDefault();
      document.body.classList.remove('dropping');
      take(event.dataTransfer?.files[0]);
    });
    addEventListener('paste', (event) => take(event.clipboardData?.files[0]));
    this.disabled = true;
  }

  set disabled(disabled: boolean) {
    this.#disabled = disabled;
    for (const id of ['camera', 'sample']) button(id).disabled = disabled;
    input('file').disabled = disabled;
    element('file-label', HTMLElement).classList.toggle('disabled', disabled);
  }
}
