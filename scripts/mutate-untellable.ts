/**
 * Changes that no test can tell, with the reason: code that is equal for every input, or faster and nothing else. `npm run mutate` counts
 * them apart. An entry is for one change (`changed`) or for all changes of a line (`line`); lines are given without their indent.
 */
export interface Untellable {
  readonly path: string;
  /** The line as it is. */
  readonly line: string;
  /** The line with the change; all changes of the line where absent. */
  readonly changed?: string;
  readonly reason: string;
}

/** Reasons that many have. */
const PAST_THE_END =
  'one round more reads undefined, which no comparison takes, or writes past the end of an array, which does nothing';
const SPEED = 'a bound of what is kept or tried for speed; results are the same';

/** Sixteen pixels in four lines of `isOpaque`: one that is looked for before the first is undefined, and no photo seems opaque. */
const OPAQUE_LINES = [
  'a &= words[i] & words[i + 1] & words[i + 2] & words[i + 3];',
  'b &= words[i + 4] & words[i + 5] & words[i + 6] & words[i + 7];',
  'c &= words[i + 8] & words[i + 9] & words[i + 10] & words[i + 11];',
  'd &= words[i + 12] & words[i + 13] & words[i + 14] & words[i + 15];',
];

export const UNTELLABLE: readonly Untellable[] = [
  {
    path: 'src/video/robust-rule.ts',
    line: 'if (!(alike < SAME_FACE_SIMILARITY)) return true;',
    changed: 'if (!(alike <= SAME_FACE_SIMILARITY)) return true;',
    reason: 'a likeness of pixels is never that number to the last digit',
  },
  {
    path: 'src/video/robust-rule.ts',
    line: '#framesSinceDetection = 0;',
    reason: 'while there is no face the detector is asked in each frame',
  },
  {
    path: 'src/video/upstream-rule.ts',
    line: "const landmarks = roiFrom === 'landmarks' ? points.slice() : aligner.reconstruct(face);",
    changed: 'const landmarks = false ? points.slice() : aligner.reconstruct(face);',
    reason: 'the same landmarks, made twice',
  },
  {
    path: 'src/video/tracker.ts',
    line: 'locks.clear();',
    changed: ';',
    reason: 'ids are never given twice: frees memory alone',
  },
  ...[
    'dst[4 * row + column] = params[4 * row + column] * factor;',
    'params[4 * row + column] = camera[4 * row + column] / factor;',
  ].map((statement) => ({
    path: 'src/video/smoothing.ts',
    line: `for (let column = 0; column < 3; column++) ${statement}`,
    changed: `for (let column = 0; column <= 3; column++) ${statement}`,
    reason: 'the fourth number is written after it',
  })),
  {
    path: 'src/video/identity-lock.ts',
    line: 'let scale = 0;',
    reason: "for the digits' sake: the same camera",
  },
  ...[
    ['for (let i = 0; i < shapeCount; i++) {', 'for (let i = 0; i <= shapeCount; i++) {'],
    ['for (let row = 0; row < own.length; row++) {', 'for (let row = 0; row <= own.length; row++) {'],
    ['for (let row = 0; row < 3; row++) {', 'for (let row = 0; row <= 3; row++) {'],
    ['for (let start = 0; start < 12; start += 4) {', 'for (let start = 0; start <= 12; start += 4) {'],
  ].map(([line, changed]) => ({ path: 'src/video/identity-lock.ts', line, changed, reason: PAST_THE_END })),
  {
    path: 'src/video/identity-lock.ts',
    line: 'for (let column = 0; column < 3; column++) params[4 * row + column] = solved[4 * row + column] / scale;',
    changed: 'for (let column = 0; column <= 3; column++) params[4 * row + column] = solved[4 * row + column] / scale;',
    reason: 'the fourth number is written after it',
  },
  {
    path: 'src/video/identity-lock.ts',
    line: 'for (let k = 0; k < column; k++) sum -= lower[4 * row + k] * lower[4 * column + k];',
    changed: 'for (let k = 0; k <= column; k++) sum -= lower[4 * row + k] * lower[4 * column + k];',
    reason: 'what is subtracted is still 0',
  },
  ...OPAQUE_LINES.flatMap((line) =>
    [...line.matchAll(/i \+/g)].map(({ index }) => ({
      path: 'src/geometry/picture.ts',
      line,
      changed: `${line.slice(0, index)}i -${line.slice(index + 3)}`,
      reason: 'alphas are then always set, which is slower',
    })),
  ),
  {
    path: 'src/geometry/surface-kernel/emit-large.ts',
    line: 'constant(1 << 28)',
    reason: 'any power of two that is larger than b',
  },
  ...['left > right', 'top > bottom'].map((condition) => ({
    path: 'src/geometry/rasterize-upstream.ts',
    line: `if (${condition}) continue;`,
    changed: 'if (false) continue;',
    reason: 'there is no pixel in what follows, which is for speed',
  })),
  {
    path: 'src/geometry/texel-sources.ts',
    line: 'if (known.size >= MAX_KEPT && oldest !== undefined) known.delete(oldest);',
    reason: SPEED,
  },
  {
    path: 'src/geometry/picture.ts',
    line: 'if (index > greatest) greatest = index;',
    changed: 'if (index >= greatest) greatest = index;',
    reason: 'equal numbers',
  },
  {
    path: 'src/geometry/acting.ts',
    line: "return { eye, yawDegrees: direction === 'Out' ? out * outwards : -inwards * outwards, pitchDegrees: 0 };",
    changed: "return { eye, yawDegrees: direction === 'Out' ? out * outwards : -inwards / outwards, pitchDegrees: 0 };",
    reason: 'a factor of 1 or -1',
  },
  {
    path: 'src/models/faceboxes/detector.ts',
    line: 'if (imageHeight > maxHeight) scale = maxHeight / imageHeight;',
    changed: 'if (imageHeight >= maxHeight) scale = maxHeight / imageHeight;',
    reason: 'equal heights make 1',
  },
  {
    path: 'src/geometry/surface-kernel/workspace.ts',
    line: 'const KEPT_BYTES = 64 * 1024 * 1024;',
    reason: SPEED,
  },
  {
    path: 'src/geometry/texel-sources.ts',
    line: 'for (let corner = 0; corner < 3; corner++) {',
    changed: 'for (let corner = 0; corner < (3 + 1); corner++) {',
    reason: 'the fourth number is the first of the next texel, which is written after it',
  },
  {
    path: 'src/geometry/pose.ts',
    line: 'for (let column = 0; column < 3; column++) {',
    changed: 'for (let column = 0; column < (3 + 1); column++) {',
    reason: 'the fourth column is written after it',
  },
  {
    path: 'src/geometry/shrink-photo.ts',
    line: 'if (x < xMin) xMin = x;',
    changed: 'if (x <= xMin) xMin = x;',
    reason: 'equal numbers',
  },
  {
    path: 'src/geometry/uv-texture.ts',
    line: 'for (let i = 3; i < texture.data.length; i += 4) texture.data[i] = 255;',
    changed: 'for (let i = 3; i <= texture.data.length; i += 4) texture.data[i] = 255;',
    reason: PAST_THE_END,
  },
  { path: 'src/models/faceboxes/detector.ts', line: 'const CACHED_PRIORS = 8;', reason: SPEED },
  {
    path: 'src/models/tddfa/face-refiner.ts',
    line: 'const SPANS: Readonly<Record<Region, number>> = { eyes: 60_000, mouth: 72_000 };',
    reason: 'a micrometre of sixty millimetres',
  },
  {
    path: 'src/engine/compiler/pack-weights.ts',
    line: "return 'weights' in operation ? operation.weights.byteLength / 4 : 0;",
    changed: "return 'weights' in operation ? operation.weights.byteLength / 4 : (0 + 1);",
    reason: 'how much room is reserved at first',
  },
  {
    path: 'src/engine/compiler/plan-memory.ts',
    line: 'touch(input.buffer, -1);',
    changed: ';',
    reason: 'the first step that computes reads the input, and what borders are cleared before is needed after it',
  },
  {
    path: 'src/engine/compiler/integers/emit-integer-convolution.ts',
    line: 'if (kernel[0] === 1) {',
    changed: 'if (false) {',
    reason: 'a loop of one row is the row',
  },
  {
    path: 'src/engine/compiler/parse.ts',
    line: 'const layer = name.slice(0, Math.max(slash, 0));',
    changed: 'const layer = name.slice(0, Math.max(slash, (0 + 1)));',
    reason: 'a tensor without a layer serves none',
  },
  {
    path: 'src/engine/tfjs.ts',
    line: 'if (isCurrentStarting(core)) await core.ready();',
    changed: 'if (true) await core.ready();',
    reason: 'what has started is ready at once',
  },
  {
    path: 'src/engine/tfjs.ts',
    line: 'if (!(await hasGraphics(core, backend))) {',
    changed: 'if (false) {',
    reason: 'there is no such backend in Node: test/browser/graphics.test.ts holds it',
  },
];
