/** What a bundler makes of the browser entry. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { build, type Metafile } from 'esbuild';
import { bundleBrowser } from '../../scripts/bundle-browser.js';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

async function bundledInputs(entry: string): Promise<string[]> {
  const result = await build({
    entryPoints: [join(repositoryRoot, entry)],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    splitting: true,
    outdir: join(repositoryRoot, 'dist', 'bundle-test'),
    absWorkingDir: repositoryRoot,
    // Peer packages are taken in by applications that installed them.
    external: ['@tensorflow/tfjs-node'],
    logLevel: 'silent',
  });
  return Object.keys(result.metafile.inputs);
}

/** What an application that runs only `compiled` downloads, compressed; 40.8 kB measured. */
const COMPILED_MAX_GZIP_BYTES = 60_000;

/** The files that a bundle's entry imports at once, itself among them. */
function staticFiles(outputs: Metafile['outputs'], entry: string): string[] {
  const files = [entry];
  for (const file of files) {
    for (const { path, kind } of outputs[file]?.imports ?? []) {
      if (kind === 'import-statement' && !files.includes(path)) files.push(path);
    }
  }
  return files;
}

describe('the browser bundle', () => {
  const folder = useTemporaryFolder();

  test.each(['tddfa.js', 'aligner-worker.js'])('%s is small, and has no tfjs before it is asked for', async (entry) => {
    const { outputs } = await bundleBrowser(folder());
    const name = Object.keys(outputs).find((path) => basename(path) === entry) ?? '';
    const files = staticFiles(outputs, name);
    expect(files.length).toBeGreaterThan(1);
    const inputs = files.flatMap((file) => Object.keys(outputs[file]?.inputs ?? {}));
    expect(inputs).toContain('src/engine/compiled.ts');
    expect(inputs.filter((input) => input.includes('@tensorflow'))).toEqual([]);
    const sizes = files.map((file) => gzipSync(readFileSync(join(repositoryRoot, file))).length);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(COMPILED_MAX_GZIP_BYTES);
  });
});

describe('the browser entry', () => {
  test.each(['src/browser.ts', 'src/index.ts', 'src/geometry.ts'])(
    '%s bundles without anything of Node',
    async (entry) => {
      const inputs = await bundledInputs(entry);
      expect(inputs).toContain(entry);
      expect(inputs.filter((input) => /image-files|src\/cli|converters|jimp|file-source/.test(input))).toEqual([]);
    },
  );

  test('the geometry entry has no dependency at all', async () => {
    const inputs = await bundledInputs('src/geometry.ts');
    expect(inputs.filter((input) => input.includes('node_modules'))).toEqual([]);
  });
});
