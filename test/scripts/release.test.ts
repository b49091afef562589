import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { datedChangelog, nextVersion, placeholdersIn } from '../../scripts/release-text.ts';
import { repositoryRoot } from '../support/shared.ts';

const git = (...args: string[]): string => execFileSync('git', args, { cwd: repositoryRoot, encoding: 'utf8' });

describe('nextVersion', () => {
  test.each([
    ['major', '1.0.0'],
    ['minor', '0.3.0'],
    ['patch', '0.2.6'],
    ['0.10.0', '0.10.0'],
  ])('%s of 0.2.5 is %s', (step, expected) => {
    expect(nextVersion('0.2.5', step)).toBe(expected);
  });

  test.each(['0.2.5', '0.2.4', '0.1.9', 'next', '1.0', 'v1.0.0'])('refuses %s', (step) => {
    expect(() => nextVersion('0.2.5', step)).toThrow(RangeError);
  });
});

describe('datedChangelog', () => {
  const text = '# Changelog\n\n## [0.2.0] - Unreleased\n\n### Added\n\n- This.\n\n## [0.1.0] - 2026-01-01\n\n- That.\n';

  test('dates the section of the version', () => {
    expect(datedChangelog(text, '0.2.0', '2026-02-03')).toBe(text.replace('Unreleased', '2026-02-03'));
  });

  test('refuses a version without a section, and an empty section', () => {
    expect(() => datedChangelog(text, '0.3.0', '2026-02-03')).toThrow('no section "## [0.3.0] - Unreleased"');
    expect(() => datedChangelog(text.replace('- This.', ''), '0.2.0', '2026-02-03')).toThrow('nothing about 0.2.0');
  });
});

describe('placeholdersIn', () => {
  test('finds the fields without a true address', () => {
    const manifest = { repository: { url: 'git+https://github.com/OWNER/x.git' }, homepage: 'https://example.org/' };
    expect(placeholdersIn(JSON.stringify(manifest))).toEqual(['repository']);
  });
});

describe('npm run release', () => {
  const release = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', 'scripts/release.ts', ...args], { cwd: repositoryRoot });

  test('--dry-run packs, tries the tarball, and leaves the repository as it is', async () => {
    const before = [git('status', '--porcelain'), git('tag'), git('rev-parse', 'HEAD')];
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { version: string };
    // The version that the changelog has as the next one.
    const [, next = ''] = /^## \[(.+)\] - Unreleased$/m.exec(git('show', 'HEAD:CHANGELOG.md')) ?? [];
    expect(nextVersion(version, next)).toBe(next);
    const { stdout } = await release(next, '--dry-run');
    expect(stdout).toContain(`tddfa-${next}.tgz: `);
    expect(stdout).toContain(`works in an empty project; tag v${next}`);
    expect([git('status', '--porcelain'), git('tag'), git('rev-parse', 'HEAD')]).toEqual(before);
  });

  test.each([[[]], [['1.0.0', '2.0.0']]])('refuses %j as bad usage', async (args) => {
    await expect(release(...args)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^release: expected/),
    });
  });
});
