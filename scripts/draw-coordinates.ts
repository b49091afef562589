/**
 * Draws docs/images/coordinates.svg. The package's own functions turn the heads, so the picture cannot contradict the code.
 * Run: `npx tsx scripts/draw-coordinates.ts`
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rotationFromAngles } from '../src/geometry/rotation.ts';
import type { HeadAngles } from '../src/types.ts';

type Point = readonly [x: number, y: number, z: number];

const X_COLOUR = '#d32f2f';
const Y_COLOUR = '#2e7d32';
const Z_COLOUR = '#1565c0';
const INK = '#222222';
const FAINT = '#9e9e9e';
const TRAIL_COLOUR = '#f57c00';

/** Half axes of the head, an ellipsoid: px of the picture. */
const HEAD: Point = [46, 62, 54];
const AXIS_LENGTH = 92;

const round = (value: number) => Number(value.toFixed(1));

function turn(rotation: ArrayLike<number>, [x, y, z]: Point): Point {
  const row = (i: number) => rotation[i] * x + rotation[i + 1] * y + rotation[i + 2] * z;
  return [row(0), row(3), row(6)];
}

/** A point on the head, or above it by `height`: longitude to the right of the picture, latitude up, degrees. */
function onHead(longitude: number, latitude: number, height = 1): Point {
  const [lon, lat] = [(longitude * Math.PI) / 180, (latitude * Math.PI) / 180];
  return [
    HEAD[0] * height * Math.sin(lon) * Math.cos(lat),
    HEAD[1] * height * Math.sin(lat),
    HEAD[2] * height * Math.cos(lon) * Math.cos(lat),
  ];
}

const steps = (from: number, to: number, count: number) =>
  Array.from({ length: count + 1 }, (_, i) => from + ((to - from) * i) / count);

function ring(longitude: number, latitude: number, radius: number): Point[] {
  return steps(0, 2 * Math.PI, 16).map((t) =>
    onHead(longitude + radius * Math.cos(t), latitude + radius * 0.6 * Math.sin(t)),
  );
}

/** Lines of the face, in the head's own axes. */
const FEATURES: readonly (readonly Point[])[] = [
  ring(-25, 12, 9),
  ring(25, 12, 9),
  steps(-38, -12, 6).map((lon) => onHead(lon, 28 - ((lon + 25) / 13) ** 2 * 3)),
  steps(12, 38, 6).map((lon) => onHead(lon, 28 - ((lon - 25) / 13) ** 2 * 3)),
  [onHead(0, 14), onHead(0, -8, 1.28), onHead(-9, -13), onHead(0, -16, 1.05), onHead(9, -13), onHead(0, -8, 1.28)],
  steps(-24, 24, 10).map((lon) => onHead(lon, -34 + (lon / 24) ** 2 * 4)),
  steps(-100, 100, 24).map((lon) => onHead(lon, 50 - (lon / 100) ** 2 * 12)),
];

/** Outline of the turned ellipsoid: the image of a circle under the root of its projected quadratic form. */
function outline(rotation: ArrayLike<number>): Point[] {
  const form = (i: number, j: number) =>
    [0, 1, 2].reduce((sum, k) => sum + rotation[3 * i + k] * rotation[3 * j + k] * HEAD[k] ** 2, 0);
  const a = Math.sqrt(form(0, 0));
  const b = form(0, 1) / a;
  const c = Math.sqrt(form(1, 1) - b * b);
  return steps(0, 2 * Math.PI, 60).map((t) => [a * Math.cos(t), b * Math.cos(t) + c * Math.sin(t), 0]);
}

/** The parts of a line on the near side of the head. */
function nearParts(line: readonly Point[]): Point[][] {
  const parts: Point[][] = [[]];
  for (const point of line) {
    if (point[2] > 0) parts.at(-1)?.push(point);
    else if (parts.at(-1)?.length !== 0) parts.push([]);
  }
  return parts.filter((part) => part.length > 1);
}

const path = (points: readonly Point[], [x, y]: readonly [number, number]) =>
  points.map((point, i) => `${i === 0 ? 'M' : 'L'}${round(x + point[0])} ${round(y - point[1])}`).join('');

const stroke = (d: string, colour: string, width: number, more = '') =>
  `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linejoin="round" stroke-linecap="round" ${more}/>`;

const text = (
  x: number,
  y: number,
  words: string,
  { colour = INK, size = 15, anchor = 'middle', weight = 'normal' } = {},
) =>
  `<text x="${round(x)}" y="${round(y)}" fill="${colour}" font-size="${size}" text-anchor="${anchor}" font-weight="${weight}">${words}</text>`;

