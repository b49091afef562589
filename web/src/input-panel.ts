import { button, element, input, select } from './elements.ts';

export interface InputPanelEvents {
  onFile(file: File): void;
  /** @param deviceId - of the camera that was chosen; undefined for the browser's choice. */
  onCamera(deviceId: string | undefined): void;
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
    button('camera').addEventListener('click', () => onCamera(select('cameras').value || undefined));
    select('cameras').addEventListener('change', () => onCamera(select('cameras').value));

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

  /** Offers the available cameras, if there are several; browsers name them once one has been allowed. */
  async offerCameras(inUse: MediaStreamTrack | undefined): Promise<void> {
    const devices = await navigator.mediaDevices.enumerateDevices();
    const cameras = devices.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== '');
    const control = select('cameras');
    control.replaceChildren(
      ...cameras.map(({ label, deviceId }, index) => new Option(label || `Camera ${index + 1}`, deviceId)),
    );
    control.value = inUse?.getSettings().deviceId ?? '';
    element('cameras-label', HTMLElement).hidden = cameras.length < 2;
  }

  set disabled(disabled: boolean) {
    this.#disabled = disabled;
    for (const id of ['camera', 'sample']) button(id).disabled = disabled;
    select('cameras').disabled = disabled;
    input('file').disabled = disabled;
    element('file-label', HTMLElement).classList.toggle('disabled', disabled);
  }
}
