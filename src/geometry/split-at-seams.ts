/** Input of {@link splitAtSeams}: a mesh whose texture coordinates belong to the corners of its triangles. */
export interface SeamedMesh {
  readonly vertexCount: number;
  /** `[m x 3]`. */
  readonly triangles: Uint32Array;
  /** `[m x 3]` rows of the texture coordinates; absent if there is one for each vertex. */
  readonly uvTriangles?: Uint32Array;
}

/** A mesh with one texture coordinate for each vertex. */
export interface SplitMesh {
  /** `[m x 3]` the triangles, in terms of the new vertices. */
  readonly indices: Uint32Array;
  /** `[n]` which vertex each new one is made from. */
  readonly vertexOf: Uint32Array;
  /** `[n]` which texture coordinate each new one has. */
  readonly uvOf: Uint32Array;
}

/**
 * Graphics cards, and with them glTF and three.js, require one texture coordinate per vertex: a vertex on a seam of the
 * texture becomes several.
 */
export function splitAtSeams({ vertexCount, triangles, uvTriangles }: SeamedMesh): SplitMesh {
  if (uvTriangles === undefined) {
    const vertexOf = Uint32Array.from({ length: vertexCount }, (_, i) => i);
    return { indices: triangles, vertexOf, uvOf: vertexOf };
  }
  // The new vertices made from each vertex, as a linked list: its last one, and from each the one before.
  const last = new Int32Array(vertexCount).fill(-1);
  const previous = new Int32Array(triangles.length);
  const vertexOf = new Uint32Array(triangles.length);
  const uvOf = new Uint32Array(triangles.length);
  const indices = new Uint32Array(triangles.length);
  let count = 0;
  for (let i = 0; i < triangles.length; i++) {
    const vertex = triangles[i];
    const uv = uvTriangles[i];
    let index = last[vertex];
    while (index >= 0 && uvOf[index] !== uv) index = previous[index];
    if (index < 0) {
      index = count++;
      vertexOf[index] = vertex;
      uvOf[index] = uv;
      previous[index] = last[vertex];
      last[vertex] = index;
    }
    indices[i] = index;
  }
  return { indices, vertexOf: vertexOf.subarray(0, count), uvOf: uvOf.subarray(0, count) };
}
