import { OrthographicCamera } from 'three';

/** No part of a face lies farther than this in front of or behind the photo, px. */
const DEPTH_PX = 20_000;

/**
 * The camera that faces are aligned with: weak perspective, that is, an orthographic camera whose unit is one px of the
 * photo.
 *
 * The photo's point (x, y) is at (x, -y, 0) in the scene, with pixel centres at whole numbers; z, towards the viewer,
 * is in the same px. There is no vanishing point: an object that comes nearer is scaled by the face's matrix, as the
 * face itself is.
 */
export class PhotoCamera extends OrthographicCamera {
  /**
   * @param width - of the photo or video frame, px.
   * @param height - likewise.
   * @throws RangeError for a size that is not positive.
   */
  constructor(width: number, height: number) {
    super(-0.5, 0.5, 0.5, -0.5, 0, 2 * DEPTH_PX);
    this.position.z = DEPTH_PX;
    this.resize(width, height);
    this.updateMatrixWorld();
  }

  /** Changes the size, for example when a phone is rotated. */
  resize(width: number, height: number): void {
    for (const [name, value] of [['width', width] as const, ['height', height] as const]) {
      if (!(value > 0 && value < Infinity))
        throw new RangeError(`${name}: expected a positive number of px, got ${value}`);
    }
    this.right = width - 0.5;
    this.bottom = 0.5 - height;
    this.updateProjectionMatrix();
  }
}
