/** `tddfa/three` and its examples in a real Chromium, whose camera plays a film of a moving face. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { cameraFlags, writeCameraFilm } from '../../development/camera-film.ts';
import { routePackages } from '../../development/example-packages.ts';
import type { LocalServer } from '../../development/local-server.ts';
import { repositoryRoot } from '../../development/paths.ts';
import { createFaceAligner, type FaceAligner } from '../../src/face-aligner.ts';
import { LANDMARK_REGIONS } from '../../src/geometry/landmark-regions.ts';
import { decodeImage } from '../../src/image-files/decode-image.ts';
import { fileWeights } from '../../src/node.ts';
import type { RgbaImage } from '../../src/types.ts';
import { describeWithChromium, launchChromium, openPage, startSite, useBrowserBundle } from '../support/chromium.ts';

type Tddfa = typeof import('../../src/browser.ts') & typeof import('../../src/three.ts');
declare const tddfa: Tddfa;
declare const THREE: typeof import('three');

const FRAMES = 100;
/** Px between the mask and the frame below it; the face moves by 8 px a frame. */
const MAX_SHIFT_PX = 2;
const PORTRAIT = join(repositoryRoot, 'examples', 'astronaut.png');
const IMPORTS = { three: '/three/build/three.module.js' };
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Test</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script><script type="module">
import * as THREE from 'three'; import * as browser from '/bundle/tddfa.js'; import * as three from '/bundle/three.js';
Object.assign(globalThis, { THREE, tddfa: { ...browser, ...three } });
</script></html>`;

describeWithChromium('tddfa/three', () => {
  const bundle = useBrowserBundle();
  let folder = '';
  let browser: Browser;
  let server: LocalServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tddfa-three-'));
    browser = await launchChromium(['--use-angle=swiftshader', ...cameraFlags(writeCameraFilm(folder))]);
    const folders = {
      '/bundle/': bundle(),
      '/weights/': join(repositoryRoot, 'weights/open/'),
      '/three/': join(repositoryRoot, 'node_modules/three/'),
      '/examples/': join(repositoryRoot, 'examples/'),
    };
    server = await startSite({ folders, files: { '/index.html': PAGE } });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function openTestPage(): Promise<Page> {
    const { page } = await openPage(browser, server.url);
    await page.waitForFunction(() => 'tddfa' in globalThis);
    return page;
  }

  test('a mask lies on the frame that it belongs to, in 100 frames of a moving camera', async () => {
    const page = await openTestPage();
    const shifts = await page.evaluate(
      (count) =>
        new Promise<number[]>((resolve, reject) => {
          const found: number[] = [];
          void (async () => {
            const aligner = await tddfa.createFaceAlignerWorker({ weights: tddfa.httpWeights('/weights/') });
            const renderer = new THREE.WebGLRenderer({ alpha: true });
            const material = new THREE.MeshBasicMaterial();
            const mask = new tddfa.FaceMesh3D(aligner, { material, normals: false });
            const scene = new THREE.Scene().add(mask);
            const camera = new tddfa.PhotoCamera(640, 480);
            const canvas = new OffscreenCanvas(640, 480);
            const context = canvas.getContext('2d', { willReadFrequently: true });
            renderer.setSize(640, 480, false);
            /** How far to the right the frame must be moved to look most like the mask, px. */
            const shiftOf = (shown: Uint8ClampedArray, frame: Uint8ClampedArray): number => {
              let best = Number.NaN;
              let least = Infinity;
              for (let shift = -10; shift <= 10; shift++) {
                let sum = 0;
                let pixels = 0;
                for (let y = 100; y < 300; y += 3) {
                  for (let x = 12; x < 628; x += 2) {
                    const at = (y * 640 + x) * 4;
                    if (shown[at + 3] !== 255) continue;
                    sum += Math.abs(shown[at + 1] - frame[at + 4 * shift + 1]);
                    pixels++;
                  }
                }
                if (pixels > 500 && sum / pixels < least) [least, best] = [sum / pixels, shift];
              }
              return best;
            };
            const follower = tddfa.followVideo(
              'camera',
              async ({ faces, frame }) => {
                const [face] = faces;
                if (face === undefined || context === null) return;
                const photo = await tddfa.readPixels(frame);
                if (material.map === null) {
                  material.map = tddfa.frontalTexture(aligner, photo, face);
                  material.needsUpdate = true;
                }
                mask.update(face);
                renderer.render(scene, camera);
                context.clearRect(0, 0, 640, 480);
                context.drawImage(renderer.domElement, 0, 0);
                found.push(shiftOf(context.getImageData(0, 0, 640, 480).data, new Uint8ClampedArray(photo.data)));
                if (found.length < count) return;
                follower.stop();
                resolve(found);
              },
              { aligner },
            );
            await follower.finished;
          })().catch(reject);
        }),
      FRAMES,
    );
    expect(shifts).toHaveLength(FRAMES);
    const worst = Math.max(...shifts.map(Math.abs));
    expect(worst).toBeLessThanOrEqual(MAX_SHIFT_PX);
    await page.close();
  });

  test('the head hides what is behind it, and shows what is in front and beside; also after the graphics card was away', async () => {
    const page = await openTestPage();
    const seen = await page.evaluate(async () => {
      const aligner = await tddfa.createFaceAlignerWorker({
        weights: tddfa.httpWeights('/weights/'),
        keepPixels: true,
      });
      const photo = await tddfa.readPixels(await (await fetch('/examples/astronaut.png')).blob());
      const [face] = await aligner.align(photo, await aligner.detect(photo));
      const head = new tddfa.FaceMesh3D(aligner, { material: new tddfa.OccluderMaterial() }).update(face);
      head.add(new tddfa.HeadOccluder(aligner));
      const bead = (x: number, y: number, z: number, colour: number): void => {
        const sphere = new THREE.SphereGeometry(0.006);
        const mesh = new THREE.Mesh(sphere, new THREE.MeshBasicMaterial({ color: colour }));
        mesh.position.set(x, y, z);
        head.add(mesh);
      };
      const nose = head.landmark(30);
      const brow = head.landmark(27);
      bead(nose.x, nose.y, nose.z + 0.02, 0xff0000);
      bead(brow.x, brow.y, brow.z - 0.15, 0x00ff00);
      bead(head.landmark(16).x + 0.04, nose.y, -0.08, 0x0000ff);
      const scene = new THREE.Scene().add(head);
      const camera = new tddfa.PhotoCamera(photo.width, photo.height);
      const renderer = new THREE.WebGLRenderer({ alpha: true });
      renderer.setSize(photo.width, photo.height, false);
      const count = (): number[] => {
        renderer.render(scene, camera);
        const canvas = new OffscreenCanvas(photo.width, photo.height);
        const context = canvas.getContext('2d');
        context?.drawImage(renderer.domElement, 0, 0);
        const data = context?.getImageData(0, 0, photo.width, photo.height).data ?? [];
        const pixels = [0, 0, 0, 0];
        for (let i = 0; i < data.length; i += 4) {
          for (let channel = 0; channel < 3; channel++) if (data[i + channel] > 200) pixels[channel]++;
          if (data[i + 3] > 0) pixels[3]++;
        }
        return pixels;
      };
      const before = count();
      const canvas = renderer.domElement;
      const lost = new Promise((resolve) => canvas.addEventListener('webglcontextlost', resolve));
      const restored = new Promise((resolve) => canvas.addEventListener('webglcontextrestored', resolve));
      renderer.forceContextLoss();
      await lost;
      // A context can be restored only when its event has been dealt with.
      await new Promise((resolve) => setTimeout(resolve));
      // Drawing and updating go on meanwhile, as an animation's loop does.
      head.update(face);
      const meanwhile = count();
      renderer.forceContextRestore();
      await restored;
      const after = count();
      const { geometries, textures } = renderer.info.memory;
      head.dispose();
      const left = renderer.info.memory.geometries;
      return { before, meanwhile, after, geometries, textures, left };
    });
    const [front, behind, beside, all] = seen.before;
    expect(front).toBeGreaterThan(30);
    expect(behind).toBe(0);
    expect(beside).toBeGreaterThan(30);
    // The occluders have no colour.
    expect(all).toBe(front + beside);
    expect(seen.meanwhile).toEqual([0, 0, 0, 0]);
    expect(seen.after).toEqual(seen.before);
    expect(seen.left).toBe(seen.geometries - 1);
    await page.close();
  });

  describe('examples', () => {
    let aligner: FaceAligner;
    beforeAll(async () => {
      aligner = await createFaceAligner({ weights: fileWeights(join(repositoryRoot, 'weights', 'open')) });
    });
    afterAll(() => aligner?.dispose());

    /** Opens an example as it is; what it loads from the network comes from here. */
    async function openExample(name: string, initScript?: string): Promise<{ page: Page; errors: readonly string[] }> {
      const context = await browser.newContext();
      await routePackages(context, bundle());
      if (initScript !== undefined) await context.addInitScript(initScript);
      return openPage(context, `${server.url}/examples/${name}`);
    }

    /** What the canvas of an example shows, once it is as expected or time is over. */
    async function shown(page: Page, isReady: (image: RgbaImage) => Promise<boolean>): Promise<RgbaImage> {
      for (let round = 0; ; round++) {
        const url = await page.evaluate(
          () =>
            new Promise<string>((resolve) => {
              requestAnimationFrame(() => resolve(document.querySelector('canvas')?.toDataURL('image/png') ?? ''));
            }),
        );
        const image = await decodeImage(Buffer.from(url.slice(url.indexOf(',') + 1), 'base64'));
        if (round === 120 || (await isReady(image))) return image;
        await page.waitForTimeout(250);
      }
    }

    async function landmarksIn(image: RgbaImage): Promise<Float32Array | undefined> {
      const [box] = await aligner.detect(image);
      if (box === undefined) return undefined;
      const [face] = await aligner.align(image, [box]);
      return aligner.reconstruct(face);
    }

    /** Mean level round landmarks. */
    function level(
      { data, width }: RgbaImage,
      landmarks: Float32Array,
      indices: readonly number[],
      reach: number,
    ): number {
      let sum = 0;
      let count = 0;
      for (const index of indices) {
        const [x, y] = [Math.round(landmarks[3 * index]), Math.round(landmarks[3 * index + 1])];
        for (let dy = -reach; dy <= reach; dy++) {
          for (let dx = -reach; dx <= reach; dx++, count++) sum += data[((y + dy) * width + x + dx) * 4 + 1];
        }
      }
      return sum / count;
    }

    test('glasses: lenses darken the skin below the eyes, on the face wherever it is', async () => {
      const photo = await decodeImage(await readFile(PORTRAIT));
      const own = await landmarksIn(photo);
      if (own === undefined) throw new Error('no face in the portrait');
      const eyes = [...LANDMARK_REGIONS.rightEye, ...LANDMARK_REGIONS.leftEye];
      const ratio = (image: RgbaImage, at: Float32Array): number =>
        level(image, at, eyes, 4) / level(image, at, [33, 51], 4);
      const bare = ratio(photo, own);
      const { page, errors } = await openExample('three/glasses.html');
      await page.getByRole('button', { name: 'Use the camera' }).click();
      let dark = Number.NaN;
      await shown(page, async (image) => {
        const at = await landmarksIn(image);
        if (at !== undefined) dark = ratio(image, at);
        return dark < bare * 0.75;
      });
      expect(dark).toBeLessThan(bare * 0.75);
      expect(errors).toEqual([]);
      await page.context().close();
    });

    test('mask: the face of a photo is worn', async () => {
      const { page, errors } = await openExample('three/mask.html');
      // Green, so that it is not taken for the face of the film.
      const green = await page.evaluate(async () => {
        const bitmap = await createImageBitmap(await (await fetch('/examples/astronaut.png')).blob());
        const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
        const context = canvas.getContext('2d');
        context?.drawImage(bitmap, 0, 0);
        if (context) Object.assign(context, { globalCompositeOperation: 'multiply', fillStyle: '#80ff80' });
        context?.fillRect(0, 0, bitmap.width, bitmap.height);
        return canvas.toDataURL('image/png');
      });
      const buffer = Buffer.from(green.slice(green.indexOf(',') + 1), 'base64');
      await page.getByLabel('Whose face?').setInputFiles({ name: 'green.png', mimeType: 'image/png', buffer });
      let greenness = 0;
      let away = Infinity;
      await shown(page, async (image) => {
        const { data, width } = image;
        let pixels = 0;
        let sumX = 0;
        for (let i = 0; i < data.length; i += 4) {
          if (data[i + 1] < data[i] * 1.3 || data[i + 1] < 60) continue;
          pixels++;
          sumX += (i / 4) % width;
        }
        const at = await landmarksIn(image);
        greenness = pixels;
        if (at !== undefined) away = Math.abs(sumX / pixels - at[3 * 30]);
        return greenness > 5000 && away < 20;
      });
      expect(greenness).toBeGreaterThan(5000);
      expect(away).toBeLessThan(20);
      expect(errors).toEqual([]);
      await page.context().close();
    });

    test('puppet: the face of a photo looks where the camera sees you look', async () => {
      const { page, errors } = await openExample('three/puppet.html');
      await page.getByLabel('Who is the puppet?').setInputFiles(PORTRAIT);
      let isFace = false;
      await shown(page, async (image) => {
        isFace = (await aligner.detect(image)).length > 0;
        return isFace;
      });
      expect(isFace).toBe(true);
      expect(errors).toEqual([]);
      await page.context().close();
    });

    test('a browser without WebGL is told so, in the words of three', async () => {
      const { page } = await openExample(
        'three/glasses.html',
        `const { getContext } = HTMLCanvasElement.prototype;
        HTMLCanvasElement.prototype.getContext = function (type, ...rest) {
          return type.startsWith('webgl') ? null : getContext.call(this, type, ...rest);
        };`,
      );
      await page.getByRole('button', { name: 'Use the camera' }).click();
      await page.getByRole('status').filter({ hasText: 'WebGL' }).waitFor();
      expect(await page.getByRole('button').isEnabled()).toBe(true);
      await page.context().close();
    });
  });
});
