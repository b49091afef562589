import { expect, test } from '@jest/globals';
import { interleave, readTracking } from '../../development/reference.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { createFaceAligner } from '../../src/face-aligner.ts';
import { createFaceTracker } from '../../src/video/tracker.ts';
import { readVideo } from '../../src/video-files/read-video.ts';
import { expectClose } from '../support/expect-close.ts';
import { describeWithFfmpeg } from '../support/ffmpeg.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';

/** Px; 0.0007 was measured for both. */
const LANDMARK_MAX_ABS = 0.002;
const ROI_MAX_ABS = 0.002;

describeWithShared('mode upstream', () => {
  describeWithFfmpeg('on a film', () => {
    test("equals the original's tracking, frame for frame", async () => {
      const { frames: expected } = readTracking();
      const film = await readVideo(sharedPath('photos', 'obama.mp4'));
      const aligner = await createFaceAligner({ weights: fileWeights(await upstreamPack()), backend: 'wasm' });
      try {
        const tracker = createFaceTracker(aligner, { mode: 'upstream' });
        let count = 0;
        for await (const { index, timeMs, image } of film.frames()) {
          const reference = expected[index];
          const faces = await tracker.next(image, timeMs);
          expect(faces.map(({ id, how }) => ({ id, how }))).toEqual([{ id: 0, how: reference?.how }]);
          const [face] = faces;
          if (face === undefined || reference === undefined) throw new Error(`no face in frame ${index}`);
          expectClose(face.landmarks, interleave(reference.landmarks), { maxAbs: LANDMARK_MAX_ABS });
          const { xMin, yMin, xMax, yMax } = face.roiBox;
          expectClose([xMin, yMin, xMax, yMax], reference.roiBox, { maxAbs: ROI_MAX_ABS });
          count++;
        }
        expect(count).toBe(expected.length);
      } finally {
        aligner.dispose();
      }
    });
  });
});
