/** What a page's worker needs further code for, which the page sends it: networks of bytes, and eyes and mouths looked at again. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { type CopiedModel, writePack } from '../../converters/write-pack.ts';
import type { LocalServer } from '../../development/local-server.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import {
  describeWithChromium,
  LIBRARY_PAGE,
  LIBRARY_SCRIPT,
  openLibraryPage,
  startSite,
  useBrowserBundle,
  useChromium,
} from '../support/chromium.ts';
import { formulaPack } from '../support/formula-pack.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

declare const tddfa: typeof import('../../src/browser.ts');

const POLICY_WITHOUT_BLOBS = "default-src 'self'; img-src 'self' data:; script-src 'self' 'wasm-unsafe-eval'";

describeWithChromium('code that a worker gets from its page', () => {
  const browser = useChromium();
  const bundle = useBrowserBundle();
  const temporary = useTemporaryFolder();
  let formulaFolder = '';
  let server: LocalServer;
  let page: Page;

  function serve(headers: Readonly<Record<string, string>> = {}): Promise<LocalServer> {
    return startSite({
      folders: {
        '/bundle/': bundle(),
        '/pack/': temporary('pack'),
        '/formula/': formulaFolder,
        '/examples/': `${repositoryRoot}/examples`,
      },
      files: { '/index.html': LIBRARY_PAGE, '/main.js': LIBRARY_SCRIPT },
      headers,
    });
  }

  beforeAll(async () => {
    const pack = await openPack(fileWeights(`${repositoryRoot}/weights/open`));
    const copies: CopiedModel[] = [];
    for (const model of pack.manifest.models) {
      const ranges = model.format === 'layers-model' ? (await pack.readNetwork(model)).ranges : undefined;
      copies.push({ pack, model, ...(ranges && { ranges: { ...ranges, precision: 'int8' } }) });
    }
    await writePack(temporary('pack'), { name: 'bytes', description: 'bytes', models: [], copies });
    formulaFolder = await formulaPack();
    server = await serve();
    ({ page } = await openLibraryPage(browser(), server.url));
  }, 120_000);
  afterAll(() => server.close());

  test('networks of bytes give the same on the page and in its worker, by the default of the pack and when it is asked for', async () => {
    const results = await page.evaluate(async () => {
      const weights = tddfa.httpWeights('/pack/');
      const image = await tddfa.readPixels(await (await fetch('/examples/astronaut.png')).blob());
      const aligned: string[] = [];
      const variants = [
        [tddfa.createFaceAligner, { precision: 'int8' }],
        [tddfa.createFaceAlignerWorker, { precision: 'int8', keepPixels: true }],
        [tddfa.createFaceAlignerWorker, { keepPixels: true }],
        [tddfa.createFaceAligner, { precision: 'float32' }],
      ] as const;
      for (const [create, options] of variants) {
        const aligner = await create({ weights, regressor: 'mb05', ...options });
        const boxes = await aligner.detect(image);
        const faces = await aligner.align(image, boxes);
        aligned.push(JSON.stringify(faces.map(({ params }) => [...params])));
        aligner.dispose();
      }
      return aligned;
    });
    const [onPage, inWorker, byDefault, floats] = results;
    expect(inWorker).toBe(onPage);
    expect(byDefault).toBe(onPage);
    expect(floats).not.toBe(onPage);
    expect(JSON.parse(onPage)).toHaveLength(1);
  });

  test('eyes and mouths looked at again in the worker act and look as they do on the page', async () => {
    const [onPage, inWorker, plain] = await page.evaluate(async () => {
      const weights = tddfa.httpWeights('/pack/');
      const image = await tddfa.readPixels(await (await fetch('/examples/astronaut.png')).blob());
      const aligners = [
        await tddfa.createFaceAligner({ weights, refine: tddfa.createFaceRefiner }),
        await tddfa.createFaceAlignerWorker({ weights, refine: true, keepPixels: true }),
        await tddfa.createFaceAlignerWorker({ weights, keepPixels: true }),
      ];
      const boxes = await aligners[0].detect(image);
      const acting: string[] = [];
      for (const aligner of aligners) {
        const faces = await aligner.align(image, boxes);
        const tracked = await aligner.alignToLandmarks(image, faces);
        const all = [...faces, ...tracked];
        acting.push(
          JSON.stringify(all.map((face) => ({ shown: aligner.expressions(face), gaze: aligner.gaze(face) }))),
        );
        aligner.dispose();
      }
      return acting;
    });
    expect(inWorker).toBe(onPage);
    expect(plain).not.toBe(onPage);
    expect(JSON.parse(onPage)).toHaveLength(2);
  });

  test('a pack without the networks for it, and a function, are refused', async () => {
    const { isRightClass, messages } = await page.evaluate(async () => {
      const loose: (options: object) => Promise<unknown> = tddfa.createFaceAlignerWorker as never;
      const without = await loose({ weights: '/formula/', refine: true }).catch((error: unknown) => error);
      const given = await loose({ weights: '/formula/', refine: tddfa.createFaceRefiner }).catch((e: unknown) => e);
      return { isRightClass: without instanceof tddfa.WeightFormatError, messages: [String(without), String(given)] };
    });
    expect(isRightClass).toBe(true);
    expect(messages).toEqual([
      expect.stringMatching(/: this pack has no networks that refine eyes and mouths$/),
      expect.stringMatching(/^TypeError: refine: expected true or false, .* got a function/),
    ]);
  });

  test('a policy that forbids such code is named', async () => {
    const strict = await serve({ 'content-security-policy': POLICY_WITHOUT_BLOBS });
    const { page: strictPage } = await openLibraryPage(browser(), strict.url);
    const messages = await strictPage.evaluate(async () => {
      const variants = [{ precision: 'int8' }, { precision: 'float32', refine: true }] as const;
      const results: string[] = [];
      for (const options of variants) {
        const refused = tddfa.createFaceAlignerWorker({ weights: '/pack/', ...options });
        results.push(String(await refused.catch((error: unknown) => error)));
      }
      return results;
    });
    await strictPage.close();
    await strict.close();
    expect(messages).toEqual([
      "TddfaError: int8 needs 'blob:' in script-src",
      "TddfaError: refine needs 'blob:' in script-src",
    ]);
  });
});
