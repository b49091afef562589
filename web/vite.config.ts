import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const root = fileURLToPath(new URL('.', import.meta.url));
const repository = join(root, '..');

/**
 * Where the page will be published, with a trailing slash: link previews only accept absolute addresses.
 * `TDDFA_PAGE_URL` overrides it.
 */
const DEFAULT_PAGE_URL = 'https://OWNER.github.io/tddfa/';

function pageUrl(): string {
  const { TDDFA_PAGE_URL: url = DEFAULT_PAGE_URL } = process.env;
  if (!URL.canParse(url) || !/^https?:\/\/[^?#]*\/$/.test(url)) {
    throw new Error(`TDDFA_PAGE_URL: expected an http or https address that ends with a slash, got ${url}`);
  }
  return url;
}

/** Writes the page's address where the page refers to itself. */
function ownAddress(): Plugin {
  return {
    name: 'own-address',
    transformIndexHtml: { order: 'pre', handler: (html) => html.replaceAll('%PAGE_URL%', pageUrl()) },
  };
}

/** What the page expects beside itself: the sample photo and the open pack. */
function siteFiles(): ReadonlyMap<string, string> {
  const files = new Map([['sample.png', join(repository, 'examples/astronaut.png')]]);
  const pack = join(repository, 'weights/open');
  if (existsSync(join(pack, 'pack.json'))) {
    for (const entry of readdirSync(pack, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      files.set(`weights/open/${path.slice(pack.length + 1)}`, path);
    }
  }
  return files;
}

function copySiteFiles(): Plugin {
  return {
    name: 'site-files',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = siteFiles().get(new URL(request.url ?? '/', 'http://localhost').pathname.slice(1));
        if (path === undefined) next();
        else response.end(readFileSync(path));
      });
    },
    generateBundle() {
      for (const [fileName, path] of siteFiles()) {
        this.emitFile({ type: 'asset', fileName, source: readFileSync(path) });
      }
    },
  };
}

/**
 * Writes the worker that keeps the page, with the names of the files it keeps; tfjs, which is only loaded on demand, is
 * left out.
 */
function offlineWorker(): Plugin {
  return {
    name: 'offline-worker',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      const names = [...Object.keys(bundle), ...readdirSync(join(root, 'public')), 'index.html'];
      const kept = [...new Set(names)]
        .filter((name) => !/^weights\/|^assets\/(tfjs|cpu|wasm|webgl|webgpu|shared)|\.map$|^preview/.test(name))
        .sort();
      const files = ['./', ...kept.filter((name) => name !== 'index.html').map((name) => `./${name}`)];
      const version = createHash('sha256');
      for (const [name, output] of Object.entries(bundle))
        version.update(name).update('code' in output ? output.code : output.source);
      const source = readFileSync(join(root, 'offline-worker.js'), 'utf8')
        .replace('const FILES = [];', `const FILES = ${JSON.stringify(files)};`)
        .replace('VERSION', version.digest('hex').slice(0, 12));
      this.emitFile({ type: 'asset', fileName: 'offline-worker.js', source });
    },
  };
}

export default defineConfig({
  root,
  // Relative, so that the built page works from any folder.
  base: './',
  plugins: [ownAddress(), copySiteFiles(), offlineWorker()],
  worker: { format: 'es', plugins: () => [] },
  build: { outDir: join(root, 'dist'), emptyOutDir: true, target: 'es2022' },
});
