import type { BackendName } from '../../src/index.ts';
import { button, complain, element, input, say, select } from './elements.ts';
import type { Studio } from './studio.ts';
import type { LoadedPack, PackChoice, Timings } from './studio-protocol.ts';

/** Where the open pack is, beside the page. */
const DEFAULT_PACK = 'weights/open/';

const PROGRESS_INTERVAL_MS = 500;

/** Columns of the table of timings. */
const COLUMNS = ['read', 'detect', 'align', 'reconstruct', 'draw', 'framesPerSecond'] as const;
type Column = (typeof COLUMNS)[number];

/** The panel that loads models, chooses the backend and shows how fast it all is. */
export class EnginePanel {
  readonly #studio: Studio;
  readonly #onLoaded: (pack: LoadedPack) => void;
  readonly #backends = select('backend');
  readonly #regressors = select('regressor');
  /** Where the current model comes from; at first, the one named in the page's address, or else the page's own. */
  #choice: PackChoice = { url: addressOf(new URLSearchParams(location.search).get('pack') ?? DEFAULT_PACK) };
  /** What was requested last. */
  #wanted = this.#choice;
  #pack: LoadedPack | undefined;
  #loads = 0;

  constructor(studio: Studio, onLoaded: (pack: LoadedPack) => void) {
    this.#studio = studio;
    this.#onLoaded = onLoaded;
    studio.onWarning = (warning) => say(`The model was not kept for the next visit: ${warning}`);

    button('retry').addEventListener('click', () => void this.#use(this.#wanted));
    this.#backends.addEventListener('change', () => void this.#use(this.#choice, this.#pack?.regressor));
    this.#regressors.addEventListener('change', () => void this.#use(this.#choice, this.#regressors.value));
    element('pack-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      const text = input('pack-url').value.trim();
      const url = text === '' ? undefined : tryAddressOf(text);
      if (url === undefined) complain('That is not a valid address.');
      else void this.#use({ url });
    });
    input('pack-folder').addEventListener('change', ({ target }) => {
      const chooser = target as HTMLInputElement;
      const files = Array.from(chooser.files ?? [], (file) => ({ path: file.webkitRelativePath || file.name, file }));
      if (files.length > 0) void this.#use({ files });
      chooser.value = '';
    });
  }

  /** The current model. */
  get pack(): LoadedPack | undefined {
    return this.#pack;
  }

  /** Loads the first model. */
  start(): void {
    void this.#use(this.#choice);
  }

  /** @param framesPerSecond - of a video that plays. */
  showTimings(timings: Timings, framesPerSecond: number | undefined): void {
    for (const column of COLUMNS) {
      if (column !== 'framesPerSecond') this.#setCell(column, timings[column].toFixed(1));
    }
    this.#setCell('framesPerSecond', framesPerSecond === undefined ? '-' : framesPerSecond.toFixed(0));
  }

  showDrawTime(milliseconds: number): void {
    this.#setCell('draw', milliseconds.toFixed(1));
  }

  #setCell(column: Column, text: string): void {
    const cell = element('timings', HTMLElement).children[COLUMNS.indexOf(column)];
    if (cell) cell.textContent = text;
  }

  /** Loads a pack; if that fails, shows why and keeps the one before. */
  async #use(choice: PackChoice, regressor?: string): Promise<void> {
    const load = ++this.#loads;
    this.#wanted = choice;
    const progress = element('progress', HTMLProgressElement);
    this.#showProgress(progress);
    complain(undefined);
    button('retry').hidden = true;
    say('Loading the model …');
    try {
      const backend = this.#backends.value as BackendName;
      const asked = this.#studio.ask('load', { pack: choice, backend, regressor });
      // Files still in transit when another failed will arrive, and must not be announced.
      const pack = await asked.finally(() => {
        if (load === this.#loads) this.#studio.onProgress = () => {};
      });
      if (load !== this.#loads) return;
      this.#pack = pack;
      this.#choice = choice;
    } catch (error) {
      if (load === this.#loads) this.#refuse(choice, error as Error);
      return;
    } finally {
      if (load === this.#loads) progress.hidden = true;
    }
    this.#show(this.#pack);
    this.#onLoaded(this.#pack);
  }

  #showProgress(progress: HTMLProgressElement): void {
    const loaded = new Map<string, { loaded: number; total: number }>();
    const start = performance.now();
    let lastTold = 0;
    this.#studio.onProgress = ({ file, loadedBytes, totalBytes = loadedBytes }) => {
      loaded.set(file, { loaded: loadedBytes, total: totalBytes });
      const sums = [...loaded.values()];
      progress.max = sums.reduce((sum, { total }) => sum + total, 0) || 1;
      progress.value = sums.reduce((sum, file) => sum + file.loaded, 0);
      progress.hidden = false;
      const now = performance.now();
      // A screen reader would read out each.
      if (now - lastTold < PROGRESS_INTERVAL_MS) return;
      lastTold = now;
      const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
      const rate = progress.value / 1e6 / Math.max(0.1, (now - start) / 1000);
      say(`Loading: ${megabytes(progress.value)} of ${megabytes(progress.max)} MB, ${rate.toFixed(1)} MB/s`);
    };
  }

  #show(pack: LoadedPack): void {
    this.#regressors.replaceChildren(...pack.regressors.map((value) => new Option(value, value)));
    this.#regressors.value = pack.regressor;
    element('model', HTMLElement).textContent = `Model “${pack.name}”:`;
    element('licences', HTMLElement).replaceChildren(
      ...pack.licences.map(({ model, name: licence, notice }) => {
        const text = `${model}: ${licence}${notice === undefined ? '' : `. ${notice}`}`;
        return Object.assign(document.createElement('li'), { textContent: text });
      }),
    );
    document.body.classList.remove('no-model');
  }

  #refuse(choice: PackChoice, error: Error): void {
    const pack = this.#pack;
    say(pack === undefined ? 'No model is loaded.' : `Still using the previous model: ${pack.name}.`);
    if (pack !== undefined) this.#backends.value = pack.backend;
    const isDefault = 'url' in choice && choice.url === addressOf(DEFAULT_PACK);
    const isMissing = /answered 404|is a web page, not JSON/.test(error.message);
    if (isDefault && isMissing) {
      complain(
        'This page came without a model. Choose a pack folder, or enter the address of one, under “Use another model”.',
      );
    } else {
      complain(`The model cannot be used: ${forVisitors(error)}`);
      button('retry').hidden = !isNetwork(error);
    }
    if (pack === undefined) {
      for (const id of ['engine-details', 'packs']) element(id, HTMLDetailsElement).open = true;
      document.body.classList.add('no-model');
    }
  }
}

/** Whether trying again may help. */
function isNetwork({ message }: Error): boolean {
  return /fetch|network|answered 5\d\d|could not be loaded|did not arrive|timed? ?out/i.test(message);
}

/** Errors of a library advise its programmer, which does not help a visitor. */
function forVisitors({ name, message }: Error): string {
  if (name !== 'BackendUnavailableError') return message;
  const [, backend = 'this backend'] = /[`'"]?(compiled|wasm|webgl|webgpu|cpu)[`'"]?/.exec(message) ?? [];
  return `this browser cannot compute with ${backend}. Choose another backend.`;
}

function addressOf(text: string): string {
  return new URL(text, document.baseURI).href;
}

/** `URL.canParse` is newer than the oldest browsers that the page supports. */
function tryAddressOf(text: string): string | undefined {
  try {
    return addressOf(text);
  } catch {
    return undefined;
  }
}
