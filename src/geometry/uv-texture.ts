/**
 * The face's skin as a flat texture.
 *
 * By default every texel looks up its own place on the photo, so the texture is as sharp as the photo whatever the mesh; the
 * original colours the vertices and interpolates between them.
 *
 * Timings, a face of 76,073 triangles, 256 x 256 texels, Node 20, one thread, least of 60 runs in ms on a busy 2-core machine:
 *
 *   which triangle a texel lies in, every time                     +3.5
 *   kept with the mesh as a raster, corners by random access        7.3
 *   the same, four channels at once in words                        6.3
 *   kept as a list of texels with their corners, read in order       5.4   <- this file
 *
 * Of that, 3.6 are for finding out what the camera sees (`lookAt`).
 */
import type { FaceMaps, RgbaImage } from '../types.ts';
import { interpolate } from './interpolate.ts';
import { mouthPatch } from './mesh-holes.ts';
import { mirrorVertices } from './mirror-vertices.ts';
import { type Compatibility, checkImage, checkIndices, checkVertices, type Picture } from './picture.ts';
import type { Raster } from './raster.ts';
import { rasterize } from './rasterize.ts';
import { easeInOut, type FaceView, FULL, GRAZING, lookAt } from './visibility.ts';

/** Options of `extractUvTexture`. */
export interface UvTextureOptions {
  /** Width and height, texels; default 256. */
  readonly size?: number;
  /**
   * What becomes of skin that the photo does not show. `leave-out` (default): it stays black. `mirror`: it is taken from the
   * other side of the face where that is seen, and so is skin that the other side shows much more squarely. `keep`: whatever lies in its place on the photo, as the original does.
   */
  readonly hidden?: 'leave-out' | 'mirror' | 'keep';
  /** `closed` (default): a skin from lip to lip, with what the photo has there; `open`: what the mesh has, a hole or a pocket. */
  readonly mouth?: 'closed' | 'open';
  /** Spreads colours into what is still black, softly and up to the texture's borders: for use on a mesh. Default no. */
  readonly fill?: boolean;
  /** `upstream`: the original's texture to the pixel; `hidden`, `mouth` and `fill` then do not apply. */
  readonly compatibility?: Compatibility;
}

/** A texture, v upwards: its bottom row is v = 0. */
export interface UvTexture extends Picture {
  /** `[height x width]`, 0..255: how well the photo shows each texel's skin; 0 outside the mesh. */
  readonly visibility: Uint8Array;
}

const MAX_SIZE = 4096;

/**
 * Unrolls a face's skin from a photo.
 * @param vertices - `[n x 3]`, image px, the dense mesh.
 * @param maps - the mesh's triangles and texture coordinates, per vertex or per corner.
 * @returns a new texture; a texel's centre (x, y) is at u = (x + 0.5) / size, v = 1 - (y + 0.5) / size.
 * @throws RangeError for coordinates that are not finite or do not fit the maps, or a size beyond 1..4096.
 * @see utils/uv.py (3DDFA_V2 1b6c676), whose texels lie at u = x / (size - 1) instead
 */
export function extractUvTexture(
  image: RgbaImage,
  vertices: Float32Array,
  maps: FaceMaps,
  options: UvTextureOptions = {},
): UvTexture {
  const { size = 256, hidden = 'leave-out', mouth = 'closed', fill = false, compatibility = 'none' } = options;
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) {
    throw new RangeError(`size: expected a whole number 1..${MAX_SIZE}, got ${size}`);
  }
  checkImage(image);
  checkVertices(vertices, 'vertices', maps.nccCodes.length / 3);
  checkIndices(maps.triangles, vertices.length / 3, 'triangles');
  if (compatibility === 'upstream') return extractUpstream(image, vertices, maps, size);

  const patch = mouth === 'closed' ? mouthPatch(maps) : undefined;
  const view = lookAt(vertices, maps);
  if (patch !== undefined) {
    // Rolled-in lips face away from the camera and lie behind others, but the photo shows them as well as the skin round them.
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
  const sources = sourcesOf(maps, mouth, size);
  const source = shrink(image, vertices, pixelsPerTexel(vertices, maps.triangles, sources));
  const weights = lookUp(texture, source, sources, view, mirror, hidden === 'keep');
  if (fill) fillUnknown(texture, weights);
  for (let i = 3; i < texture.data.length; i += 4) texture.data[i] = 255;
  return texture;
}

/** Nearer to the viewer than anything, and small enough to be interpolated. */
const IN_FRONT = 1e6;

