/** The page with a film or a camera, and where something is missing or fails: with the open pack, as it is published. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { build } from 'vite';
import { cameraFlags, writeCameraFilm } from '../../development/camera-film.ts';
import type { LocalServer } from '../../development/local-server.ts';
import { decodeImage } from '../../src/image-files/decode-image.ts';
import { describeWithChromium, launchChromium, openPage, startSite } from '../support/chromium.ts';
import { repositoryRoot } from '../support/shared.ts';

const BUILD_TIMEOUT_MS = 300_000;
/** Of the layout, from navigation until the face is turned. */
const MAX_LAYOUT_SHIFT = 0.02;
const PORTRAIT = join(repositoryRoot, 'examples/astronaut.png');

const NO_WEBGL = `{
  const original = OffscreenCanvas.prototype.getContext;
  OffscreenCanvas.prototype.getContext = function (type, ...rest) {
    return type.includes('webgl') ? null : original.call(this, type, ...rest);
  };
}
`;

/** Its 3D view can be made to lose the graphics card, and gets it back. */
const LOSABLE_CARD = `{
  const original = OffscreenCanvas.prototype.getContext;
  OffscreenCanvas.prototype.getContext = function (type, ...rest) {
    const context = original.call(this, type, ...rest);
    const card = type.includes('webgl') ? context?.getExtension('WEBGL_lose_context') : undefined;
    if (card) new BroadcastChannel('card').onmessage = ({ data }) => card[data]();
    return context;
  };
}
`;

/** A browser that has the interface of WebGPU, and no card for it. */
const NO_ADAPTER = `Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => null } });
`;

/** A layout shift, and the elements that it moved with their tops before and after. */
type LayoutShift = readonly [value: number, ...moved: string[]];
declare const layoutShifts: LayoutShift[];

const WATCH_LAYOUT = `globalThis.layoutShifts = [];
new PerformanceObserver((list) => {
  for (const { value, sources } of list.getEntries()) {
    const moved = sources.map(({ node, previousRect, currentRect }) =>
      (node?.id || node?.nodeName) + ' from ' + previousRect.y + ' to ' + currentRect.y);
    layoutShifts.push([value, ...moved]);
  }
}).observe({ type: 'layout-shift', buffered: true });`;

/** A desk, a phone, a phone on its side and the narrowest of phones. */
const VIEWPORTS = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
  { width: 844, height: 390 },
  { width: 320, height: 640 },
];