const arrow = (from: readonly [number, number], to: readonly [number, number], colour: string) =>
  stroke(
    `M${round(from[0])} ${round(from[1])}L${round(to[0])} ${round(to[1])}`,
    colour,
    2.5,
    `marker-end="url(#tip${colour.slice(1)})"`,
  );

/** An axis that points at the viewer. */
const towardsViewer = (x: number, y: number, name: string, side: -1 | 1 = 1) =>
  `<circle cx="${round(x)}" cy="${round(y)}" r="8" fill="#ffffff" stroke="${Z_COLOUR}" stroke-width="2.5"/>` +
  `<circle cx="${round(x)}" cy="${round(y)}" r="2.5" fill="${Z_COLOUR}"/>` +
  text(x + side * 14, y + 5, name, { colour: Z_COLOUR, weight: 'bold', anchor: side > 0 ? 'start' : 'end' });

function face(angles: HeadAngles, centre: readonly [number, number]): string {
  const rotation = rotationFromAngles(angles);
  const lines = FEATURES.flatMap((line) => nearParts(line.map((point) => turn(rotation, point))));
  return [
    `<path d="${path(outline(rotation), centre)}Z" fill="#f3e5d8" stroke="${INK}" stroke-width="2"/>`,
    ...lines.map((line) => stroke(path(line, centre), INK, 1.8)),
  ].join('\n');
}

/** A turned head with its axes, and the path of one axis's tip from the frontal pose, drawn slightly to the side. */
function turnedHead(
  angles: HeadAngles,
  centre: readonly [number, number],
  follow?: { readonly axis: Point; readonly shift: readonly [number, number] },
): string {
  const rotation = rotationFromAngles(angles);
  const tip = (axis: Point): [number, number] => {
    const [x, y] = turn(rotation, axis);
    return [centre[0] + x, centre[1] - y];
  };
  const axes: readonly (readonly [Point, string, string])[] = [
    [[AXIS_LENGTH, 0, 0], X_COLOUR, 'x'],
    [[0, AXIS_LENGTH, 0], Y_COLOUR, 'y'],
    [[0, 0, AXIS_LENGTH * 1.35], Z_COLOUR, 'z'],
  ];
  const partly = (part: number): HeadAngles => ({
    yawDegrees: angles.yawDegrees * part,
    pitchDegrees: angles.pitchDegrees * part,
    rollDegrees: angles.rollDegrees * part,
  });
  const trail =
    follow === undefined
      ? ''
      : stroke(
          path(
            steps(0, 1, 12).map((part) => turn(rotationFromAngles(partly(part)), follow.axis)),
            [centre[0] + follow.shift[0], centre[1] + follow.shift[1]],
          ),
          TRAIL_COLOUR,
          3,
          `stroke-dasharray="1 6" marker-end="url(#tip${TRAIL_COLOUR.slice(1)})"`,
        );
  const frontal = rotationFromAngles({ yawDegrees: 0, pitchDegrees: 0, rollDegrees: 0 });
  return [
    stroke(`${path(outline(frontal), centre)}Z`, FAINT, 1.2, 'stroke-dasharray="4 4"'),
    face(angles, centre),
    ...axes.map(([axis, colour]) => {
      const from: readonly [number, number] = axis[2] > 0 ? tip([0, 0, HEAD[2]]) : tip([0, 0, 0]);
      const to = tip(axis);
      return Math.hypot(to[0] - from[0], to[1] - from[1]) < 12 ? '' : arrow(from, to, colour);
    }),
    ...axes.map(([axis, colour, name]) => {
      const [x, y] = tip(axis.map((value) => value * 1.16) as unknown as Point);
      const isFacing = Math.hypot(x - centre[0], y - centre[1]) < 12;
      return isFacing ? towardsViewer(centre[0], centre[1], name) : text(x, y + 5, name, { colour, weight: 'bold' });
    }),
    trail,
  ].join('\n');
}

function marker(colour: string): string {
  return `<marker id="tip${colour.slice(1)}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L10 5L0 10z" fill="${colour}"/></marker>`;
}

