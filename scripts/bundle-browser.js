/**
 * Bundles the browser entry for pages without a bundler: `tddfa.js`, the worker's script beside it, and tfjs in chunks that
 * are fetched when one of its backends is asked for.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param {string} outdir
 * @returns {Promise<import('esbuild').Metafile>} what is in which file
 */
export async function bundleBrowser(outdir) {
  const { metafile } = await build({
    entryPoints: {
      tddfa: join(root, 'src/browser.ts'),
      'aligner-worker': join(root, 'src/browser/aligner-worker.ts'),
    },
    outdir,
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    metafile: true,
    legalComments: 'linked',
    logLevel: 'warning',
  });
  return metafile;
}
