import { say } from './elements.ts';
import type { ExportedFile } from './studio-protocol.ts';

/** How long the browser may take to start saving. */
const REVOKE_AFTER_MS = 60_000;

/** Offers a file to the user as a download. */
export function saveFile({ name, blob }: ExportedFile): void {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_AFTER_MS);
  say(`Saved ${name}: ${(blob.size / 1e6).toFixed(2)} MB.`);
}
