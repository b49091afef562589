/** The studio: weights, networks, geometry and pictures, all of them off the page's thread. */
import tfjsWasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import tfjsSimdUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import tfjsThreadedUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { readPixels } from '../../src/browser/read-pixels.ts';
import { resizePicture } from '../../src/geometry.ts';
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
import { coefficientsIn, type EditedFace, meshOf } from './face-edit.ts';
import { bitmapOf, LiveSkin } from './live-skin.ts';
import { weightsOf } from './pack-choice.ts';
import { ScaledFace } from './scaled-face.ts';
import type {
  FaceEdit,
  FollowedVideoFrame,
  LoadedPack,
  LoadRequest,
  Overlays,
  SeenPicture,
  StudioAnswer,
  StudioMethods,
  StudioRequest,
  Timings,
} from './studio-protocol.ts';
import type { ViewedByStudio } from './viewer-protocol.ts';

interface WorkerScope {
  postMessage(message: StudioAnswer, transfer?: readonly Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<StudioRequest>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;

/** Longer photos are scaled down: beyond this nothing is gained, as faces are seen at 120 px. */
const MAX_SIDE = 1920;

/** Backends of tfjs, each loaded when it is chosen. */
const TFJS_BACKENDS: Readonly<Record<string, () => Promise<unknown>>> = {
  wasm: () => import('../../src/backends/wasm.ts'),
  cpu: () => import('../../src/backends/cpu.ts'),
  webgl: () => import('../../src/backends/webgl.ts'),
  webgpu: () => import('../../src/backends/webgpu.ts'),
};

/** Side of a face's small picture, px. */
const THUMBNAIL_SIDE = 96;
/** What is shown is drawn at most this large, px, and at most this much larger than the picture. */
const MAX_SHOWN_PIXELS = 2_100_000;
const MAX_MAGNIFICATION = 3;

let canvas: OffscreenCanvas | undefined;
let viewer: MessagePort | undefined;
let aligner: FaceAligner | undefined;
let tracker: FaceTracker | undefined;
let overlays: Overlays = { kinds: ['render'], background: 'image' };
let image: RgbaImage | undefined;
let faces: readonly FoundFace[] = [];
let isLive = false;
let liveSkin = new LiveSkin();
let display = { width: 0, height: 0 };
let wipe = 0;
/** What is shown, with and without the overlays. */
let shown: { readonly plain: ImageData; readonly drawn: ImageData } | undefined;
/** The picture at the size at which it is shown. */
let fitted: { readonly of: RgbaImage; readonly image: RgbaImage } | undefined;

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
  liveSkin = new LiveSkin();
  // Faces of the previous model fit neither the new one nor its drawings.
  faces = [];
  sendModel();
  const { morphableModel, faceMaps } = next;
  return {
    name: next.packName,
    backend: next.backend,
    regressor: next.regressor,
    regressors: next.regressors,
    licences: next.licences,
    hasModel: morphableModel !== undefined,
    hasMaps: faceMaps !== undefined,
    ...coefficientsOf(morphableModel, faceMaps),
  };
}

function sendModel(): void {
  if (aligner === undefined) return;
  const { packName, morphableModel, faceMaps } = aligner;
  const model = morphableModel && faceMaps && { packName, morphableModel, faceMaps };
  tellViewer({ type: 'model', model });
}

function tellViewer(message: ViewedByStudio, transfer: readonly Transferable[] = []): void {
  viewer?.postMessage(message, [...transfer]);
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
  isLive = false;
  prepare();
  const afterReconstruct = now();
  show();
  return withThumbnails(
    read,
    seen(read, {
      read: afterRead - start,
      detect: afterDetect - afterRead,
      align: afterAlign - afterDetect,
      reconstruct: afterReconstruct - afterAlign,
      draw: now() - afterReconstruct,
    }),
  );
}

/** Small pictures of the faces, if there are several to choose from. */
async function withThumbnails({ data, width, height }: RgbaImage, picture: SeenPicture): Promise<SeenPicture> {
  if (picture.faces.length < 2) return picture;
  const pixels = new ImageData(new Uint8ClampedArray(data), width, height);
  const small = { resizeWidth: THUMBNAIL_SIDE, resizeHeight: THUMBNAIL_SIDE, resizeQuality: 'medium' } as const;
  const withThem = picture.faces.map(async (face, index) => {
    const { xMin, yMin, xMax, yMax } = faces[index].box;
    const side = Math.max(1, Math.round(Math.max(xMax - xMin, yMax - yMin)));
    const [left, top] = [(xMin + xMax - side) / 2, (yMin + yMax - side) / 2].map(Math.round);
    return { ...face, thumbnail: await createImageBitmap(pixels, left, top, side, side, small) };
  });
  return { ...picture, faces: await Promise.all(withThem) };
}

async function follow({ bitmap, timeMs, face: chosen }: FollowedVideoFrame): Promise<SeenPicture> {
  const target = theAligner();
  tracker ??= createFaceTracker(target);
  const start = now();
  // Frames that are not closed would stall the video.
  const read = await readPixels(bitmap, { maxSide: MAX_SIDE }).finally(() => bitmap.close());
  const afterRead = now();
  const tracked = await tracker.next(read, timeMs);
  const afterAlign = now();
  image = read;
  isLive = true;
  faces = tracked.map((face) => new FoundFace(target, face));
  prepare();
  const watched = tracked[chosen] ?? tracked[0];
  const found = faces[chosen] ?? faces[0];
  if (watched !== undefined && found?.hasModel) {
    const texture = await liveSkin.take(read, watched, found.vertices, target);
    tellViewer({ type: 'live', params: watched.params, ...(texture && { texture }) }, texture ? [texture] : []);
  }
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

/** The overlays for which the pack has everything. */
function drawnKinds(): DrawingKind[] {
  const target = theAligner();
  return overlays.kinds.filter((kind) => canDraw(kind, target));
}

function show(): void {
  if (canvas === undefined || image === undefined) return;
  const scale = shownScale(image);
  const photo = scale === 1 ? image : resized(image, scale);
  const scaled = scale === 1 ? faces : faces.map((face) => new ScaledFace(face, scale));
  const drawn = drawOverlays(photo, drawnKinds(), scaled, theAligner(), { background: overlays.background });
  shown = { plain: pixelsOf(photo), drawn: drawn === photo ? pixelsOf(photo) : pixelsOf(drawn) };
  if (canvas.width !== photo.width) canvas.width = photo.width;
  if (canvas.height !== photo.height) canvas.height = photo.height;
  paint();
}

/** The scale at which the picture is shown; videos are not enlarged, which would cost frames. */
function shownScale({ width, height }: RgbaImage): number {
  if (display.width === 0 || display.height === 0) return 1;
  const fit = Math.min(display.width / width, display.height / height);
  const most = isLive ? 1 : Math.min(MAX_MAGNIFICATION, Math.sqrt(MAX_SHOWN_PIXELS / (width * height)));
  return Math.min(fit, most);
}

function resized(photo: RgbaImage, scale: number): RgbaImage {
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, Math.round(side * scale)));
  if (fitted?.of === photo && fitted.image.width === width && fitted.image.height === height) return fitted.image;
  const smaller = resizePicture(photo, width, height);
  fitted = { of: photo, image: smaller };
  return smaller;
}

