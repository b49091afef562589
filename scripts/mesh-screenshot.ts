/** A mesh file as a real browser shows it: three.js in Chromium. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { startServer } from '../development/local-server.ts';
import { repositoryRoot } from '../development/paths.ts';

declare const showTurned: typeof import('../development/mesh-page.ts').showTurned;

/**
 * Shows a mesh on dark grey, several times side by side, turned about its own vertical axis.
 * @param mesh - path of a GLB, or of an OBJ with its material file beside it.
 * @param size - px of each view.
 * @returns the bytes of a PNG.
 */
export async function screenshotMesh(mesh: string, size: number, turnsDegrees: readonly number[]): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'tddfa-screenshot-'));
  try {
    await build({
      entryPoints: [join(repositoryRoot, 'development/mesh-page.ts')],
      outfile: join(folder, 'page.js'),
      bundle: true,
      format: 'esm',
      logLevel: 'error',
    });
    const page =
      '<!doctype html><html lang="en"><title>Mesh</title><script type="module" src="/page.js"></script></html>';
    const server = await startServer(async (request, response) => {
      const path = request.url ?? '/';
      if (path === '/') return void response.writeHead(200, { 'content-type': 'text/html' }).end(page);
      if (path === '/page.js') {
        return void response
          .writeHead(200, { 'content-type': 'text/javascript' })
          .end(await readFile(join(folder, 'page.js')));
      }
      if (path === '/favicon.ico') return void response.writeHead(404).end();
      return void response.writeHead(200).end(await readFile(join(dirname(resolve(mesh)), basename(path))));
    });
    const browser = await chromium.launch({
      executablePath: process.env.TDDFA_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--enable-unsafe-swiftshader', '--use-angle=swiftshader'],
    });
    try {
      const tab = await browser.newPage();
      await tab.goto(server.url);
      await tab.waitForFunction(() => 'showTurned' in globalThis);
      const url = await tab.evaluate(({ file, size, turns }) => showTurned('/', file, size, turns), {
        file: basename(mesh),
        size,
        turns: turnsDegrees,
      });
      return new Uint8Array(Buffer.from(url.slice(url.indexOf(',') + 1), 'base64'));
    } finally {
      await browser.close();
      await server.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
