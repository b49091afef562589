/** What only a process of its own shows: real streams, pipes and devices. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { fixturePath } from '../../development/formula.ts';
import { tddfaCommand } from '../../development/tddfa-process.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const PHOTO = join(repositoryRoot, 'examples', 'astronaut.png');

function tddfa(args: readonly string[], input?: Buffer) {
  const [program, ...words] = tddfaCommand();
  const { status, stdout, stderr } = spawnSync(program, [...words, ...args], {
    cwd: temporary(),
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
    timeout: 60_000,
    ...(input && { input }),
  });
  return { status, stdout, stderr };
}

describe('tddfa as a process', () => {
  test('a picture comes from standard input as -', () => {
    const { status, stdout } = tddfa(['align', '-', '--draw', 'boxes', '--out', 'piped'], readFileSync(PHOTO));
    expect(status).toBe(0);
    expect(stdout).toMatch(/^stdin {2}512x512 {2}1 face\n[^\n]+\n {2}wrote piped\/stdin\.boxes\.png\n$/);
    expect(readdirSync(temporary('piped'))).toEqual(['stdin.boxes.png']);
  });

  test("the original's -o 2d_sparse and -o ply mean what they meant, unless such a folder is there", () => {
    const sparse = tddfa(['align', PHOTO, '-o', '2d_sparse']);
    expect(sparse.stderr).toBe("note: the original's -o 2d_sparse is --draw landmarks; here -o is where to write\n");
    expect(sparse.stdout).toContain('  wrote astronaut.landmarks.png\n');
    const mesh = tddfa(['align', PHOTO, '-o', 'ply']);
    expect(mesh.stdout).toContain('  wrote astronaut.ply\n');
    const folder = tddfa(['align', PHOTO, '-o', 'depth', '--draw', 'boxes']);
    expect([folder.stderr, existsSync(temporary('depth/astronaut.boxes.png'))]).toEqual(['', true]);
    expect(tddfa(['align', PHOTO, '-o', 'depth']).stdout).toContain('  wrote depth/astronaut.landmarks.png\n');
    const video = tddfa(['video', 'x.mp4', '-o', 'ply']);
    expect([video.status, video.stderr]).toEqual([
      2,
      'tddfa: -o ply: meshes are made from pictures: tddfa align --mesh ply\n',
    ]);
  });

  test('align refuses a pipe at once', () => {
    const pipe = temporary('pipe-of-pictures');
    execFileSync('mkfifo', [pipe]);
    const { status, stderr } = tddfa(['align', pipe]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tddfa: [^\n]*pipe-of-pictures: this is a device or pipe[^\n]*\n/);
  });

  test('a full disk behind stdout is one line', () => {
    const words = [...tddfaCommand(), 'align', PHOTO, '--json', '-'];
    const { status, stderr } = spawnSync('sh', ['-c', '"$0" "$@" > /dev/full', ...words], {
      env: { ...process.env, NODE_OPTIONS: '' },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([1, 'tddfa: cannot write to stdout: the disk is full\n']);
  });

  test('boxes of two pictures of one name go to the right ones', () => {
    const pictures = ['x', 'y'].map((folder) => fixturePath('same-name', folder, 'a.png'));
    const { stdout } = tddfa(['align', ...pictures, '--boxes', fixturePath('same-name', 'boxes.json')]);
    expect([...stdout.matchAll(/box (.*)$/gm)].map(([, box]) => box)).toEqual(['5, 5, 25, 30', '30, 8, 55, 40']);
  });
});
