/**
 * Binary glTF 2.0 files.
 *
 * Written here and not by `@gltf-transform/core` (which reads them in the tests): for a face of 38,365 vertices and 10 morph
 * targets, 6.5 MB, that package takes 80 ms of processor time, mostly for copying attributes number by number.
 * @see https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
 */

import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { checkListArgument } from './check-surface-arguments.ts';
import type { ExpressionTargets } from './expression-targets.ts';
import { checkMesh, type Mesh } from './mesh.ts';
import { checkVertices } from './picture.ts';
import { splitAtSeams } from './split-at-seams.ts';

/** A face in a glTF file. */
export interface GlbFace {
  /** With `expression`, its positions are replaced by the neutral ones. */
  readonly mesh: Mesh;
  /** Bytes of a PNG or JPEG file that the mesh's uvs refer to; without it the mesh's colours are written. */
  readonly texture?: Uint8Array;
  /** Morph targets, with the fitted coefficients as weights. */
  readonly expression?: ExpressionTargets;
  /** Default `face_1` … */
  readonly name?: string;
  /** How it moves and acts over time. */
  readonly motion?: GlbMotion;
}

/**
 * The motion of a face: the placement of its node and the weights of its morph targets, key by key, linear in between.
 */
export interface GlbMotion {
  /** `[n]` seconds, ascending. */
  readonly times: Float32Array;
  /** `[n x 3]`, units of the positions. */
  readonly translations: Float32Array;
  /** `[n x 4]` unit quaternions: x, y, z, w. */
  readonly rotations: Float32Array;
  /** `[n x targets]`. */
  readonly weights: Float32Array;
  /** `[m]` seconds, ascending, for the sizes. */
  readonly sizeTimes: Float32Array;
  /** `[m]`: 1 is the mesh's own size. */
  readonly sizes: Float32Array;
}

/** Options of `writeGlb`. */
export interface GlbOptions {
  /** Metres per unit of the positions: 0.001 for millimetres. Default 1. */
  readonly unitScale?: number;
}

const GLB_OPTION_NAMES: OptionNames<GlbOptions> = { unitScale: true };

/**
 * Writes faces into one GLB file: positions, normals, texture coordinates, the texture or the vertices' colours, and
 * the expression as named morph targets. The skin is unlit, as a photo already contains its lighting.
 * @returns the file's bytes.
 * @throws RangeError for no faces at all, coordinates that are not finite, arrays that do not fit together, or a
 *   texture that is neither PNG nor JPEG.
 */
export function writeGlb(faces: readonly GlbFace[], options: GlbOptions = {}): Uint8Array<ArrayBuffer> {
  checkOptionNames(options, GLB_OPTION_NAMES);
  checkListArgument(faces, 'faces', 'faces as { mesh, texture, expression }');
  const { unitScale = 1 } = options;
  if (faces.length === 0) throw new RangeError('faces: expected at least one, got none');
  if (!(unitScale > 0 && unitScale < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`unitScale: expected a positive number, got ${unitScale}`);
  }
  faces.forEach((face, index) => {
    checkFace(face, `faces[${index}]`);
  });
  const content = new GltfContent();
  faces.forEach((face, index) => {
    addFace(content, face, face.name ?? `face_${index + 1}`, unitScale);
  });
  return content.toGlb();
}

function checkFace({ mesh, texture, expression, motion }: GlbFace, name: string): void {
  checkMesh(mesh, `${name}.mesh`);
  if (motion !== undefined) checkMotion(motion, expression?.names.length ?? 0, `${name}.motion`);
  if (mesh.triangles.length === 0) throw new RangeError(`${name}.mesh.triangles: expected at least one, got none`);
  if (texture !== undefined) {
    if (mesh.uvs === undefined) throw new RangeError(`${name}.mesh: expected uvs for its texture, got none`);
    imageMimeType(texture, `${name}.texture`);
  }
  if (expression === undefined) return;
  const { neutralPositions, displacements, weights, names } = expression;
  if (weights.length !== displacements.length || names.length !== displacements.length) {
    throw new RangeError(
      `${name}.expression: expected ${displacements.length} weights and names, got ${weights.length} and ${names.length}`,
    );
  }
  for (const positions of [neutralPositions, ...displacements]) {
    checkVertices(positions, `${name}.expression`, mesh.positions.length / 3);
  }
}

