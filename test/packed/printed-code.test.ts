/** The code that README and docs print, as printed: checked by a compiler, and run. */
import { cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { Jimp } from 'jimp';
import { repositoryRoot } from '../../development/paths.ts';
import { describeWithChromium, openPage, startSite, useChromium } from '../support/chromium.ts';
import { COMMAND_TIMEOUT_MS, copyPageFiles, usePackedProject } from '../support/packed-project.ts';
import { printedCode } from '../support/printed-code.ts';

const documents = [
  'README.md',
  ...(await readdir(join(repositoryRoot, 'docs'))).filter((name) => name.endsWith('.md')),
];
const programs = documents
  .flatMap((name) => {
    const path = name === 'README.md' ? name : `docs/${name}`;
    return printedCode(path).map((code) => ({ ...code, path }));
  })
  .filter(({ language }) => language === 'ts' || language === 'js')
  // A server of another package that serves until it is stopped, and needs a Redis: tried by hand.
  .filter(({ text }) => !text.includes("'@bull-board/"))
  .map((code) => ({ ...code, file: `${code.path.replaceAll(/\W/g, '-')}-${code.line}.ts` }));
const isForPages = (text: string): boolean => text.includes("'tddfa/browser'");
const tfjs = ['core', 'layers', 'backend-webgl'].map((name) => `@tensorflow/tfjs-${name}@4.22.0`);

describeWithChromium('printed code', () => {
  const browser = useChromium(['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']);
  const project = usePackedProject({
    packages: ['typescript@5.9', 'esbuild', '@types/node@22', 'three', '@types/three', ...tfjs],
    files: Object.fromEntries(programs.map(({ file, text }) => [file, text])),
  });

  beforeAll(async () => {
    await copyPageFiles(project, '.');
    await mkdir(project.at('packs'));
    await cp(project.at('weights', 'open'), project.at('packs', '3ddfa-v2'), { recursive: true });
    const portrait = await Jimp.read(project.at('portrait.png'));
    await portrait.write(`${project.at('portrait')}.jpg`);
    const video = ['-loop', '1', '-i', 'portrait.png', '-frames:v', '3', '-pix_fmt', 'yuv420p', 'clip.mp4'];
    const { status } = await project.run('ffmpeg', '-loglevel', 'error', ...video);
    expect(status).toBe(0);
  });

  test('there is some', () => {
    expect(programs.length).toBeGreaterThanOrEqual(8);
  });

  test(
    'has no error of types',
    async () => {
      const compilerOptions = {
        ...{ noEmit: true, strict: true, skipLibCheck: true, target: 'es2023', types: ['node'] },
        ...{ module: 'nodenext', moduleResolution: 'nodenext' },
      };
      await project.write(
        'tsconfig.json',
        JSON.stringify({ compilerOptions, files: programs.map(({ file }) => file) }),
      );
      expect((await project.run('npx', 'tsc', '-p', '.')).stdout).toBe('');
    },
    COMMAND_TIMEOUT_MS,
  );

  test.each(programs.map(({ path, line, file, text }) => [`${path}, line ${line}`, file, text]))(
    'runs: %s',
    async (_, file, text) => {
      const built = ['--bundle', '--format=esm', '--log-level=error', '--outfile=page/main.js'];
      if (!isForPages(text)) {
        const bundle = ['--format=esm', `--outfile=${file}.mjs`, '--log-level=error'];
        expect(await project.run('npx', 'esbuild', file, ...bundle)).toMatchObject({ status: 0, stderr: '' });
        expect(await project.run('node', `${file}.mjs`)).toMatchObject({ status: 0, stderr: '' });
        return;
      }
      await copyPageFiles(project, 'page');
      expect(await project.run('npx', 'esbuild', file, ...built)).toMatchObject({ status: 0, stderr: '' });
      const page =
        '<!doctype html><link rel="icon" href="data:,"><img src="/portrait.png"><canvas></canvas><script type="module">' +
        "await import('/main.js'); document.title = 'done';</script>";
      await project.write('page/index.html', page);
      await cp(project.at('node_modules/tddfa/dist/browser/aligner-worker.js'), project.at('page/aligner-worker.js'));
      const site = await startSite({ folders: { '/': project.at('page') } });
      try {
        const watched = await openPage(browser(), `${site.url}/index.html`);
        await watched.page
          .waitForFunction(() => document.title === 'done', undefined, { timeout: 60_000 })
          .catch(() => {});
        expect([await watched.page.title(), watched.errors]).toEqual(['done', []]);
        await watched.page.close();
      } finally {
        await site.close();
      }
    },
    COMMAND_TIMEOUT_MS,
  );
});
