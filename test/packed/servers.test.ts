/** Programs for servers that a bundler makes: they find the pack, or say what is missing. */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { CHROMIUM_TIMEOUT_MS, describeWithChromium, openPage, useChromium } from '../support/chromium.ts';
import { COMMAND_TIMEOUT_MS, copyPageFiles, type PackedProject, usePackedProject } from '../support/packed-project.ts';

const HANDLER = `
import { readFile } from 'node:fs/promises';
import { createFaceAligner, createFaceAlignerPool, decodeImage } from 'tddfa/node';

export async function handler() {
  const aligner = await createFaceAligner();
  const image = await decodeImage(await readFile(process.argv[2] ?? 'portrait.png'));
  const faces = await aligner.align(image, await aligner.detect(image));
  aligner.dispose();
  return { faces: faces.length };
}

export async function poolHandler() {
  const pool = await createFaceAlignerPool({ size: 1 });
  const image = await pool.decodeImage(await readFile('portrait.png'));
  const boxes = await pool.detect(image);
  await pool.dispose();
  return { faces: boxes.length };
}
`;

async function expectSuccess(project: PackedProject, command: string, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await project.run(command, ...args);
  expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
  return stdout;
}

describe('a handler made by esbuild for Node', () => {
  const project = usePackedProject({ packages: ['esbuild'], files: { 'handler.js': HANDLER } });
  const folders: string[] = [];
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

  test.each([['cjs'], ['esm']])(
    '%s: finds a face beside the package, alone with the pack, and says what is missing',
    async (format) => {
      await copyPageFiles(project, '.');
      const file = format === 'cjs' ? 'handler.cjs' : 'handler.mjs';
      const flags = format === 'esm' ? [] : ['--log-override:empty-import-meta=silent'];
      const build = ['--bundle', '--platform=node', `--format=${format}`, `--outfile=dist/${file}`, ...flags];
      await expectSuccess(project, 'npx', 'esbuild', 'handler.js', ...build);
      const call = (name: string, path: string): string =>
        `import(${JSON.stringify(path)}).then((m) => (m.${name} ?? m.default.${name})()).then((r) => console.log(JSON.stringify(r)), (e) => console.log(e.name, e.message))`;
      const beside = `./dist/${file}`;
      expect(await expectSuccess(project, 'node', '-e', call('handler', beside))).toBe('{"faces":1}\n');
      expect(await expectSuccess(project, 'node', '-e', call('poolHandler', beside))).toBe('{"faces":1}\n');

      const alone = await mkdtemp(join(tmpdir(), 'tddfa-lambda-'));
      folders.push(alone);
      await cp(project.at('dist', file), join(alone, file));
      await cp(project.at('portrait.png'), join(alone, 'portrait.png'));
      const inFolder = (name: string): readonly string[] => ['-C', alone, 'node', '-e', call(name, join(alone, file))];
      expect(await expectSuccess(project, 'env', ...inFolder('handler'))).toMatch(
        /^WeightLoadError cannot load .*weights: there is no pack beside this program; copy node_modules\/tddfa\/weights there/,
      );
      expect(await expectSuccess(project, 'env', ...inFolder('poolHandler'))).toContain('WeightLoadError');
      await mkdir(join(alone, 'weights'));
      await cp(project.at('weights', 'open'), join(alone, 'weights', 'open'), { recursive: true });
      expect(await expectSuccess(project, 'env', ...inFolder('handler'))).toBe('{"faces":1}\n');
    },
    COMMAND_TIMEOUT_MS,
  );
});

describe('a server rendered by Vite', () => {
  const project = usePackedProject({
    packages: ['vite@7'],
    files: {
      'handler.js': HANDLER.replace(
        "from 'node:fs/promises';",
        "from 'node:fs/promises';\nimport * as page from 'tddfa/browser';\nexport const name = page.readPixels.name;",
      ),
      'run.js': "const m = await import('./dist/handler.js'); console.log(m.name, JSON.stringify(await m.handler()));",
    },
  });
  test.each([
    ['external', []],
    ['bundled', ['--ssr.noExternal', 'tddfa']],
  ])(
    'with the package %s',
    async (how) => {
      await copyPageFiles(project, '.');
      const config = how === 'bundled' ? 'export default { ssr: { noExternal: true } };' : 'export default {};';
      await project.write('vite.config.js', config);
      await expectSuccess(project, 'npx', 'vite', 'build', '--ssr', 'handler.js');
      expect(await expectSuccess(project, 'node', 'run.js')).toBe('readPixels {"faces":1}\n');
    },
    COMMAND_TIMEOUT_MS,
  );
});

const NEXT_PAGE = `
import { Faces } from './faces';
export default function Page() {
  return <main><img src="/portrait.png" alt="A portrait" /><Faces /></main>;
}
`;
const NEXT_FACES = `
'use client';
import { useEffect, useState } from 'react';
import { createFaceAlignerWorker, httpWeights, readPixels } from 'tddfa/browser';

export function Faces() {
  const [said, setSaid] = useState('looking');
  useEffect(() => {
    async function look() {
      const aligner = await createFaceAlignerWorker({ weights: httpWeights('/weights/open/') });
      const image = await readPixels(document.images[0]);
      const faces = await aligner.align(image, await aligner.detect(image));
      setSaid(aligner.backend + ' found ' + faces.length);
      aligner.dispose();
    }
    look().catch((error) => setSaid('found ' + error));
  }, []);
  return <output>{said}</output>;
}
`;
const NEXT_ROUTE = `
import { createFaceAligner, decodeImage } from 'tddfa/node';
import { readFile } from 'node:fs/promises';
export const dynamic = 'force-dynamic';
export async function GET() {
  const aligner = await createFaceAligner();
  const image = await decodeImage(await readFile('public/portrait.png'));
  return Response.json({ faces: (await aligner.detect(image)).length });
}
`;

describeWithChromium('Next.js 16', () => {
  const browser = useChromium();
  const project = usePackedProject({
    packages: ['next@16', 'react', 'react-dom'],
    files: {
      'app/layout.jsx': 'export default ({ children }) => <html lang="en"><body>{children}</body></html>;',
      'app/page.jsx': NEXT_PAGE,
      'app/faces.jsx': NEXT_FACES,
      'app/api/route.js': NEXT_ROUTE,
      'app/icon.svg': '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>',
    },
  });

  async function expectFaces(port: number): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${port}/api`);
    expect([answer.status, await answer.text()]).toEqual([200, '{"faces":1}']);
    const { page, errors } = await openPage(browser(), `http://127.0.0.1:${port}/`);
    const output = page.locator('output').filter({ hasText: /found/ });
    const said = await output.textContent({ timeout: CHROMIUM_TIMEOUT_MS / 2 }).catch(() => null);
    await page.close();
    expect({ said, errors }).toEqual({ said: 'compiled found 1', errors: [] });
  }

  test(
    'in production',
    async () => {
      await copyPageFiles(project, 'public');
      await expectSuccess(project, 'npx', 'next', 'build');
      await project.serve((text) => text.includes('Ready'), 'npx', 'next', 'start', '-p', '5391', '-H', '127.0.0.1');
      await expectFaces(5391);
    },
    COMMAND_TIMEOUT_MS,
  );

  test(
    'in development',
    async () => {
      await copyPageFiles(project, 'public');
      await project.serve((text) => text.includes('Ready'), 'npx', 'next', 'dev', '-p', '5392', '-H', '127.0.0.1');
      await expectFaces(5392);
    },
    COMMAND_TIMEOUT_MS,
  );
});
