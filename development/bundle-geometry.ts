import { join } from 'node:path';
import { build } from 'esbuild';
import { repositoryRoot } from './paths.ts';

/** Options of {@link bundleGeometry}. */
export interface BundleGeometryOptions {
  /** `false` gives the geometry as it runs without WebAssembly. Default `true`. */
  readonly webAssembly?: boolean;
}

/** The text of a single module with all of `tddfa/geometry`. */
export async function bundleGeometry({ webAssembly = true }: BundleGeometryOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(repositoryRoot, 'src/geometry.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    define: webAssembly ? {} : { WebAssembly: 'undefined' },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

/** The geometry without WebAssembly, alongside the usual one, so that both can be compared in one process. */
export async function geometryWithoutWebAssembly(): Promise<typeof import('../src/geometry.ts')> {
  const code = await bundleGeometry({ webAssembly: false });
  return import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
}
