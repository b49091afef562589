import { describe, expect, test } from '@jest/globals';
import { referenceNames } from '../../development/reference.ts';
import { referenceFaces, referencePicture } from '../../development/reference-faces.ts';
import { ellipseLandmarks, gradientImage } from '../../development/synthetic-face.ts';
import { drawBoxes, drawLandmarks, drawPoints, drawPose } from '../../src/geometry/draw.ts';
import type { Picture } from '../../src/geometry/picture.ts';
import { poseBox } from '../../src/geometry/pose-box.ts';
import { textWidth } from '../../src/geometry/stroke-font.ts';
import type { RgbaImage } from '../../src/types.ts';
import { expectClose } from '../support/expect-close.ts';
import { describeWithShared } from '../support/shared.ts';

const FRONTAL = Float32Array.of(4e-4, 0, 0, 60, 0, 4e-4, 0, 60, 0, 0, 4e-4, -60);

function changedPixels(picture: Picture, image: RgbaImage): number {
  let count = 0;
  for (let i = 0; i < picture.data.length; i += 4) {
    if (
      picture.data[i] !== image.data[i] ||
      picture.data[i + 1] !== image.data[i + 1] ||
      picture.data[i + 2] !== image.data[i + 2]
    ) {
      count++;
    }
  }
  return count;
}

function pixel(image: RgbaImage, x: number, y: number): number[] {
  return [...image.data.subarray((y * image.width + x) * 4, (y * image.width + x) * 4 + 3)];
}

const pictures: [string, (image: RgbaImage, points: Float32Array, background?: 'image' | 'black') => Picture][] = [
  ['landmarks', (image, points, background = 'image') => drawLandmarks(image, [points], { background })],
  ['points', (image, points, background = 'image') => drawPoints(image, [points], { background, every: 1 })],
  [
    'boxes',
    (image, [x = 0, y = 0], background = 'image') =>
      drawBoxes(image, [{ xMin: x, yMin: y, xMax: x + 50, yMax: y + 50, score: 0.9 }], { background }),
  ],
  [
    'pose',
    (image, landmarks, background = 'image') =>
      drawPose(image, [{ params: FRONTAL, landmarks, label: 'yaw 0.0°' }], { background }),
  ],
];

