import { cachedWeights, createFaceAlignerWorker, httpWeights, poseFromParams, readPixels } from 'tddfa/browser';

const output = document.querySelector('output');

// The folder of a pack, beside the page: here public/pack/. Downloaded once, then cached by the browser.
const weights = cachedWeights(httpWeights('pack/'), { onWarning: console.warn });
const aligner = await createFaceAlignerWorker({
  weights,
  onProgress: ({ file, loadedBytes, totalBytes }) => {
    output.textContent = `${file}: ${loadedBytes} of ${totalBytes} bytes`;
  },
});
output.textContent = 'ready';

document.querySelector('input').addEventListener('change', async ({ target }) => {
  const image = await readPixels(target.files[0]);
  const faces = await aligner.align(image, await aligner.detect(image));
  const yaws = faces.map(({ params }) => `${poseFromParams(params).yawDegrees.toFixed(1)}°`);
  output.textContent = `faces: ${faces.length}; yaw: ${yaws.join(', ')}`;
});