/** Which vertices make up each texel of a texture, texel by texel, so that it is read from front to back. */
interface TexelSources {
  /** `[k]`: covered texels, ascending. */
  readonly texels: Uint32Array;
  /** `[k x 3]`: vertices at the corners of the triangle that covers each. */
  readonly vertices: Uint32Array;
  /** `[k x 2]`: weights of the second and the third corner. */
  readonly weights: Float32Array;
}

const texelSources = new WeakMap<FaceMaps, Map<string, TexelSources>>();
/** Textures kept per maps; the oldest goes first. */
const MAX_KEPT = 4;
/** Textures up to this many texels wide are kept: 20 bytes a texel. */
const MAX_KEPT_SIZE = 1024;

/** The sources of a texture's texels, from memory where they were asked for before. */
function sourcesOf(maps: FaceMaps, mouth: 'open' | 'closed', size: number): TexelSources {
  const known = texelSources.get(maps) ?? new Map<string, TexelSources>();
  texelSources.set(maps, known);
  const key = `${size} ${mouth}`;
  let sources = known.get(key);
  if (sources === undefined) {
    const { uvs, triangles, uvTriangles = triangles } = mouth === 'closed' ? mouthPatch(maps).closed : maps;
    const positions = new Float32Array((uvs.length / 2) * 3);
    for (let i = 0, j = 0; i < uvs.length; i += 2, j += 3) {
      positions[j] = uvs[i] * size - 0.5;
      positions[j + 1] = (1 - uvs[i + 1]) * size - 0.5;
    }
    sources = listSources(rasterize([positions], uvTriangles, size, size), triangles, size);
    if (size <= MAX_KEPT_SIZE) {
      const [oldest] = known.keys();
      if (known.size >= MAX_KEPT && oldest !== undefined) known.delete(oldest);
      known.set(key, sources);
    }
  }
  return sources;
}

function listSources(raster: Raster, triangles: Uint32Array, size: number): TexelSources {
  const { fragments, weights1, weights2 } = raster;
  let count = 0;
  for (let i = 0; i < fragments.length; i++) if (fragments[i] !== 0) count++;
  const texels = new Uint32Array(count);
  const vertices = new Uint32Array(count * 3);
  const weights = new Float32Array(count * 2);
  for (let row = 0, i = 0, k = 0; row < raster.height; row++) {
    const first = (row + raster.yMin) * size + raster.xMin;
    for (let column = 0; column < raster.width; column++, i++) {
      const fragment = fragments[i];
      if (fragment === 0) continue;
      texels[k] = first + column;
      for (let corner = 0; corner < 3; corner++) {
        vertices[k * 3 + corner] = triangles[(fragment - 1) * 3 + corner];
      }
      weights[k * 2] = weights1[i];
      weights[k * 2 + 1] = weights2[i];
      k++;
    }
  }
  return { texels, vertices, weights };
}

/** How many px of the photo a texel is wide, on average. */
function pixelsPerTexel(vertices: Float32Array, triangles: Uint32Array, { texels }: TexelSources): number {
  // A sixteenth of the triangles tells as much as all of them.
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

/** A part of a photo, made smaller. */
interface ShrunkPhoto {
  readonly image: RgbaImage;
  /** px of `image`. */
  readonly vertices: Float32Array;
  /** How many px of the photo one of `image` is wide, and where in the photo its corner lies. */
  readonly block: number;
  readonly left: number;
  readonly top: number;
}

/**
 * The part of a photo that holds a face, in blocks of px averaged into one where a texel is wider than that: sampling single px
 * would show some of the finest detail and skip the rest.
 */
function shrink(image: RgbaImage, vertices: Float32Array, pixelsPerTexel: number): ShrunkPhoto {
  const block = 2 ** Math.floor(Math.log2(Math.max(1, pixelsPerTexel)));
  let xMin = image.width;
  let yMin = image.height;
  let xMax = 0;
  let yMax = 0;
  for (let i = 0; i < vertices.length; i += 3) {
    const x = vertices[i];
    const y = vertices[i + 1];
    if (x < xMin) xMin = x;
    if (x > xMax) xMax = x;
    if (y < yMin) yMin = y;
    if (y > yMax) yMax = y;
  }
  const left = Math.max(0, Math.floor(xMin));
  const top = Math.max(0, Math.floor(yMin));
  const right = Math.min(image.width, Math.ceil(xMax) + 1);
  const bottom = Math.min(image.height, Math.ceil(yMax) + 1);
  if (block < 2 || block > MAX_BLOCK || right <= left || bottom <= top)
    return { image, vertices, block: 1, left: 0, top: 0 };

  const width = Math.ceil((right - left) / block);
  const height = Math.ceil((bottom - top) / block);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const lastRow = Math.min(bottom, top + (y + 1) * block);
    for (let x = 0; x < width; x++) {
      const lastColumn = Math.min(right, left + (x + 1) * block);
      let red = 0;
      let green = 0;
      let blue = 0;
      let count = 0;
      for (let row = top + y * block; row < lastRow; row++) {
        for (let column = left + x * block; column < lastColumn; column++) {
          const pixel = (row * image.width + column) * 4;
          red += image.data[pixel];
          green += image.data[pixel + 1];
          blue += image.data[pixel + 2];
          count++;
        }
      }
      const target = (y * width + x) * 4;
      data[target] = red / count;
      data[target + 1] = green / count;
      data[target + 2] = blue / count;
      data[target + 3] = 255;
    }
  }
  const moved = vertices.slice();
  for (let i = 0; i < moved.length; i += 3) {
    moved[i] = (moved[i] - left + 0.5) / block - 0.5;
    moved[i + 1] = (moved[i + 1] - top + 0.5) / block - 0.5;
  }
  return { image: { data, width, height }, vertices: moved, block, left, top };
}

