/** Documents link to what a reader finds, in the repository and in the package that is installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../support/shared.ts';

/** Where files are that the package does not have. */
const ABSOLUTE =
  /^https:\/\/(?:github\.com\/OWNER\/tddfa\/(?:blob|tree)|raw\.githubusercontent\.com\/OWNER\/tddfa)\/main\//;

interface Link {
  /** Path of the file from the repository's root. */
  readonly path: string;
  readonly anchor: string;
  readonly isAbsolute: boolean;
}

/** Links to files of this repository; addresses elsewhere are left out. */
function linksOf(document: string): Link[] {
  const text = readFileSync(join(repositoryRoot, document), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
    const isAbsolute = ABSOLUTE.test(target);
    if (!isAbsolute && /^[a-z]+:/.test(target)) return [];
    const [place, anchor = ''] = target.replace(ABSOLUTE, '').split('#');
    const folder = isAbsolute ? '' : dirname(document);
    const path = place === '' ? document : posix.normalize(posix.join(folder, place));
    return [{ path, anchor, isAbsolute }];
  });
}

/** A heading's name in the address, as GitHub makes it. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

const tracked = execFileSync('git', ['ls-files', '*.md'], { cwd: repositoryRoot, encoding: 'utf8' });
const documents = tracked.trim().split('\n');

describe('links', () => {
  let packed: ReadonlySet<string>;

  beforeAll(() => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
      cwd: repositoryRoot,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 2 ** 26,
      shell: process.platform === 'win32',
    });
    const [{ files }] = JSON.parse(output) as [{ readonly files: readonly { readonly path: string }[] }];
    packed = new Set(files.map(({ path }) => path));
  });

  test.each(documents)('of %s lead to files and headings of this repository', (document) => {
    for (const { path, anchor } of linksOf(document)) {
      const file = join(repositoryRoot, path);
      expect([document, path, existsSync(file)]).toEqual([document, path, true]);
      if (anchor === '' || statSync(file).isDirectory()) continue;
      const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading));
      expect(headings).toContain(anchor);
    }
  });

  test('of documents in the package lead to files in it, or are absolute', () => {
    const shipped = documents.filter((document) => packed.has(document));
    expect(shipped).toContain('README.md');
    const lost = shipped.flatMap((document) =>
      linksOf(document)
        .filter(({ path, isAbsolute }) => !isAbsolute && !packed.has(path))
        .map(({ path }) => `${document} -> ${path}`),
    );
    expect(lost).toEqual([]);
  });

  test('screenshots of the page are not in the package', () => {
    expect([...packed].filter((path) => /page.*\.png$/.test(path))).toEqual([]);
  });
});