describe.each(pictures)('%s', (_name, draw) => {
  const landmarks = ellipseLandmarks(60, 60, 30);

  test('leaves the image and the face as they were', () => {
    const image = gradientImage(120, 100);
    const imageBefore = image.data.slice();
    const landmarksBefore = landmarks.slice();
    const picture = draw(image, landmarks);
    expect(image.data).toEqual(imageBefore);
    expect(landmarks).toEqual(landmarksBefore);
    expect(picture.data.buffer).not.toBe(image.data.buffer);
    expect(changedPixels(picture, image)).toBeGreaterThan(100);
  });

  test('keeps the size, and is opaque', () => {
    const clear = { data: new Uint8Array(120 * 100 * 4), width: 120, height: 100 };
    const picture = draw(clear, landmarks);
    expect([picture.width, picture.height]).toEqual([120, 100]);
    expect(picture.data.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
  });

  test('draws nothing for a face outside the image, and the part that is inside', () => {
    const image = gradientImage(120, 100);
    expect(changedPixels(draw(image, ellipseLandmarks(-500, 4000, 30)), image)).toBe(0);
    const half = changedPixels(draw(image, ellipseLandmarks(60, 95, 30)), image);
    expect(half).toBeGreaterThan(20);
    expect(half).toBeLessThan(changedPixels(draw(image, landmarks), image));
  });

  test('leaves the photo out on black', () => {
    const image = gradientImage(120, 100);
    const picture = draw(image, landmarks, 'black');
    expect(pixel(picture, 119, 99)).toEqual([0, 0, 0]);
    expect(changedPixels(picture, { ...image, data: new Uint8Array(image.data.length) })).toBeGreaterThan(100);
  });

  test('rejects coordinates that are not finite and images of the wrong size', () => {
    const image = gradientImage(120, 100);
    const broken = landmarks.slice();
    broken[0] = Number.NaN;
    expect(() => draw(image, broken)).toThrow(RangeError);
    expect(() => draw({ ...image, width: 121 }, landmarks)).toThrow('image.data: expected 48400 bytes');
  });
});

test.each([100, 1000, 4000])(
  'an image %i px wide is drawn on as much as any other when both are shown at one size',
  (size) => {
    const image = { data: new Uint8Array(size * size * 4), width: size, height: size };
    const share =
      changedPixels(drawLandmarks(image, [ellipseLandmarks(size / 2, size / 2, size / 4)]), image) / size ** 2;
    expect(share).toBeGreaterThan(0.0025);
    expect(share).toBeLessThan(0.16);
  },
);

test('no face gives the photo', () => {
  const image = gradientImage(30, 20);
  expect(changedPixels(drawLandmarks(image, []), image)).toBe(0);
});

test('a face of another number of landmarks is refused by name', () => {
  expect(() => drawLandmarks(gradientImage(9, 9), [new Float32Array(12)])).toThrow(
    'faces[0]: expected 68 x 3 coordinates, got 12',
  );
});

test('a rotation of zeros has no pose', () => {
  const face = { params: new Float32Array(62), landmarks: ellipseLandmarks(5, 5, 4) };
  expect(() => drawPose(gradientImage(9, 9), [face])).toThrow(RangeError);
});

test('lines are anti-aliased and centred on whole coordinates', () => {
  const image = { data: new Uint8Array(40 * 40 * 4), width: 40, height: 40 };
  const box = { xMin: 10, yMin: 10, xMax: 30.5, yMax: 30 };
  const picture = drawBoxes(image, [box], { lineWidth: 1, colour: [200, 100, 50] });
  expect(pixel(picture, 10, 20)).toEqual([200, 100, 50]);
  expect(pixel(picture, 9, 20)).toEqual([0, 0, 0]);
  expect(pixel(picture, 30, 20)).toEqual([100, 50, 25]);
  expect(pixel(picture, 31, 20)).toEqual([100, 50, 25]);
});

test('the pose box is two squares and three axes, turned by the camera about the middle of the jaw and the brows', () => {
  const params = new Float32Array(62);
  params.set([4e-4, -1e-4, 3e-4, 5, 2e-4, 5e-4, -1e-4, 6, 0, 0, 0, 7]);
  // 100 px wide and 120 high.
  const landmarks = ellipseLandmarks(80, 70, 50).map((value, i) => (i % 3 === 2 ? 0 : value));
  const unit = (row: readonly number[]): number[] => row.map((value) => value / Math.hypot(...row));
  const [right, up] = [unit([4, -1, 3]), unit([2, 5, -1])];
  const mean = (axis: number): number =>
    Array.from({ length: 27 }, (_, i) => landmarks[3 * i + axis]).reduce((sum, value) => sum + value / 27, 0);
  const [originX, originY] = [mean(0), mean(1)];
  const rear = (Math.SQRT2 * 120) / 3;
  const front = Math.floor((4 / 3) * rear);
  const place = (...point: number[]): number[] => [
    originX + right.reduce((sum, value, k) => sum + value * point[k], 0),
    originY - up.reduce((sum, value, k) => sum + value * point[k], 0),
  ];
  const square = (half: number, z: number): number[][] =>
    [
      [-1, -1],
      [-1, 1],
      [1, 1],
      [1, -1],
      [-1, -1],
    ].map(([x, y]) => place(x * half, y * half, z));
  const box = poseBox(params, landmarks);
  expectClose(box.corners, [...square(rear, 0), ...square(front, front)].flat(), { maxAbs: 1e-3 });
  expectClose(box.axes, [place(front, 0, 0), place(0, front, 0), place(0, 0, front)].flat(), { maxAbs: 1e-3 });
  expectClose(box.origin, [originX, originY], { maxAbs: 1e-4 });
});

test('the box of a frontal head is two upright squares', () => {
  const { corners, origin } = poseBox(FRONTAL, ellipseLandmarks(100, 100, 50));
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0] = corners;
  expect(x0).toBeCloseTo(x1, 4);
  expect(y1).toBeCloseTo(y2, 4);
  expect(x2 - x1).toBeCloseTo(y0 - y1, 3);
  expect((x0 + x2) / 2).toBeCloseTo(origin[0], 3);
});

