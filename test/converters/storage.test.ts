import { describe, expect, test } from '@jest/globals';
import { readReference } from '../../development/reference.ts';
import { referencePicture } from '../../development/reference-faces.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import type { WeightStorage } from '../../src/engine/weights/layers-file.ts';
import { createFaceAligner } from '../../src/face-aligner.ts';
import type { FaceBox } from '../../src/types.ts';
import { expectClose } from '../support/expect-close.ts';
import { describeWithShared } from '../support/shared.ts';

async function align(storage: WeightStorage) {
  const image = referencePicture('trump_hillary', 'input');
  const reference = readReference('trump_hillary').boxes.map(([xMin, yMin, xMax, yMax]) => ({
    xMin,
    yMin,
    xMax,
    yMax,
  }));
  const aligner = await createFaceAligner({ weights: fileWeights(await upstreamPack({ storage })) });
  try {
    const boxes = await aligner.detect(image);
    const faces = await aligner.align(image, reference);
    return { boxes, landmarks: faces.map((face) => aligner.reconstruct(face)) };
  } finally {
    aligner.dispose();
  }
}

describeWithShared('the original weights', () => {
  describe.each([
    // Measured: 0.019 px and 0.069 px.
    ['float16', 0.06, 0.2],
    // Measured: 1.5 px and 0.46 px; faces of some 270 px.
    ['uint8', 3, 1],
  ] as const)('stored as %s', (storage, maxBoxShift, maxLandmarkShift) => {
    test('find the same boxes and landmarks', async () => {
      const full = await align('float32');
      const stored = await align(storage);
      expect(stored.boxes).toHaveLength(full.boxes.length);
      const sides = ({ xMin, yMin, xMax, yMax }: FaceBox) => [xMin, yMin, xMax, yMax];
      expectClose(stored.boxes.flatMap(sides), full.boxes.flatMap(sides), { maxAbs: maxBoxShift });
      stored.landmarks.forEach((landmarks, i) => {
        expectClose(landmarks, full.landmarks[i] ?? [], { maxAbs: maxLandmarkShift });
      });
    });
  });
});
