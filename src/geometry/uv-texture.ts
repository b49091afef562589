/**
 * The face's skin as a flat texture.
 *
 * By default every texel looks up its own place on the photo, so the texture is as sharp as the photo, whatever the
 * mesh; the original colours the vertices and interpolates between them.
 *
 * Timings, a face of 76,073 triangles, 256 x 256 texels, Node 20, one thread, fastest of 60 runs in ms on a busy 2-core
 * machine:
 *
 *   which triangle a texel lies in, every time                     +3.5
 *   kept with the mesh as a raster, corners by random access        7.3
 *   the same, four channels at once in words                        6.3
 *   kept as a list of texels with their corners, read in order       5.4   <- this file
 *
 * Of that, 3.6 go into finding out what the camera sees (`lookAt`).
 */

import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { FaceMaps, RgbaImage } from '../types.ts';
import { checkMapsArgument } from './check-surface-arguments.ts';
import { fillUnknown } from './fill-unknown.ts';
import { mouthPatch } from './mesh-holes.ts';
import { mirrorVertices } from './mirror-vertices.ts';
import { type Compatibility, checkImage, checkIndices, checkVertices, type UvTexture } from './picture.ts';
import { mixPixels, pixelWords, samplePixels } from './sample-pixels.ts';
import { type ShrunkPhoto, shrinkPhoto } from './shrink-photo.ts';
import { type TexelSources, texelSources } from './texel-sources.ts';
import { extractUpstreamUvTexture } from './uv-texture-upstream.ts';
import { easeInOut, type FaceView, FULL, GRAZING, lookAt } from './visibility.ts';

/** Options of `extractUvTexture`. */
export interface UvTextureOptions {
  /** Width and height, texels; default 256. */
  readonly size?: number;
  /**
   * What to do with skin that the photo does not show. `leave-out` (default): it stays black. `mirror`: it is taken
   * from the other side of the face if that is seen, and so is skin that the other side shows much more squarely.
   * `keep`: it gets whatever lies in its place on the photo, as in the original.
   */
  readonly hidden?: 'leave-out' | 'mirror' | 'keep';
  /**
   * `closed` (default): skin from lip to lip, with whatever the photo shows there; `open`: whatever the mesh has, a
   * hole or a pocket.
   */
  readonly mouth?: 'closed' | 'open';
  /**
   * Spreads colours into what is still black, smoothly and up to the texture's borders: for use on a mesh. Default
   * false.
   */
  readonly fill?: boolean;
  /** `upstream`: the original's texture to the pixel; `hidden`, `mouth` and `fill` are then ignored. */
  readonly compatibility?: Compatibility;
}

const UV_TEXTURE_OPTION_NAMES: OptionNames<UvTextureOptions> = {
  size: true,
  hidden: true,
  mouth: true,
  fill: true,
  compatibility: true,
};

const MAX_SIZE = 4096;

/**
 * Unrolls a face's skin from a photo.
 * @param vertices - `[n x 3]`, image px, the dense mesh.
 * @param maps - the mesh's triangles and texture coordinates, per vertex or per corner.
 * @returns a new texture; a texel's centre (x, y) is at u = (x + 0.5) / size, v = 1 - (y + 0.5) / size.
 * @throws RangeError for coordinates that are not finite or do not fit the maps, or a size outside 1..4096.
 * @see utils/uv.py (3DDFA_V2 1b6c676), whose texels lie at u = x / (size - 1) instead
 */
