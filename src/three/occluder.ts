/** Objects that hide what is behind a head without being visible themselves. */
import { Mesh, MeshBasicMaterial, SphereGeometry, Vector3 } from 'three';
import type { SurfaceSource } from '../geometry/face-surface.ts';
import { HeadSurface, METRES_PER_VALUE } from '../geometry/head-surface.ts';
import { DEFAULT_INTEROCULAR_MM } from '../geometry/mesh.ts';

/** Occluders must be drawn before what they hide. */
export const OCCLUDER_RENDER_ORDER = -1;

/** Writes depth and no colour: what lies behind is hidden, and the photo below the canvas stays visible. */
export class OccluderMaterial extends MeshBasicMaterial {
  constructor() {
    super({ colorWrite: false });
    // Keeps it from cutting into what lies directly on the skin.
    this.polygonOffset = true;
    this.polygonOffsetFactor = 1;
    this.polygonOffsetUnits = 1;
  }
}

/**
 * Half the skull's width, height and depth, and how far its centre is above and behind the midpoint between the jaw's
 * upper ends, all as fractions of half the distance between those ends. Chosen so that the skull lies inside the skin
 * of both packs' mean faces.
 */
const SKULL = { x: 1.05, y: 1.45, z: 1.3, rise: 0.3, recess: 0.35 } as const;

/**
 * A skull behind the face's mesh, so that the head hides the arms of glasses and the back of a hat: a depth-only
 * ellipsoid with the proportions of the model's mean face. Add it to a `FaceMesh3D`.
 */
export class HeadOccluder extends Mesh<SphereGeometry, OccluderMaterial> {
  /**
   * @param source - the aligner, or anything else with a model.
   * @param options - `interocularMm` as for `FaceMesh3D`.
   * @throws as `FaceMesh3D` does.
   */
  constructor(
    source: SurfaceSource,
    { interocularMm = DEFAULT_INTEROCULAR_MM }: { readonly interocularMm?: number } = {},
  ) {
    super(new SphereGeometry(1, 32, 24), new OccluderMaterial());
    const head = new HeadSurface(source, interocularMm);
    head.evaluate(new Float32Array(head.face.params.length));
    const ends = [0, 16].map((landmark) =>
      new Vector3().fromArray(head.landmarks, 3 * landmark).multiplyScalar(METRES_PER_VALUE),
    );
    const half = ends[0].distanceTo(ends[1]) / 2;
    this.position.lerpVectors(ends[0], ends[1], 0.5).add(new Vector3(0, SKULL.rise * half, -SKULL.recess * half));
    this.scale.set(SKULL.x, SKULL.y, SKULL.z).multiplyScalar(half);
    this.renderOrder = OCCLUDER_RENDER_ORDER;
  }

  /** Frees its GPU resources. */
  override dispose(): void {
    // Objects in older versions of three.js have no `dispose`.
    super.dispose?.();
    this.geometry.dispose();
    this.material.dispose();
  }
}
