/** What a bundler makes of the browser entry. */
import { basename, join, resolve } from 'node:path';
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
    external: ['./aligner-worker-source.js', './integer-compiler-source.js', './face-refiner-source.js'],
    logLevel: 'silent',
  });
  return Object.keys(result.metafile.inputs);
}

/** What an application that runs only `compiled` downloads before anything is asked for, compressed. */
const COMPILED_MAX_GZIP_BYTES = 60_000;

/** Geometry, textures and the kernel of both included; 24.5 kB measured. */
const THREE_MAX_GZIP_BYTES = 30_000;

interface BundleOptions {
  /** Left to the page. */
  readonly external?: readonly string[];
  /** Whether what is imported when it is asked for is a file of its own. */
  readonly splitting?: boolean;
}

const APPLICATION = 'httpWeights, cachedWeights, readPixels, poseFromParams';

describe('the browser bundle', () => {
  const folder = useTemporaryFolder();

  /**
   * `gzipBytes` is what a page loads first: the entry and what it imports statically, each file compressed on its own, as
   * servers send them. What is imported only when it is asked for does not count, but where nothing is split.
   */
  async function bundle(contents: string, { external = [], splitting = true }: BundleOptions = {}) {
    const { outputFiles, metafile } = await build({
      stdin: { contents, resolveDir: repositoryRoot },
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'browser',
      splitting,
      outdir: folder(),
      absWorkingDir: repositoryRoot,
      external: [...external],
    });
    const sizes = new Map(outputFiles.map(({ path, contents }) => [path, gzipSync(contents).length]));
    const sizeOf = (output: string): number => sizes.get(resolve(repositoryRoot, output)) ?? Number.NaN;
    const [entry] = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === '<stdin>') ?? [''];
    const first = new Set([entry]);
    for (const output of first) {
      for (const { path, kind, external } of metafile.outputs[output].imports) {
        if (kind === 'import-statement' && external !== true) first.add(path);
      }
    }
    const gzipBytes = [...first].reduce((sum, output) => sum + sizeOf(output), 0);
    return { gzipBytes, inputs: Object.keys(metafile.inputs) };
  }

  const PARTS = [
    ['a tracker of a camera', `export { createFaceAligner, followVideo, ${APPLICATION} } from './dist/src/browser.js'`],
    ['an aligner', `export { createFaceAligner, ${APPLICATION} } from './dist/src/browser.js'`],
    ['the script of the worker', "import './dist/src/browser/aligner-worker.js'"],
  ] as const;

  test.each(PARTS)('%s is small, and has nothing of tfjs', async (_, contents) => {
    await buildPackage();
    const { gzipBytes, inputs } = await bundle(contents, { external: ['./aligner-worker-source.js'] });
    expect(gzipBytes).toBeLessThan(COMPILED_MAX_GZIP_BYTES);
    expect(gzipBytes).toBeGreaterThan(10_000);
    expect(inputs.filter((input) => input.includes('@tensorflow'))).toEqual([]);
  });

  test('an aligner in a worker whose script is in the same file is small', async () => {
    await buildPackage();
    const { gzipBytes } = await bundle(
      `export { createFaceAlignerWorker, ${APPLICATION} } from './dist/src/browser.js'`,
      { splitting: false, external: ['./integer-compiler-source.js', './face-refiner-source.js'] },
    );
    expect(gzipBytes).toBeLessThan(COMPILED_MAX_GZIP_BYTES);
  });

  test('all of the entry is small', async () => {
    await buildPackage();
    const { gzipBytes } = await bundle("export * from './dist/src/browser.js'", {
      external: ['./aligner-worker-source.js'],
    });
    expect(gzipBytes).toBeLessThan(COMPILED_MAX_GZIP_BYTES);
  });

  test('of the entry for three.js is small and leaves three to the application', async () => {
    await buildPackage();
    const { gzipBytes, inputs } = await bundle("export * from './dist/src/three.js'", { external: ['three'] });
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
    expect(output?.imports.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        './aligner-worker-source.js',
        './integer-compiler.js',
        './integer-compiler-source.js',
        './face-refiner-source.js',
      ]),
    );
    expect(output?.imports).toHaveLength(4);
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
