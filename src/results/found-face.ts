import { boundingBox } from '../geometry/box.ts';
import type { SurfaceSource } from '../geometry/face-surface.ts';
import { poseFromParams } from '../geometry/pose.ts';
import type { AlignedFace, FaceBox, MorphableModel, Pose, RoiBox } from '../types.ts';
import type { TrackedFace } from '../video/tracker.ts';
import type { DrawableFace } from './drawings.ts';

/** A face in a picture, and what drawings and documents need of it, computed on first use. */
export class FoundFace implements DrawableFace {
  readonly aligned: AlignedFace;
  /** The detector's box, or the one given instead; absent for a tracked face. */
  readonly detected: FaceBox | undefined;
  /** Only for a tracked face. */
  readonly id: number | undefined;
  readonly #source: SurfaceSource;
  #pose: Pose | undefined;
  #landmarks: Float32Array | undefined;
  #vertices: Float32Array | undefined;

  constructor(source: SurfaceSource, face: AlignedFace | TrackedFace, detected?: FaceBox) {
    this.#source = source;
    this.aligned = face;
    this.detected = detected;
    this.id = 'id' in face ? face.id : undefined;
    this.#landmarks = 'landmarks' in face ? face.landmarks : undefined;
  }

  get box(): FaceBox | RoiBox {
    return this.detected ?? (this.hasModel ? boundingBox(this.landmarks) : this.aligned.roiBox);
  }

  get hasModel(): boolean {
    return this.model !== undefined;
  }

  /** Absent if the pack has none. */
  get model(): MorphableModel | undefined {
    return this.#source.morphableModel;
  }

  get pose(): Pose {
    this.#pose ??= poseFromParams(this.aligned.params);
    return this.#pose;
  }

  /** `[68 x 3]`, px of the image. @throws WeightFormatError if the pack has no model. */
  get landmarks(): Float32Array {
    this.#landmarks ??= this.#source.reconstruct(this.aligned);
    return this.#landmarks;
  }

  /** `[n x 3]`, px of the image. @throws WeightFormatError if the pack has no model. */
  get vertices(): Float32Array {
    this.#vertices ??= this.#source.reconstruct(this.aligned, { dense: true });
    return this.#vertices;
  }

  /** A tracked face's number, else the angles. */
  get label(): string {
    if (this.id !== undefined) return `#${this.id}`;
    const { yawDegrees, pitchDegrees, rollDegrees } = this.pose;
    return `yaw ${yawDegrees.toFixed(1)}°  pitch ${pitchDegrees.toFixed(1)}°  roll ${rollDegrees.toFixed(1)}°`;
  }
}
