/** The studio: weights, networks, geometry and pictures, all of them off the page's thread. */
import tfjsWasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import tfjsSimdUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import tfjsThreadedUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { readPixels } from '../../src/browser/read-pixels.ts';
import { drawBoxes, drawDepth, drawLandmarks, drawPncc, drawPoints, drawPose, drawRender } from '../../src/geometry.ts';
import {
  createFaceAligner,
  createFaceTracker,
  type FaceAligner,
  type FaceTracker,
  poseFromParams,
  type RgbaImage,
  type TrackedFace,
} from '../../src/index.ts';
import { coefficientsOf } from './coefficients.ts';
import { exportFile } from './export-file.ts';
import { FaceModel, type FoundFace } from './face-model.ts';
import { packName, regressorNames, weightsOf } from './pack-choice.ts';
import type {
  LoadedPack,
  LoadRequest,
  Overlays,
  SeenPicture,
  StudioAnswer,
  StudioMethods,
  StudioRequest,
  Timings,
} from './studio-protocol.ts';

interface WorkerScope {
  postMessage(message: StudioAnswer, transfer?: readonly Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<StudioRequest>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;

/** Longer photos are made smaller: beyond this nothing is gained, as faces are seen at 120 px. */
const MAX_SIDE = 1920;

let canvas: OffscreenCanvas | undefined;
let aligner: FaceAligner | undefined;
let tracker: FaceTracker | undefined;
let overlays: Overlays = {
  surface: 'mesh',
  landmarks: false,
  points: false,
  boxes: false,
  pose: false,
  black: false,
};
let image: RgbaImage | undefined;
let faces: readonly FoundFace[] = [];

function theAligner(): FaceAligner {
  if (aligner === undefined) throw new Error('No model is loaded yet.');
  return aligner;
}

async function load({ pack, backend, regressor }: LoadRequest): Promise<LoadedPack> {
  const weights = weightsOf(pack, (warning) => scope.postMessage({ warning: warning.message }));
  const next = await createFaceAligner({
    weights,
    backend,
    ...(regressor === undefined ? {} : { regressor }),
    wasmPaths: {
      'tfjs-backend-wasm.wasm': tfjsWasmUrl,
      'tfjs-backend-wasm-simd.wasm': tfjsSimdUrl,
      'tfjs-backend-wasm-threaded-simd.wasm': tfjsThreadedUrl,
    },
    onProgress: (progress) => scope.postMessage({ progress }),
  });
  const manifest = await weights.read('pack.json');
  aligner?.dispose();
  aligner = next;
  tracker = undefined;
  const { morphableModel, faceMaps } = next;
  return {
    name: packName(manifest),
    backend: next.backend,
    regressor: next.regressor,
    regressors: regressorNames(manifest),
    licences: next.licences,
    hasModel: morphableModel !== undefined,
    hasMaps: faceMaps !== undefined,
    ...coefficientsOf(morphableModel),
  };
}

const now = () => performance.now();

async function look(source: ImageBitmap | Blob): Promise<SeenPicture> {
  const target = theAligner();
  const start = now();
  const read = await readPixels(source, { maxSide: MAX_SIDE });
  if (!(source instanceof Blob)) source.close();
  const afterRead = now();
  const boxes = await target.detect(read);
  const afterDetect = now();
  const aligned = await target.align(read, boxes);
  const afterAlign = now();
  image = read;
  faces = aligned.map((face, index) => new FaceModel(target, face, boxes[index]));
  tracker = undefined;
  prepare();
  const afterReconstruct = now();
  show();
  return seen(read, {
    read: afterRead - start,
    detect: afterDetect - afterRead,
    align: afterAlign - afterDetect,
    reconstruct: afterReconstruct - afterAlign,
    draw: now() - afterReconstruct,
  });
}

async function follow({ bitmap, timeMs }: { bitmap: ImageBitmap | VideoFrame; timeMs: number }): Promise<SeenPicture> {
  const target = theAligner();
  tracker ??= createFaceTracker(target);
  const start = now();
  // Frames that are not closed would keep the video from going on.
  const read = await readPixels(bitmap, { maxSide: MAX_SIDE }).finally(() => bitmap.close());
  const afterRead = now();
  const tracked = await tracker.next(read, timeMs);
  const afterAlign = now();
  image = read;
  faces = tracked.map((face: TrackedFace) => new FaceModel(target, face));
  prepare();
  const afterReconstruct = now();
  show();
  return seen(read, {
    read: afterRead - start,
    detect: 0,
    align: afterAlign - afterRead,
    reconstruct: afterReconstruct - afterAlign,
    draw: now() - afterReconstruct,
  });
}

/** Computes the vertices that will be drawn, so that their time is not counted as drawing. */
function prepare(): void {
  const { surface, points } = overlays;
  const needsDense = surface !== 'none' || points;
  for (const face of faces) {
    if (!face.hasModel) continue;
    void face.landmarks;
    if (needsDense) void face.vertices;
  }
}

function show(): void {
  if (canvas === undefined || image === undefined) return;
  const picture = compose(image);
  if (canvas.width !== picture.width) canvas.width = picture.width;
  if (canvas.height !== picture.height) canvas.height = picture.height;
  const pixels = new ImageData(new Uint8ClampedArray(picture.data), picture.width, picture.height);
  canvas.getContext('2d')?.putImageData(pixels, 0, 0);
}

function compose(photo: RgbaImage): RgbaImage {
  let picture = overlays.black ? blackPicture(photo) : photo;
  const solid = faces.filter((face) => face.hasModel);
  const dense = () => solid.map((face) => face.vertices);
  const maps = aligner?.faceMaps;
  if (maps !== undefined && solid.length > 0) {
    const background = overlays.black ? 'black' : 'image';
    if (overlays.surface === 'mesh') picture = drawRender(picture, dense(), maps, { background });
    if (overlays.surface === 'depth') picture = drawDepth(picture, dense(), maps);
    if (overlays.surface === 'pncc') picture = drawPncc(picture, dense(), maps);
  }
  if (overlays.points) picture = drawPoints(picture, dense());
  if (overlays.landmarks) {
    picture = drawLandmarks(
      picture,
      solid.map((face) => face.landmarks),
    );
  }
  if (overlays.boxes) {
    picture = drawBoxes(
      picture,
      faces.map((face) => face.box ?? face.aligned.roiBox),
    );
  }
  if (overlays.pose) {
    picture = drawPose(
      picture,
      solid.map((face) => ({ params: face.aligned.params, landmarks: face.landmarks })),
    );
  }
  return picture;
}

function blackPicture({ width, height }: RgbaImage): RgbaImage {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return { data, width, height };
}

function seen({ width, height }: RgbaImage, timings: Timings): SeenPicture {
  return {
    width,
    height,
    timings,
    faces: faces.map((face) => {
      const { yawDegrees, pitchDegrees, rollDegrees } = poseFromParams(face.aligned.params);
      const { expression, shape } = face.coefficients();
      return {
        ...(face.box && { score: face.box.score }),
        ...(face.id !== undefined && { id: face.id }),
        yawDegrees,
        pitchDegrees,
        rollDegrees,
        expression,
        shape,
      };
    }),
  };
}

function theFace(index: number): { face: FoundFace; photo: RgbaImage } {
  const face = faces[index];
  if (face === undefined || image === undefined) throw new Error('There is no such face in this picture.');
  return { face, photo: image };
}

type Handlers = { [Method in keyof StudioMethods]: (argument: never) => unknown };

const handlers: Handlers = {
  canvas(given: OffscreenCanvas) {
    canvas = given;
    return null;
  },
  load,
  look,
  follow,
  restart() {
    tracker = undefined;
    return null;
  },
  overlays(chosen: Overlays) {
    overlays = chosen;
    const start = now();
    show();
    return now() - start;
  },
  async mesh(edit: Parameters<StudioMethods['mesh']>[0]) {
    const { face, photo } = theFace(edit.face);
    return face.mesh(photo, edit);
  },
  edit: (edit: Parameters<StudioMethods['edit']>[0]) => theFace(edit.face).face.surface(edit),
  export(request: Parameters<StudioMethods['export']>[0]) {
    const { face, photo } = theFace(request.edit.face);
    return exportFile(request, { face, faces, photo, picture: compose(photo) });
  },
};

/** Requests are answered one after the other. */
let queue: Promise<void> = Promise.resolve();

scope.addEventListener('message', ({ data: { id, method, argument } }) => {
  queue = queue.then(async () => {
    try {
      const result = (await handlers[method](argument as never)) as ReturnType<StudioMethods[typeof method]>;
      scope.postMessage({ id, result }, transferablesOf(result));
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      scope.postMessage({ id, error: { name, message } });
    }
  });
});

function transferablesOf(result: unknown): Transferable[] {
  if (typeof result !== 'object' || result === null || !('positions' in result)) return [];
  const { positions, normals, texture, triangles, uvs } = result as Partial<ReturnType<StudioMethods['mesh']>>;
  const buffers = [positions, normals, triangles, uvs]
    .map((array) => array?.buffer)
    .filter((buffer) => buffer !== undefined);
  return [...(buffers as ArrayBuffer[]), ...(texture ? [texture] : [])];
}