/** The whole picture, as SVG. */
export function drawCoordinates(): string {
  const none: HeadAngles = { yawDegrees: 0, pitchDegrees: 0, rollDegrees: 0 };
  const panel = (x: number, y: number, width: number, height: number) =>
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" fill="#ffffff" stroke="#dddddd"/>`;
  const title = (x: number, y: number, words: string) => text(x, y, words, { size: 17, weight: 'bold' });

  const image = [
    panel(10, 10, 310, 320),
    title(165, 36, 'Image: boxes, landmarks, vertices'),
    '<rect x="60" y="66" width="230" height="190" fill="#eef3f8" stroke="#90a4ae" stroke-width="1.5"/>',
    `<rect x="112" y="88" width="136" height="136" fill="none" stroke="#90a4ae" stroke-dasharray="5 4"/>`,
    `<g transform="translate(180 156) scale(0.72) translate(-180 -156)">${face(none, [180, 156])}</g>`,
    arrow([60, 66], [160, 66], X_COLOUR),
    arrow([60, 66], [60, 166], Y_COLOUR),
    text(166, 60, 'x', { colour: X_COLOUR, weight: 'bold' }),
    text(46, 172, 'y', { colour: Y_COLOUR, weight: 'bold' }),
    towardsViewer(60, 66, 'z', -1),
    text(76, 84, '(0, 0)', { size: 12, anchor: 'start' }),
    text(244, 218, 'roi box', { size: 12, colour: '#546e7a', anchor: 'end' }),
    text(165, 280, 'px, y down, z towards the viewer'),
    text(165, 300, 'left-handed; (0, 0) is the middle of a pixel', { size: 13 }),
    text(165, 319, 'z = 0 at the farthest of the given points', { size: 13 }),
  ];

  const crop = [
    panel(340, 10, 310, 320),
    title(495, 36, 'Crop: what params give'),
    '<rect x="400" y="66" width="190" height="190" fill="#eef3f8" stroke="#90a4ae" stroke-dasharray="5 4" stroke-width="1.5"/>',
    face(none, [495, 156]),
    arrow([400, 256], [500, 256], X_COLOUR),
    arrow([400, 256], [400, 156], Y_COLOUR),
    text(508, 250, 'x', { colour: X_COLOUR, weight: 'bold' }),
    text(386, 160, 'y', { colour: Y_COLOUR, weight: 'bold' }),
    towardsViewer(400, 256, 'z', -1),
    text(586, 84, '(120, 120)', { size: 12, anchor: 'end' }),
    text(416, 250, '(1, 1)', { size: 12, anchor: 'start' }),
    text(495, 280, 'px of the 120 x 120 crop, y up'),
    text(495, 300, 'right-handed; pixels counted from 1', { size: 13 }),
    text(495, 319, 'z = 0 where the regressor puts it', { size: 13 }),
  ];

  const head: readonly [number, number] = [825, 156];
  const model = [
    panel(670, 10, 320, 320),
    title(830, 36, 'Head: the model'),
    turnedHead(none, head),
    text(head[0] - 62, head[1] + 85, "person's right", { size: 12, colour: '#546e7a', anchor: 'end' }),
    text(head[0] + 62, head[1] + 85, "person's left", { size: 12, colour: '#546e7a', anchor: 'start' }),
    text(830, 280, 'about micrometres, y up, z out of the face'),
    text(830, 300, 'right-handed; origin inside the head', { size: 13 }),
    text(830, 319, 'pose: model axes to crop axes', { size: 13 }),
  ];

  const noseTip: Point = [0, 0, AXIS_LENGTH * 1.35];
  const turns: readonly (readonly [HeadAngles, Point, readonly [number, number], string, string, string])[] = [
    [
      { ...none, yawDegrees: 30 },
      noseTip,
      [0, 18],
      'yaw = +30°',
      "nose to the picture's left",
      'the person turns to their own right',
    ],
    [{ ...none, pitchDegrees: 30 }, noseTip, [18, 0], 'pitch = +30°', 'nose down', 'the person looks down'],
    [
      { ...none, rollDegrees: 30 },
      [0, AXIS_LENGTH, 0],
      [0, 0],
      'roll = +30°',
      'counter-clockwise in the picture',
      'the head tilts to their own right shoulder',
    ],
  ];
  const poses = turns.map(([angles, axis, shift, name, viewer, person], i) => {
    const left = 10 + 330 * i;
    const centre: readonly [number, number] = [left + 155, 510];
    return [
      panel(left, 350, i === 2 ? 320 : 310, 330),
      title(centre[0], 378, name),
      turnedHead(angles, centre, { axis, shift }),
      text(centre[0], 636, viewer),
      text(centre[0], 660, person, { size: 13, colour: '#546e7a' }),
    ].join('\n');
  });

  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 690" width="1000" height="690" font-family="Helvetica, Arial, sans-serif" role="img">',
    '<title>Axes of image, crop and head, and what positive yaw, pitch and roll look like</title>',
    `<defs>${[X_COLOUR, Y_COLOUR, Z_COLOUR, TRAIL_COLOUR].map(marker).join('')}</defs>`,
    '<rect width="1000" height="690" fill="#fafafa"/>',
    ...image,
    ...crop,
    ...model,
    ...poses,
    '</svg>',
    '',
  ].join('\n');
}

const outputPath = fileURLToPath(new URL('../docs/images/coordinates.svg', import.meta.url));
if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(outputPath, drawCoordinates());
