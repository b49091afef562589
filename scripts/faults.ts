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
import { growthPerStep } from '../development/memory-growth.ts';
import { randomNumbers } from '../development/random.ts';
import { fileWeights } from '../src/engine/weights/file-source.ts';
import { createFaceAligner } from '../src/face-aligner.ts';

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
  const aligner = await createFaceAligner({ weights: fileWeights(new URL('../weights/open', import.meta.url)) });
  // The median of seven windows, after one to warm up.
  const stepsPerWindow = Math.ceil(Number(values.photos) / 8);
  const bytes = await growthPerStep({
    stepsPerWindow,
    async run(_start, count) {
      for (let i = 0; i < count; i++) {
        const [width, height] = [1 + Math.floor(random() * 320), 1 + Math.floor(random() * 320)];
        const image = { width, height, data: new Uint8Array(width * height * 4).fill(random() * 255) };
        await aligner.align(image, [{ xMin: 0, yMin: 0, xMax: width, yMax: height }]);
      }
    },
  });
  aligner.dispose();
  console.log(`${8 * stepsPerWindow} photos: ${bytes.toFixed(1)} bytes a photo are left behind`);
}
