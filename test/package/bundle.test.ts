/** What a bundler makes of the browser entry. */
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { bundleBrowser } from '../../scripts/bundle-browser.js';
import { buildPackage } from '../support/build-package.ts';
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
    external: ['./aligner-worker-source.js'],
    logLevel: 'silent',
  });
  return Object.keys(result.metafile.inputs);
}

/**
 * What an application that runs only `compiled` downloads, compressed.
 */
const COMPILED_MAX_GZIP_BYTES = 60_000;

/** Geometry, textures and the kernel of both included; 24.5 kB measured. */
const THREE_MAX_GZIP_BYTES = 30_000;

const APPLICATION = 'httpWeights, cachedWeights, readPixels, poseFromParams';

describe('the browser bundle', () => {
  const folder = useTemporaryFolder();

  async function bundle(contents: string, external: readonly string[] = []) {
    const { outputFiles, metafile } = await build({
      stdin: { contents, resolveDir: repositoryRoot },
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'browser',
      absWorkingDir: repositoryRoot,
      external: [...external],
    });
    const [file] = outputFiles;
    return { gzipBytes: gzipSync(file.contents).length, inputs: Object.keys(metafile.inputs) };
  }

  const PARTS = [
    ['a tracker of a camera', `export { createFaceAligner, followVideo, ${APPLICATION} } from './dist/src/browser.js'`],
    ['an aligner', `export { createFaceAligner, ${APPLICATION} } from './dist/src/browser.js'`],
    ['the script of the worker', "import './dist/src/browser/aligner-worker.js'"],
  ] as const;

  test.each(PARTS)('%s is small, and has nothing of tfjs', async (_, contents) => {
    await buildPackage();
    const { gzipBytes, inputs } = await bundle(contents, ['./aligner-worker-source.js']);
    expect(gzipBytes).toBeLessThan(COMPILED_MAX_GZIP_BYTES);
    expect(gzipBytes).toBeGreaterThan(10_000);
    expect(inputs.filter((input) => input.includes('@tensorflow'))).toEqual([]);
  });

  test('an aligner in a worker whose script is in the same file is small', async () => {
    await buildPackage();
    const { gzipBytes } = await bundle(
      `export { createFaceAlignerWorker, ${APPLICATION} } from './dist/src/browser.js'`,
    );
    expect(gzipBytes).toBeLessThan(COMPILED_MAX_GZIP_BYTES);
  });

  // Known gap: 62.5 kB, 2.2 of it the refiner of eyes and mouths.
  test.failing('all of the entry is small', async () => {
    await buildPackage();
    const { gzipBytes } = await bundle("export * from './dist/src/browser.js'", ['./aligner-worker-source.js']);
    expect(gzipBytes).toBeLessThan(COMPILED_MAX_GZIP_BYTES);
  });

  test('of the entry for three.js is small and leaves three to the application', async () => {
    await buildPackage();
    const { gzipBytes, inputs } = await bundle("export * from './dist/src/three.js'", ['three']);
    expect(gzipBytes).toBeLessThan(THREE_MAX_GZIP_BYTES);
    expect(inputs.filter((input) => /node_modules|src\/engine|src\/browser/.test(input))).toEqual([]);
    const { outputs } = await bundleBrowser(folder());
    const [, output] = Object.entries(outputs).find(([path]) => basename(path) === 'three.js') ?? [];
    expect([...new Set(output?.imports.map(({ path }) => path))]).toEqual(['three']);
    expect(output?.exports).toEqual(expect.arrayContaining(['FaceMesh3D', 'PhotoCamera', 'frontalTexture']));
  });

  test('for pages without a bundler is one file with all of the browser and of geometry', async () => {
    const { outputs } = await bundleBrowser(folder());
    const [, output] = Object.entries(outputs).find(([path]) => basename(path) === 'tddfa.js') ?? [];
    expect(output?.imports.map(({ path }) => path)).toEqual(['./aligner-worker-source.js']);
    expect(output?.exports).toEqual(expect.arrayContaining(['createFaceAligner', 'drawRender', 'writeGlb']));
    expect(Object.keys(output?.inputs ?? {}).filter((input) => input.includes('@tensorflow'))).toEqual([]);
  });
});

describe('the browser entry', () => {
  test.each(['src/browser.ts', 'src/index.ts', 'src/geometry.ts', 'src/three.ts'])(
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
