/** The studio: weights, networks, geometry and pictures, all of them off the page's thread. */
import tfjsWasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import tfjsSimdUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import tfjsThreadedUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { readPixels } from '../../src/browser/read-pixels.ts';
import {
  createFaceAligner,
  createFaceTracker,
  type FaceAligner,
  type FaceTracker,
  type RgbaImage,
} from '../../src/index.ts';
import { canDraw, DRAWINGS, type DrawingKind, drawOverlays } from '../../src/results/drawings.ts';
import { FoundFace } from '../../src/results/found-face.ts';
import { coefficientsOf } from './coefficients.ts';
import { exportFile } from './export-file.ts';
import { coefficientsIn, type EditedFace, surfaceOf, viewedFaceOf } from './face-edit.ts';
import { weightsOf } from './pack-choice.ts';
import type {
  FaceEdit,
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

/** Backends of tfjs, each loaded when it is chosen. */
const TFJS_BACKENDS: Readonly<Record<string, () => Promise<unknown>>> = {
  wasm: () => import('../../src/backends/wasm.ts'),
  cpu: () => import('../../src/backends/cpu.ts'),
  webgl: () => import('../../src/backends/webgl.ts'),
  webgpu: () => import('../../src/backends/webgpu.ts'),
};

let canvas: OffscreenCanvas | undefined;
let aligner: FaceAligner | undefined;
let tracker: FaceTracker | undefined;
let overlays: Overlays = { kinds: ['render'], background: 'image' };
let image: RgbaImage | undefined;
let faces: readonly FoundFace[] = [];

function theAligner(): FaceAligner {
  if (aligner === undefined) throw new Error('No model is loaded yet.');
  return aligner;
}

async function load({ pack, backend, regressor }: LoadRequest): Promise<LoadedPack> {
  await TFJS_BACKENDS[backend]?.();
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
  aligner?.dispose();
  aligner = next;
  tracker = undefined;
  const { morphableModel, faceMaps } = next;
  return {
    name: next.packName,
    backend: next.backend,
    regressor: next.regressor,
    regressors: next.regressors,
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
  faces = aligned.map((face, index) => new FoundFace(target, face, boxes[index]));
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
  faces = tracked.map((face) => new FoundFace(target, face));
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
  const needed = new Set(drawnKinds().map((kind) => DRAWINGS[kind].needs));
  for (const face of faces) {
    if (face.hasModel) void face.landmarks;
    if (needed.has('vertices') || needed.has('surface')) void face.vertices;
  }
}

/** Those of the overlays that the pack has all for. */
function drawnKinds(): DrawingKind[] {
  const target = theAligner();
  return overlays.kinds.filter((kind) => canDraw(kind, target));
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
  return drawOverlays(photo, drawnKinds(), faces, theAligner(), { background: overlays.background });
}

function seen({ width, height }: RgbaImage, timings: Timings): SeenPicture {
  return {
    width,
    height,
    timings,
    faces: faces.map((face) => {
      const { yawDegrees, pitchDegrees, rollDegrees } = face.pose;
      const { expression, shape } = coefficientsIn(face.aligned, theAligner());
      return {
        ...(face.detected && { score: face.detected.score }),
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

function edited(edit: FaceEdit): EditedFace {
  const face = faces[edit.face];
  if (face === undefined || image === undefined) throw new Error('There is no such face in this picture.');
  return { photo: image, face: face.aligned, edit };
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
  mesh: (edit: FaceEdit) => viewedFaceOf(edited(edit), theAligner()),
  edit: (edit: FaceEdit) => surfaceOf(edited(edit), theAligner()),
  export({ kind, name, edit }: Parameters<StudioMethods['export']>[0]) {
    const chosen = edited(edit);
    return exportFile({ kind, name }, { chosen, faces, picture: compose(chosen.photo), aligner: theAligner() });
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
