/** What callers mistake, in Node: a TypeError that names the argument and says what to do. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openCamera } from '../src/browser/open-camera.ts';
import { createFaceFilm } from '../src/geometry/face-film.ts';
import { faceMesh } from '../src/geometry/face-mesh.ts';
import { writeGlb } from '../src/geometry/glb.ts';
import { suppressOverlaps } from '../src/geometry/nms.ts';
import { createSheet } from '../src/geometry/sheet.ts';
import * as geometry from '../src/geometry.ts';
import { nearestName } from '../src/nearest-name.ts';
import {
  createFaceAligner,
  createFaceAlignerPool,
  createFaceTracker,
  createMeanSmoother,
  decodeImage,
  encodeJpeg,
  encodePng,
  type FaceAligner,
  faceGlb,
  httpWeights,
  readImage,
  readImageSequence,
  readVideo,
  writeImage,
  writeVideo,
} from '../src/node.ts';
import { FaceMesh3D } from '../src/three/face-mesh-3d.ts';
import { frontalTexture } from '../src/three/frontal-texture.ts';
import type { AlignedFace, FaceBox, RgbaImage } from '../src/types.ts';
import { buildPackage } from './support/build-package.ts';
import { repositoryRoot } from './support/shared.ts';

const PACK = join(repositoryRoot, 'weights', 'open');
const PHOTO = join(repositoryRoot, 'examples', 'astronaut.png');

let aligner: FaceAligner;
let image: RgbaImage;
let boxes: FaceBox[];
let faces: AlignedFace[];
beforeAll(async () => {
  // The threads of a pool run what was built.
  await buildPackage();
  aligner = await createFaceAligner({ weights: PACK });
  image = await readImage(PHOTO);
  boxes = await aligner.detect(image);
  faces = await aligner.align(image, boxes);
}, 240_000);
afterAll(() => aligner.dispose());

/** Calls as JavaScript allows them. */
type Loose = (...args: unknown[]) => unknown;
const loose = (call: unknown): Loose => call as Loose;

async function mistake(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  return 'was accepted';
}

test('a folder, its URL and an address are weights', async () => {
  for (const weights of [PACK, new URL(`file://${PACK}`)]) (await createFaceAligner({ weights })).dispose();
  await expect(createFaceAligner({ weights: 'http://127.0.0.1:1/pack' })).rejects.toThrow(
    'http://127.0.0.1:1/pack/pack.json',
  );
  await expect(createFaceAligner({ weights: '/nowhere' })).rejects.toThrow('/nowhere');
});

test('values that options of the engine do not have are refused by the name of the option', async () => {
  const make = loose(createFaceAligner);
  await expect(make({ weights: PACK, simd: true })).rejects.toThrow("simd: expected plain or fma, got 'true'");
  await expect(make({ weights: PACK, precision: 8 })).rejects.toThrow("precision: expected float32 or int8, got '8'");
  for (const optimize of [3, { only: [] }, { except: 3 }]) {
    await expect(make({ weights: PACK, optimize })).rejects.toThrow(/^optimize\.except: '.*' is none of /);
  }
});

