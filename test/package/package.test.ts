/** The package as users get it: packed, installed into an empty folder, imported in a fresh process. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { buildPackage } from '../support/build-package.ts';
import { repositoryRoot } from '../support/shared.ts';

const folder = mkdtempSync(join(tmpdir(), 'tddfa-package-'));
const INSTALL_TIMEOUT_MS = 300_000;

interface RunResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runNode(file: string, source: string): RunResult {
  writeFileSync(join(folder, file), source);
  return spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });
}

beforeAll(async () => {
  await buildPackage();
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
    cwd: repositoryRoot,
    stdio: 'pipe',
  });
  const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  execFileSync('npm', ['install', '--no-save', '--prefer-offline', '--silent', `./${archive}`], {
    cwd: folder,
    stdio: 'pipe',
  });
}, INSTALL_TIMEOUT_MS);

describe('the installed package', () => {
  test.each(['tddfa', 'tddfa/node', 'tddfa/browser', 'tddfa/geometry'])(
    '%s imports with nothing on stderr',
    (entry) => {
      const result = runNode('import.mjs', `console.log(Object.keys(await import('${entry}')).length > 0);`);
      expect(result).toMatchObject({ status: 0, stdout: 'true\n', stderr: '' });
    },
  );

  test('works from CommonJS through await import', () => {
    const source = `(async () => console.log(typeof (await import('tddfa/node')).createFaceAligner))();`;
    expect(runNode('import.cjs', source)).toMatchObject({ status: 0, stdout: 'function\n', stderr: '' });
  });

  test('brings its types', () => {
    const types = join(folder, 'types.mts');
    writeFileSync(
      types,
      `import { createFaceAligner, fileWeights, type FaceBox } from 'tddfa/node';
       import { poseFromParams } from 'tddfa/geometry';
       const boxes: FaceBox[] = await (await createFaceAligner({ weights: fileWeights('x') })).detect({ data: new Uint8Array(4), width: 1, height: 1 });
       const yaw: number = poseFromParams(new Float32Array(62)).yawDegrees;
       // @ts-expect-error: a box is no string
       const wrong: string = boxes[0];
       console.log(yaw, wrong);`,
    );
    const tsc = join(repositoryRoot, 'node_modules', 'typescript', 'bin', 'tsc');
    const flags = '--noEmit --strict --target es2022 --module nodenext --moduleResolution nodenext --types node'.split(
      ' ',
    );
    const typeRoots = ['--typeRoots', join(repositoryRoot, 'node_modules', '@types')];
    const result = spawnSync(process.execPath, [tsc, ...flags, ...typeRoots, '--skipLibCheck', types], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(result.stdout).toBe('');
    expect(result.status).toBe(0);
  });

  test('has a command that says its version', () => {
    const bin = join(folder, 'node_modules', '.bin', 'tddfa');
    const result = spawnSync(bin, ['--version'], { cwd: folder, encoding: 'utf8' });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
