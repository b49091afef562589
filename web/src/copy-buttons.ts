import { element } from './elements.ts';

const SHOWN_MS = 2000;

/** Lets the buttons beside code copy it. */
export function enableCopyButtons(): void {
  for (const control of document.querySelectorAll<HTMLButtonElement>('[data-copy]')) {
    const label = control.textContent;
    control.addEventListener('click', async () => {
      const code = element(control.dataset.copy ?? '', HTMLElement);
      try {
        await navigator.clipboard.writeText(code.textContent);
        control.textContent = 'Copied';
      } catch {
        // For example, the page is not from https: the code is selected instead, for copying with the keyboard.
        getSelection()?.selectAllChildren(code);
        control.textContent = 'Selected';
      }
      setTimeout(() => {
        control.textContent = label;
      }, SHOWN_MS);
    });
  }
}
