/** Serves what the examples load from a CDN from this machine. */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { repositoryRoot } from './paths.ts';

const CDN = 'https://cdn.jsdelivr.net/npm/';
const CONTENT_TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.json': 'application/json' };

/**
 * Answers a context's requests to jsDelivr: tddfa with these bundles, and three as installed.
 * @param bundle - folder with the browser bundles.
 */
export async function routePackages(context: BrowserContext, bundle: string): Promise<void> {
  await context.route(`${CDN}**`, async (route) => {
    const path = new URL(route.request().url()).href.slice(CDN.length);
    const place = await placeOf(path, bundle);
    if (place === undefined) {
      await route.fulfill({ status: 404, body: `${path} is not the installed version` });
      return;
    }
    await route.fulfill({
      body: await readFile(place),
      contentType: CONTENT_TYPES[extname(place)] ?? 'application/octet-stream',
      headers: { 'access-control-allow-origin': '*' },
    });
  });
}

async function placeOf(path: string, bundle: string): Promise<string | undefined> {
  const [, asked, file] = /^three@([\d.]+)\/(.*)$/.exec(path) ?? [];
  if (file !== undefined) {
    const folder = join(repositoryRoot, 'node_modules', 'three');
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
    return version === asked ? join(folder, file) : undefined;
  }
  const built = 'tddfa/dist/browser/';
  if (path.startsWith(built)) return join(bundle, path.slice(built.length));
  return join(repositoryRoot, path.replace(/^tddfa\//, ''));
}
