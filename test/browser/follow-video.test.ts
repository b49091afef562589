/** Cameras and videos that are followed in a real Chromium, whose camera plays a film of a moving face. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { cameraFlags, writeCameraFilm } from '../../development/camera-film.ts';
import type { LocalServer } from '../../development/local-server.ts';
import {
  describeWithChromium,
  LIBRARY_PAGE,
  LIBRARY_SCRIPT,
  launchChromium,
  openLibraryPage,
  startSite,
  useBrowserBundle,
} from '../support/chromium.ts';
import { repositoryRoot } from '../support/shared.ts';

declare const tddfa: typeof import('../../src/browser.ts');
declare const aligner: import('../../src/browser.ts').FaceAligner;
/** Streams that the page's cameras gave. */
declare const opened: MediaStream[];

/** Landmarks of the followed face and of the same frame by itself, mean distance, px; a frame of delay would be 8. */
const SAME_FRAME_MAX = 2;
const FRAMES = 100;
/** Of the camera. */
const FRAME_MS = 1000 / 30;
/**
 * How far the time between two frames is from a whole number of the camera's frames, ms, whenever the page gets them; by chance it is 8.
 * Chromium's fake camera is late itself where the machine is busy.
 */
const UNEVEN_MEDIAN_MAX_MS = 5;

/** A page in which cameras are counted, and may take long to be allowed. */
const SCRIPT = `${LIBRARY_SCRIPT}
globalThis.opened = [];
globalThis.permissionMs = 0;
const media = navigator.mediaDevices;
if (media !== undefined) {
  const original = media.getUserMedia.bind(media);
  media.getUserMedia = async (constraints) => {
    const stream = await original(constraints);
    await new Promise((resolve) => setTimeout(resolve, globalThis.permissionMs));
    opened.push(stream);
    return stream;
  };
}`;

