/** An element of the page; a missing one is a mistake in the page. */
export function element<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}

export const button = (id: string): HTMLButtonElement => element(id, HTMLButtonElement);
export const input = (id: string): HTMLInputElement => element(id, HTMLInputElement);
export const select = (id: string): HTMLSelectElement => element(id, HTMLSelectElement);
export const canvas = (id: string): HTMLCanvasElement => element(id, HTMLCanvasElement);

/** Shows what is going on. */
export function say(text: string): void {
  element('status', HTMLElement).textContent = text;
}

/** Shows what went wrong and what to do, until it is cleared with undefined. */
export function complain(text: string | undefined): void {
  const problem = element('problem', HTMLElement);
  problem.textContent = text ?? '';
  problem.hidden = text === undefined;
}
