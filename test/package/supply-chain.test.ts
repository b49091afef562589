import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { billOfMaterials, productionPackages, readLockfile } from '../../scripts/lockfile.ts';
import { repositoryRoot } from '../support/shared.ts';

const lockfile = readLockfile(readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8'));
const production = productionPackages(lockfile);

/** Licences under which others may use and ship this package as they like. */
const PERMISSIVE = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'CC0-1.0'];

describe('what is installed with this package', () => {
  test('comes from the registry that npm is set to, or its public one', () => {
    expect(lockfile.length).toBeGreaterThan(400);
    expect(production.length).toBeGreaterThan(20);
    const foreign = lockfile.filter(
      ({ resolved }) => resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/'),
    );
    expect(foreign).toEqual([]);
  });

  test('has the sum of each archive', () => {
    const without = lockfile.filter(({ integrity }) => !integrity?.startsWith('sha512-'));
    expect(without.filter((one) => !(one.isDevelopment && one.isForSomeSystems)).map(({ name }) => name)).toEqual([]);
  });

  test('runs nothing while it is installed', () => {
    expect(production.filter(({ hasInstallScript }) => hasInstallScript)).toEqual([]);
  });

  test('has permissive licences, all of which the script lists', () => {
    const others = production.filter(
      ({ licence }) => licence?.split(' AND ').some((one) => !PERMISSIVE.includes(one)) ?? true,
    );
    expect(others).toEqual([]);
    const args = ['--import', 'tsx', 'scripts/licences.ts'];
    const printed = execFileSync(process.execPath, args, { cwd: repositoryRoot, encoding: 'utf8' });
    expect(printed.trim().split('\n')).toHaveLength(production.length);
    expect(printed).toMatch(/^jpeg-js +\d+\.\d+\.\d+ +BSD-3-Clause$/m);
  });

  test('is listed in a bill of materials, which a release comes with', () => {
    const { bomFormat, components } = billOfMaterials('tddfa', '1.2.3', production) as {
      readonly bomFormat: string;
      readonly components: readonly {
        readonly name: string;
        readonly hashes?: readonly { readonly content: string }[];
      }[];
    };
    expect(bomFormat).toBe('CycloneDX');
    const { dependencies } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    expect(components.every(({ hashes }) => hashes?.[0]?.content.length === 128)).toBe(true);
    expect(components.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(dependencies)));
  });
});
