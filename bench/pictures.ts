import { existsSync } from 'node:fs';
import { geometryWithoutWebAssembly } from '../development/bundle-geometry.ts';
import { sharedPath } from '../development/paths.ts';
import { referenceFaces, referencePicture, upstreamMaps } from '../development/reference-faces.ts';
import { ellipseLandmarks, gradientImage, syntheticFace } from '../development/synthetic-face.ts';
import type { BenchCase, Benchmark, NamedBenchmark } from '../src/bench/measure.ts';
import { noise } from '../src/bench/noise.ts';
import * as geometry from '../src/geometry.ts';
import {
  extractUvTexture,
  type FaceMesh,
  type FaceMeshOptions,
  type SurfaceSource,
  writeObj,
  writePly,
  writeUpstreamObj,
} from '../src/geometry.ts';
import { encodePng } from '../src/image-files/write-image.ts';
import type { AlignedFace, FaceMaps, MorphableModel, RgbaImage } from '../src/types.ts';

type Geometry = typeof geometry;

/** A dense face on a photo of 1536 x 689 px: the original's if the reference data is present, otherwise one of the same size. */
interface Subject {
  readonly image: RgbaImage;
  readonly vertices: Float32Array;
  readonly landmarks: Float32Array;
  readonly maps: FaceMaps;
  readonly face: AlignedFace;
  readonly source: SurfaceSource;
}

/** Pictures and meshes of one face of some 76,000 triangles. */
export function pictureBenchmarks(): NamedBenchmark[] {
  return Array.from(namedBenchmarks(), ([name, make]) => ({ name, make }));
}

function* namedBenchmarks(): Generator<[string, () => Promise<Benchmark>]> {
  let made: Promise<Subject> | undefined;
  const subject = (): Promise<Subject> => {
    made ??= makeSubject();
    return made;
  };
  let madePlain: Promise<Geometry> | undefined;
  const plainGeometry = (): Promise<Geometry> => {
    madePlain ??= geometryWithoutWebAssembly();
    return madePlain;
  };
  const withAndWithoutKernel = async (run: (geometry: Geometry) => unknown): Promise<BenchCase[]> => {
    const plain = await plainGeometry();
    return [
      { backend: 'compiled', run: () => run(geometry) },
      { backend: 'plain JavaScript', run: () => run(plain) },
    ];
  };
  const compared = (
    run: (geometry: Geometry, subject: Subject, compatibility: 'none' | 'upstream') => unknown,
  ): (() => Promise<Benchmark>) => {
    return async () => {
      const face = await subject();
      const cases: BenchCase[] = [
        ...(await withAndWithoutKernel((geometry) => run(geometry, face, 'none'))),
        { backend: "the original's rule", run: () => run(geometry, face, 'upstream') },
      ];
      return { cases, dispose: () => {} };
    };
  };
  const single = (run: (geometry: Geometry, subject: Subject) => unknown): (() => Promise<Benchmark>) => {
    return async () => {
      const face = await subject();
      return { cases: await withAndWithoutKernel((geometry) => run(geometry, face)), dispose: () => {} };
    };
  };

  yield [
    'picture: rasterise',
    compared(({ rasterize }, { image, vertices, maps }, compatibility) =>
      rasterize([vertices], maps.triangles, image.width, image.height, { compatibility }),
    ),
  ];
  yield [
    'picture: pncc',
    compared(({ drawPncc }, { image, vertices, maps }, compatibility) =>
      drawPncc(image, [vertices], maps, { compatibility }),
    ),
  ];
  yield [
    'picture: render',
    compared(({ drawRender }, { image, vertices, maps }, compatibility) =>
      drawRender(image, [vertices], maps, { compatibility }),
    ),
  ];
  yield [
    'picture: depth',
    compared(({ drawDepth }, { image, vertices, maps }, compatibility) =>
      drawDepth(image, [vertices], maps, { compatibility }),
    ),
  ];
  yield [
    'picture: uv-texture 256',
    compared(({ extractUvTexture }, { image, vertices, maps }, compatibility) =>
      extractUvTexture(image, vertices, maps, { compatibility }),
    ),
  ];
  yield [
    'picture: uv-texture 512, mirrored and filled',
    single(({ extractUvTexture }, { image, vertices, maps }) =>
      extractUvTexture(image, vertices, maps, { size: 512, hidden: 'mirror', fill: true }),
    ),
  ];
  yield ['picture: depth map', single(({ depthMap }, { image, vertices, maps }) => depthMap(image, [vertices], maps))];
  yield ['picture: landmarks', single(({ drawLandmarks }, { image, landmarks }) => drawLandmarks(image, [landmarks]))];
  yield ['picture: points', single(({ drawPoints }, { image, vertices }) => drawPoints(image, [vertices]))];
  yield ['visibility', single(({ vertexVisibility }, { vertices, maps }) => vertexVisibility(vertices, maps))];
  yield ['normals', single(({ vertexNormals }, { vertices, maps }) => vertexNormals(vertices, maps.triangles))];

  yield [
    'mesh: ply',
    async () => {
      const { mesh } = meshOf(await subject(), { expression: false });
      const cases: BenchCase[] = (['binary', 'ascii'] as const).map((format) => ({
        backend: format,
        run: () => writePly([mesh], { format }),
      }));
      return { cases, dispose: () => {} };
    },
  ];
  yield [
    'mesh: obj',
    async () => {
      const made = await subject();
      const { image, vertices, maps } = made;
      const { mesh } = meshOf(made, { expression: false });
      const material = { file: 'face.mtl', textures: ['face.png'] };
      const cases: BenchCase[] = [
        { backend: 'texture and normals', run: () => writeObj([mesh], { material }) },
        { backend: "the original's", run: () => writeUpstreamObj(image, [vertices], maps.triangles) },
      ];
      return { cases, dispose: () => {} };
    },
  ];
  yield [
    'mesh: glb with 10 expressions',
    async () => {
      const made = await subject();
      const { image, vertices, maps } = made;
      const texture = encodePng(extractUvTexture(image, vertices, maps, { hidden: 'mirror', fill: true }));
      const write = ({ faceMesh, writeGlb }: Geometry): Uint8Array => {
        const { mesh, expression } = meshOf(made, {}, faceMesh);
        return writeGlb([{ mesh, texture, ...(expression && { expression }) }]);
      };
      return { cases: await withAndWithoutKernel(write), dispose: () => {} };
    },
  ];
}

