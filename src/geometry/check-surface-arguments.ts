/** Checks of what callers mistake beside faces and boxes: a TypeError that names the argument, what came, and what to give. */
import { mistake } from '../check-arguments.ts';

/**
 * Checks that an argument is a list.
 * @param what - of what, for the message.
 * @param advice - what to give, by default the same in brackets.
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

/** Checks a list of faces that are given by their coordinates, but not these. @throws TypeError. */
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

/** Checks that a mesh has places and triangles. @throws TypeError. */
export function checkMeshArgument(mesh: unknown, argument: string): void {
  const { positions, triangles } = Object(mesh);
  if (ArrayBuffer.isView(positions) && ArrayBuffer.isView(triangles)) return;
  throw mistake(argument, 'a mesh, { positions, triangles, … }', mesh, 'faceMesh(image, face, aligner).mesh is one');
}

/** Checks that what surfaces are made with can make them. @throws TypeError. */
export function checkSourceArgument(source: unknown): void {
  if (typeof Object(source).reconstruct !== 'function') {
    throw mistake('source', 'a face aligner', source, 'await createFaceAligner() makes one');
  }
}