function checkMotion(motion: GlbMotion, targetCount: number, name: string): void {
  const [count, sizeCount] = [motion.times.length, motion.sizeTimes.length];
  const expected = { translations: 3 * count, rotations: 4 * count, weights: targetCount * count, sizes: sizeCount };
  for (const [key, length] of Object.entries(expected)) {
    const values = motion[key as keyof typeof expected];
    if (values.length !== length)
      throw new RangeError(`${name}.${key}: expected ${length} numbers, got ${values.length}`);
    if (!values.every(Number.isFinite)) throw new RangeError(`${name}.${key}: expected finite numbers`);
  }
  for (const [key, times] of [
    ['times', motion.times],
    ['sizeTimes', motion.sizeTimes],
  ] as const) {
    const isAscending = times.every((time, i) => time >= 0 && (i === 0 || time > times[i - 1]));
    if (times.length === 0 || !isAscending) throw new RangeError(`${name}.${key}: expected ascending seconds from 0`);
  }
}

function imageMimeType(bytes: Uint8Array, name: string): 'image/png' | 'image/jpeg' {
  const starts = (...signature: number[]): boolean => signature.every((byte, i) => bytes[i] === byte);
  if (starts(0x89, 0x50, 0x4e, 0x47)) return 'image/png';
  if (starts(0xff, 0xd8, 0xff)) return 'image/jpeg';
  throw new RangeError(`${name}: expected the bytes of a PNG or JPEG file`);
}

/** Numbers of the specification. */
const FLOAT = 5126;
const UNSIGNED_SHORT = 5123;
const UNSIGNED_INT = 5125;
const ARRAY_BUFFER = 34962;
const ELEMENT_ARRAY_BUFFER = 34963;
/** For bytes that are not vertex data. */
const NO_TARGET = 0;
const LINEAR = 9729;
const LINEAR_MIPMAP_LINEAR = 9987;
const CLAMP_TO_EDGE = 33071;
const GLB_MAGIC = 0x46546c67;
const JSON_CHUNK = 0x4e4f534a;
const BINARY_CHUNK = 0x004e4942;

/** The lists of a glTF document and the binary data that they point into. */
class GltfContent {
  readonly nodes: object[] = [];
  readonly meshes: object[] = [];
  readonly materials: object[] = [];
  readonly textures: object[] = [];
  readonly images: object[] = [];
  readonly animationChannels: object[] = [];
  readonly animationSamplers: object[] = [];
  readonly #accessors: object[] = [];
  readonly #bufferViews: object[] = [];
  readonly #chunks: Uint8Array[] = [];
  #byteLength = 0;

