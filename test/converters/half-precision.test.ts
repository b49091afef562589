import { expect, test } from '@jest/globals';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { createFaceAligner } from '../../src/face-aligner.ts';
import type { FaceBox } from '../../src/types.ts';
import { expectClose } from '../support/expect-close.ts';
import { readReference } from '../support/reference.ts';
import { referencePicture } from '../support/reference-faces.ts';
import { describeWithShared } from '../support/shared.ts';
import { upstreamPack } from '../support/upstream-pack.ts';

describeWithShared('half precision', () => {
  /** Measured: 0.019 px and 0.069 px. */
  const MAX_BOX_SHIFT = 0.06;
  const MAX_LANDMARK_SHIFT = 0.2;

  test('moves boxes and landmarks by next to nothing', async () => {
    const align = async (float16: boolean) => {
      const weights = fileWeights(await upstreamPack({ float16 }));
      const aligner = await createFaceAligner({ weights });
      try {
        const boxes = await aligner.detect(image);
        const faces = await aligner.align(image, reference);
        return { boxes, landmarks: faces.map((face) => aligner.reconstruct(face)) };
      } finally {
        aligner.dispose();
      }
    };
    const image = referencePicture('trump_hillary', 'input');
    const reference = readReference('trump_hillary').boxes.map(([xMin, yMin, xMax, yMax]) => ({
      xMin,
      yMin,
      xMax,
      yMax,
    }));
    const full = await align(false);
    const half = await align(true);
    expect(half.boxes).toHaveLength(full.boxes.length);
    const sides = ({ xMin, yMin, xMax, yMax }: FaceBox) => [xMin, yMin, xMax, yMax];
    expectClose(half.boxes.flatMap(sides), full.boxes.flatMap(sides), { maxAbs: MAX_BOX_SHIFT });
    half.landmarks.forEach((landmarks, i) => {
      expectClose(landmarks, full.landmarks[i] ?? [], { maxAbs: MAX_LANDMARK_SHIFT });
    });
  });
});
