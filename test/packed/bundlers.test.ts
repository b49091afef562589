/** Pages of people who use the package, built by their bundlers without any setting, and run in Chromium. */
import { describe, expect, test } from '@jest/globals';
import { CHROMIUM_TIMEOUT_MS, describeWithChromium, openPage, startSite, useChromium } from '../support/chromium.ts';
import { COMMAND_TIMEOUT_MS, copyPageFiles, type PackedProject, usePackedProject } from '../support/packed-project.ts';
import { firstCode } from '../support/printed-code.ts';

/** What README prints, and a line that shows what came of it. */
const SCRIPT = `${firstCode('README.md', 'In the browser')}
document.querySelector('output').textContent = \`\${aligner.backend} found \${faces.length}\`;
`;

function pageOf(script: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,"></head>
<body><img src="/portrait.png" alt="A portrait"><output></output>${script}</body></html>`;
}
const PAGE = pageOf('<script type="module" src="/main.js"></script>');

describeWithChromium('a page built from the packed package finds a face', () => {
  const browser = useChromium();

  /** Opens the page, waits for what it says, and returns that with what went wrong. */
  async function look(url: string): Promise<{ said: string | null; errors: readonly string[] }> {
    const { page, errors } = await openPage(browser(), url);
    const said = await page
      .locator('output')
      .filter({ hasText: /found/ })
      .textContent({ timeout: CHROMIUM_TIMEOUT_MS / 4 })
      .catch(() => null);
    await page.close();
    return { said, errors };
  }

  async function expectFace(url: string): Promise<void> {
    expect(await look(url)).toEqual({ said: 'compiled found 1', errors: [] });
  }

  async function expectFaceOnSite(folder: string): Promise<void> {
    const server = await startSite({ folders: { '/': folder } });
    try {
      await expectFace(`${server.url}/index.html`);
    } finally {
      await server.close();
    }
  }

  async function build(project: PackedProject, command: string, ...args: readonly string[]): Promise<void> {
    const { status, stdout, stderr } = await project.run(command, ...args);
    expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
  }

  describe.each([['7'], ['8']])('with Vite %s', (version) => {
    const project = usePackedProject({
      packages: [`vite@${version}`],
      files: { 'index.html': PAGE, 'main.js': SCRIPT },
    });

    test(
      'built',
      async () => {
        await copyPageFiles(project, 'public');
        await build(project, 'npx', 'vite', 'build');
        await expectFaceOnSite(project.at('dist'));
      },
      COMMAND_TIMEOUT_MS,
    );

    test(
      'on its development server',
      async () => {
        await copyPageFiles(project, 'public');
        const port = version === '7' ? '5271' : '5281';
        await project.serve(
          (printed) => printed.includes('Local'),
          'npx',
          'vite',
          '--port',
          port,
          '--strictPort',
          '--host',
          '127.0.0.1',
        );
        await expectFace(`http://127.0.0.1:${port}/`);
      },
      COMMAND_TIMEOUT_MS,
    );
  });

  describe('with webpack', () => {
    const project = usePackedProject({
      packages: ['webpack@5', 'webpack-cli'],
      files: { 'dist/index.html': pageOf('<script src="/main.js" defer></script>'), 'src/index.js': SCRIPT },
    });
    test(
      'built',
      async () => {
        await copyPageFiles(project, 'dist');
        await build(project, 'npx', 'webpack', '--mode', 'production');
        await expectFaceOnSite(project.at('dist'));
      },
      COMMAND_TIMEOUT_MS,
    );
  });

  describe('with esbuild', () => {
    const project = usePackedProject({
      packages: ['esbuild'],
      files: { 'dist/index.html': PAGE, 'main.js': SCRIPT },
    });
    test(
      'built',
      async () => {
        await copyPageFiles(project, 'dist');
        await build(
          project,
          'npx',
          'esbuild',
          'main.js',
          '--bundle',
          '--minify',
          '--format=esm',
          '--outfile=dist/main.js',
        );
        await expectFaceOnSite(project.at('dist'));
      },
      COMMAND_TIMEOUT_MS,
    );
  });

  describe('with Rollup', () => {
    const project = usePackedProject({
      packages: ['rollup', '@rollup/plugin-node-resolve'],
      files: { 'dist/index.html': PAGE, 'main.js': SCRIPT },
    });
    test(
      'built',
      async () => {
        await copyPageFiles(project, 'dist');
        await build(project, 'npx', 'rollup', 'main.js', '-d', 'dist', '-p', 'node-resolve', '--failAfterWarnings');
        await expectFaceOnSite(project.at('dist'));
      },
      COMMAND_TIMEOUT_MS,
    );
  });

  describe('with Parcel', () => {
    const page = pageOf('<script type="module" src="./main.js"></script>').replace(
      'src="/portrait.png"',
      'src="portrait.png"',
    );
    const project = usePackedProject({ packages: ['parcel'], files: { 'index.html': page, 'main.js': SCRIPT } });
    test(
      'built',
      async () => {
        await copyPageFiles(project, 'dist');
        await copyPageFiles(project, '.');
        await build(project, 'npx', 'parcel', 'build', 'index.html');
        await expectFaceOnSite(project.at('dist'));
      },
      COMMAND_TIMEOUT_MS,
    );
  });

  describe('without a bundler, from another origin', () => {
    const project = usePackedProject();
    test.each([['the files of the bundle']])(
      '%s',
      async () => {
        await copyPageFiles(project, 'page');
        const network = await startSite({
          folders: { '/tddfa/': project.at('node_modules', 'tddfa') },
          headers: { 'access-control-allow-origin': '*' },
        });
        await project.write('page/index.html', PAGE);
        await project.write(
          'page/main.js',
          SCRIPT.replaceAll("'tddfa/browser'", `'${network.url}/tddfa/dist/browser/tddfa.js'`),
        );
        await expectFaceOnSite(project.at('page'));
        await network.close();
      },
      COMMAND_TIMEOUT_MS,
    );
  });
});