export function extractUvTexture(
  image: RgbaImage,
  vertices: Float32Array,
  maps: FaceMaps,
  options: UvTextureOptions = {},
): UvTexture {
  checkOptionNames(options, UV_TEXTURE_OPTION_NAMES);
  const { size = 256, hidden = 'leave-out', mouth = 'closed', fill = false, compatibility = 'none' } = options;
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) {
    throw new RangeError(`size: expected a whole number 1..${MAX_SIZE}, got ${size}`);
  }
  checkImage(image);
  checkMapsArgument(maps);
  checkVertices(vertices, 'vertices', maps.nccCodes.length / 3);
  checkIndices(maps.triangles, vertices.length / 3, 'triangles');
  if (compatibility === 'upstream') return extractUpstreamUvTexture(image, vertices, maps, size);

  const patch = mouth === 'closed' ? mouthPatch(maps) : undefined;
  const view = lookAt(vertices, maps);
  if (patch !== undefined) {
    // Rolled-in lips face away from the camera and lie behind others, but the photo shows them just as well as the skin
    // around them.
    const { facing, depths } = view;
    const { rims } = patch;
    for (let i = 0; i < rims.length; i += 2) {
      const inner = rims[i];
      facing[inner] = Math.max(facing[inner], facing[rims[i + 1]]);
      depths[inner] = IN_FRONT;
    }
  }
  const texture: UvTexture = {
    data: new Uint8ClampedArray(size * size * 4),
    width: size,
    height: size,
    visibility: new Uint8Array(size * size),
  };
  const mirror = hidden === 'mirror' ? mirrorVertices(maps) : undefined;
  const sources = texelSources(maps, mouth, size);
  const source = shrinkPhoto(image, vertices, pixelsPerTexel(vertices, maps.triangles, sources));
  const weights = lookUp(texture, source, sources, view, mirror, hidden === 'keep');
  if (fill) fillUnknown(texture, weights);
  for (let i = 3; i < texture.data.length; i += 4) texture.data[i] = 255;
  return texture;
}

/** Nearer to the viewer than anything, and small enough to be interpolated. */
const IN_FRONT = 1e6;

/** How many px of the photo a texel is wide, on average. */
function pixelsPerTexel(vertices: Float32Array, triangles: Uint32Array, { texels }: TexelSources): number {
  // A sixteenth of the triangles is as informative as all of them.
  const step = 3 * 16;
  let area = 0;
  for (let t = 0; t + 2 < triangles.length; t += step) {
    const i0 = triangles[t] * 3;
    const i1 = triangles[t + 1] * 3;
    const i2 = triangles[t + 2] * 3;
    const x0 = vertices[i0];
    const y0 = vertices[i0 + 1];
    area += Math.abs((vertices[i1] - x0) * (vertices[i2 + 1] - y0) - (vertices[i2] - x0) * (vertices[i1 + 1] - y0));
  }
  return texels.length === 0 ? 1 : Math.sqrt(((area / 2) * (step / 3)) / texels.length);
}

/**
 * Cosines between normal and view: below the first, a skin's place on the photo is uncertain, as the mesh does not fit
 * to the pixel; from the second on, it is certain.
 */
const UNCERTAIN = 0.35;
const CERTAIN = 0.85;
/**
 * How certain it is that the photo shows skin and not what is beside the face, as the mesh does not fit to the pixel:
 * near the outline not at all, and only further inside where the skin is turned away, where each pixel shows more
 * of it.
 * @param inside - from `insideOutline`.
 */
function sureness(cosine: number, inside: number): number {
  const turnedAway = 1 - easeInOut(cosine, CERTAIN - 0.35, CERTAIN);
  return easeInOut(inside, 1 + 2 * turnedAway, 3 + 6 * turnedAway);
}

/** Colours spread from elsewhere contribute to a texel until its weight reaches one in this many. */
const SEEN_SHARPNESS = 3;
/** A texel with a weight below this counts as unknown: its colour comes from grazing skin. */
const MIN_KNOWN = 0.05;

/**
 * Fills the texels of a texture from the photo, in place.
 * @returns `[height x width]`: 0 where nothing is known about a texel, up to 1.
 */
