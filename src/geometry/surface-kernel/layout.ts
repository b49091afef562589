/** Layout of the kernel's memory, shared by its functions and their callers. */

/** A vertex: x and y in steps of 1/256 px (int32) and z, or x, y, z (float32); the last word is free. */
export const VERTEX_BYTES = 16;
/** Three corners: byte offsets of their vertices. */
export const TRIANGLE_BYTES = 12;
/** Triangles per round. */
export const GROUP = 4;
/** Where the vertices begin; below lies the data of a round's triangles. */
export const FIRST_VERTEX = 512;

/** As in the plain rasteriser. */
export const STEPS = 256;
export const STEP_SHIFT = 8;
export const MAX_COORDINATE = 1 << 16;
export const SMALL_EXTENT = 1 << 14;

/** Data of the four triangles of a round: one vector per field, from address 0. */
const FIELDS = [
  'edge0',
  'edge1',
  'edge2',
  'right0',
  'right1',
  'right2',
  'down0',
  'down1',
  'down2',
  'bias1',
  'bias2',
  'area',
  'pixel',
  'left',
  'top',
  'columns',
  'rows',
  'mask',
] as const;
export type Field = (typeof FIELDS)[number];

/** Address of a field. */
export const field = (name: Field): number => FIELDS.indexOf(name) * 16;

/** In `mask`: bits 0..3 are pixels of a 2 x 2 box; these mean that the triangle needs further processing. */
export const MEDIUM = 16;
export const LARGE = 32;
