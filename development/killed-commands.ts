import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixturePath } from './formula.ts';
import type { KilledCommand } from './kill-commands.ts';
import { runCommand } from './kill-commands.ts';
import { repositoryRoot, sharedPath } from './paths.ts';

const PHOTO = join(repositoryRoot, 'examples', 'astronaut.png');

/** Converts a checkpoint into an existing pack, whose models must not be lost. */
export const KILLED_CONVERT: KilledCommand = {
  name: 'convert',
  args: (folder) => convertArguments(folder, 'second'),
  files: ['pack'],
  async before(folder) {
    await runCommand({ name: 'convert', args: () => convertArguments(folder, 'first'), files: [] }, folder);
  },
};

function convertArguments(folder: string, name: string): string[] {
  const checkpoint = fixturePath('checkpoints', 'ema.pth.gz');
  const meanStd = fixturePath('checkpoints', 'row.mat');
  return ['convert', checkpoint, '--mean-std', meanStd, '--name', name, '--out', join(folder, 'pack')];
}

/** Pictures, a mesh and a document from a photo. */
export const KILLED_ALIGN: KilledCommand = {
  name: 'align',
  args: (folder) => [
    ...['align', PHOTO, '--out', folder, '--draw', 'landmarks,render,depth', '--mesh', 'glb'],
    ...['--json', join(folder, 'faces.json')],
  ],
  files: ['astronaut.depth.png', 'astronaut.glb', 'astronaut.landmarks.png', 'astronaut.render.png', 'faces.json'],
};

/** A film and JSON Lines from pictures. */
export const KILLED_VIDEO: KilledCommand = {
  name: 'video',
  args: (folder) => [
    ...['video', ...Array.from({ length: 8 }, () => PHOTO)],
    ...['--out', join(folder, 'film.mp4'), '--json', join(folder, 'lines.jsonl')],
  ],
  files: ['film.mp4', 'lines.jsonl'],
};

/** The original's files from a folder; needs the reference data. */
export const KILLED_PULL: KilledCommand = {
  name: 'pull',
  args: (folder) => [
    ...['weights', 'pull', '--accept-licence', '--from', sharedPath('upstream'), '--only', 'mb05,faceboxes'],
    ...['--out', join(folder, 'pack')],
  ],
  files: ['pack'],
  async before(folder) {
    mkdirSync(join(folder, 'cache'), { recursive: true });
    writeFileSync(join(folder, 'cache', 'note'), 'the cache may keep what has arrived');
  },
};
