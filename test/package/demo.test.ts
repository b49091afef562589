/** What `npm run demo` runs, as a fresh clone has it: the built command and the pack that comes with the package. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();

test('the demo finds the face of the portrait and leaves pictures, a mesh and numbers', () => {
  const { PATH, HOME } = process.env;
  const result = spawnSync(process.execPath, [join(repositoryRoot, 'scripts/demo.js'), at('out')], {
    encoding: 'utf8',
    env: { PATH, HOME },
  });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout).toMatch(/^examples\/astronaut\.png {2}512x512 {2}1 face\n/);
  const kinds = ['landmarks', 'points', 'render', 'depth', 'pncc', 'uv-texture', 'frontal', 'pose', 'boxes'];
  const files = [...kinds.map((kind) => `astronaut.${kind}.png`), 'astronaut.glb', 'astronaut.json'];
  expect(readdirSync(at('out')).sort()).toEqual(files.sort());
  const [image] = JSON.parse(readFileSync(at('out', 'astronaut.json'), 'utf8')).images;
  expect(image.faces[0].landmarks).toHaveLength(68);
});