describeWithChromium('the page in all its states', () => {
  let folder = '';
  let film = '';
  /** Run in the workers of the 3D view and of the studio before their own scripts. */
  let before: { readonly viewer?: string; readonly studio?: string } = {};
  /** What the rest of the document begins with that arrives late. */
  let pauseBefore: string | undefined;
  let browser: Browser;
  let server: LocalServer;
  let context: BrowserContext | undefined;
  let page: Page;
  let errors: readonly string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tddfa-states-'));
    await build({
      root: join(repositoryRoot, 'web'),
      logLevel: 'error',
      build: { outDir: join(folder, 'site'), minify: false },
    });
    const camera = writeCameraFilm(folder);
    film = join(folder, 'film.webm');
    execFileSync('ffmpeg', ['-v', 'error', '-i', camera, '-t', '2', '-c:v', 'libvpx', '-b:v', '2M', film]);
    browser = await launchChromium(cameraFlags(camera));
    server = await startSite({
      folders: { '/': join(folder, 'site') },
      tamper(path, bytes) {
        const [, name] = /(viewer|studio)-worker[^/]*\.js$/.exec(path) ?? [];
        return Buffer.concat([Buffer.from(before[name as keyof typeof before] ?? ''), bytes]);
      },
      pauseAt(path, bytes) {
        if (path !== '/index.html' || pauseBefore === undefined) return undefined;
        const at = Buffer.from(bytes).indexOf(pauseBefore);
        if (at === -1) throw new Error(`the page has no ${pauseBefore}`);
        return at;
      },
    });
  }, BUILD_TIMEOUT_MS);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    before = {};
    pauseBefore = undefined;
    await context?.close();
  });

  async function open(options: BrowserContextOptions = {}, initScript?: string, query = ''): Promise<void> {
    context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    if (initScript !== undefined) await context.addInitScript(initScript);
    ({ page, errors } = await openPage(context, `${server.url}/${query}`));
  }
  const waitForStatus = (pattern: RegExp) => page.getByRole('status').filter({ hasText: pattern }).waitFor();
  const waitForMesh = () => page.locator('#viewer[data-drawn=true]').waitFor();
  const waitForAlert = (pattern: RegExp) => page.getByRole('alert').filter({ hasText: pattern }).waitFor();
  const waitForRate = () =>
    page.waitForFunction(() => /^\d+$/.test(document.querySelector('#timings td:last-child')?.textContent ?? ''));
  async function expectStill(): Promise<void> {
    const shifts = await page.evaluate(() => layoutShifts);
    const sum = shifts.reduce((total, [value]) => total + value, 0);
    // Named where they are too many, with what moved.
    expect(sum > MAX_LAYOUT_SHIFT ? [page.viewportSize(), ...shifts] : []).toEqual([]);
  }
  const control = (name: string) => page.getByRole('button', { name, exact: true });
  const choose = (name: string, mimeType: string, buffer: Buffer) =>
    page.locator('#file').setInputFiles({ name, mimeType, buffer });
  const viewed = async () => (await page.locator('#turntable').screenshot()).toString('base64');
  /** What is seen once it no longer changes: a machine may be busy, and a skin comes after its mesh. */
  const settled = async (): Promise<string> => {
    let [last, same] = [await viewed(), 0];
    while (same < 3) {
      await page.waitForTimeout(300);
      const now = await viewed();
      same = now === last ? same + 1 : 0;
      last = now;
    }
    return last;
  };
  /** What the sliders show, all in one. */
  const bars = () => page.locator('#expression').textContent();

  test('nothing moves while it loads, on a desk and on a phone; the face is above the fold', async () => {
    for (const viewport of VIEWPORTS) {
      await open({ viewport }, WATCH_LAYOUT);
      await waitForMesh();
      await waitForStatus(/found/);
      await expectStill();
      const { overflow, bottom } = await page.evaluate(() => ({
        overflow: document.documentElement.scrollWidth - innerWidth,
        bottom: document.querySelector('#turntable')?.getBoundingClientRect().bottom ?? Number.NaN,
      }));
      expect(overflow).toBeLessThanOrEqual(0);
      expect(bottom).toBeLessThanOrEqual(viewport.height);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
      // Of all that changes only the status and what went wrong are read out.
      expect(await page.locator('output, [aria-live], [role=status], [role=alert]').count()).toBe(2);
      await context?.close();
    }
  });

  test.each([
    '<div id="news">',
    '<section id="photo"',
    '<fieldset id="surfaces"',
    '<section id="solid"',
    '<select id="material">',
    '<section id="downloads"',
  ])('nothing moves where what comes from %s on arrives late', async (start) => {
    pauseBefore = start;
    for (const viewport of VIEWPORTS) {
      await open({ viewport }, WATCH_LAYOUT);
      // The last panel that the script shows.
      await page.locator('#engine').waitFor();
      await expectStill();
      await context?.close();
    }
  });

  test('the head sways until it is touched, also where pointers do not say how far they moved; two fingers bring it nearer', async () => {
    await open(
      { reducedMotion: 'no-preference', hasTouch: true },
      `for (const name of ['movementX', 'movementY']) Object.defineProperty(MouseEvent.prototype, name, { value: undefined });`,
    );
    await waitForMesh();
    const first = await viewed();
    await expect(differs(first)).resolves.toBe(true);
    const box = await page.locator('#turntable').boundingBox();
    if (box === null) throw new Error('the 3D view has no box');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const session = await context?.newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', apart: number) =>
      session?.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: type === 'touchEnd' ? [] : [-apart, apart].map((dx, id) => ({ x: x + dx, y, id })),
      });
    await touch('touchStart', 20);
    for (const apart of [30, 40, 60]) await touch('touchMove', apart);
    await touch('touchEnd', 60);
    await page.locator('#viewer[data-sways=false]').waitFor();
    expect(Number(await page.locator('#viewer').getAttribute('data-zoom'))).toBeGreaterThan(1.5);
    const yaw = async () => Number(await page.locator('#viewer').getAttribute('data-yaw'));
    const before = await yaw();
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x - 60, y, { steps: 3 });
    await page.mouse.up();
    expect((await yaw()) - before).toBeGreaterThan(0.2);
    // What a finger does upwards and downwards is the browser's: it scrolls.
    expect(await page.locator('#turntable').evaluate((view) => getComputedStyle(view).touchAction)).toBe('pan-y');
  });

  /** Whether the 3D view comes to look otherwise. */
  async function differs(before: string): Promise<boolean> {
    for (let round = 0; round < 40; round++) {
      if ((await viewed()) !== before) return true;
      await page.waitForTimeout(100);
    }
    return false;
  }

  test('a camera moves the head and the bars, mirrored; it is recorded, closed, and its last frame is turned', async () => {
    await open();
    await waitForMesh();
    const still = await bars();
    await control('Use the camera').click();
    await waitForRate();
    await page.waitForFunction((text) => document.getElementById('expression')?.textContent !== text, still);
    expect(await page.locator('#picture').getAttribute('class')).toContain('mirrored');
    expect(await page.locator('#viewer').getAttribute('class')).toContain('mirrored');
    await expect(differs(await viewed())).resolves.toBe(true);
    // The photo's face is what moves now.
    const own = await viewed();
    await page.getByLabel("Animate the photo's face by video or camera").check();
    await expect(differs(own)).resolves.toBe(true);
    const download = page.waitForEvent('download');
    await control('Record a clip').click();
    await page.waitForTimeout(2500);
    await page.getByRole('button', { name: /^Stop, / }).click();
    const saved = await download;
    expect(saved.suggestedFilename()).toBe('camera.webm');
    const path = await saved.path();
    expect((await stat(path)).size).toBeGreaterThan(10_000);
    const frames = execFileSync('ffprobe', [
      ...['-v', 'error', '-count_frames', '-select_streams', 'v', '-of', 'csv=p=0'],
      ...['-show_entries', 'stream=width,height,nb_read_frames', path],
    ]).toString();
    expect(frames).toMatch(/^960,480,\d+/);
    expect(Number(frames.split(',')[2])).toBeGreaterThan(5);
    await control('Close').click();
    await control('Neutral').and(page.locator(':enabled')).waitFor();
    expect(await page.locator('#picture').getAttribute('class')).not.toContain('mirrored');
    await waitForMesh();
    expect(errors).toEqual([]);
  });

  test('a film goes on after a broken picture, with another backend and regressor, and after one that cannot compute', async () => {
    before = { studio: NO_ADAPTER };
    await open();
    await waitForMesh();
    await choose('film.webm', 'video/webm', await readFile(film));
    await waitForRate();
    await choose('broken.png', 'image/png', Buffer.from('no picture'));
    await waitForAlert(/^broken\.png: this is not a picture that the browser can read$/);
    await page.waitForFunction(() => document.querySelector('video')?.paused === false);
    await page.getByText('Engine').click();
    await page.getByLabel('Backend').selectOption('cpu');
    const isPlaying = async () => {
      await waitForStatus(/found|in use/);
      await page.waitForFunction(() => document.querySelector('video')?.paused === false);
      expect(await page.locator('#progress').isHidden()).toBe(true);
    };
    await isPlaying();
    await page.getByLabel('Backend').selectOption('compiled');
    await isPlaying();
    await page.getByLabel('Regressor').selectOption('open-mb05');
    await isPlaying();
    await page.getByLabel('Backend').selectOption('webgpu');
    // In words for who looks at the page, not for who programs it.
    await waitForAlert(
      /^The model cannot be used: this browser cannot compute with webgpu\. Choose another backend\.$/,
    );
    await page.waitForFunction(() => document.querySelector('video')?.paused === false);
    expect(await page.getByLabel('Backend').inputValue()).toBe('compiled');
    await waitForRate();
    expect(errors).toEqual([]);
  });

  test('of two photos the newer one is told of, whichever is read first', async () => {
    await open();
    await waitForMesh();
    const portrait = await readFile(PORTRAIT);
    const plain = await page.evaluate(() => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 64 });
      canvas.getContext('2d')?.fillRect(0, 0, 64, 64);
      return canvas.toDataURL('image/png').split(',')[1] ?? '';
    });
    await choose('portrait.png', 'image/png', portrait);
    await choose('plain.png', 'image/png', Buffer.from(plain, 'base64'));
    await waitForStatus(/^No face/);
    await page.getByText('There is no face to turn.').waitFor();
    await page.waitForTimeout(500);
    await waitForStatus(/^No face/);
    expect(await control('GLB').isEnabled()).toBe(false);
  });

  test('a camera that is unplugged is named, and what it showed last stays', async () => {
    await open(
      {},
      `const media = navigator.mediaDevices;
      const original = media.getUserMedia.bind(media);
      media.getUserMedia = async (constraints) => (globalThis.stream = await original(constraints));`,
    );
    await waitForMesh();
    await control('Use the camera').click();
    await waitForRate();
    // What a browser does when the plug is pulled: the track ends without anybody stopping it.
    await page.evaluate(() => {
      const [track] = (globalThis as unknown as { stream: MediaStream }).stream.getTracks();
      track?.stop();
      track?.dispatchEvent(new Event('ended'));
    });
    await waitForAlert(/^The camera was disconnected/);
    await control('GLB').and(page.locator(':enabled')).waitFor();
    expect(await control('Close').isVisible()).toBe(false);
  });

  test('without WebGL the 3D view says so, and the rest works', async () => {
    before = { viewer: NO_WEBGL };
    await open();
    await waitForStatus(/1 face found/);
    await page.getByText(/The 3D view cannot be shown: this browser has no 3D graphics/).waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), control('GLB').click()]);
    expect(download.suggestedFilename()).toBe('sample.glb');
  });

  test('without JavaScript it says what still works; a link to it shows a picture', async () => {
    await open({ javaScriptEnabled: false });
    const advice = page.locator('noscript p');
    expect(await advice.textContent()).toContain('needs JavaScript, which is switched off');
    expect(await advice.isVisible()).toBe(true);
    const meta = (name: string) => page.locator(`meta[property="og:${name}"]`).getAttribute('content');
    const [address, image] = [(await meta('url')) ?? '', (await meta('image')) ?? ''];
    expect(new URL(address).protocol).toBe('https:');
    expect(image).toBe(`${address}preview.jpg`);
    const preview = await decodeImage(await readFile(join(folder, 'site', 'preview.jpg')));
    expect([String(preview.width), String(preview.height)]).toEqual([
      await meta('image:width'),
      await meta('image:height'),
    ]);
  });

  test('a model that did not arrive is asked for once more', async () => {
    context = await browser.newContext({ reducedMotion: 'reduce' });
    await context.route('**/weights/open/**', (route) => route.abort());
    ({ page } = await openPage(context, `${server.url}/`));
    await waitForAlert(/^The model cannot be used/);
    await context.unroute('**/weights/open/**');
    await control('Try again').click();
    await waitForStatus(/1 face found/);
    await waitForMesh();
    expect(await page.locator('#problem').isHidden()).toBe(true);
    expect(await control('Try again').isVisible()).toBe(false);
  });

  test('of several cameras another can be chosen, and the one before is closed', async () => {
    // A film is one camera alone.
    const other = await launchChromium([
      '--use-fake-device-for-media-stream=device-count=2',
      '--use-fake-ui-for-media-stream',
    ]);
    try {
      context = await other.newContext({ permissions: ['camera'] });
      await context.addInitScript(`globalThis.streams = [];
        const media = navigator.mediaDevices;
        const original = media.getUserMedia.bind(media);
        media.getUserMedia = async (constraints) => {
          const stream = await original(constraints);
          streams.push(stream);
          return stream;
        };`);
      ({ page } = await openPage(context, `${server.url}/`));
      await waitForMesh();
      await control('Use the camera').click();
      const chooser = page.getByLabel('Which camera');
      await chooser.waitFor();
      const chosen = await chooser.inputValue();
      const ids = await chooser
        .locator('option')
        .evaluateAll((found) => found.map((option) => (option as HTMLOptionElement).value));
      expect(ids).toHaveLength(2);
      const another = ids.find((id) => id !== chosen) ?? '';
      await chooser.selectOption(another);
      await page.waitForFunction(() => (globalThis as unknown as { streams: MediaStream[] }).streams.length === 2);
      const opened = await page.evaluate(() =>
        (globalThis as unknown as { streams: MediaStream[] }).streams.map((stream) => {
          const [track] = stream.getVideoTracks();
          return [track?.getSettings().deviceId, track?.readyState];
        }),
      );
      expect(opened).toEqual([
        [chosen, 'ended'],
        [another, 'live'],
      ]);
    } finally {
      await context?.close();
      context = undefined;
      await other.close();
    }
  });

  test.each([
    ['workers', 'delete globalThis.Worker'],
    ['OffscreenCanvas', 'delete HTMLCanvasElement.prototype.transferControlToOffscreen'],
  ])('without %s it says so at once', async (name, script) => {
    await open({}, script);
    await waitForAlert(new RegExp(`This browser has no .*${name}`));
  });

  test('what is switched on is in the address; it opens without a network after the first visit', async () => {
    await open();
    await waitForMesh();
    await page.getByRole('radio', { name: 'Depth map' }).check();
    await page.getByRole('checkbox', { name: 'Landmarks' }).check();
    await page.getByLabel('Skin').selectOption('clay');
    const address = page.url();
    expect(new URL(address).search).toBe('?surface=depth&over=landmarks&skin=clay');
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    const manifest = await page.evaluate(async () => (await fetch('manifest.webmanifest')).json());
    expect(manifest).toMatchObject({ display: 'standalone', start_url: './' });
    await context?.setOffline(true);
    await page.goto(address);
    await waitForMesh();
    await waitForStatus(/1 face found/);
    expect(await page.getByRole('radio', { name: 'Depth map' }).isChecked()).toBe(true);
    expect(await page.getByRole('checkbox', { name: 'Landmarks' }).isChecked()).toBe(true);
    expect(await page.getByLabel('Skin').inputValue()).toBe('clay');
  });

  test('a slider goes back by a double click; code is copied; the graphics card goes and comes; one ring shows what has the focus', async () => {
    before = { viewer: LOSABLE_CARD };
    await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await waitForMesh();
    const slider = page.locator('#expression input').first();
    const found = await slider.inputValue();
    await slider.focus();
    await page.keyboard.press('End');
    expect(await slider.inputValue()).toBe('1');
    await slider.dispatchEvent('dblclick');
    expect(await slider.inputValue()).toBe(found);
    await page.locator('[data-copy=install-code]').click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('npm install tddfa');

    const note = page.getByText(
      /^The connection to the graphics card was lost\. Pictures, overlays and downloads work without it/,
    );
    const tellCard = (what: string) => page.evaluate((name) => new BroadcastChannel('card').postMessage(name), what);
    const whole = await settled();
    await tellCard('loseContext');
    await note.waitFor();
    expect(await control('GLB').isEnabled()).toBe(true);
    await tellCard('restoreContext');
    await note.waitFor({ state: 'hidden' });
    while ((await viewed()) !== whole) await page.waitForTimeout(100);

    await page.locator('h1').click();
    const ringed: string[] = [];
    for (let stop = 0; stop < 30; stop++) {
      await page.keyboard.press('Tab');
      const rings = await page.evaluate(() =>
        [...document.querySelectorAll('*')].flatMap((element) => {
          const { outlineStyle, outlineWidth, opacity, clipPath } = getComputedStyle(element);
          const isSeen = outlineStyle === 'solid' && outlineWidth === '3px' && opacity !== '0' && clipPath === 'none';
          return isSeen ? [element.id || element.textContent?.trim() || element.localName] : [];
        }),
      );
      const after = ringed.at(-1);
      expect({ after, rings }).toEqual({ after, rings: [expect.any(String)] });
      ringed.push(rings[0] ?? '');
    }
    expect(ringed).toEqual(expect.arrayContaining(['file-label', 'camera', 'wipe-line', 'turntable', 'material']));
  });
});