describeWithChromium('followVideo', () => {
  const bundle = useBrowserBundle();
  let folder = '';
  let browser: Browser;
  let server: LocalServer;
  let page: Page;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tddfa-camera-'));
    const film = writeCameraFilm(folder);
    browser = await launchChromium(cameraFlags(film));
    const folders = {
      '/bundle/': bundle(),
      '/weights/': join(repositoryRoot, 'weights/open/'),
      '/film/': `${folder}/`,
    };
    server = await startSite({ folders, files: { '/index.html': LIBRARY_PAGE, '/main.js': SCRIPT } });
    execFileSync('ffmpeg', [
      '-v',
      'error',
      '-i',
      film,
      '-t',
      '1',
      '-c:v',
      'libvpx',
      '-b:v',
      '2M',
      join(folder, 'film.webm'),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await page?.close();
    ({ page } = await openLibraryPage(browser, server.url));
    await page.evaluate(async () => {
      const made = await tddfa.createFaceAlignerWorker({ weights: tddfa.httpWeights('/weights/') });
      Object.assign(globalThis, { aligner: made });
    });
  });

  test('faces belong to the frame that they come with', async () => {
    const { distances, times } = await page.evaluate(
      (count) =>
        new Promise<{ distances: number[]; times: number[] }>((resolve, reject) => {
          const found: number[] = [];
          const taken: number[] = [];
          const follower = tddfa.followVideo(
            'camera',
            async ({ faces, frame, width, height, timeMs }) => {
              const [face] = faces;
              if (face === undefined) return;
              const [own] = await aligner.alignCrops(await tddfa.readPixels(frame), [face.roiBox]);
              const again = aligner.reconstruct(own);
              let sum = 0;
              for (let i = 0; i < again.length; i += 3) {
                sum += Math.hypot(again[i] - face.landmarks[i], again[i + 1] - face.landmarks[i + 1]);
              }
              if (width !== 640 || height !== 480) reject(new Error(`${width} x ${height}`));
              found.push((3 * sum) / again.length);
              taken.push(timeMs);
              if (found.length === count) {
                follower.stop();
                resolve({ distances: found, times: taken });
              }
            },
            { aligner, tracker: { smoothing: 'none' } },
          );
          follower.finished.catch(reject);
        }),
      FRAMES,
    );
    expect(distances).toHaveLength(FRAMES);
    expect(Math.max(...distances)).toBeLessThan(SAME_FRAME_MAX);
    // By the camera's clock: as many of its frames as the face has moved on.
    const passed = times.slice(1).map((time, i) => (time - times[i]) / FRAME_MS);
    expect(Math.min(...passed)).toBeGreaterThan(0);
    const uneven = passed.map((count) => Math.abs(count - Math.round(count)) * FRAME_MS).sort((a, b) => a - b);
    expect(uneven[uneven.length >> 1]).toBeLessThan(UNEVEN_MEDIAN_MAX_MS);
    expect(await page.evaluate(() => opened.flatMap((s) => s.getTracks().map((t) => t.readyState)))).toEqual(['ended']);
  });

  test('a camera that is allowed only after stop is closed at once', async () => {
    const states = await page.evaluate(async () => {
      Object.assign(globalThis, { permissionMs: 500 });
      const follower = tddfa.followVideo('camera', () => {}, { aligner });
      await new Promise((resolve) => setTimeout(resolve, 50));
      follower.stop();
      const reason = await follower.ready.then(
        () => 'ready',
        (error: Error) => error.name,
      );
      await follower.finished;
      while (opened.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
      await new Promise((resolve) => setTimeout(resolve, 50));
      return [reason, ...opened.flatMap((stream) => stream.getTracks().map((track) => track.readyState))];
    });
    expect(states).toEqual(['AbortError', 'ended']);
  });

  test('a camera that goes away, none, one that is not allowed, and an insecure page are told apart', async () => {
    const problems = await page.evaluate(async () => {
      const problemOf = (work: Promise<unknown>): Promise<unknown> =>
        work.then(
          () => 'none',
          (error) => (error instanceof tddfa.CameraError ? error.problem : String(error)),
        );
      const found: unknown[] = [];
      const follower = tddfa.followVideo('camera', () => {}, { aligner });
      await follower.ready;
      const [track] = opened[0].getTracks();
      track.stop();
      track.dispatchEvent(new Event('ended'));
      found.push(await problemOf(follower.finished));
      const { mediaDevices } = navigator;
      for (const name of ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'OddError']) {
        mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name));
        found.push(await problemOf(tddfa.followVideo('camera', () => {}, { aligner }).ready));
      }
      Object.defineProperty(navigator, 'mediaDevices', { value: undefined });
      found.push(await problemOf(tddfa.openCamera()));
      return found;
    });
    expect(problems).toEqual(['unplugged', 'denied', 'missing', 'busy', 'failed', 'insecure']);
  });

  test('an element plays to its end, and stays with the caller', async () => {
    const result = await page.evaluate(async () => {
      const video = document.createElement('video');
      video.src = '/film/film.webm';
      video.muted = true;
      let frames = 0;
      let withFace = 0;
      const follower = tddfa.followVideo(
        video,
        ({ faces }) => {
          frames++;
          if (faces.length > 0) withFace++;
        },
        { aligner },
      );
      await follower.ready;
      // A busy machine looks at few frames of a second.
      video.playbackRate = 0.1;
      await video.play();
      await follower.finished;
      return { frames, withFace, hasSource: video.src !== '', stream: follower.stream };
    });
    expect(result.frames).toBeGreaterThan(2);
    expect(result.withFace).toBeGreaterThan(result.frames / 2);
    expect(result.hasSource).toBe(true);
    expect(result.stream).toBeUndefined();
  });

  test('what onFaces throws ends it, and the camera is closed', async () => {
    const [message, state] = await page.evaluate(async () => {
      const follower = tddfa.followVideo(
        'camera',
        () => {
          throw new Error('enough');
        },
        { aligner },
      );
      const text = await follower.finished.catch((error: Error) => error.message);
      return [text, opened[0].getTracks()[0].readyState];
    });
    expect(message).toBe('enough');
    expect(state).toBe('ended');
  });

  test('under load frames are dropped, and while it is paused none is taken', async () => {
    const { dropped, whilePaused } = await page.evaluate(async () => {
      let most = 0;
      let count = 0;
      const follower = tddfa.followVideo(
        'camera',
        async ({ dropped: left }) => {
          count++;
          most = Math.max(most, left);
          await new Promise((resolve) => setTimeout(resolve, 1000));
        },
        { aligner },
      );
      while (count < 3) await new Promise((resolve) => setTimeout(resolve, 50));
      follower.pause();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const before = count;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const after = count;
      follower.resume();
      while (count === after) await new Promise((resolve) => setTimeout(resolve, 50));
      follower.stop();
      return { dropped: most, whilePaused: after - before };
    });
    expect(dropped).toBeGreaterThan(1);
    expect(whilePaused).toBe(0);
  });

  test('a caller is told what is wrong with the arguments', async () => {
    const messages = await page.evaluate(() => {
      const failures: string[] = [];
      const attempts = [
        () => tddfa.followVideo('webcam' as 'camera', () => {}, { aligner }),
        () => tddfa.followVideo('camera', undefined as never, { aligner }),
        () => tddfa.followVideo('camera', () => {}, {} as never),
      ];
      for (const attempt of attempts) {
        try {
          attempt();
        } catch (error) {
          failures.push(String(error));
        }
      }
      return failures;
    });
    expect(messages).toEqual([
      expect.stringMatching(/^TypeError: source: /),
      expect.stringMatching(/^TypeError: onFaces: /),
      expect.stringMatching(/^TypeError: aligner: /),
    ]);
  });
});