describe.each<[string, () => unknown, string]>([
  [
    'no boxes',
    () => loose(aligner.align)(image),
    'boxes: expected a list of boxes, got undefined; pass [box], or await aligner.detect(image)',
  ],
  [
    'one box',
    () => loose(aligner.align)(image, boxes[0]),
    'boxes: expected a list of boxes, got { xMin, yMin, xMax, yMax, score }; pass [box], or await',
  ],
  [
    'a promise of boxes',
    () => loose(aligner.align)(image, Promise.resolve(boxes)),
    'boxes: expected a list of boxes, got a value of type Promise; pass [box], or await aligner.detect(image)',
  ],
  [
    'an area without corners',
    () => loose(aligner.align)(image, [{ x: 1, y: 2, width: 3, height: 4 }]),
    'boxes[0]: expected a box, got { x, y, width, height }; pass { xMin, yMin, xMax, yMax }',
  ],
  ['no crops', () => loose(aligner.alignCrops)(image), 'roiBoxes: expected a list of boxes, got undefined'],
  [
    'one face of a film',
    () => loose(aligner.alignToLandmarks)(image, faces[0]),
    'faces: expected a list of faces, got { roiBox, params }; pass [face]',
  ],
  ['boxes for faces', () => loose(aligner.alignToLandmarks)(image, boxes), 'faces[0]: expected a face, got { xMin, '],
  [
    'all faces at once',
    () => loose(aligner.reconstruct)(faces),
    'face: expected a face, got a list of 1; pass one of the faces from await aligner.align(image, boxes)',
  ],
  [
    'no face',
    () => loose(aligner.reconstruct)(undefined),
    'face: expected a face, got undefined; pass one of the faces',
  ],
  ['a box for a face', () => loose(aligner.reconstruct)(boxes[0]), 'face: expected a face, got { xMin, '],
  ['true for options', () => loose(aligner.reconstruct)(faces[0], true), 'options: expected { dense: … }, got true'],
  ['all faces for expressions', () => loose(aligner.expressions)(faces), 'face: expected a face, got a list of 1'],
  [
    'a path for a picture',
    () => loose(aligner.detect)(PHOTO),
    '; await readImage(file) in Node, readPixels(source) in a browser',
  ],
  [
    'bytes for a picture',
    () => loose(aligner.detect)(new Uint8Array(3)),
    'image: expected { data, width, height } with RGBA bytes, got a value of type Uint8Array; await readImage(file)',
  ],
  [
    'a promise of a picture',
    () => loose(aligner.detect)(readImage(PHOTO)),
    'got a value of type Promise; await readImage(file) in Node',
  ],
  [
    'no picture',
    () => loose(aligner.detect)(undefined),
    'image: expected { data, width, height } with RGBA bytes, got undefined; await readImage(file)',
  ],
  [
    'a number for options',
    () => loose(aligner.detect)(image, 0.5),
    'options: expected { confidenceThreshold: … }, got 0.5',
  ],
  [
    'an option of detect',
    () => loose(aligner.detect)(image, { minScor: 0.5 }),
    "options: unknown option 'minScor'; did you mean 'minScore'?",
  ],
  [
    'the old name of one',
    () => loose(aligner.detect)(image, { minimumScore: 0.5 }),
    "options: unknown option 'minimumScore'; did you mean 'minScore'?",
  ],
  [
    "the detector's options",
    () => loose(createFaceAligner)({ minScore: 0.5 }),
    "options: unknown option 'minScore'; put it in detector: { detector: { minScore: … } }",
  ],
  [
    'an option of the detector',
    () => loose(createFaceAligner)({ detector: { maxwidth: 9 } }),
    "detector: unknown option 'maxwidth'; did you mean 'maxWidth'?",
  ],
  [
    'an option of the aligner',
    () => loose(createFaceAligner)({ weigths: PACK }),
    "options: unknown option 'weigths'; did you mean 'weights'?",
  ],
  [
    'a number for weights',
    () => loose(createFaceAligner)({ weights: 7 }),
    "weights: expected a source such as httpWeights('/weights/open/') or a URL, got 7",
  ],
  ['a path for options', () => loose(createFaceAligner)(PACK), "options: expected { weights: … }, got '"],
  ['null for options', () => loose(createFaceAligner)(null), 'options: expected { weights: … }, got null'],
  [
    'an option of a pool',
    () => loose(createFaceAlignerPool)({ sise: 2 }),
    "options: unknown option 'sise'; did you mean 'size'?",
  ],
  [
    'an option of the tracker',
    () => loose(createFaceTracker)(aligner, { maxface: 1 }),
    "options: unknown option 'maxface'; did you mean 'maxFaces'?",
  ],
  [
    "the tracker's detector",
    () => loose(createFaceTracker)(aligner, { minScore: 1 }),
    'put it in detector: { detector: { minScore: … } }',
  ],
  [
    'an option of smoothing',
    () => loose(createMeanSmoother)({ before: 1 }),
    "options: unknown option 'before'; did you mean 'framesBefore'?",
  ],
  [
    'an option of decoding',
    () => loose(decodeImage)(new Uint8Array(9), { maxPixel: 1 }),
    "options: unknown option 'maxPixel'; did you mean 'maxPixels'?",
  ],
  [
    'an option of an address',
    () => loose(httpWeights)('/x', { header: {} }),
    "options: unknown option 'header'; did you mean 'headers'?",
  ],
  [
    'an option of a mesh',
    () => loose(faceMesh)(image, faces[0], aligner, { textures: false }),
    "options: unknown option 'textures'; did you mean 'texture'?",
  ],
  ['all faces for a mesh', () => loose(faceMesh)(image, faces, aligner), 'face: expected a face, got a list of 1'],
  [
    'an option of a file',
    () => loose(writeGlb)([], { unitscale: 1 }),
    "options: unknown option 'unitscale'; did you mean 'unitScale'?",
  ],
  [
    'an option of boxes',
    () => loose(suppressOverlaps)(new Float32Array(0), new Float32Array(0), { treshold: 1 }),
    "options: unknown option 'treshold'; did you mean 'threshold'?",
  ],
  [
    'an option of a face as GLB',
    () => loose(faceGlb)(image, faces[0], aligner, { frames: 'photo' }),
    "options: unknown option 'frames'; did you mean 'frame'?",
  ],
  [
    'an option of one face for several',
    () => loose(faceGlb)(image, faces, aligner, { edited: faces[0] }),
    "options: unknown option 'edited'",
  ],
  [
    'a box for a face of a GLB',
    () => loose(faceGlb)(image, boxes[0], aligner),
    'face: expected a face, got { xMin, yMin, xMax, yMax, score }',
  ],
  [
    'an option of a film of faces',
    () => loose(createFaceFilm)(aligner.morphableModel, aligner.faceMaps, { encoder: encodePng }),
    "options: unknown option 'encoder'; did you mean 'encode'?",
  ],
  [
    'a film of faces without an encoder',
    () => loose(createFaceFilm)(aligner.morphableModel, aligner.faceMaps, {}),
    'encode: expected a function that makes a PNG or JPEG file, got undefined',
  ],
  [
    'a film of faces without options',
    () => loose(createFaceFilm)(aligner.morphableModel, aligner.faceMaps),
    'options: expected { interocularMm: … }, got null',
  ],
  [
    'an option of a film that is read',
    () => loose(readVideo)('film.mp4', { begin: 1 }),
    "options: unknown option 'begin'",
  ],
  [
    'an option of a film that is written',
    () => loose(writeVideo)('film.mp4', { framerate: 25 }),
    "options: unknown option 'framerate'; did you mean 'frameRate'?",
  ],
  [
    'an option of its sound',
    () => loose(writeVideo)('film.mp4', { frameRate: 25, audio: { file: 'a.mp3' } }),
    "audio: unknown option 'file'",
  ],
  [
    'an option of pictures as a film',
    () => loose(readImageSequence)([PHOTO], { fps: 25 }),
    "options: unknown option 'fps'",
  ],
  ['an option of a camera', () => loose(openCamera)({ facingMode: 'user' }), "options: unknown option 'facingMode'"],
  [
    'an option of a face in three.js',
    () => new (loose(FaceMesh3D) as unknown as new (...args: unknown[]) => unknown)(aligner, { morphs: true }),
    "options: unknown option 'morphs'",
  ],
  [
    'an option of its texture',
    () => loose(frontalTexture)(aligner, image, faces[0], { sise: 64 }),
    "options: unknown option 'sise'; did you mean 'size'?",
  ],
  [
    'an option of a sheet',
    () => loose(createSheet)(1, image, { maxSize: 9 }),
    "options: unknown option 'maxSize'; did you mean 'maxSide'?",
  ],
])('%s', (_what, call, message) => {
  test('is a TypeError that says what to do', async () => {
    expect(await mistake(call)).toContain(message);
  });
});

