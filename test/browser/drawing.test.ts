/** Pages that draw: with the kernel beside an aligner in a worker or without one, and where a policy forbids WebAssembly. */
import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { openPage } from '../../development/browser-site.ts';
import { bundleGeometry } from '../../development/bundle-geometry.ts';
import { gradientImage, syntheticFace } from '../../development/synthetic-face.ts';
import * as geometry from '../../src/geometry.ts';
import { describeWithChromium, startSite, useChromium } from '../support/chromium.ts';

const image = gradientImage(120, 110);
const { vertices, maps } = syntheticFace(60, 55, 40);
const FACE = {
  vertices: [...vertices],
  triangles: [...maps.triangles],
  nccCodes: [...maps.nccCodes],
  data: [...image.data],
  width: image.width,
  height: image.height,
};

/** Counts the instances of WebAssembly that the page makes; a policy does not hinder that. */
const SCRIPT = `
  import * as geometry from '/geometry.js';
  globalThis.instances = 0;
  if (globalThis.WebAssembly) {
    WebAssembly.Instance = class extends WebAssembly.Instance {
      constructor(...args) { super(...args); globalThis.instances++; }
    };
  }
  globalThis.drawing = geometry;`;
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Test</title>
<link rel="icon" href="data:,"><script type="module" src="/main.js"></script></html>`;

declare const drawing: typeof geometry;
declare const instances: number;

/** What was drawn, as text: Playwright takes seconds for arrays of this size. */
interface Drawn {
  readonly pictures: readonly string[];
  readonly normals: string;
}

/** Hashes of it, so that a difference is shown in a line. */
const hashes = ({ pictures, normals }: Drawn): string[] =>
  [...pictures, normals].map((text) => createHash('sha256').update(text).digest('hex').slice(0, 16));

describeWithChromium('drawing in Chromium', () => {
  const browser = useChromium();

  async function drawInPage(headers: Readonly<Record<string, string>>) {
    const server = await startSite({
      folders: {},
      files: { '/index.html': PAGE, '/main.js': SCRIPT, '/geometry.js': await bundleGeometry() },
      headers,
    });
    try {
      const { page, errors } = await openPage(browser(), server.url);
      await page.waitForFunction(() => 'drawing' in globalThis);
      const drawn = await page.evaluate((text) => {
        const { vertices, triangles, nccCodes, data, width, height } = JSON.parse(text) as typeof FACE;
        const { drawPncc, drawRender, vertexNormals } = drawing;
        const image = { data: Uint8Array.from(data), width, height };
        const faces = [Float32Array.from(vertices)];
        const maps = { triangles: Uint32Array.from(triangles), nccCodes: Float32Array.from(nccCodes) };
        const pictures = [drawRender(image, faces, maps), drawPncc(image, faces, maps)];
        return {
          pictures: pictures.map((picture) => picture.data.join()),
          normals: vertexNormals(faces[0], maps.triangles).join(),
          instances,
        };
      }, JSON.stringify(FACE));
      await page.close();
      return { drawn, errors };
    } finally {
      await server.close();
    }
  }

  function drawInNode(): Drawn {
    const pictures = [geometry.drawRender(image, [vertices], maps), geometry.drawPncc(image, [vertices], maps)];
    return {
      pictures: pictures.map(({ data }) => data.join()),
      normals: geometry.vertexNormals(vertices, maps.triangles).join(),
    };
  }

  test('takes the kernel, with no aligner on the page', async () => {
    const { drawn, errors } = await drawInPage({});
    expect(errors).toEqual([]);
    expect(drawn.instances).toBe(1);
    expect(hashes(drawn)).toEqual(hashes(drawInNode()));
  });

  test('draws the same where a policy forbids WebAssembly', async () => {
    const { drawn, errors } = await drawInPage({ 'content-security-policy': "default-src 'self'; img-src data:" });
    expect(drawn.instances).toBe(0);
    expect(hashes(drawn)).toEqual(hashes(drawInNode()));
    // The browser itself reports what the policy stopped, once.
    expect(errors.length).toBeLessThanOrEqual(1);
  });
});
