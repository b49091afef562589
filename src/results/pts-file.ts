/**
 * Landmarks as a `.pts` file of iBUG's 300-W, which counts pixels from 1.
 * @param landmarks - `[n x 3]` or `[n x 2]`, px of the image, counted from 0.
 */
export function formatPts(landmarks: readonly (readonly number[])[]): string {
  const rows = landmarks.map(([x, y]) => `${(x + 1).toFixed(6)} ${(y + 1).toFixed(6)}\n`);
  return `version: 1\nn_points: ${landmarks.length}\n{\n${rows.join('')}}\n`;
}