test('free functions name the argument, too', async () => {
  const landmarks = aligner.reconstruct(faces[0]);
  const vertices = aligner.reconstruct(faces[0], { dense: true });
  const { faceMaps: maps, morphableModel: model } = aligner;
  const whole = faceMesh(image, faces[0], aligner);
  const list = "faces: expected a list of faces' coordinates, got a value of type Float32Array; give faces.map(";
  const noMaps = "maps: expected a mesh's triangles and texture coordinates, got undefined; give aligner.faceMaps";
  const noVertices = 'faces[0]: expected coordinates, a Float32Array of n x 3, got { roiBox, params }; aligner.rec';
  const { drawBoxes, drawDepth, drawLandmarks, drawPncc, drawPoints, drawPose, drawRender, drawTextured } = geometry;
  const calls: [(...args: never[]) => unknown, unknown[], string][] = [
    [drawLandmarks, [image, landmarks], list],
    [drawLandmarks, [image], "faces: expected a list of faces' coordinates, got undefined"],
    [drawLandmarks, [image, faces], noVertices],
    [drawLandmarks, [PHOTO, [landmarks]], 'image: expected { data, width, height } with RGBA bytes, got '],
    [drawPoints, [image, vertices], list],
    [drawPose, [image, faces[0]], 'faces: expected a list of faces as { params, landmarks }, got { roiBox, params }'],
    [drawPose, [image, faces], 'faces[0].landmarks: expected coordinates, a Float32Array of n x 3, got undefined'],
    [drawBoxes, [image, boxes[0]], 'boxes: expected a list of boxes, got { xMin'],
    [drawBoxes, [image, faces], 'boxes[0]: expected a box, got { roiBox, params }'],
    ...[drawDepth, drawPncc, drawRender, geometry.depthMap, geometry.faceMask, geometry.hideFaces].flatMap(
      (draw): [(...args: never[]) => unknown, unknown[], string][] => [
        [draw, [image, vertices, maps], list],
        [draw, [image, [vertices]], noMaps],
        [draw, [image, faces, maps], noVertices],
      ],
    ),
    [drawTextured, [image, vertices, maps], 'faces: expected a list of faces as { vertices, texture }, got a value of'],
    [drawTextured, [image, [vertices], maps], 'faces[0].vertices: expected coordinates, a Float32Array of n x 3'],
    [geometry.extractUvTexture, [image, vertices], noMaps],
    [geometry.extractUvTexture, [image, faces[0], maps], 'vertices: expected coordinates, a Float32Array of n x 3'],
    [geometry.vertexVisibility, [vertices], noMaps],
    [geometry.landmarkVisibility, [vertices], 'model: expected a morphable model, got undefined; give aligner.morpha'],
    [geometry.vertexNormals, [whole.mesh], 'triangles: expected a Uint32Array of m x 3 indices, got undefined'],
    [geometry.sampleTexture, [whole.texture], 'uvs: expected a Float32Array of k x 2, got undefined'],
    [geometry.withClosedMouth, [], noMaps],
    [geometry.meshRegions, [aligner], 'model: expected a morphable model, got { '],
    [geometry.neutralFace, [faces, model], 'face: expected a face, got a list of 1'],
    [geometry.transferExpression, [faces[0]], 'source: expected a face, got undefined'],
    [geometry.withExpression, [faces[0], { jawOpen: 1 }, model], 'expression: expected 52 coefficients, got { jawOpen'],
    [geometry.expressions, [faces[0]], 'model: give aligner.morphableModel'],
    [geometry.faceMeshes, [image, faces[0], aligner], 'faces: expected a list of faces, got { roiBox, params }'],
    [
      faceMesh,
      [image, faces[0]],
      'source: expected a face aligner, got undefined; await createFaceAligner() makes one',
    ],
    [writeGlb, [whole], 'faces: expected a list of faces as { mesh, texture, expression }, got { scale, mesh'],
    [writeGlb, [[whole.mesh]], 'faces[0].mesh: expected a mesh, { positions, triangles'],
    [geometry.writeObj, [whole.mesh], 'meshes: expected a list of meshes, got { positions'],
    [geometry.writeObj, [[whole]], 'meshes[0]: expected a mesh, { positions, triangles, … }, got { scale, mesh'],
    [geometry.writePly, [[whole]], 'meshes[0]: expected a mesh, { positions, triangles, … }, got { scale, mesh'],
    [geometry.arrangeSheet, [image], 'pictures: expected a list of pictures, got { data, width, height }'],
    [aligner.gaze, [faces], 'face: expected a face, got a list of 1'],
    [decodeImage, [PHOTO], 'bytes: expected a Uint8Array with a whole file, got '],
    [decodeImage, [new ArrayBuffer(8)], 'got a value of type ArrayBuffer; new Uint8Array(buffer)'],
    [writeImage, ['x.png'], 'image: expected { data, width, height } with RGBA bytes, got undefined'],
    [encodePng, [PHOTO], 'image: expected { data, width, height } with RGBA bytes, got '],
    [encodeJpeg, [], 'image: expected { data, width, height } with RGBA bytes, got undefined'],
  ];
  for (const [call, args, message] of calls) expect(await mistake(() => loose(call)(...args))).toContain(message);
  expect(() => loose(geometry.poseFromParams)(faces[0])).toThrow('params: expected at least 12 parameters, got undef');
});

