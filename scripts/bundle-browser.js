/**
 * Bundles for pages without a bundler: `tddfa.js`, everything of `tddfa/browser`, `tddfa/geometry` and `tddfa/element` in one
 * file; `tddfa-face.js`, which defines the element with the package's own weights; the worker's script; the integer code, which
 * both load on demand; the text of the code that refines eyes and mouths, which the worker loads in the same way; the entry for
 * three.js, which leaves three.js itself to the page; and the tfjs backends, each of which a page imports alongside `tddfa.js`.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
/** What a page without a bundler loads if it only needs `<tddfa-face>`. */
const FACE_SCRIPT = `import { defineFaceElement } from './tddfa.js';
defineFaceElement({ weights: new URL('../../weights/open/', import.meta.url).href });
`;
const WORKER_TEXT = './aligner-worker-source.js';
const INTEGERS = './integer-compiler.js';
const INTEGERS_TEXT = './integer-compiler-source.js';
const REFINER = './face-refiner.js';
const REFINER_TEXT = './face-refiner-source.js';

/**
 * @param {RegExp} filter
 * @param {import('esbuild').OnResolveResult} found
 * @returns {import('esbuild').Plugin}
 */
const resolving = (filter, found) => ({
  name: 'resolving',
  setup: ({ onResolve }) => onResolve({ filter }, ({ importer }) => (importer === found.path ? undefined : found)),
});

/**
 * In a single file nothing can load later: on-demand imports become static ones, which saves half a kilobyte.
 * @type {import('esbuild').Plugin}
 */
const importingAtOnce = {
  name: 'static-imports',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const imports = [];
      const text = await readFile(path, 'utf8');
      const contents = text.replace(/await import\(('\.[^']+')\)/g, (_, file) => {
        const name = `imported${imports.length}`;
        imports.push(`import * as ${name} from ${file};`);
        return name;
      });
      return { contents: [contents, ...imports].join('\n'), loader: 'ts' };
    }),
};

/** @type {import('esbuild').BuildOptions & { metafile: true }} */
const COMMON = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  metafile: true,
  legalComments: 'linked',
  logLevel: 'warning',
};

/**
 * @param {string} outdir
 * @returns {Promise<import('esbuild').Metafile>} which file contains what
 */
export async function bundleBrowser(outdir) {
  const built = await Promise.all([
    build({
      ...COMMON,
      stdin: {
        contents:
          "export * from './src/browser.ts'; export * from './src/geometry.ts'; export * from './src/element.ts';",
        resolveDir: root,
        sourcefile: 'tddfa.ts',
      },
      outfile: join(outdir, 'tddfa.js'),
      // Separate files next to this one.
      external: [WORKER_TEXT, INTEGERS_TEXT, REFINER_TEXT],
      plugins: [resolving(/\/integer-compiler\.ts$/, { path: INTEGERS, external: true })],
    }),
    build({ ...COMMON, entryPoints: [join(root, 'src/engine/compiler/integers/integer-compiler.ts')], outdir }),
    build({ ...COMMON, entryPoints: [join(root, 'src/models/tddfa/face-refiner.ts')], outdir }),
    build({ ...COMMON, entryPoints: [join(root, 'src/three.ts')], outdir, external: ['three'] }),
    build({
      ...COMMON,
      entryPoints: [join(root, 'src/browser/aligner-worker.ts')],
      outdir,
      format: 'iife',
      // For its check whether it runs in Node.
      define: { 'import.meta.url': 'undefined' },
      plugins: [
        resolving(/\/load-integer-compiler\.ts$/, { path: join(root, 'src/browser/owners-integer-compiler.ts') }),
        resolving(/\/face-refiner\.ts$/, { path: join(root, 'src/browser/owners-face-refiner.ts') }),
        importingAtOnce,
      ],
    }),
    build({
      ...COMMON,
      entryPoints: ['wasm', 'cpu', 'webgl', 'webgpu'].map((name) => join(root, 'src/backends', `${name}.ts`)),
      outdir: join(outdir, 'backends'),
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
    }),
  ]);
  await writeFile(join(outdir, 'tddfa-face.js'), FACE_SCRIPT);
  await writeText(join(outdir, 'aligner-worker.js'), join(outdir, WORKER_TEXT), 'alignerWorkerSource');
  await markImports(join(outdir, 'aligner-worker.js'));
  await writeText(join(outdir, INTEGERS), join(outdir, INTEGERS_TEXT), 'integerCompilerSource');
  await writeText(join(outdir, REFINER), join(outdir, REFINER_TEXT), 'faceRefinerSource');
  // Only its text is used.
  await rm(join(outdir, REFINER));
  const metafiles = built.map(({ metafile }) => metafile);
  return {
    inputs: Object.assign({}, ...metafiles.map(({ inputs }) => inputs)),
    outputs: Object.assign({}, ...metafiles.map(({ outputs }) => outputs)),
  };
}

/** Marks the run-time imports of a script, so that bundlers ignore them: minifying drops the source's own comments. */
async function markImports(script) {
  const text = await readFile(script, 'utf8');
  const marked = text.replace(/\bimport\((\w+)\)/g, 'import(/* webpackIgnore: true */ /* @vite-ignore */ $1)');
  if (marked === text) throw new Error(`${script}: expected an import of a URL made at run time`);
  await writeFile(script, marked);
}

/** A module that exports the text of a script. */
async function writeText(script, module, name) {
  const text = (await readFile(script, 'utf8')).replace(/\n?\/\*! .*LEGAL.* \*\/\n?$/, '');
  await writeFile(module, `export const ${name} = ${JSON.stringify(text)};\n`);
}
