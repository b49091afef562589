/**
 * `npm run faults -- [--kills 20] [--photos 20000] [--only convert]`: kills commands at random moments, and aligns photos of random
 * sizes while it watches memory. Too long for the tests, which do a few of each.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killCommand } from '../development/kill-commands.ts';
import { KILLED_ALIGN, KILLED_CONVERT, KILLED_PULL, KILLED_VIDEO } from '../development/killed-commands.ts';
import { photoGrowth } from '../development/photo-growth.ts';
import { randomNumbers } from '../development/random.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    photos: { type: 'string', default: '20000' },
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
  },
});
const random = randomNumbers(Number(values.seed));
const scratch = mkdtempSync(join(tmpdir(), 'tddfa-faults-'));
for (const command of [KILLED_CONVERT, KILLED_ALIGN, KILLED_VIDEO, KILLED_PULL]) {
  if (!command.name.includes(values.only)) continue;
  const { kills, withNoFile, withAllFiles } = await killCommand(command, scratch, Number(values.kills), random);
  console.log(
    `${command.name}: ${kills} kills, after ${withNoFile} no file, after ${withAllFiles} all of them; each next run right`,
  );
}
rmSync(scratch, { recursive: true, force: true });

if ('photos'.includes(values.only)) {
  const { photos, bytes } = await photoGrowth(Number(values.photos), random);
  console.log(`${photos} photos: ${bytes.toFixed(1)} bytes a photo are left behind`);
}