/**
 * Cosines between normal and view at which a skin's place on the photo is no longer sure, as the mesh does not fit to the pixel, and
 * from which on it is.
 */
const UNCERTAIN = 0.35;
const CERTAIN = 0.85;
/** Colours that are spread from elsewhere have a part in a texel until it is seen by one in so many. */
const SEEN_SHARPNESS = 3;
/** Wider texels than this come from coordinates that make no sense. */
const MAX_BLOCK = 4096;

/**
 * Fills the texels of a texture from the photo, in place.
 * @returns `[height x width]`: 0 where nothing is known of a texel, up to 1.
 */
function lookUp(
  texture: UvTexture,
  { image, vertices, block, left, top }: ShrunkPhoto,
  sources: TexelSources,
  { facing, depths, isSeen }: FaceView,
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
  // x, y, how far it is turned to the camera and how deep it lies, of each vertex, in one cache line.
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
        cosineThere *= isSeen(mx * block + xOffset, my * block + yOffset, depth, cosineThere);
      }
      const seenThere = easeInOut(cosineThere, GRAZING, FULL);
      // Towards the outline of a turned face its own colours may be the background's: the other side's are taken the more, the
      // more certain they are than its own.
      const certain = easeInOut(cosine, UNCERTAIN, CERTAIN);
      const preference = (1 - certain) * Math.max(0, easeInOut(cosineThere, UNCERTAIN, CERTAIN) - certain);
      const own = weight * (1 - preference);
      const mirrorWeight = Math.max(seenThere - weight, seenThere * preference, 0);
      const total = own + mirrorWeight;
      if (total < MIN_KNOWN) continue;
      target[at] = blend(
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

/** Pixels as words of four bytes; a copy only where the bytes do not lie at a multiple of 4. */
export function pixelWords({ data }: RgbaImage): Uint32Array {
  const { buffer, byteOffset, length } = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Uint32Array(buffer, byteOffset, length / 4);
}

/** Every second channel of a pixel: two sums at once fit into a word when weights add up to 256. */
const CHANNELS = 0x00ff00ff;
const HALVES = 0x00800080;

/** The photo at a place, bilinear with 8 bits of position, beyond its border that of the border; a word of four channels. */
export function samplePixels(
  pixels: Uint32Array,
  width: number,
  right: number,
  bottom: number,
  x: number,
  y: number,
): number {
  const fixedX = (Math.min(Math.max(x, 0), right) * 256 + 0.5) | 0;
  const fixedY = (Math.min(Math.max(y, 0), bottom) * 256 + 0.5) | 0;
  const left = fixedX >> 8;
  const top = fixedY >> 8;
  const fx = fixedX & 255;
  const fy = fixedY & 255;
  const corner = top * width + left;
  const across = left < right ? 1 : 0;
  const down = top < bottom ? width : 0;
  const p00 = pixels[corner];
  const p10 = pixels[corner + across];
  const p01 = pixels[corner + down];
  const p11 = pixels[corner + down + across];
  const w11 = (fx * fy + 128) >> 8;
  const w10 = fx - w11;
  const w01 = fy - w11;
  const w00 = 256 - fx - fy + w11;
  const even =
    Math.imul(p00 & CHANNELS, w00) +
    Math.imul(p10 & CHANNELS, w10) +
    Math.imul(p01 & CHANNELS, w01) +
    Math.imul(p11 & CHANNELS, w11) +
    HALVES;
  const odd =
    Math.imul((p00 >>> 8) & CHANNELS, w00) +
    Math.imul((p10 >>> 8) & CHANNELS, w10) +
    Math.imul((p01 >>> 8) & CHANNELS, w01) +
    Math.imul((p11 >>> 8) & CHANNELS, w11) +
    HALVES;
  return ((even >>> 8) & CHANNELS) | (odd & ~CHANNELS);
}

/**
 * Colours of a texture at places of it: with `maps.uvs`, at a mesh's vertices.
 * @param texture - from `extractUvTexture` or any picture that is one, v upwards.
 * @param uvs - `[k x 2]`, 0..1; beyond, the texture's border goes on.
 * @returns `[k x 3]` red, green, blue, 0..255, interpolated between texels.
 * @throws RangeError for a texture whose size and data disagree, or coordinates that are not finite or not in pairs.
 */
export function sampleTexture(texture: RgbaImage, uvs: Float32Array): Uint8Array {
  checkImage(texture);
  if (uvs.length % 2 !== 0) throw new RangeError(`uvs: expected k x 2 coordinates, got ${uvs.length}`);
  const { width, height } = texture;
  const pixels = pixelWords(texture);
  const colour = new Uint32Array(1);
  const bytes = new Uint8Array(colour.buffer);
  const colours = new Uint8Array((uvs.length / 2) * 3);
  for (let i = 0, j = 0; i < uvs.length; i += 2, j += 3) {
    const u = uvs[i];
    const v = uvs[i + 1];
    if (!Number.isFinite(u + v))
      throw new RangeError(`uvs: expected finite coordinates, got ${u}, ${v} in row ${i / 2}`);
    colour[0] = samplePixels(pixels, width, width - 1, height - 1, u * width - 0.5, (1 - v) * height - 0.5);
    colours.set(bytes.subarray(0, 3), j);
  }
  return colours;
}

/** Two words of four channels mixed; `share` of the second, 0..1. */
function blend(first: number, second: number, share: number): number {
  const w1 = (share * 256 + 0.5) | 0;
  const w0 = 256 - w1;
  const even = Math.imul(first & CHANNELS, w0) + Math.imul(second & CHANNELS, w1) + HALVES;
  const odd = Math.imul((first >>> 8) & CHANNELS, w0) + Math.imul((second >>> 8) & CHANNELS, w1) + HALVES;
  return ((even >>> 8) & CHANNELS) | (odd & ~CHANNELS);
}

/** A texel of which less is known than this counts as unknown: its colour comes from grazing skin. */
const MIN_KNOWN = 0.05;

/**
 * Spreads the known colours over the unknown texels, in place: halves the texture until one texel is left, then goes back and
 * takes what is missing from the coarser level ("push-pull").
 */
function fillUnknown(texture: UvTexture, known: Float32Array): void {
  let size = texture.width;
  let colours = new Float32Array(size * size * 3);
  let weights = known;
  for (let i = 0; i < weights.length; i++) {
    for (let c = 0; c < 3; c++) colours[i * 3 + c] = texture.data[i * 4 + c] * weights[i];
  }
  const levels: { size: number; colours: Float32Array; weights: Float32Array }[] = [{ size, colours, weights }];
  while (size > 1) {
    const half = Math.ceil(size / 2);
    const nextColours = new Float32Array(half * half * 3);
    const nextWeights = new Float32Array(half * half);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const from = y * size + x;
        const weight = weights[from];
        if (weight === 0) continue;
        const to = (y >> 1) * half + (x >> 1);
        nextWeights[to] = nextWeights[to] + weight;
        for (let c = 0; c < 3; c++) {
          nextColours[to * 3 + c] = nextColours[to * 3 + c] + colours[from * 3 + c];
        }
      }
    }
    // Weights of a coarser level say how sure its colour is, 1 at most.
    for (let i = 0; i < nextWeights.length; i++) {
      const weight = nextWeights[i];
      if (weight <= 1) continue;
      for (let c = 0; c < 3; c++) nextColours[i * 3 + c] = nextColours[i * 3 + c] / weight;
      nextWeights[i] = 1;
    }
    size = half;
    colours = nextColours;
    weights = nextWeights;
    levels.push({ size, colours, weights });
  }
  for (let level = levels.length - 2; level >= 0; level--) {
    const fine = levels[level];
    const coarse = levels[level + 1];
    for (let y = 0; y < fine.size; y++) {
      const cy = Math.min(Math.max(y / 2 - 0.25, 0), coarse.size - 1);
      const top = Math.floor(cy);
      const down = top + 1 < coarse.size ? coarse.size : 0;
      const fy = cy - top;
      for (let x = 0; x < fine.size; x++) {
        const i = y * fine.size + x;
        const missing = 1 - fine.weights[i];
        if (missing <= 0) continue;
        const cx = Math.min(Math.max(x / 2 - 0.25, 0), coarse.size - 1);
        const left = Math.floor(cx);
        const across = left + 1 < coarse.size ? 1 : 0;
        const fx = cx - left;
        const corner = top * coarse.size + left;
        for (let c = 0; c < 3; c++) {
          const upper = coarse.colours[corner * 3 + c] * (1 - fx) + coarse.colours[(corner + across) * 3 + c] * fx;
          const lower =
            coarse.colours[(corner + down) * 3 + c] * (1 - fx) + coarse.colours[(corner + down + across) * 3 + c] * fx;
          fine.colours[i * 3 + c] = fine.colours[i * 3 + c] + missing * (upper * (1 - fy) + lower * fy);
        }
      }
    }
  }
  const [finest] = levels;
  for (let i = 0; i < known.length; i++) {
    for (let c = 0; c < 3; c++) texture.data[i * 4 + c] = finest.colours[i * 3 + c];
  }
}

