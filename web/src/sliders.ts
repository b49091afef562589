import type { Coefficient } from './studio-protocol.ts';

/** A group of sliders for coefficients, each from minus to plus its limit, or from 0. A double click resets one. */
export class Sliders {
  readonly #container: HTMLElement;
  readonly #onInput: () => void;
  #inputs: readonly HTMLInputElement[] = [];
  #numbers: readonly HTMLElement[] = [];
  #limits: readonly number[] = [];
  /** As the face was found; what a double click restores. */
  #found: readonly number[] = [];

  constructor(container: HTMLElement, onInput: () => void) {
    this.#container = container;
    this.#onInput = onInput;
  }

  /** Replaces the sliders. */
  build(coefficients: readonly Coefficient[]): void {
    this.#limits = coefficients.map(({ limit }) => limit);
    this.#found = [];
    this.#inputs = coefficients.map(({ isOneSided = false }) =>
      Object.assign(document.createElement('input'), {
        type: 'range',
        min: isOneSided ? '0' : '-1',
        max: '1',
        step: '0.01',
        value: '0',
        title: 'Double-click to reset',
      }),
    );
    // Not `output`, which is a live region: a screen reader would read out every one that moves.
    this.#numbers = coefficients.map(() => document.createElement('span'));
    this.#container.replaceChildren(
      ...orderOf(coefficients).map((index) => {
        const { name } = coefficients[index];
        const label = document.createElement('label');
        const input = this.#inputs[index];
        // The number is the slider's value, not a part of its name.
        input.setAttribute('aria-label', name);
        input.addEventListener('input', () => {
          this.#show(index);
          this.#onInput();
        });
        input.addEventListener('dblclick', () => {
          this.#set(index, this.#found[index] ?? 0);
          this.#onInput();
        });
        label.append(name, this.#numbers[index], input);
        return label;
      }),
    );
    for (const index of coefficients.keys()) this.#show(index);
  }

  /** Coefficients as the sliders are set. Those beyond a slider's end keep their value until it is moved. */
  get values(): number[] {
    return this.#inputs.map((input, index) => {
      const exact = Number(input.dataset.exact);
      const shown = Number(input.value);
      const isUntouched = input.dataset.exact !== undefined && input.dataset.shown === input.value;
      return isUntouched ? exact : shown * this.#limits[index];
    });
  }

  set values(values: readonly number[]) {
    for (const index of this.#inputs.keys()) this.#set(index, values[index] ?? 0);
  }

  /** Sets them to a face as it was found, to which each can be reset. */
  find(values: readonly number[]): void {
    this.#found = values;
    this.values = values;
  }

  set disabled(disabled: boolean) {
    for (const input of this.#inputs) input.disabled = disabled;
  }

  #set(index: number, value: number): void {
    const input = this.#inputs[index];
    const shown = String(value / this.#limits[index]);
    if (input.dataset.exact === String(value) && input.dataset.shown === input.value) return;
    input.value = shown;
    input.dataset.exact = String(value);
    input.dataset.shown = input.value;
    this.#show(index);
  }

  /** The number, and the bar, which starts at 0. */
  #show(index: number): void {
    const input = this.#inputs[index];
    const value = Number(input.value);
    const percent = `${Math.round(value * 100)} %`;
    if (this.#numbers[index].textContent === percent) return;
    this.#numbers[index].textContent = percent;
    input.setAttribute('aria-valuetext', percent);
    const least = Number(input.min);
    const place = (at: number): number => (100 * (at - least)) / (1 - least);
    input.style.setProperty('--from', `${place(Math.min(0, value))}%`);
    input.style.setProperty('--to', `${place(Math.max(0, value))}%`);
  }
}

/** The order in which they are shown: left and right side by side, then those that have no side. */
function orderOf(coefficients: readonly Coefficient[]): number[] {
  const pairs = new Map<string, number[]>();
  for (const [index, { name }] of coefficients.entries()) {
    const bothSides = name.replace(/\b(left|right)\b/i, '');
    pairs.set(bothSides, [...(pairs.get(bothSides) ?? []), index]);
  }
  const groups = [...pairs.values()];
  return [...groups.filter(({ length }) => length > 1), ...groups.filter(({ length }) => length === 1)].flat();
}
