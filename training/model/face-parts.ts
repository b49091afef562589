/**
 * The parts of MakeHuman's body that make up the face: the skin, the first rings of the mouth's pocket, closed so that an open
 * mouth shows its inside and not the background, and the tongue.
 */
import { borderLoops } from './border-loops.ts';
import { fromRanges, SKIN_VERTEX_RANGES, TONGUE_BACK } from './face-region.ts';
import type { MakeHuman, MakeHumanQuads } from './makehuman.ts';

const POCKET_RINGS = 5;
/** Quads of the body below this v belong to the texture island of the mouth's inside. */
const MOUTH_ISLAND_TOP = 0.2;

/** Quads by their four vertices, and by the four rows of the table of texture coordinates. */
export interface Quads {
  readonly quads: number[][];
  readonly uvQuads: number[][];
}

/** The body, and which part of it is the face's skin. */
export interface BodySkin {
  readonly body: Quads;
  readonly isSkinQuad: readonly boolean[];
  readonly skinQuads: readonly number[][];
  readonly skin: ReadonlySet<number>;
  /** The body's quads at each vertex. */
  readonly quadsAt: ReadonlyMap<number, readonly number[]>;
  /** Borders of the skin: around the face, around the mouth, and around each eye. */
  readonly outline: readonly number[];
  readonly mouthLoop: readonly number[];
  readonly lidLoops: readonly (readonly number[])[];
}

/** A part of the face with the vertices that only it has, in rising order. */
export interface FacePart extends Quads {
  readonly vertices: readonly number[];
}

/** Whether a row of the table of texture coordinates belongs to the mouth's inside. */
export function isInMouth(makeHuman: MakeHuman, uvRow: number): boolean {
  return makeHuman.uvs[2 * uvRow + 1] < MOUTH_ISLAND_TOP;
}

function readQuads({ vertices, uvs }: MakeHumanQuads): Quads {
  const quads: number[][] = [];
  const uvQuads: number[][] = [];
  for (let i = 0; i < vertices.length; i += 4) {
    quads.push([...vertices.subarray(i, i + 4)]);
    uvQuads.push([...uvs.subarray(i, i + 4)]);
  }
  return { quads, uvQuads };
}

export function cutSkin(makeHuman: MakeHuman): BodySkin {
  const body = readQuads(makeHuman.quads('body'));
  const skin = new Set(fromRanges(SKIN_VERTEX_RANGES));
  const isSkinQuad = body.quads.map((quad) => quad.every((v) => skin.has(v)));
  const skinQuads = body.quads.filter((_, q) => isSkinQuad[q]);
  const quadsAt = new Map<number, number[]>();
  for (const [q, quad] of body.quads.entries()) {
    for (const v of quad) quadsAt.set(v, [...(quadsAt.get(v) ?? []), q]);
  }
  const [outline, mouthLoop, ...lidLoops] = borderLoops(skinQuads.flat()).sort((a, b) => b.length - a.length);
  return { body, isSkinQuad, skinQuads, skin, quadsAt, outline, mouthLoop, lidLoops };
}

/** Rings of quads from the mouth's loop inwards, then a strip that closes the last loop. */
export function cutMouthPocket(
  { body, isSkinQuad, skin, quadsAt, mouthLoop }: BodySkin,
  baseMirror: Uint32Array,
  mean: Float64Array,
): FacePart {
  const pocket: number[] = [];
  const taken = new Set([...body.quads.keys()].filter((q) => isSkinQuad[q]));
  let front = new Set(mouthLoop);
  for (let ring = 0; ring < POCKET_RINGS; ring++) {
    const added = [...front].flatMap((v) => quadsAt.get(v) ?? []).filter((q) => !taken.has(q));
    for (const q of added) if (!taken.has(q)) pocket.push(q);
    for (const q of added) taken.add(q);
    front = new Set(added.flatMap((q) => body.quads[q]).filter((v) => !skin.has(v)));
  }
  const order = [...new Set(pocket)].sort((a, b) => a - b);
  const open: Quads = { quads: order.map((q) => body.quads[q]), uvQuads: order.map((q) => body.uvQuads[q]) };
  const lastLoop = borderLoops(open.quads.flat()).find((loop) => !loop.some((v) => skin.has(v)));
  if (lastLoop === undefined || lastLoop.length % 2 !== 0)
    throw new Error('the mouth pocket does not end in one even loop');
  const strip = closeLoop(open, lastLoop, baseMirror, mean);
  const quads = [...open.quads, ...strip.quads];
  const vertices = [...new Set(quads.flat())].filter((v) => !skin.has(v)).sort((a, b) => a - b);
  return { quads, uvQuads: [...open.uvQuads, ...strip.uvQuads], vertices };
}

/** A strip of quads that closes a loop at the end of a pocket. */
function closeLoop(pocket: Quads, loop: readonly number[], baseMirror: Uint32Array, mean: Float64Array): Quads {
  // Walked from the middle of the upper side, so that vertex n - i is the mirror image of vertex i.
  const midline = loop.filter((v) => baseMirror[v] === v).sort((a, b) => mean[3 * b + 1] - mean[3 * a + 1]);
  const start = loop.indexOf(midline[0]);
  const turned = [...loop.slice(start), ...loop.slice(0, start)];
  const half = turned.length / 2;
  if (midline.length !== 2 || turned[half] !== midline[1]) throw new Error('the mouth pocket is not symmetric');
  const uvAt = new Map<number, number>();
  for (const [q, quad] of pocket.quads.entries())
    for (const [k, v] of quad.entries()) uvAt.set(v, pocket.uvQuads[q][k]);
  // Pairs (i, half - i) join an upper vertex with the lower one of the same side; the last pair is an edge of the loop.
  const lastPair = (half - 1) / 2;
  if (!Number.isInteger(lastPair)) throw new Error('the mouth pocket cannot be closed by quads alone');
  const loopVertex = (i: number): number => turned[(i + turned.length) % turned.length];
  const quads: number[][] = [];
  for (let i = -lastPair; i < lastPair; i++) {
    quads.push([loopVertex(i + 1), loopVertex(i), loopVertex(half - i), loopVertex(half - i - 1)]);
  }
  return { quads, uvQuads: quads.map((quad) => quad.map((v) => uvAt.get(v) ?? 0)) };
}

export function cutTongue(makeHuman: MakeHuman): FacePart {
  const helper = readQuads(makeHuman.quads('helper-tongue'));
  const isInFront = helper.quads.map((quad) => quad.every((v) => makeHuman.vertices[3 * v + 2] > TONGUE_BACK));
  const quads = helper.quads.filter((_, q) => isInFront[q]);
  const uvQuads = helper.uvQuads.filter((_, q) => isInFront[q]);
  return { quads, uvQuads, vertices: [...new Set(quads.flat())].sort((a, b) => a - b) };
}
