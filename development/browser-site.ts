/** Debian's Chromium, and pages that only this machine serves to it. */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { type LocalServer, startServer } from './local-server.ts';
import { repositoryRoot } from './paths.ts';

export const CHROMIUM_PATH = process.env.TDDFA_CHROMIUM ?? '/usr/bin/chromium';

/** After this, something hangs; on a busy machine a page can take long. */
export const CHROMIUM_TIMEOUT_MS = 120_000;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-dev-shm-usage',
  // Software graphics backends.
  '--enable-unsafe-webgpu',
  '--enable-unsafe-swiftshader',
  '--use-webgpu-adapter=swiftshader',
];

/** Starts Chromium with these flags in addition to those that every test needs. */
export function launchChromium(flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM_PATH,
    args: [...FLAGS, ...flags],
    timeout: CHROMIUM_TIMEOUT_MS,
  });
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.jsx': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.mp4': 'video/mp4',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webm': 'video/webm',
};

/** Folder with the wasm backend's binaries. */
export const TFJS_WASM_FOLDER = join(repositoryRoot, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');

/** What a page is made of. */
export interface Site {
  /** Folders by path prefix: `{ '/pack/': '/tmp/pack' }`; the longest match wins. */
  readonly folders: Readonly<Record<string, string>>;
  /** Texts by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Sent with every response. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Changes the bytes of a file in transit. */
  readonly tamper?: (path: string, bytes: Uint8Array) => Uint8Array;
  /** How much of a file is sent at first, bytes; the rest follows after `PAUSE_MS`, as over a slow network. */
  readonly pauseAt?: (path: string, bytes: Uint8Array) => number | undefined;
}

/** Long enough for a browser to draw what it has. */
const PAUSE_MS = 500;

/** Serves a site on 127.0.0.1, which browsers treat as a secure context like https. */
export function startSite(site: Site): Promise<LocalServer> {
  return startServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    const name = path.endsWith('/') ? `${path}index.html` : path;
    const bytes = await readSiteFile(site, name);
    if (bytes === undefined) {
      response.writeHead(404, { ...site.headers }).end('not found');
      return;
    }
    const sent = site.tamper?.(name, bytes) ?? bytes;
    const type = CONTENT_TYPES[extname(name)] ?? 'application/octet-stream';
    // Bypasses the browser's own HTTP cache: whatever is not requested again comes from our cache.
    const headers = { 'content-type': type, 'content-length': sent.length, 'cache-control': 'no-store' };
    response.writeHead(200, { ...headers, ...site.headers });
    const pauseAt = site.pauseAt?.(name, sent);
    if (pauseAt === undefined) {
      response.end(sent);
      return;
    }
    response.write(sent.subarray(0, pauseAt));
    await setTimeout(PAUSE_MS);
    response.end(sent.subarray(pauseAt));
  });
}

async function readSiteFile({ files = {}, folders }: Site, name: string): Promise<Uint8Array | undefined> {
  const text = files[name];
  if (text !== undefined) return new TextEncoder().encode(text);
  const [start] = Object.keys(folders)
    .filter((prefix) => name.startsWith(prefix))
    .sort((a, b) => b.length - a.length);
  if (start === undefined) return undefined;
  try {
    return await readFile(join(folders[start] ?? '', name.slice(start.length)));
  } catch {
    return undefined;
  }
}

/** A page with the whole entry as the global `tddfa`. */
export const LIBRARY_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Test</title>
<link rel="icon" href="data:,"><script type="module" src="/main.js"></script></html>`;
export const LIBRARY_SCRIPT = `import * as tddfa from '/bundle/tddfa.js'; globalThis.tddfa = tddfa;`;

/** A page, and what went wrong on it. */
export interface WatchedPage {
  readonly page: Page;
  /** Uncaught errors and console errors. */
  readonly errors: readonly string[];
}

/** Opens a page in its own context, or in the given one. */
export async function openPage(browser: Browser | BrowserContext, url: string): Promise<WatchedPage> {
  const page = await browser.newPage();
  page.setDefaultTimeout(CHROMIUM_TIMEOUT_MS);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors };
}

/** Opens a page of `LIBRARY_PAGE` and waits for the library. */
export async function openLibraryPage(browser: Browser | BrowserContext, url: string): Promise<WatchedPage> {
  const watched = await openPage(browser, url);
  await watched.page.waitForFunction(() => 'tddfa' in globalThis);
  return watched;
}
