// node face-swap.mjs source.jpg target.jpg swapped.jpg: puts the face in the first photo on every face in the second.
import { fileURLToPath } from 'node:url';
import { drawTextured, extractUvTexture, faceMask, withClosedMouth } from 'tddfa/geometry';
import { createFaceAligner, readImage, writeImage } from 'tddfa/node';

/** Width of the blend from skin to skin, in face widths. */
const SOFT_EDGE = 0.06;

/**
 * @param source - the photo of the face, `{ data, width, height }`.
 * @param target - the photo of the heads that receive it; not modified.
 * @param aligner - with a pack that has a dense model.
 * @returns a new picture; a copy of the target if either photo has no face.
 */
export async function swapFaces(source, target, aligner) {
  const [face] = await surfacesOf(source, aligner);
  const places = face === undefined ? [] : await surfacesOf(target, aligner);
  const maps = withClosedMouth(aligner.faceMaps);
  // The unrolled skin: a texel is the same spot on every face.
  const unroll = (photo, vertices) =>
    extractUvTexture(photo, vertices, aligner.faceMaps, { size: 512, hidden: 'mirror', fill: true });
  const swapped = { ...target, data: new Uint8ClampedArray(target.data) };
  for (const vertices of places) {
    const texture = inTheLightOf(unroll(target, vertices), unroll(source, face));
    const drawn = drawTextured(target, [{ vertices, texture }], maps);
    const share = softMask(faceMask(target, [vertices], aligner.faceMaps), SOFT_EDGE * widthOf(vertices));
    for (let i = 0; i < share.length; i++) {
      for (let c = 4 * i; c < 4 * i + 3; c++) swapped.data[c] += (drawn.data[c] - swapped.data[c]) * share[i];
    }
  }
  return swapped;
}

async function surfacesOf(photo, aligner) {
  const faces = await aligner.align(photo, await aligner.detect(photo));
  return faces.map((face) => aligner.reconstruct(face, { dense: true }));
}

/** The skin with the mean and spread of another skin's colours. */
function inTheLightOf(lit, skin) {
  const data = new Uint8ClampedArray(skin.data);
  for (let channel = 0; channel < 3; channel++) {
    const [wanted, own] = [lit, skin].map((texture) => statistics(texture.data, channel));
    for (let i = channel; i < data.length; i += 4) {
      data[i] = wanted.mean + (skin.data[i] - own.mean) * Math.min(wanted.deviation / (own.deviation || 1), 2);
    }
  }
  return { ...skin, data };
}

function statistics(data, channel) {
  let [sum, squares] = [0, 0];
  for (let i = channel; i < data.length; i += 4) {
    sum += data[i];
    squares += data[i] ** 2;
  }
  const mean = sum / (data.length / 4);
  return { mean, deviation: Math.sqrt(Math.max(0, squares / (data.length / 4) - mean ** 2)) };
}

/** 0 outside the mask and on its border, rising to 1 at `edge` px inside it. */
function softMask({ data, width, height }, edge) {
  // Px to the nearest pixel outside, along rows, columns and diagonals.
  const distance = Float32Array.from(data, (value) => (value === 0 ? 0 : Infinity));
  const steps = [
    [-1, 0, 1],
    [0, -1, 1],
    [-1, -1, Math.SQRT2],
    [1, -1, Math.SQRT2],
  ];
  for (const direction of [1, -1]) {
    for (let k = 0; k < data.length; k++) {
      const at = direction === 1 ? k : data.length - 1 - k;
      const [x, y] = [at % width, Math.floor(at / width)];
      for (const [dx, dy, length] of steps) {
        const [nx, ny] = [x + direction * dx, y + direction * dy];
        const isInside = nx >= 0 && ny >= 0 && nx < width && ny < height;
        distance[at] = Math.min(distance[at], isInside ? distance[ny * width + nx] + length : Infinity);
      }
    }
  }
  return distance.map((px) => Math.min(1, px / edge));
}

function widthOf(vertices) {
  const xs = vertices.filter((_, i) => i % 3 === 0);
  return Math.max(...xs) - Math.min(...xs);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [source, target, out] = process.argv.slice(2);
  if (out === undefined) throw new Error('usage: node face-swap.mjs source.jpg target.jpg swapped.jpg');
  const aligner = await createFaceAligner();
  await writeImage(out, await swapFaces(await readImage(source), await readImage(target), aligner));
  aligner.dispose();
}
