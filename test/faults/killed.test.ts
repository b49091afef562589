/** Commands that are killed at random moments, two here; `npm run faults -- --kills 20` makes it twenty of each. */
import { expect, test } from '@jest/globals';
import { killCommand } from '../../development/kill-commands.ts';
import { KILLED_ALIGN, KILLED_CONVERT, KILLED_PULL, KILLED_VIDEO } from '../../development/killed-commands.ts';
import { randomNumbers } from '../../development/random.ts';
import { describeWithFfmpeg } from '../support/ffmpeg.ts';
import { describeWithShared } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const KILLS = 2;

test.each([KILLED_CONVERT, KILLED_ALIGN])(
  '$name leaves nothing half-written, and its next run nothing else',
  async (command) => {
    const { kills } = await killCommand(command, temporary(), KILLS, randomNumbers(1));
    expect(kills).toBe(KILLS);
  },
);

describeWithFfmpeg('a film', () => {
  test('is whole or not there', async () => {
    expect((await killCommand(KILLED_VIDEO, temporary(), KILLS, randomNumbers(2))).kills).toBe(KILLS);
  });
});

describeWithShared("the original's weights", () => {
  test('are pulled by the run after', async () => {
    expect((await killCommand(KILLED_PULL, temporary(), KILLS, randomNumbers(3))).kills).toBe(KILLS);
  });
});
