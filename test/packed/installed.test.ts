/** The package as npm installs it: what can be imported on which Node, and how many megabytes it takes. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { COMMAND_TIMEOUT_MS, copyPageFiles, type PackedProject, usePackedProject } from '../support/packed-project.ts';

const NODES = [[process.execPath], ['npx', '-y', 'node@22'], ['npx', '-y', 'node@24']];
const ENTRIES = ['tddfa', 'tddfa/node', 'tddfa/browser', 'tddfa/geometry'];

/** Finds the face on every backend that is there. */
const FIND_FACE = `
import { availableBackends, createFaceAligner, readImage } from 'tddfa/node';
const image = await readImage('portrait.png');
const found = [];
for (const backend of await availableBackends()) {
  const aligner = await createFaceAligner({ backend });
  const [box] = await aligner.detect(image);
  // On the face of the portrait.
  const isThere = box.xMin > 150 && box.xMax < 300 && box.yMin > 40 && box.yMax < 230;
  found.push([backend, isThere]);
  aligner.dispose();
}
console.log(JSON.stringify(found));
`;

const POOL = `
import { readFile } from 'node:fs/promises';
import { createFaceAlignerPool } from 'tddfa/node';
const pool = await createFaceAlignerPool({ size: 2 });
const image = await pool.decodeImage(await readFile('portrait.png'));
const found = await Promise.all([1, 2, 3].map(() => pool.detect(image)));
console.log(found.map((boxes) => boxes.length).join());
`;

/** Megabytes of a folder's files, in blocks of 4 kB as \`du\` counts them. */
async function megabytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const stats = await Promise.all(names.map((name) => lstat(join(folder, name))));
  return stats.reduce((sum, { blocks }) => sum + blocks * 512, 0) / 2 ** 20;
}

async function printed(project: PackedProject, node: readonly string[], script: string): Promise<string> {
  const [command, ...args] = node;
  const { status, stdout, stderr } = await project.run(command, ...args, script);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trim();
}

describe('npm install tddfa', () => {
  const project = usePackedProject({
    files: {
      'face.mjs': FIND_FACE,
      'pool.mjs': POOL,
      'common.cjs': "import('tddfa/node').then((tddfa) => console.log(typeof tddfa.createFaceAligner));",
      ...Object.fromEntries(
        ENTRIES.map((entry, i) => [`entry${i}.mjs`, `console.log(Object.keys(await import('${entry}')).length > 0);`]),
      ),
    },
  });

  test.each(ENTRIES.map((entry, i) => [entry, `entry${i}.mjs`]))(
    '%s imports with nothing on stderr',
    async (_, file) => {
      expect(await printed(project, [process.execPath], file)).toBe('true');
    },
  );

  test('works from CommonJS through import()', async () => {
    expect(await printed(project, [process.execPath], 'common.cjs')).toBe('function');
  });

  test('has a command that says its version', async () => {
    expect(await printed(project, ['npx', 'tddfa'], '--version')).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test.each(NODES)(
    '%s %s %s: every backend finds the face, and so does a pool',
    async (...node) => {
      await copyPageFiles(project, '.');
      expect(JSON.parse(await printed(project, node, 'face.mjs'))).toEqual([
        ['compiled', true],
        ['wasm', true],
        ['cpu', true],
      ]);
      expect(await printed(project, node, 'pool.mjs')).toBe('1,1,1');
    },
    COMMAND_TIMEOUT_MS,
  );

  test('takes the megabytes that README says', async () => {
    expect(await megabytes(project.at('node_modules'))).toBeLessThan(135);
  });
});

describe('npm install tddfa --omit=optional', () => {
  const project = usePackedProject({
    flags: ['--omit=optional'],
    files: {
      'face.mjs': FIND_FACE,
      'wasm.mjs': `import { createFaceAligner } from 'tddfa/node';
        await createFaceAligner({ backend: 'wasm' }).catch((error) => console.log(error.name, error.message));`,
    },
  });

  test('takes at most 40 MB, and finds the face', async () => {
    await copyPageFiles(project, '.');
    expect(await megabytes(project.at('node_modules'))).toBeLessThan(40);
    expect(JSON.parse(await printed(project, [process.execPath], 'face.mjs'))).toEqual([['compiled', true]]);
  });

  test('says what the queue needs', async () => {
    expect(await project.run('npx', 'tddfa', 'queue', 'status')).toMatchObject({
      status: 1,
      stderr: 'tddfa: the queue needs BullMQ, which is not installed: npm install bullmq ioredis\n',
    });
  });

  test("says what the backend 'wasm' needs", async () => {
    const packages = ['core', 'layers', 'backend-wasm'].map((name) => `@tensorflow/tfjs-${name}@4.22.0`).join(' ');
    expect(await printed(project, [process.execPath], 'wasm.mjs')).toContain(`npm install ${packages}`);
  });
});
