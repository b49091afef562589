import type { AlignedFace, FaceBox, RoiBox } from '../../src/index.ts';
import type { DrawableFace } from '../../src/results/drawings.ts';

/** A face on its photo, scaled so that drawings are as fine as the screen. */
export class ScaledFace implements DrawableFace {
  readonly #face: DrawableFace;
  readonly #scale: number;

  constructor(face: DrawableFace, scale: number) {
    this.#face = face;
    this.#scale = scale;
  }

  get aligned(): AlignedFace {
    return this.#face.aligned;
  }

  get box(): FaceBox | RoiBox {
    const { box } = this.#face;
    const [xMin, yMin, xMax, yMax] = [box.xMin, box.yMin, box.xMax, box.yMax].map((edge) => edge * this.#scale);
    return { ...box, xMin, yMin, xMax, yMax };
  }

  get landmarks(): Float32Array {
    return scaled(this.#face.landmarks, this.#scale);
  }

  get vertices(): Float32Array {
    return scaled(this.#face.vertices, this.#scale);
  }

  get label(): string {
    return this.#face.label ?? '';
  }
}

/** Pixel centres are whole numbers before and after. */
function scaled(points: Float32Array, scale: number): Float32Array {
  return points.map((value, i) => (i % 3 === 2 ? value * scale : (value + 0.5) * scale - 0.5));
}
