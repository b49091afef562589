/**
 * Changes that no test can detect, with the reason: the code is equivalent for every input, or only faster. `npm run mutate` counts
 * them separately. An entry covers one change (`changed`) or all changes of a line (`line`); lines are given without indentation.
 */
export interface Untellable {
  readonly path: string;
  /** The unchanged line. */
  readonly line: string;
  /** The line with the change; if absent, all changes of the line. */
  readonly changed?: string;
  readonly reason: string;
}

/** Reasons shared by many entries. */
const PAST_THE_END =
  'one more iteration reads undefined, for which every comparison fails, or writes past the end of an array, which does nothing';
const SPEED = 'a limit on what is cached or tried for speed; results are the same';

/** Sixteen pixels in four lines of `isOpaque`: a pixel before the first is undefined, so that no photo seems opaque. */
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
    reason: 'the similarity of pixels never equals that number to the last digit',
  },
  {
    path: 'src/video/robust-rule.ts',
    line: '#framesSinceDetection = 0;',
    reason: 'while there is no face the detector runs on every frame',
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
    reason: 'ids are never reused: it only frees memory',
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
    reason: 'only for precision: the same camera',
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
      reason: 'alpha is then always set, which is slower',
    })),
  ),
  {
    path: 'src/geometry/surface-kernel/emit-large.ts',
    line: 'constant(1 << 28)',
    reason: 'any power of two larger than b works',
  },
  ...['left > right', 'top > bottom'].map((condition) => ({
    path: 'src/geometry/rasterize-upstream.ts',
    line: `if (${condition}) continue;`,
    changed: 'if (false) continue;',
    reason: 'the code below then finds no pixel: the line is there for speed',
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
    reason: 'equal heights give 1',
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
    reason: 'one micrometre in sixty millimetres',
  },
  {
    path: 'src/engine/compiler/pack-weights.ts',
    line: "return 'weights' in operation ? operation.weights.byteLength / 4 : 0;",
    changed: "return 'weights' in operation ? operation.weights.byteLength / 4 : (0 + 1);",
    reason: 'the initial size of a buffer',
  },
  {
    path: 'src/engine/compiler/plan-memory.ts',
    line: 'touch(input.buffer, -1);',
    changed: ';',
    reason: 'the first computing step reads the input, and borders cleared before it are needed after it',
  },
  {
    path: 'src/engine/compiler/integers/emit-integer-convolution.ts',
    line: 'if (kernel[0] === 1) {',
    changed: 'if (false) {',
    reason: 'a loop over one row is the row',
  },
  {
    path: 'src/engine/compiler/parse.ts',
    line: 'const layer = name.slice(0, Math.max(slash, 0));',
    changed: 'const layer = name.slice(0, Math.max(slash, (0 + 1)));',
    reason: 'a tensor without a layer is not used by any',
  },
  {
    path: 'src/engine/tfjs.ts',
    line: 'if (isCurrentStarting(core)) await core.ready();',
    changed: 'if (true) await core.ready();',
    reason: 'a started backend is ready at once',
  },
  {
    path: 'src/engine/tfjs.ts',
    line: 'if (!(await hasGraphics(core, backend))) {',
    changed: 'if (false) {',
    reason: 'Node has no such backend: test/browser/graphics.test.ts covers it',
  },
];