describeWithShared('against the original', () => {
  test.each(referenceNames)("pose box corners of %s are within 1 px of the original's", (name) => {
    const target = referencePicture(name, 'pose');
    const isLine = (x: number, y: number): boolean => {
      const [red = 0, green = 0, blue = 0] = pixel(target, x, y);
      return red < 60 && green > 200 && blue < 90;
    };
    for (const { params, landmarks } of referenceFaces(name)) {
      const { corners, origin } = poseBox(params, landmarks);
      for (let i = 0; i < 10; i++) {
        const x = corners[i * 2];
        const y = corners[i * 2 + 1];
        const found = [-1, 0, 1].some((dy) => [-1, 0, 1].some((dx) => isLine(Math.round(x) + dx, Math.round(y) + dy)));
        expect(found).toBe(true);
        // A front corner is the outermost point of the drawing in its direction: nothing is drawn 4 px further out.
        if (i >= 5) {
          const length = Math.hypot(x - origin[0], y - origin[1]);
          const farX = Math.round(x + (4 * (x - origin[0])) / length);
          const farY = Math.round(y + (4 * (y - origin[1])) / length);
          expect(isLine(farX, farY)).toBe(false);
        }
      }
    }
  });

  // Of the pixels that the original's box covers, ours differs strongly in few: OpenCV's anti-aliasing is its own.
  const MAX_MEAN_DIFFERENCE = 0.25;
  test.each(referenceNames)("the pose picture of %s looks like the original's", (name) => {
    const target = referencePicture(name, 'pose');
    const picture = drawPose(referencePicture(name, 'input'), referenceFaces(name), { compatibility: 'upstream' });
    let sum = 0;
    for (let i = 0; i < target.data.length; i++) sum += Math.abs(picture.data[i] - target.data[i]);
    expect(sum / target.data.length).toBeLessThan(MAX_MEAN_DIFFERENCE);
  });
});

test('a text is as wide as its glyphs and the gaps between them', () => {
  expect([textWidth('', 12), textWidth('a', 12), textWidth('ab', 12), textWidth('abc', 24)]).toEqual([0, 8, 19, 60]);
});

/** A picture of one grey. */
function plain(width: number, height: number, value = 0): RgbaImage {
  return { data: new Uint8Array(width * height * 4).fill(value), width, height };
}

/** How many px of a row or a column are covered: their sum against full cover. */
function covered(picture: Picture, channel: number, { x, y }: { x?: number; y?: number }): number {
  let sum = 0;
  for (let i = 0; i < (x === undefined ? picture.width : picture.height); i++) {
    sum += pixel(picture, x ?? i, y ?? i)[channel] / 255;
  }
  return sum;
}

