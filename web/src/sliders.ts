import type { Coefficient } from './studio-protocol.ts';

/** A group of sliders for coefficients, each from minus to plus its limit, or from 0. */
export class Sliders {
  readonly #container: HTMLElement;
  readonly #onInput: () => void;
  #inputs: readonly HTMLInputElement[] = [];
  #limits: readonly number[] = [];

  constructor(container: HTMLElement, onInput: () => void) {
    this.#container = container;
    this.#onInput = onInput;
  }

  /** Puts sliders in the place of those before. */
  build(coefficients: readonly Coefficient[]): void {
    this.#limits = coefficients.map(({ limit }) => limit);
    this.#inputs = coefficients.map(({ isOneSided = false }) =>
      Object.assign(document.createElement('input'), {
        type: 'range',
        min: isOneSided ? '0' : '-1',
        max: '1',
        step: '0.01',
        value: '0',
      }),
    );
    this.#container.replaceChildren(
      ...coefficients.map(({ name }, index) => {
        const label = document.createElement('label');
        const input = this.#inputs[index];
        const output = document.createElement('output');
        // The number is the slider's value, not a part of its name.
        input.setAttribute('aria-label', name);
        const show = () => {
          const percent = `${Math.round(Number(input.value) * 100)} %`;
          output.textContent = percent;
          input.setAttribute('aria-valuetext', percent);
        };
        input.addEventListener('input', () => {
          show();
          this.#onInput();
        });
        input.addEventListener('change', show);
        label.append(name, output, input);
        show();
        return label;
      }),
    );
  }

  /** Coefficients as the sliders are. Those beyond a slider's end stay what they were set to until it is moved. */
  get values(): number[] {
    return this.#inputs.map((input, index) => {
      const exact = Number(input.dataset.exact);
      const shown = Number(input.value);
      const isUntouched = input.dataset.exact !== undefined && input.dataset.shown === input.value;
      return isUntouched ? exact : shown * this.#limits[index];
    });
  }

  set values(values: readonly number[]) {
    this.#inputs.forEach((input, index) => {
      const value = values[index] ?? 0;
      input.value = String(value / this.#limits[index]);
      input.dataset.exact = String(value);
      input.dataset.shown = input.value;
      input.dispatchEvent(new Event('change'));
    });
  }

  set disabled(disabled: boolean) {
    for (const input of this.#inputs) input.disabled = disabled;
  }
}