const upstreamRasters = new WeakMap<FaceMaps, { readonly size: number; readonly raster: Raster }>();

/** The triangles of the original's texels; the last size asked for is kept. */
function upstreamRaster(maps: FaceMaps, size: number): Raster {
  const known = upstreamRasters.get(maps);
  if (known?.size === size) return known.raster;
  const { uvs, triangles } = maps;
  const count = uvs.length / 2;
  const positions = new Float32Array(count * 3);
  const { fround } = Math;
  for (let i = 0; i < count; i++) {
    positions[i * 3] = uvs[i * 2] * (size - 1);
    positions[i * 3 + 1] = fround(size - fround(uvs[i * 2 + 1] * (size - 1))) - 1;
  }
  const raster = rasterize([positions], triangles, size, size, { compatibility: 'upstream' });
  upstreamRasters.set(maps, { size, raster });
  return raster;
}

/** The original's texture: bilinear colours of the vertices, interpolated; texels of the first triangle that holds them. */
function extractUpstream(image: RgbaImage, vertices: Float32Array, maps: FaceMaps, size: number): UvTexture {
  if (maps.uvTriangles !== undefined) {
    throw new RangeError("compatibility: 'upstream' needs one texture coordinate per vertex, got uvTriangles");
  }
  const { data: pixels, width, height } = image;
  const count = vertices.length / 3;
  const colours = new Float32Array(count * 3);
  const clamp = (value: number, max: number): number => Math.min(Math.max(value, 0), max);
  for (let i = 0; i < count; i++) {
    const x = vertices[i * 3];
    const y = vertices[i * 3 + 1];
    // Neighbours are moved into the image one by one, weights are taken afterwards: on and beyond its border they cancel out.
    const x0 = clamp(Math.floor(x), width - 1);
    const x1 = clamp(Math.floor(x) + 1, width - 1);
    const y0 = clamp(Math.floor(y), height - 1);
    const y1 = clamp(Math.floor(y) + 1, height - 1);
    const a = (x1 - x) * (y1 - y);
    const b = (x1 - x) * (y - y0);
    const c = (x - x0) * (y1 - y);
    const d = (x - x0) * (y - y0);
    for (let k = 0; k < 3; k++) {
      colours[i * 3 + k] =
        (a * pixels[(y0 * width + x0) * 4 + k] +
          b * pixels[(y1 * width + x0) * 4 + k] +
          c * pixels[(y0 * width + x1) * 4 + k] +
          d * pixels[(y1 * width + x1) * 4 + k]) /
        255;
    }
  }
  const raster = upstreamRaster(maps, size);
  const values = interpolate(raster, maps.triangles, [colours], 3);
  const bytes = new Uint8Array(size * size * 4);
  const visibility = new Uint8Array(size * size);
  for (let i = 3; i < bytes.length; i += 4) bytes[i] = 255;
  for (let row = 0, texel = 0; row < raster.height; row++) {
    let at = (row + raster.yMin) * size + raster.xMin;
    for (let column = 0; column < raster.width; column++, texel++, at++) {
      if (raster.fragments[texel] === 0) continue;
      visibility[at] = 255;
      for (let k = 0; k < 3; k++) bytes[at * 4 + k] = Math.fround(values[texel * 3 + k] * 255);
    }
  }
  return { data: new Uint8ClampedArray(bytes.buffer), width: size, height: size, visibility };
}
