/** Workers that are killed and a Redis that goes away, in small: `npm run chaos` does the same with 600 pictures, ten times. */
import { mkdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { writeNumberedCrops } from '../../development/numbered-crops.ts';
import { runChaos } from '../../development/queue-chaos.ts';
import { runTddfa } from '../../development/tddfa-process.ts';
import { describeWithRedis, useRedis } from '../support/redis.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();

describeWithRedis('tddfa queue with workers that are killed', () => {
  const redis = useRedis();

  test('gives each picture once, equal to a sequential run', async () => {
    const pictures = await writeNumberedCrops(temporary('pictures'), 120, 224);
    mkdirSync(temporary('run'));
    const { kills, outageMs, collectStatus, collectMessages, collected } = await runChaos({
      redis: redis(),
      folder: temporary('run'),
      pictures,
      perJob: 5,
      killAfterMs: [2000, 5000],
      killAfterJobs: 3,
      seed: 1,
    });
    expect(kills).toBeGreaterThan(2);
    expect(outageMs).toBeGreaterThan(1000);
    expect([collectStatus, collectMessages]).toEqual([0, '120 pictures of 24 jobs, 0 failed, 0 missing\n']);
    const sequential = temporary('sequential.jsonl');
    await runTddfa(['align', '--files-from', temporary('run', 'list.txt'), '--jobs', '1', '--jsonl', sequential]);
    expect(collected).toBe(readFileSync(sequential, 'utf8'));
  });
});