function lookUp(
  texture: UvTexture,
  { image, vertices, block, left, top }: ShrunkPhoto,
  sources: TexelSources,
  { facing, depths, isSeen, insideOutline }: FaceView,
  mirror: Uint32Array | undefined,
  keepHidden: boolean,
): Float32Array {
  const { width: size, visibility } = texture;
  const target = new Uint32Array(texture.data.buffer);
  const pixels = pixelWords(image);
  const { width, height } = image;
  const { texels, weights } = sources;
  const known = new Float32Array(size * size);
  const right = width - 1;
  const bottom = height - 1;
  const xOffset = left + 0.5 * block - 0.5;
  const yOffset = top + 0.5 * block - 0.5;
  // For each vertex x, y, how far it is turned to the camera and how deep it lies, in one cache line.
  const corners = new Float32Array(facing.length * 4);
  for (let i = 0; i < facing.length; i++) {
    corners[i * 4] = vertices[i * 3];
    corners[i * 4 + 1] = vertices[i * 3 + 1];
    corners[i * 4 + 2] = facing[i];
    corners[i * 4 + 3] = depths[i];
  }
  for (let k = 0; k < texels.length; k++) {
    const at = texels[k];
    const i0 = sources.vertices[k * 3];
    const i1 = sources.vertices[k * 3 + 1];
    const i2 = sources.vertices[k * 3 + 2];
    const w1 = weights[k * 2];
    const w2 = weights[k * 2 + 1];
    const w0 = 1 - w1 - w2;
    const c0 = i0 * 4;
    const c1 = i1 * 4;
    const c2 = i2 * 4;
    const x = w0 * corners[c0] + w1 * corners[c1] + w2 * corners[c2];
    const y = w0 * corners[c0 + 1] + w1 * corners[c1 + 1] + w2 * corners[c2 + 1];
    let cosine = w0 * corners[c0 + 2] + w1 * corners[c1 + 2] + w2 * corners[c2 + 2];
    // What lies beyond the photo's border cannot be seen.
    if (x < -0.5 || y < -0.5 || x > right + 0.5 || y > bottom + 0.5) cosine = 0;
    let weight = easeInOut(cosine, GRAZING, FULL);
    if (weight > 0) {
      const depth = w0 * corners[c0 + 3] + w1 * corners[c1 + 3] + w2 * corners[c2 + 3];
      const share = isSeen(x * block + xOffset, y * block + yOffset, depth, cosine);
      weight *= share;
      cosine *= share;
    }
    visibility[at] = weight * 255 + 0.5;
    if (keepHidden) weight = 1;
    if (mirror !== undefined && cosine > 0) {
      const sure = sureness(cosine, insideOutline(x * block + xOffset, y * block + yOffset));
      weight *= sure;
      cosine *= sure;
    }
    if (mirror !== undefined && cosine < CERTAIN) {
      const m0 = mirror[i0] * 4;
      const m1 = mirror[i1] * 4;
      const m2 = mirror[i2] * 4;
      const mx = w0 * corners[m0] + w1 * corners[m1] + w2 * corners[m2];
      const my = w0 * corners[m0 + 1] + w1 * corners[m1 + 1] + w2 * corners[m2 + 1];
      let cosineThere = 0;
      if (mx >= -0.5 && my >= -0.5 && mx <= right + 0.5 && my <= bottom + 0.5) {
        cosineThere = w0 * corners[m0 + 2] + w1 * corners[m1 + 2] + w2 * corners[m2 + 2];
      }
      if (cosineThere > GRAZING) {
        const depth = w0 * corners[m0 + 3] + w1 * corners[m1 + 3] + w2 * corners[m2 + 3];
        const [px, py] = [mx * block + xOffset, my * block + yOffset];
        cosineThere *= isSeen(px, py, depth, cosineThere) * sureness(cosineThere, insideOutline(px, py));
      }
      const seenThere = easeInOut(cosineThere, GRAZING, FULL);
      // Towards the outline of a turned face its own colours may be the background's: the more certain the other side's
      // are than its own, the more they count.
      const certain = easeInOut(cosine, UNCERTAIN, CERTAIN);
      const preference = (1 - certain) * Math.max(0, easeInOut(cosineThere, UNCERTAIN, CERTAIN) - certain);
      const own = weight * (1 - preference);
      const mirrorWeight = Math.max(seenThere - weight, seenThere * preference, 0);
      const total = own + mirrorWeight;
      if (total < MIN_KNOWN) continue;
      target[at] = mixPixels(
        samplePixels(pixels, width, right, bottom, x, y),
        samplePixels(pixels, width, right, bottom, mx, my),
        mirrorWeight / total,
      );
      known[at] = Math.min(1, total * SEEN_SHARPNESS);
    } else if (weight >= MIN_KNOWN) {
      target[at] = samplePixels(pixels, width, right, bottom, x, y);
      known[at] = Math.min(1, weight * SEEN_SHARPNESS);
    }
  }
  return known;
}
