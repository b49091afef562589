/**
 * `npm run faults -- [--kills 20] [--photos 20000] [--interruptions 1000000] [--only convert]`: kills commands at random moments,
 * interrupts work at each of its steps, and aligns photos of random sizes while watching memory. Too slow for the tests, which do
 * a few of each.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { interruptEverywhere } from '../development/interrupt-everywhere.ts';
import { interruptedWorks } from '../development/interrupted-works.ts';
import { killCommand } from '../development/kill-commands.ts';
import { KILLED_ALIGN, KILLED_CONVERT, KILLED_PULL, KILLED_VIDEO } from '../development/killed-commands.ts';
import { photoGrowth } from '../development/photo-growth.ts';
import { randomNumbers } from '../development/random.ts';

const values = new Command('faults')
  .description(
    'Kills commands at random moments, interrupts work at each of its steps, and aligns photos of random sizes while watching memory.',
  )
  .option('--kills <count>', 'kills per command', '20')
  .option('--photos <count>', 'photos to align', '20000')
  .option('--interruptions <count>', 'maximum interruptions per kind of work', '1000000')
  .option('--only <text>', 'only commands and work whose name contains this', '')
  .option('--seed <number>', 'seed for the moments and sizes', '1')
  .parse()
  .opts<{ kills: string; photos: string; interruptions: string; only: string; seed: string }>();
const random = randomNumbers(Number(values.seed));
const scratch = mkdtempSync(join(tmpdir(), 'tddfa-faults-'));
for (const command of [KILLED_CONVERT, KILLED_ALIGN, KILLED_VIDEO, KILLED_PULL]) {
  if (!command.name.includes(values.only)) continue;
  const { kills, withNoFile, withAllFiles } = await killCommand(command, scratch, Number(values.kills), random);
  console.log(
    `${command.name}: ${kills} kills, ${withNoFile} left no file, ${withAllFiles} left all of them; every next run succeeded`,
  );
}

if ('interrupted'.startsWith(values.only) || values.only.startsWith('interrupted')) {
  const { works, dispose } = await interruptedWorks(scratch);
  for (const [name, begin] of works) {
    const what = `interrupted: ${name}`;
    if (!what.includes(values.only)) continue;
    const { steps, interruptions, results } = await interruptEverywhere(begin, Number(values.interruptions));
    const reasons = interruptions - results;
    console.log(
      `${what}: ${interruptions} of ${steps} steps interrupted: ${results} results, ${reasons} aborted with the reason`,
    );
  }
  await dispose();
}
rmSync(scratch, { recursive: true, force: true });

if ('photos'.includes(values.only)) {
  const { photos, bytes } = await photoGrowth(Number(values.photos), random);
  console.log(`${photos} photos: ${bytes.toFixed(1)} bytes left behind per photo`);
}
