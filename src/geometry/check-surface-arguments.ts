/**
 * Checks for common mistakes in arguments other than faces and boxes: each throws a TypeError that names the argument,
 * what was received, and what to pass.
 */
import { mistake } from '../check-arguments.ts';

/**
 * Checks that an argument is a list.
 * @param what - what it is a list of, for the message.
 * @param advice - what to pass; by default the same in brackets.
 * @throws TypeError.
 */
export function checkListArgument(list: unknown, argument: string, what: string, advice = '[…] around one'): void {
  if (!Array.isArray(list)) throw mistake(argument, `a list of ${what}`, list, `give ${advice}`);
}

/** Checks that coordinates are a typed array. @throws TypeError. */
export function checkVerticesArgument(vertices: unknown, argument: string): void {
  if (vertices instanceof Float32Array || vertices instanceof Float64Array) return;
  const advice = 'aligner.reconstruct(face, { dense: true }) gives vertices, aligner.reconstruct(face) landmarks';
  throw mistake(argument, 'coordinates, a Float32Array of n x 3', vertices, advice);
}

/** Checks a list of faces given by their coordinates, but not the coordinates themselves. @throws TypeError. */
export function checkSurfacesArgument(faces: unknown): void {
  checkListArgument(faces, 'faces', "faces' coordinates", 'faces.map((face) => aligner.reconstruct(face, …))');
}

/** Checks that maps have triangles. @throws TypeError. */
export function checkMapsArgument(maps: unknown): void {
  if (!ArrayBuffer.isView(Object(maps).triangles)) {
    throw mistake('maps', "a mesh's triangles and texture coordinates", maps, 'give aligner.faceMaps');
  }
}

/** Checks that a morphable model is one. @throws TypeError. */
export function checkModelArgument(model: unknown): void {
  if (!ArrayBuffer.isView(Object(model).keypointIndices)) {
    throw mistake('model', 'a morphable model', model, 'give aligner.morphableModel');
  }
}

/** Checks that a mesh has positions and triangles. @throws TypeError. */
export function checkMeshArgument(mesh: unknown, argument: string): void {
  const { positions, triangles } = Object(mesh);
  if (ArrayBuffer.isView(positions) && ArrayBuffer.isView(triangles)) return;
  throw mistake(argument, 'a mesh, { positions, triangles, … }', mesh, 'faceMesh(image, face, aligner).mesh is one');
}

/** Checks that a source of surfaces can make them. @throws TypeError. */
export function checkSourceArgument(source: unknown): void {
  if (typeof Object(source).reconstruct !== 'function') {
    throw mistake('source', 'a face aligner', source, 'await createFaceAligner() makes one');
  }
}
