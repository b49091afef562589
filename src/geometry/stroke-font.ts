/**
 * A small one-line font for the labels of pictures, drawn for this package: every glyph is a few strokes, so that it can
 * be painted anti-aliased at any size without font files.
 *
 * A glyph is a list of polylines separated by spaces; each point is two characters: x as a digit (0..8) and y as a letter
 * (`a` = -4, `e` = 0 the baseline, `m` = 8 the height of small letters, `q` = 12 the height of capitals).
 */
const GLYPHS: Readonly<Record<string, string>> = {
  ' ': '',
  '0': '2e0g0o2q6q8o8g6e2e',
  '1': '1n4q4e 1e7e',
  '2': '0o2q6q8o8l0e8e',
  '3': '0o2q6q8o8m6k8i8g6e2e0g 3k6k',
  '4': '6e6q0h8h',
  '5': '8q1q0k2l6l8j8g6e2e0f',
  '6': '7q3q0m0g2e6e8g8j6l2l0j',
  '7': '0q8q3e',
  '8': '2k0m0o2q6q8o8m6k2k0i0g2e6e8g8i6k',
  '9': '1e5e8i8o6q2q0o0l2j6j8l',
  A: '0e4q8e 1i7i',
  B: '0e0q6q8o8m6k0k 6k8i8g6e0e',
  C: '8o6q2q0o0g2e6e8g',
  D: '0e0q5q8n8h5e0e',
  E: '8e0e0q8q 0k6k',
  F: '0e0q8q 0k6k',
  G: '8o6q2q0o0g2e6e8g8j5j',
  H: '0e0q 8e8q 0k8k',
  I: '4e4q 2e6e 2q6q',
  J: '8q8g6e2e0g',
  K: '0e0q 8q0j 3l8e',
  L: '0q0e8e',
  M: '0e0q4k8q8e',
  N: '0e0q8e8q',
  O: '2e0g0o2q6q8o8g6e2e',
  P: '0e0q6q8o8l6j0j',
  Q: '2e0g0o2q6q8o8g6e2e 5h8e',
  R: '0e0q6q8o8l6j0j 4j8e',
  S: '8o6q2q0o0m2k6k8i8g6e2e0g',
  T: '0q8q 4q4e',
  U: '0q0g2e6e8g8q',
  V: '0q4e8q',
  W: '0q2e4k6e8q',
  X: '0e8q 0q8e',
  Y: '0q4k8q 4k4e',
  Z: '0q8q0e8e',
  a: '1m5m7k7e 7j2j0i0g2e5e7g',
  b: '0q0e 0k2m5m7k7g5e2e0g',
  c: '7l5m2m0k0g2e5e7f',
  d: '7q7e 7k5m2m0k0g2e5e7g',
  e: '0i7i7k5m2m0k0g2e5e7f',
  f: '6q4q3o3e 1m6m',
  g: '7m7c5a1a 7k5m2m0k0g2e5e7g',
  h: '0q0e 0k2m5m7k7e',
  i: '4m4e 4p4p',
  j: '5m5c3a1a 5p5p',
  k: '0q0e 6m0h 2j6e',
  l: '3q3g5e',
  m: '0m0e 0k1m3m4k4e 4k5m7m8k8e',
  n: '0m0e 0k2m5m7k7e',
  o: '2m0k0g2e5e7g7k5m2m',
  p: '0m0a 0k2m5m7k7g5e2e0g',
  q: '7m7a 7k5m2m0k0g2e5e7g',
  r: '1m1e 1k3m6m7l',
  s: '7l5m2m0l0j2i5i7h7f5e2e0f',
  t: '3p3g5e6e 1m6m',
  u: '0m0g2e5e7g 7m7e',
  v: '0m3e7m',
  w: '0m2e4k6e8m',
  x: '0e7m 0m7e',
  y: '0m3e 7m3e1a',
  z: '0m7m0e7e',
  '.': '4e4e',
  ',': '4e3c',
  ':': '4f4f 4l4l',
  '-': '1k7k',
  '+': '1k7k 4h4n',
  '=': '1i7i 1m7m',
  '/': '0e8q',
  '(': '5q3n3h5e',
  ')': '3q5n5h3e',
  _: '0d8d',
  '%': '0e8q 1q0p1o2p1q 7e6f7g8f7e',
  '°': '2q0o2m4o2q',
  '#': '2e3q 5e6q 0i8i 0m8m',
  '!': '4q4i 4e4e',
  '?': '0o2q6q8o8m4k4i 4e4e',
};

const CAP_HEIGHT = 12;
const ADVANCE = 11;
const BASE_LINE = 'e'.charCodeAt(0);

/** Width of a text in px, from the left edge of its first glyph to the right edge of its last. */
export function textWidth(text: string, height: number): number {
  const count = [...text].length;
  return count === 0 ? 0 : ((count * ADVANCE - (ADVANCE - 8)) * height) / CAP_HEIGHT;
}

/**
 * Strokes of a text.
 * @param x - left edge, px.
 * @param y - baseline, px, y down.
 * @param height - height of a capital letter, px.
 * @returns `[n x 4]` segments x0, y0, x1, y1; a dot is a segment without length. A character that the font does not
 *   have becomes a question mark.
 */
export function textSegments(text: string, x: number, y: number, height: number): number[] {
  const unit = height / CAP_HEIGHT;
  const segments: number[] = [];
  let left = x;
  for (const character of text) {
    const glyph = GLYPHS[character] ?? GLYPHS['?'];
    for (const polyline of glyph.split(' ')) {
      for (let i = 0; i + 3 < polyline.length; i += 2) {
        segments.push(
          left + Number(polyline[i]) * unit,
          y - (polyline.charCodeAt(i + 1) - BASE_LINE) * unit,
          left + Number(polyline[i + 2]) * unit,
          y - (polyline.charCodeAt(i + 3) - BASE_LINE) * unit,
        );
      }
    }
    left += ADVANCE * unit;
  }
  return segments;
}