test('a pool and its threads refuse the same', async () => {
  const pool = await createFaceAlignerPool({ size: 1, weights: PACK });
  const file = await readFile(PHOTO);
  try {
    const calls: [() => unknown, string][] = [
      [() => loose(pool.align)(image, boxes[0]), 'boxes: expected a list of boxes'],
      [() => loose(pool.align)(image, boxes, { signl: 1 }), "unknown option 'signl'; did you mean 'signal'?"],
      [() => loose(pool.detect)(PHOTO), 'image: expected { data, width, height }'],
      [() => loose(pool.detect)(image, { minScor: 1 }), "unknown option 'minScor'; did you mean 'minScore'?"],
      [() => loose(pool.detect)(image, 0.5), 'options: expected {'],
      [() => loose(pool.decodeImage)(PHOTO), 'bytes: expected a Uint8Array with a whole file'],
      [() => loose(pool.alignFile)(file, { maxPixel: 1 }), "unknown option 'maxPixel'; did you mean 'maxPixels'?"],
      [() => loose(pool.alignFile)(file, { minScore: 1 }), 'put it in detector: { detector: { minScore: … } }'],
      [() => loose(pool.alignFile)(PHOTO), 'bytes: expected a Uint8Array with a whole file'],
      [() => loose(pool.dispose)({ waits: true }), "unknown option 'waits'; did you mean 'wait'?"],
      [() => loose(pool.reconstruct)(faces), 'face: expected a face, got a list of 1'],
    ];
    for (const [call, message] of calls) expect(await mistake(call)).toContain(message);
    expect(await pool.align(image, boxes)).toHaveLength(1);
  } finally {
    await pool.dispose();
  }
});

test('a tracker refuses what is no aligner and no picture, and continues', async () => {
  expect(await mistake(() => loose(createFaceTracker)())).toContain('aligner: expected a face aligner, got undefined');
  const promised = createFaceAligner({ weights: PACK });
  expect(await mistake(() => loose(createFaceTracker)(promised))).toContain('await createFaceAligner()');
  (await promised).dispose();
  const tracker = createFaceTracker(aligner);
  expect(await mistake(() => loose(tracker.next)(PHOTO, 0))).toContain('image: expected { data, width, height }');
  await expect(loose(tracker.next)(image)).rejects.toThrow('timeMs: expected a time after');
  expect(await tracker.next(image, 0)).toHaveLength(1);
});

test('the nearest name', () => {
  expect(nearestName('min-score', ['maxWidth', 'minScore'])).toBe('minScore');
  expect(nearestName('zzzzzz', ['maxWidth', 'minScore'])).toBeUndefined();
  expect(nearestName('', ['a'])).toBeUndefined();
});