async function makeSubject(): Promise<Subject> {
  if (existsSync(sharedPath('reference'))) {
    const [face] = referenceFaces('trump_hillary');
    if (face !== undefined)
      return withSource({ ...face, image: referencePicture('trump_hillary', 'input'), maps: await upstreamMaps() });
  }
  return withSource({
    image: gradientImage(1536, 689),
    landmarks: ellipseLandmarks(500, 340, 135),
    ...syntheticFace(500, 340, 135, 196, 196),
  });
}

function meshOf(
  { image, face, source }: Subject,
  options: FaceMeshOptions = {},
  faceMesh = geometry.faceMesh,
): FaceMesh {
  return faceMesh(image, face, source, { frame: 'photo', texture: false, ...options });
}

/** The aligned face of these points, without an aligner; the values of its parameters do not affect the time. */
function withSource(points: Pick<Subject, 'image' | 'vertices' | 'landmarks' | 'maps'>): Subject {
  const { face, model } = expressionModel(points.vertices.length / 3);
  const source: SurfaceSource = {
    packName: 'bench',
    morphableModel: model,
    faceMaps: points.maps,
    reconstruct: (_, { dense = false } = {}) => (dense ? points.vertices : points.landmarks),
  };
  return { ...points, face, source };
}

/** Parameters and expression columns of the right size. */
function expressionModel(vertexCount: number): { face: AlignedFace; model: MorphableModel } {
  const model: MorphableModel = {
    vertexCount,
    shapeCount: 40,
    expressionCount: 10,
    meanShape: new Float32Array(0),
    shapeBasis: new Float32Array(0),
    expressionBasis: noise(vertexCount * 30, 1e3),
    keypointIndices: new Uint32Array(204),
  };
  const params = noise(62, 1);
  params.set([5e-4, 1e-4, 0, 60, -1e-4, 5e-4, 1e-5, 60, 1e-5, 0, 5e-4, -60]);
  return { face: { params, roiBox: { xMin: 140, yMin: 77, xMax: 554, yMax: 491 } }, model };
}
