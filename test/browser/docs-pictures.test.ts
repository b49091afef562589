/** The pictures of the documentation: one command makes them. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { repositoryRoot } from '../../development/paths.ts';
import { makeDocsPictures } from '../../scripts/docs-pictures.ts';
import { decodeImage } from '../../src/image-files/decode-image.ts';
import { describeWithChromium } from '../support/chromium.ts';

/** Made by scripts/page-screenshots.ts. */
const OF_THE_PAGE = ['page-phone.png', 'page.png'];
/** Made by scripts/three-screenshots.ts, of the examples that three.test.ts runs. */
const OF_THE_EXAMPLES = ['three.jpg'];
/** Written as they stand. */
const DRAWN = ['queue.svg'];

describeWithChromium('docs:pictures', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tddfa-docs-test-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('makes every picture that the documentation shows, as large as those in the repository', async () => {
    await makeDocsPictures(join(repositoryRoot, 'weights/open'), folder);
    const committed = join(repositoryRoot, 'docs/images');
    const names = (await readdir(folder)).sort();
    expect([...names, ...OF_THE_PAGE, ...OF_THE_EXAMPLES, ...DRAWN].sort()).toEqual((await readdir(committed)).sort());
    for (const name of names.filter((file) => file.endsWith('.jpg'))) {
      const [made, shown] = await Promise.all(
        [folder, committed].map(async (place) => decodeImage(await readFile(join(place, name)))),
      );
      expect([name, made?.width, made?.height]).toEqual([name, shown?.width, shown?.height]);
      const data = Uint8Array.from(made?.data ?? []);
      // Neither black nor one colour.
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      expect(data.reduce((sum, value) => sum + Math.abs(value - mean), 0) / data.length).toBeGreaterThan(30);
    }
  });
});
