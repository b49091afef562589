/** What is switched on is part of the page's address, so that it can be shared. */
import { input, select } from './elements.ts';

/** Controls of the page by their names in the address, with their initial values. */
const SURFACE = { name: 'surface', first: 'render' } as const;
const OVER = 'over';
const SKIN = { name: 'skin', first: 'photo' } as const;
const WIPE = 'wipe';

const checkboxes = (): HTMLInputElement[] => [...document.querySelectorAll<HTMLInputElement>('#lines input')];
const surfaces = (): HTMLInputElement[] => [...document.querySelectorAll<HTMLInputElement>('#surfaces input')];

/** Sets the controls from the address; invalid values are ignored. */
export function readPageState(): void {
  const parameters = new URLSearchParams(location.search);
  const surface = surfaces().find(({ value }) => value === parameters.get(SURFACE.name));
  if (surface !== undefined) surface.checked = true;
  const over = parameters.get(OVER)?.split(',') ?? [];
  for (const box of checkboxes()) box.checked = over.includes(box.name);
  const skin = parameters.get(SKIN.name);
  if ([...select('material').options].some(({ value }) => value === skin)) select('material').value = skin ?? '';
  const wipe = Number(parameters.get(WIPE) ?? Number.NaN);
  if (wipe >= 0 && wipe <= 1) input('wipe').value = String(wipe);
}

/** Keeps the address in step with the controls. */
export function keepPageState(): void {
  const write = ({ target }: Event): void => {
    const url = new URL(location.href);
    const set = (name: string, value: string, first: string): void => {
      if (value === first) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    };
    set(SURFACE.name, surfaces().find(({ checked }) => checked)?.value ?? SURFACE.first, SURFACE.first);
    const over = checkboxes().filter(({ checked }) => checked);
    set(OVER, over.map(({ name }) => name).join(','), '');
    set(SKIN.name, select('material').value, SKIN.first);
    // Until it is moved, it follows the face.
    if (target === input('wipe')) set(WIPE, input('wipe').value, '');
    if (url.href !== location.href) history.replaceState(history.state, '', url);
  };
  for (const id of ['surfaces', 'lines', 'material', 'wipe'])
    document.getElementById(id)?.addEventListener('change', write);
}
