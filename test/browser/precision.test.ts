/** Networks of bytes on a page and in its worker, which gets the code for them from the page. */
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
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

declare const tddfa: typeof import('../../src/browser.ts');

describeWithChromium("precision: 'int8'", () => {
  const browser = useChromium();
  const bundle = useBrowserBundle();
  const temporary = useTemporaryFolder();
  let server: LocalServer;
  let page: Page;

  beforeAll(async () => {
    const pack = await openPack(fileWeights(`${repositoryRoot}/weights/open`));
    const copies: CopiedModel[] = [];
    for (const model of pack.manifest.models) {
      const ranges = model.format === 'layers-model' ? (await pack.readNetwork(model)).ranges : undefined;
      copies.push({ pack, model, ...(ranges && { ranges: { ...ranges, precision: 'int8' } }) });
    }
    await writePack(temporary('pack'), { name: 'bytes', description: 'bytes', models: [], copies });
    server = await startSite({
      folders: { '/bundle/': bundle(), '/pack/': temporary('pack'), '/examples/': `${repositoryRoot}/examples` },
      files: { '/index.html': LIBRARY_PAGE, '/main.js': LIBRARY_SCRIPT },
    });
    ({ page } = await openLibraryPage(browser(), server.url));
  }, 120_000);
  afterAll(() => server.close());

  test('gives the same on the page and in its worker, by the default of the pack and when it is asked for', async () => {
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
});
