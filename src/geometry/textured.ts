/** Faces with their own skin: from the front, with another expression, in another photo. */

import { checkOptionNames } from '../check-arguments.ts';
import type { FaceMaps, RgbaImage } from '../types.ts';
import { checkListArgument, checkMapsArgument, checkVerticesArgument } from './check-surface-arguments.ts';
import { interpolate } from './interpolate.ts';
import { checkImage, newCanvas, PICTURE_OPTION_NAMES, type Picture, type PictureOptions } from './picture.ts';
import { rasterize } from './rasterize.ts';
import { pixelWords, samplePixels } from './sample-pixels.ts';

/** A face and its skin. */
export interface TexturedFace {
  /** `[n x 3]`, px of the picture that is drawn on, the dense mesh. */
  readonly vertices: Float32Array;
  /** From `extractUvTexture`, for any photo of any face. */
  readonly texture: RgbaImage;
}

/**
 * Draws faces with their textures, unlit; nearer faces lie on top.
 * @param maps - the mesh's triangles and texture coordinates; `withClosedMouth` adds skin between the lips.
 * @returns a new image.
 * @throws RangeError for coordinates that are not finite or do not fit the maps.
 */
export function drawTextured(
  image: RgbaImage,
  faces: readonly TexturedFace[],
  maps: Pick<FaceMaps, 'triangles' | 'uvs' | 'uvTriangles'>,
  options: PictureOptions = {},
): Picture {
  checkOptionNames(options, PICTURE_OPTION_NAMES);
  checkListArgument(faces, 'faces', 'faces as { vertices, texture }');
  checkMapsArgument(maps);
  return paintTextured(newCanvas(image, options.background), faces, maps);
}

/** `drawTextured` in place, on a canvas that may be transparent. @returns `canvas`. */
export function paintTextured(
  canvas: Picture,
  faces: readonly TexturedFace[],
  maps: Pick<FaceMaps, 'triangles' | 'uvs' | 'uvTriangles'>,
): Picture {
  const { triangles, uvs, uvTriangles = triangles } = maps;
  const target = new Uint32Array(canvas.data.buffer);
  for (const [index, { vertices, texture }] of faces.entries()) {
    checkVerticesArgument(vertices, `faces[${index}].vertices`);
    checkImage(texture);
  }
  const vertices = faces.map((face) => face.vertices);
  const raster = rasterize(vertices, triangles, canvas.width, canvas.height);
  const places = interpolate(
    raster,
    uvTriangles,
    faces.map(() => uvs),
    2,
  );
  const triangleCount = triangles.length / 3;
  const textures = faces.map(({ texture }) => pixelWords(texture));
  for (let y = 0, pixel = 0; y < raster.height; y++) {
    let at = (y + raster.yMin) * canvas.width + raster.xMin;
    for (let x = 0; x < raster.width; x++, pixel++, at++) {
      const fragment = raster.fragments[pixel];
      if (fragment === 0) continue;
      const face = Math.floor((fragment - 1) / triangleCount);
      const { width, height } = faces[face].texture;
      target[at] = samplePixels(
        textures[face],
        width,
        width - 1,
        height - 1,
        places[pixel * 2] * width - 0.5,
        (1 - places[pixel * 2 + 1]) * height - 0.5,
      );
    }
  }
  return canvas;
}
