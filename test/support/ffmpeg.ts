import { describe, test } from '@jest/globals';
import { hasFfmpeg } from '../../development/has-ffmpeg.ts';

const isThere = hasFfmpeg();

/** A `describe` whose tests need ffmpeg: skipped if it is missing, failing under `CI=true`. */
export function describeWithFfmpeg(name: string, body: () => void): void {
  if (isThere) {
    describe(name, body);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      test('has ffmpeg', () => {
        throw new Error('ffmpeg or ffprobe is missing, and CI must not skip the tests that need them');
      });
    });
  } else {
    describe.skip(`[ffmpeg] ${name}`, body);
  }
}