describe('lines, unless a width is given,', () => {
  // A box's lines are half as wide again as those of landmarks: 1 px for 800 px of the image's longer side, for a face of 60 px.
  test.each([
    ['as wide as a px at 800 px', 800, 20, 690, 1],
    ['and at fewer', 400, 20, 290, 1],
    ['twice as wide at 1600 px', 1600, 20, 1400, 2],
    ['whichever side is longer', 20, 1600, 1400, 2],
    ['thinner on a small face', 1600, 20, 90, 1.5],
    ['but never less than a px', 1600, 20, 30, 1],
  ])('are %s', (_name, width, height, side, lineWidth) => {
    const isWide = width > height;
    const [along, across] = isWide ? [100, 10 - side / 2] : [10 - side / 2, 100];
    const box = { xMin: along, yMin: across, xMax: along + side, yMax: across + side };
    // Both sides of the box, where they are in the picture.
    const picture = drawBoxes(plain(width, height), [box], { colour: [255, 0, 0] });
    expect(covered(picture, 0, isWide ? { y: 10 } : { x: 10 })).toBeCloseTo(2 * 1.5 * lineWidth, 1);
  });

  test('of points and landmarks are as wide as that', () => {
    const image = plain(1600, 20);
    const far = Float32Array.of(50, 10, 0, 50, 2000, 0);
    const points = drawPoints(image, [far], { every: 1, colour: [255, 0, 0] });
    expect(covered(points, 0, { x: 50 })).toBeCloseTo(2 * 0.7, 1);
    // One landmark in the picture, and no line through it: its dot is twice as wide as a line.
    const landmarks = new Float32Array(68 * 3).map((_, i) => (i % 3 === 0 ? 50 : i % 3 === 1 ? 3000 : 0));
    landmarks.set([50, 10, 0], 3 * 30);
    const dots = drawLandmarks(image, [landmarks], { colour: [255, 0, 0] });
    expect(covered(dots, 0, { y: 10 })).toBeCloseTo(2 * 2 * 0.93, 0);
  });
});

describe('landmarks', () => {
  const points = new Float32Array(68 * 3);
  for (let i = 0; i < 68; i++) {
    const angle = (i / 68) * 2 * Math.PI;
    points.set([500 + 480 * Math.cos(angle), 500 + 480 * Math.sin(angle), 0], i * 3);
  }
  const middle = (a: number, b: number): [number, number] => [
    Math.round((points[a * 3] + points[b * 3]) / 2),
    Math.round((points[a * 3 + 1] + points[b * 3 + 1]) / 2),
  ];
  const picture = drawLandmarks(plain(1000, 1000), [points], { lineWidth: 2, colour: [200, 100, 50] });
  /** Of a colour, seven tenths, rounded either way. */
  const isLine = (x: number, y: number): boolean =>
    pixel(picture, x, y).every((value, c) => Math.abs(value - [140, 70, 35][c]) <= 1);

  // First and last landmark of each part, iBUG 300-W: jaw, brows, bridge and base of the nose, eyes, outer and inner lips.
  const PARTS = [
    [0, 16],
    [17, 21],
    [22, 26],
    [27, 30],
    [31, 35],
    [36, 41],
    [42, 47],
    [48, 59],
    [60, 67],
  ];
  const RINGS = [36, 42, 48, 60];

  test.each(PARTS)('of the part from %i to %i are joined, and to no other', (first, last) => {
    for (let i = first; i < last; i++) expect(isLine(...middle(i, i + 1))).toBe(true);
    expect(pixel(picture, ...middle(last, (last + 1) % 68))).toEqual([0, 0, 0]);
    if (RINGS.includes(first)) expect(isLine(...middle(last, first))).toBe(true);
    else expect(pixel(picture, ...middle(last, first))).toEqual([0, 0, 0]);
  });

  test('are dots of twice the line, in a dark ring of three times', () => {
    const far = points.map((value, i) => (i % 3 === 2 ? 0 : value - 1000));
    far.set([20, 20, 0], 30 * 3);
    const dot = drawLandmarks(plain(40, 40, 255), [far], { lineWidth: 4, colour: [200, 100, 50] });
    // On the right of the nose's tip there is no line. 0.8 of black, then 0.9 of the colour.
    pixel(dot, 22, 20).forEach((value, c) => {
      expect(Math.abs(value - [185, 95, 50][c])).toBeLessThanOrEqual(1);
    });
    pixel(dot, 25, 20).forEach((value) => {
      expect(Math.abs(value - 51)).toBeLessThanOrEqual(1);
    });
    expect(pixel(dot, 27, 20)).toEqual([255, 255, 255]);
    for (let i = 0; i < 68; i++) {
      const moved = points.map((value, k) => (k % 3 === 2 ? 0 : value - 1000));
      moved.set([20, 20, 0], i * 3);
      expect(pixel(drawLandmarks(plain(40, 40), [moved], { lineWidth: 4 }), 22, 20)[0]).toBeGreaterThan(220);
    }
  });

  test('are white by default', () => {
    const white = drawLandmarks(plain(1000, 1000), [points], { lineWidth: 2 });
    for (const value of pixel(white, ...middle(3, 4))) expect(Math.abs(value - 178.5)).toBeLessThan(1);
  });
});