  /** Appends bytes; each piece starts at a multiple of 4. */
  addBytes(bytes: Uint8Array, target?: number): number {
    this.#bufferViews.push({
      buffer: 0,
      byteOffset: this.#byteLength,
      byteLength: bytes.length,
      ...(target && { target }),
    });
    this.#chunks.push(bytes);
    this.#byteLength += padded(bytes.length);
    return this.#bufferViews.length - 1;
  }

  /** Appends one value per vertex or index. */
  addAccessor(
    array: Float32Array | Uint16Array | Uint32Array,
    type: 'SCALAR' | 'VEC2' | 'VEC3' | 'VEC4',
    { target = ARRAY_BUFFER, ...more }: { target?: number; normalized?: boolean; min?: number[]; max?: number[] } = {},
  ): number {
    const width = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4 }[type];
    const componentType =
      array instanceof Float32Array ? FLOAT : array instanceof Uint16Array ? UNSIGNED_SHORT : UNSIGNED_INT;
    const bufferView = this.addBytes(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), target);
    this.#accessors.push({ bufferView, componentType, count: array.length / width, type, ...more });
    return this.#accessors.length - 1;
  }

  /** Appends positions, with the bounds that the specification requires for them. */
  addPositions(positions: Float32Array): number {
    const min = [Infinity, Infinity, Infinity];
    const max = [-Infinity, -Infinity, -Infinity];
    for (let axis = 0; axis < 3; axis++) {
      let low = Infinity;
      let high = -Infinity;
      for (let i = axis; i < positions.length; i += 3) {
        const value = positions[i];
        if (value < low) low = value;
        if (value > high) high = value;
      }
      min[axis] = low;
      max[axis] = high;
    }
    return this.addAccessor(positions, 'VEC3', { min, max });
  }

  /** Appends the values of a node's property over time. */
  addChannel(node: number, path: string, input: number, values: Float32Array, type: 'SCALAR' | 'VEC3' | 'VEC4'): void {
    const output = this.addAccessor(values, type, { target: NO_TARGET });
    const sampler = this.animationSamplers.push({ input, output, interpolation: 'LINEAR' }) - 1;
    this.animationChannels.push({ sampler, target: { node, path } });
  }

  /** Appends the times of keys, with the bounds that the specification requires for them. */
  addTimes(times: Float32Array): number {
    const bounds = { min: [times[0]], max: [times[times.length - 1]] };
    return this.addAccessor(times, 'SCALAR', { target: NO_TARGET, ...bounds });
  }

  toGlb(): Uint8Array<ArrayBuffer> {
    const { nodes, meshes, materials, textures, images } = this;
    const json = new TextEncoder().encode(
      JSON.stringify({
        asset: { version: '2.0', generator: 'tddfa' },
        extensionsUsed: ['KHR_materials_unlit'],
        scene: 0,
        scenes: [{ nodes: nodes.map((_, index) => index) }],
        nodes,
        meshes,
        materials,
        // Empty lists are not allowed.
        ...(textures.length > 0 && {
          textures,
          images,
          samplers: [
            { magFilter: LINEAR, minFilter: LINEAR_MIPMAP_LINEAR, wrapS: CLAMP_TO_EDGE, wrapT: CLAMP_TO_EDGE },
          ],
        }),
        ...(this.animationChannels.length > 0 && {
          animations: [{ name: 'film', channels: this.animationChannels, samplers: this.animationSamplers }],
        }),
        accessors: this.#accessors,
        bufferViews: this.#bufferViews,
        buffers: [{ byteLength: this.#byteLength }],
      }),
    );
    const jsonLength = padded(json.length);
    const bytes = new Uint8Array(12 + 8 + jsonLength + 8 + this.#byteLength);
    const view = new DataView(bytes.buffer);
    [GLB_MAGIC, 2, bytes.length, jsonLength, JSON_CHUNK].forEach((word, i) => {
      view.setUint32(i * 4, word, true);
    });
    bytes.fill(0x20, 20, 20 + jsonLength);
    bytes.set(json, 20);
    view.setUint32(20 + jsonLength, this.#byteLength, true);
    view.setUint32(24 + jsonLength, BINARY_CHUNK, true);
    let at = 28 + jsonLength;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += padded(chunk.length);
    }
    return bytes;
  }
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

function addFace(content: GltfContent, face: GlbFace, name: string, unitScale: number): void {
  const { mesh, texture, expression } = face;
  const { indices, vertexOf, uvOf } = splitAtSeams({
    vertexCount: mesh.positions.length / 3,
    triangles: mesh.triangles,
    ...(texture !== undefined && mesh.uvTriangles && { uvTriangles: mesh.uvTriangles }),
  });
  const attributes: Record<string, number> = {
    POSITION: content.addPositions(gather(expression?.neutralPositions ?? mesh.positions, vertexOf, unitScale)),
  };
  if (mesh.normals !== undefined) {
    attributes.NORMAL = content.addAccessor(unitNormals(gather(mesh.normals, vertexOf, 1)), 'VEC3');
  }
  const material = {
    name,
    doubleSided: true,
    extensions: { KHR_materials_unlit: {} },
    // For programs that do not support the extension.
    pbrMetallicRoughness: { metallicFactor: 0, roughnessFactor: 1 },
  };
  if (texture !== undefined && mesh.uvs !== undefined) {
    const uvs = new Float32Array(uvOf.length * 2);
    for (let i = 0; i < uvOf.length; i++) {
      const from = uvOf[i] * 2;
      uvs[i * 2] = mesh.uvs[from];
      uvs[i * 2 + 1] = 1 - mesh.uvs[from + 1];
    }
    attributes.TEXCOORD_0 = content.addAccessor(uvs, 'VEC2');
    const source =
      content.images.push({
        name,
        mimeType: imageMimeType(texture, 'texture'),
        bufferView: content.addBytes(texture),
      }) - 1;
    const index = content.textures.push({ sampler: 0, source }) - 1;
    Object.assign(material.pbrMetallicRoughness, { baseColorTexture: { index } });
  } else if (mesh.colours !== undefined) {
    attributes.COLOR_0 = content.addAccessor(linearColours(mesh.colours, vertexOf), 'VEC4', { normalized: true });
  }
  const targets = expression?.displacements.map((displacement) => ({
    POSITION: content.addPositions(gather(displacement, vertexOf, unitScale)),
  }));
  const primitive = {
    attributes,
    indices: content.addAccessor(vertexOf.length > 0xffff ? indices : Uint16Array.from(indices), 'SCALAR', {
      target: ELEMENT_ARRAY_BUFFER,
    }),
    material: content.materials.push(material) - 1,
    ...(targets && { targets }),
  };
  const meshIndex =
    content.meshes.push({
      name,
      primitives: [primitive],
      ...(expression && { weights: [...expression.weights], extras: { targetNames: expression.names } }),
    }) - 1;
  const node = content.nodes.push({ name, mesh: meshIndex }) - 1;
  if (face.motion !== undefined) addMotion(content, node, face.motion, unitScale);
}

function addMotion(content: GltfContent, node: number, motion: GlbMotion, unitScale: number): void {
  const times = content.addTimes(motion.times);
  const places = motion.translations.map((value) => value * unitScale);
  content.addChannel(node, 'translation', times, places, 'VEC3');
  content.addChannel(node, 'rotation', times, motion.rotations, 'VEC4');
  if (motion.weights.length > 0) content.addChannel(node, 'weights', times, motion.weights, 'SCALAR');
  const sizes = new Float32Array(3 * motion.sizes.length);
  for (const [i, size] of motion.sizes.entries()) sizes.fill(size, 3 * i, 3 * i + 3);
  content.addChannel(node, 'scale', content.addTimes(motion.sizeTimes), sizes, 'VEC3');
}

function gather(values: Float32Array | Float64Array, rows: Uint32Array, scale: number): Float32Array {
  const gathered = new Float32Array(rows.length * 3);
  for (let i = 0, j = 0; i < rows.length; i++, j += 3) {
    const from = rows[i] * 3;
    gathered[j] = values[from] * scale;
    gathered[j + 1] = values[from + 1] * scale;
    gathered[j + 2] = values[from + 2] * scale;
  }
  return gathered;
}

/** glTF requires unit normals everywhere: a vertex without one gets a normal towards the viewer. In place. */
function unitNormals(normals: Float32Array): Float32Array {
  for (let i = 0; i < normals.length; i += 3) {
    const x = normals[i];
    const y = normals[i + 1];
    const z = normals[i + 2];
    const length = Math.sqrt(x * x + y * y + z * z);
    normals[i] = length > 0 ? x / length : 0;
    normals[i + 1] = length > 0 ? y / length : 0;
    normals[i + 2] = length > 0 ? z / length : 1;
  }
  return normals;
}

/** Vertex colours in glTF are linear light, for which 8 bits are too few in the shadows. */
function linearColours(colours: Uint8Array, rows: Uint32Array): Uint16Array {
  const linear = Uint16Array.from({ length: 256 }, (_, value) => {
    const share = value / 255;
    return 65535 * (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4) + 0.5;
  });
  const values = new Uint16Array(rows.length * 4);
  for (let i = 0; i < rows.length; i++) {
    for (let c = 0; c < 3; c++) values[i * 4 + c] = linear[colours[rows[i] * 3 + c]];
    values[i * 4 + 3] = 65535;
  }
  return values;
}