function pixelsOf({ data, width, height }: RgbaImage): ImageData {
  const bytes =
    data.buffer instanceof ArrayBuffer
      ? new Uint8ClampedArray(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8ClampedArray(data);
  return new ImageData(bytes, width, height);
}

/** Puts what was drawn on the screen, as far as the wipe reveals it. */
function paint(): void {
  const context = canvas?.getContext('2d');
  if (!context || shown === undefined) return;
  context.putImageData(shown.drawn, 0, 0);
  const { width, height } = shown.plain;
  const share = isLive ? 0 : wipe;
  if (share > 0) context.putImageData(shown.plain, 0, 0, 0, 0, Math.round(width * share), height);
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
      const { xMin, yMin, xMax, yMax } = face.box;
      return {
        box: {
          left: xMin / width,
          top: yMin / height,
          width: (xMax - xMin) / width,
          height: (yMax - yMin) / height,
        },
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
  viewer(port: MessagePort) {
    viewer = port;
    sendModel();
    return null;
  },
  load,
  look,
  follow,
  restart() {
    tracker = undefined;
    liveSkin = new LiveSkin();
    return null;
  },
  overlays(chosen: Overlays) {
    overlays = chosen;
    const start = now();
    show();
    return now() - start;
  },
  display(size: { readonly width: number; readonly height: number }) {
    const before = display;
    display = size;
    if (size.width !== before.width || size.height !== before.height) show();
    return null;
  },
  wipe(share: number) {
    wipe = share;
    paint();
    return null;
  },
  async mesh({ face, isPhoto }: Parameters<StudioMethods['mesh']>[0]) {
    const found = edited({ face, expression: [], shape: [], frontal: false });
    const { texture: skin } = meshOf(found, theAligner(), { expression: false });
    if (skin === undefined) throw new TypeError('a mesh made with a texture has one');
    const texture = await bitmapOf(skin);
    tellViewer({ type: 'still', params: found.face.params, texture, isPhoto }, [texture]);
    return null;
  },
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
  if (typeof result !== 'object' || result === null || !('faces' in result)) return [];
  const { faces: seenFaces } = result as SeenPicture;
  return seenFaces.flatMap(({ thumbnail }) => (thumbnail === undefined ? [] : [thumbnail]));
}