describe('points', () => {
  /** `count` points of which the first nine lie in a row, and the others outside. */
  function row(count: number): Float32Array {
    const points = new Float32Array(count * 3).fill(-500);
    for (let i = 0; i < Math.min(9, count); i++) points.set([10 + 10 * i, 5, 0], i * 3);
    return points;
  }
  const drawn = (points: Float32Array, options: { every?: number } = {}): number[] => {
    const picture = drawPoints(plain(100, 10), [points], { lineWidth: 2, ...options });
    return Array.from({ length: 9 }, (_, i) => i).filter((i) => pixel(picture, 10 + 10 * i, 5)[1] > 100);
  };

  test('are drawn each, or each n-th from the first on', () => {
    expect(drawn(row(9), { every: 1 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(drawn(row(9), { every: 2 })).toEqual([0, 2, 4, 6, 8]);
    expect(drawn(row(9), { every: 8 })).toEqual([0, 8]);
    expect(drawn(row(1))).toEqual([0]);
    for (const every of [0, -1, 1.5, Number.NaN]) {
      expect(() => drawn(row(9), { every })).toThrow(`every: expected a whole number >= 1, got ${every}`);
    }
  });

  test('by default about 6400 of them', () => {
    expect(drawn(row(9599))).toHaveLength(9);
    expect(drawn(row(9601))).toEqual([0, 2, 4, 6, 8]);
    expect(drawn(row(38365))).toEqual([0, 6]);
  });

  test('in seven tenths of cyan', () => {
    expect(pixel(drawPoints(plain(20, 20), [row(1)], { lineWidth: 4 }), 10, 5)).toEqual([0, 134, 134]);
    expect(pixel(drawPoints(plain(20, 20), [row(1)], { lineWidth: 4, colour: [100, 20, 10] }), 10, 5)).toEqual([
      70, 14, 7,
    ]);
  });
});

/** The bounds of the pixels for which a predicate holds. */
function boundsOf(picture: Picture, holds: (colour: readonly number[]) => boolean) {
  const found = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < picture.width; x++) {
      if (!holds(pixel(picture, x, y))) continue;
      found.left = Math.min(found.left, x);
      found.right = Math.max(found.right, x);
      found.top = Math.min(found.top, y);
      found.bottom = Math.max(found.bottom, y);
    }
  }
  return found;
}

const isWhite = ([red, green, blue]: readonly number[]): boolean => red > 140 && green > 140 && blue > 140;
const isInk = ([red, green, blue]: readonly number[]): boolean =>
  green !== 128 && Math.abs(red - blue) < 2 && green > 0;

describe("a box's score", () => {
  test.each([
    // A ninetieth of the longer side, at most a twelfth of the box, at least 7 px.
    [1800, 300, 20],
    [1800, 144, 12],
    [450, 144, 7],
  ])('in an image %i px wide, in a box of %i px, is %i px high', (width, side, height) => {
    const box = { xMin: 20, yMin: 20, xMax: 20 + side, yMax: 20 + side, score: 0.98765 };
    const picture = drawBoxes(plain(width, 360, 128), [box], { lineWidth: 2 });
    const margin = 2 + height / 3;
    const pen = Math.max(1, height / 8) / 2;
    const { left, top, right, bottom } = boundsOf(picture, isWhite);
    // Six characters of 8 twelfths of the height and gaps of 3, from the corner on; the last, "7" or "8", is as wide as any.
    expect(Math.abs(left - (20 + margin - pen))).toBeLessThan(1.5);
    expect(Math.abs(right - (20 + margin + (63 / 12) * height + pen))).toBeLessThan(1.5);
    expect(Math.abs(top - (20 + margin - pen))).toBeLessThan(1.5);
    expect(Math.abs(bottom - (20 + margin + height + pen))).toBeLessThan(1.5);
    // Its rim: a fifth of the height wider, at least 2 px, half of it on each side.
    const ink = boundsOf(picture, isInk);
    const rim = Math.max(2, height / 5) / 2;
    for (const beyond of [left - ink.left, ink.right - right, top - ink.top, ink.bottom - bottom]) {
      expect(Math.abs(beyond - rim)).toBeLessThanOrEqual(1.2);
    }
  });

  test('is not there where there is none', () => {
    const box = { xMin: 20, yMin: 20, xMax: 200, yMax: 200 };
    expect(boundsOf(drawBoxes(plain(300, 300, 128), [box], { lineWidth: 2 }), isWhite).left).toBe(Infinity);
  });

  test.each(['xMin', 'yMin', 'xMax', 'yMax'] as const)('and a box whose %s is not finite is refused', (side) => {
    const boxes = [{ xMin: 0, yMin: 0, xMax: 9, yMax: 9 }];
    const broken = { ...boxes[0], [side]: Number.NaN };
    expect(() => drawBoxes(plain(20, 20), [boxes[0], broken])).toThrow('boxes[1]: expected finite sides');
  });
});

describe('a pose', () => {
  /** A head that looks up and aside, so that no two edges lie on each other. */
  const TURNED = Float32Array.of(3.7e-4, 0.5e-4, 1.4e-4, 60, 0.1e-4, 3.7e-4, -1.6e-4, 60, -1.5e-4, 1.5e-4, 3.4e-4, -60);
  const landmarks = ellipseLandmarks(200, 120, 80);
  const draw = (options: Parameters<typeof drawPose>[2] = {}, label?: string): Picture =>
    drawPose(plain(400, 400), [{ params: TURNED, landmarks, ...(label === undefined ? {} : { label }) }], {
      lineWidth: 4,
      ...options,
    });
  const isGreen = ([red = 0, green = 0]: readonly number[]): boolean => green > 200 && red < 60;

  test('is a box: two squares, and four edges between them', () => {
    const { corners } = poseBox(TURNED, landmarks);
    const picture = draw({ style: 'box' });
    const between = (a: number, b: number, share: number): [number, number] => [
      Math.round(corners[a * 2] + (corners[b * 2] - corners[a * 2]) * share),
      Math.round(corners[a * 2 + 1] + (corners[b * 2 + 1] - corners[a * 2 + 1]) * share),
    ];
    const edges: [number, number][] = [];
    for (let i = 0; i < 4; i++) edges.push([i, (i + 1) % 4], [5 + i, 5 + ((i + 1) % 4)], [i, 5 + i]);
    for (const [a, b] of edges) {
      for (const share of [0.15, 0.5, 0.85]) expect(isGreen(pixel(picture, ...between(a, b, share)))).toBe(true);
    }
    // No diagonals, and nothing in the middle.
    for (const [a, b] of [
      [0, 2],
      [1, 3],
      [5, 7],
      [6, 8],
    ]) {
      expect(isGreen(pixel(picture, ...between(a, b, 0.5)))).toBe(false);
    }
    const other = draw({ style: 'box', colour: [10, 20, 250] });
    expect(pixel(other, ...between(5, 6, 0.5))[2]).toBeGreaterThan(200);
  });

  test('or three axes, or both', () => {
    const { origin, axes } = poseBox(TURNED, landmarks);
    const middle = (axis: number): [number, number] => [
      Math.round((origin[0] + axes[axis * 2]) / 2),
      Math.round((origin[1] + axes[axis * 2 + 1]) / 2),
    ];
    const colours = [
      [235, 50, 50],
      [60, 190, 60],
      [60, 110, 255],
    ];
    const only = draw({ style: 'axes' });
    const both = draw();
    for (const [axis, colour] of colours.entries()) {
      expect(pixel(only, ...middle(axis))).toEqual(colour);
      expect(pixel(both, ...middle(axis))).toEqual(colour);
      expect(pixel(draw({ style: 'box' }), ...middle(axis))).toEqual([0, 0, 0]);
    }
    expect(boundsOf(only, isGreen).left).toBe(Infinity);
    expect(boundsOf(both, isGreen)).toEqual(boundsOf(draw({ style: 'box' }), isGreen));
    // z lies on top where they meet.
    expect(pixel(both, Math.round(origin[0]), Math.round(origin[1]))).toEqual(colours[2]);
  });

  test('has its label below the box, in the middle of the face', () => {
    const { corners, origin } = poseBox(TURNED, landmarks);
    const lowest = Math.max(...[...corners].filter((_, i) => i % 2 === 1));
    const picture = drawPose(plain(400, 400, 128), [{ params: TURNED, landmarks, label: 'HHHH' }], { lineWidth: 2 });
    // 192 px of face and 400 px of picture: 7 px.
    const width = (41 / 12) * 7;
    const { left, top, right, bottom } = boundsOf(picture, isWhite);
    expect(Math.abs((left + right) / 2 - origin[0])).toBeLessThan(1.5);
    expect(Math.abs(right - left - width)).toBeLessThan(2.5);
    expect(Math.abs(bottom - (lowest + 14))).toBeLessThan(1.5);
    expect(Math.abs(top - (lowest + 7))).toBeLessThan(1.5);
  });

  test('has its label within the picture, and none where the face is not', () => {
    const at = (x: number, y: number, label = 'HHHHHHHH') => {
      const points = ellipseLandmarks(x, y, 80);
      const picture = drawPose(plain(400, 400, 128), [{ params: FRONTAL, landmarks: points, label }], { lineWidth: 2 });
      return boundsOf(picture, isWhite);
    };
    const width = (85 / 12) * 7;
    // The first landmarks' mean is where the face stands.
    const { origin } = poseBox(FRONTAL, ellipseLandmarks(0, 0, 80));
    const right = at(399 - origin[0], 200);
    expect(Math.abs(right.right - (400 - 7))).toBeLessThan(2);
    expect(Math.abs(right.left - (400 - 7 - width))).toBeLessThan(2);
    const left = at(1 - origin[0], 200);
    expect(Math.abs(left.left - 7)).toBeLessThan(2);
    const low = at(200, 399 - origin[1]);
    expect(Math.abs(low.bottom - (400 - 7))).toBeLessThan(2);
    for (const [x, y] of [
      [-1, 200],
      [200, -1],
      [400, 200],
      [200, 400],
    ]) {
      expect(at(x - origin[0], y - origin[1]).left).toBe(Infinity);
    }
    for (const [x, y] of [
      [0.01, 200],
      [200, 0.01],
      [399.9, 200],
      [200, 399.9],
    ]) {
      expect(at(x - origin[0], y - origin[1]).left).toBeLessThan(400);
    }
  });

  test('of the original is the box alone, at whole px', () => {
    const picture = drawPose(plain(400, 400), [{ params: TURNED, landmarks }], { compatibility: 'upstream' });
    const box = drawPose(plain(400, 400), [{ params: TURNED, landmarks }], {
      compatibility: 'upstream',
      style: 'box',
      lineWidth: 3.4,
      colour: [0, 255, 40],
    });
    expect(picture.data).toEqual(box.data);
  });
});
