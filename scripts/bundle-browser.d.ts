import type { Metafile } from 'esbuild';

/**
 * Bundles the browser entry into a folder.
 * @returns what is in which file.
 */
export function bundleBrowser(outdir: string): Promise<Metafile>;
