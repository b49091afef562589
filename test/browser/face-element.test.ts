/** `<tddfa-face>` from the files for pages without a bundler, in a real Chromium. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { LocalServer } from '../../development/local-server.ts';
import { repositoryRoot } from '../../development/paths.ts';
import { buildPackage } from '../support/build-package.ts';
import { describeWithChromium, launchChromium, openPage, startSite } from '../support/chromium.ts';

/** As a visitor's page has it: nothing but a script and the element. */
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Test</title><link rel="icon" href="data:,">
<script>
  globalThis.happened = [];
  for (const type of ['load', 'error', 'progress', 'turn']) {
    document.addEventListener(type, ({ target, detail, message }) => {
      if (target.localName === 'tddfa-face') happened.push([type, detail?.faceCount ?? detail?.yawDegrees ?? message ?? 0]);
    }, true);
  }
</script>
<script type="module" src="/tddfa/dist/browser/tddfa-face.js"></script>
<tddfa-face src="/examples/astronaut.png" alt="Eileen Collins"></tddfa-face></html>`;

declare const happened: [string, unknown][];

describeWithChromium('in a page of others', () => {
  let browser: Browser;
  let server: LocalServer;

  beforeAll(async () => {
    await buildPackage();
    browser = await launchChromium();
    server = await startSite({
      folders: {
        '/tddfa/dist/': join(repositoryRoot, 'dist/'),
        '/tddfa/weights/': join(repositoryRoot, 'weights/'),
        '/examples/': join(repositoryRoot, 'examples/'),
      },
      files: { '/index.html': PAGE },
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const happenedOn = (page: Page, type: string): Promise<unknown> =>
    page
      .waitForFunction((wanted) => happened.find(([name]) => name === wanted), type)
      .then((handle) => handle.jsonValue())
      .then((found) => found?.[1]);

  /** Where the middle of what is drawn lies, 0..1 of the width, and how much of the element it fills. */
  const drawn = (page: Page): Promise<{ middle: number; share: number }> =>
    page.evaluate(async () => {
      // Sharp again once it rests.
      await new Promise((resolve) => setTimeout(resolve, 400));
      const canvas = document.querySelector('tddfa-face')?.shadowRoot?.querySelector('canvas');
      if (!canvas) return { middle: Number.NaN, share: 0 };
      const { width, height } = canvas;
      const data = canvas.getContext('2d')?.getImageData(0, 0, width, height).data ?? [];
      let sum = 0;
      let count = 0;
      let light = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] === 0) continue;
        count++;
        light += data[i];
        sum += data[i] * ((i / 4) % width);
      }
      return { middle: sum / light / width, share: count / (width * height) };
    });

  test('the element shows a face that is turned by keys, by dragging, and back', async () => {
    const { page, errors } = await openPage(browser, server.url);
    expect(await happenedOn(page, 'load')).toBe(1);
    expect(await page.evaluate(() => happened.some(([type]) => type === 'progress'))).toBe(true);
    const ahead = await drawn(page);
    expect(ahead.share).toBeGreaterThan(0.3);
    expect(ahead.share).toBeLessThan(0.8);
    const element = page.getByRole('img', { name: 'Eileen Collins' });
    await element.focus();
    for (let i = 0; i < 6; i++) await page.keyboard.press('ArrowRight');
    expect(await element.evaluate((face) => (face as HTMLElement & { yawDegrees: number }).yawDegrees)).toBe(30);
    expect((await drawn(page)).share).not.toBe(ahead.share);
    await element.dblclick();
    expect(await element.evaluate((face) => (face as HTMLElement & { yawDegrees: number }).yawDegrees)).toBe(0);
    expect(await drawn(page)).toEqual(ahead);
    const box = await element.boundingBox();
    if (box === null) throw new Error('the element has no box');
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 4, box.y + box.height / 2, { steps: 3 });
    await page.mouse.up();
    const yaw = await element.evaluate((face) => (face as HTMLElement & { yawDegrees: number }).yawDegrees);
    expect(yaw).toBeCloseTo(-40, 5);
    expect(errors).toEqual([]);
    await page.close();
  });

  test('the newest photo counts, and what is wrong with one is an event and a line', async () => {
    const { page } = await openPage(browser, server.url);
    await happenedOn(page, 'load');
    const element = page.locator('tddfa-face');
    await element.evaluate((face) => {
      happened.length = 0;
      face.setAttribute('src', '/examples/astronaut.png?slow');
      face.setAttribute('src', '/examples/none.png');
    });
    expect(await happenedOn(page, 'error')).toMatch(/none\.png: the server answered 404$/);
    expect(await element.getByRole('status').textContent()).toMatch(/404$/);
    await element.evaluate((face) => {
      happened.length = 0;
      face.setAttribute('src', '/examples/three/mask.html');
    });
    expect(await happenedOn(page, 'error')).toMatch(/not a picture that the browser can read$/);
    await element.evaluate((face) => {
      happened.length = 0;
      face.setAttribute('face', '3');
      face.setAttribute('src', '/examples/astronaut.png');
    });
    expect(await happenedOn(page, 'error')).toMatch(/it has 1 faces?, none with index 3$/);
    expect(await page.evaluate(() => happened.filter(([type]) => type === 'load').length)).toBe(0);
    await page.close();
  });
});
