import type { Metafile } from 'esbuild';

/**
 * Bundles the browser entry into a folder.
 * @returns which file contains what.
 */
export function bundleBrowser(outdir: string): Promise<Metafile>;
