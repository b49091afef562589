/** The browser entry in Chromium: every backend, pixels from everything that has them, security headers. */
import { join } from 'node:path';
import { Logger, NodeIO } from '@gltf-transform/core';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decode } from 'fast-png';
import gltfValidator from 'gltf-validator';
import type { LocalServer } from '../../development/local-server.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import type { BackendName } from '../../src/engine/engine.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { createFaceAligner } from '../../src/face-aligner.ts';
import { HEIC_ADVICE } from '../../src/heif-kind.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import { faceGlb } from '../../src/node/face-glb.ts';
import type { RgbaImage } from '../../src/types.ts';
import {
  describeWithChromium,
  LIBRARY_PAGE,
  LIBRARY_SCRIPT,
  openLibraryPage,
  startSite,
  TFJS_WASM_FOLDER,
  useBrowserBundle,
  useChromium,
} from '../support/chromium.ts';
import { expectClose } from '../support/expect-close.ts';
import { formulaPack } from '../support/formula-pack.ts';
import { describeWithShared, repositoryRoot } from '../support/shared.ts';

declare const tddfa: typeof import('../../src/browser.ts');

/** Between a backend in Chromium and the compiled one in Node, px; 4.6e-5 measured. */
const VERTEX_MAX_ABS = 1.5e-4;
const SCORE_MAX_ABS = 1e-6;
/** Between the mesh of a page and that of Node, as these differ, and between their skins. */
const GLB_MAX_METRES = 1e-6;
const GLB_MAX_LEVELS = 1;

const STRICT_POLICY = {
  'content-security-policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data: blob:",
};
const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

const OPEN_PACK = join(repositoryRoot, 'weights/open');

const TFJS_BACKENDS = ['wasm', 'cpu', 'webgl', 'webgpu'];
const workerScript = (backend: string): string =>
  `import '/bundle/backends/${backend}.js'; import '/bundle/aligner-worker.js';`;

/** The part of the portrait with the face: backends in software take a minute for the whole. */
const CROP = { x: 100, y: 20, width: 240, height: 240 };

function cropped({ data, width }: RgbaImage, { x, y, width: columns, height }: typeof CROP): RgbaImage {
  const pixels = new Uint8Array(columns * height * 4);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * width + x) * 4;
    pixels.set(data.subarray(start, start + columns * 4), row * columns * 4);
  }
  return { data: pixels, width: columns, height };
}

describeWithChromium('the library in Chromium', () => {
  const browser = useChromium();
  const bundle = useBrowserBundle();
  const servers: LocalServer[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  async function serveLibrary(pack: string, headers: Readonly<Record<string, string>> = {}): Promise<LocalServer> {
    const server = await startSite({
      folders: {
        '/bundle/': bundle(),
        '/pack/': pack,
        '/tfjs/': TFJS_WASM_FOLDER,
        '/examples/': join(repositoryRoot, 'examples'),
      },
      files: {
        '/index.html': LIBRARY_PAGE,
        '/main.js': LIBRARY_SCRIPT,
        ...Object.fromEntries(TFJS_BACKENDS.map((name) => [`/${name}-worker.js`, workerScript(name)])),
      },
      headers,
    });
    servers.push(server);
    return server;
  }

  /** Boxes, scores and landmarks, from a page and from Node. */
  async function alignInPage(url: string, backend: BackendName, inWorker: boolean) {
    const { page, errors } = await openLibraryPage(browser(), url);
    const result = await page.evaluate(
      async ({ backend, inWorker, crop }) => {
        const options = { weights: tddfa.httpWeights('/pack/'), backend, wasmPaths: '/tfjs/' };
        const isTfjs = backend !== 'compiled';
        if (isTfjs && !inWorker) await import(`/bundle/backends/${backend}.js`);
        const createWorker = () => new Worker(`/${backend}-worker.js`, { type: 'module' });
        const aligner = inWorker
          ? await tddfa.createFaceAlignerWorker({ ...options, ...(isTfjs && { createWorker }) })
          : await tddfa.createFaceAligner(options);
        const portrait = await tddfa.readPixels(await (await fetch('/examples/astronaut.png')).blob());
        const canvas = new OffscreenCanvas(crop.width, crop.height);
        const pixels = new ImageData(new Uint8ClampedArray(portrait.data), portrait.width, portrait.height);
        canvas.getContext('2d')?.putImageData(pixels, -crop.x, -crop.y);
        const image = await tddfa.readPixels(canvas);
        const boxes = await aligner.detect(image);
        const [face] = await aligner.align(image, boxes);
        if (face === undefined) throw new Error('there is a face in the portrait');
        const result = {
          backend: aligner.backend,
          corners: boxes.flatMap(({ xMin, yMin, xMax, yMax }) => [xMin, yMin, xMax, yMax]),
          scores: boxes.map(({ score }) => score),
          landmarks: [...aligner.reconstruct(face)],
          dense: [...aligner.reconstruct(face, { dense: true })],
          isIsolated: crossOriginIsolated,
        };
        aligner.dispose();
        return result;
      },
      { backend, inWorker, crop: CROP },
    );
    expect(errors).toEqual([]);
    expect(result.backend).toBe(backend);
    await page.close();
    return result;
  }

  async function alignInNode(pack: string) {
    const aligner = await createFaceAligner({ weights: fileWeights(pack), backend: 'compiled' });
    const image = cropped(await readImage(join(repositoryRoot, 'examples', 'astronaut.png')), CROP);
    const boxes = await aligner.detect(image);
    const [face] = await aligner.align(image, boxes);
    if (face === undefined) throw new Error('there is a face in the portrait');
    const dense = aligner.reconstruct(face, { dense: true });
    const landmarks = aligner.reconstruct(face);
    aligner.dispose();
    return {
      corners: boxes.flatMap(({ xMin, yMin, xMax, yMax }) => [xMin, yMin, xMax, yMax]),
      scores: boxes.map(({ score }) => score),
      landmarks,
      dense,
    };
  }

  test.each([
    ['compiled', false],
    ['compiled', true],
    ['webgl', false],
  ] as const)('the open pack gives on %s what it gives in Node (in a worker: %s)', async (backend, inWorker) => {
    const server = await serveLibrary(OPEN_PACK, STRICT_POLICY);
    const [result, inNode] = [await alignInPage(server.url, backend, inWorker), await alignInNode(OPEN_PACK)];
    expectClose(result.corners, inNode.corners, { maxAbs: VERTEX_MAX_ABS });
    expectClose(result.scores, inNode.scores, { maxAbs: SCORE_MAX_ABS });
    expectClose(result.dense, inNode.dense, { maxAbs: VERTEX_MAX_ABS });
  });

  describeWithShared('with the reference weights', () => {
    let inNode: Awaited<ReturnType<typeof alignInNode>>;
    let server: LocalServer;
    beforeAll(async () => {
      const pack = await upstreamPack();
      server = await serveLibrary(pack, STRICT_POLICY);
      inNode = await alignInNode(pack);
    });

    test.each([
      ['compiled', false],
      ['compiled', true],
      ['wasm', false],
      ['wasm', true],
      ['cpu', false],
      ['webgl', false],
      ['webgl', true],
      ['webgpu', false],
    ] as const)('%s gives what Node gives, under a strict policy (in a worker: %s)', async (backend, inWorker) => {
      const result = await alignInPage(server.url, backend, inWorker);
      expectClose(result.corners, inNode.corners, { maxAbs: VERTEX_MAX_ABS });
      expectClose(result.scores, inNode.scores, { maxAbs: SCORE_MAX_ABS });
      expectClose(result.landmarks, inNode.landmarks, { maxAbs: VERTEX_MAX_ABS });
      expectClose(result.dense, inNode.dense, { maxAbs: VERTEX_MAX_ABS });
    });

    test.each([
      ['compiled', true, ISOLATION],
      ['wasm', false, ISOLATION],
      // tfjs's threads come from `blob:` addresses, which this policy forbids.
      ['wasm', true, { ...ISOLATION, ...STRICT_POLICY }],
    ] as const)('%s works in an isolated page (in a worker: %s)', async (backend, inWorker, headers) => {
      const isolated = await serveLibrary(await upstreamPack(), headers);
      const result = await alignInPage(isolated.url, backend, inWorker);
      expect(result.isIsolated).toBe(true);
      expectClose(result.landmarks, inNode.landmarks, { maxAbs: VERTEX_MAX_ABS });
    });
  });

  test("a face is a GLB file in one call, with Node's mesh and Node's skin", async () => {
    const server = await serveLibrary(OPEN_PACK, STRICT_POLICY);
    const { page, errors } = await openLibraryPage(browser(), server.url);
    const result = await page.evaluate(async () => {
      const weights = tddfa.httpWeights('/pack/');
      const read = async () => tddfa.readPixels(await (await fetch('/examples/astronaut.png')).blob());
      const aligner = await tddfa.createFaceAlignerWorker({ weights, keepPixels: true });
      const image = await read();
      const faces = await aligner.align(image, await aligner.detect(image));
      const bytes = await tddfa.faceGlb(image, faces[0], aligner);
      const several = await tddfa.faceGlb(image, [...faces, ...faces], aligner, { texture: false });
      const mover = await tddfa.createFaceAlignerWorker({ weights });
      const moved = await read();
      const [face] = await mover.align(
        moved,
        faces.map(({ roiBox }) => roiBox),
      );
      const gone = await tddfa.faceGlb(moved, face, mover).catch(String);
      const none = await tddfa.faceGlb(image, [], aligner).catch(String);
      for (const one of [aligner, mover]) one.dispose();
      const reader = new FileReader();
      reader.readAsDataURL(new Blob([bytes]));
      await new Promise((done) => {
        reader.onload = done;
      });
      return { url: String(reader.result), several: several.length, gone, none };
    });
    await page.close();
    expect(errors).toEqual([]);
    expect(result.gone).toMatch(/^RangeError: image\.data: expected 1048576 bytes, got none: .*'keepPixels: true'$/);
    expect(result.none).toBe('RangeError: faces: expected at least one, got none');
    expect(result.several).toBeGreaterThan(1_000_000);

    const bytes = new Uint8Array(Buffer.from(result.url.slice(result.url.indexOf(',') + 1), 'base64'));
    expect((await gltfValidator.validateBytes(bytes)).issues).toMatchObject({ numErrors: 0, numWarnings: 0 });
    const aligner = await createFaceAligner({ weights: fileWeights(OPEN_PACK) });
    const image = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
    const [face] = await aligner.align(image, await aligner.detect(image));
    const inNode = await faceGlb(image, face, aligner);
    aligner.dispose();
    const reader = new NodeIO().setLogger(new Logger(Logger.Verbosity.SILENT));
    const [here, there] = await Promise.all(
      [bytes, inNode].map(async (glb) => {
        const root = (await reader.readBinary(glb)).getRoot();
        const [primitive] = root.listMeshes()[0].listPrimitives();
        const texture = decode(root.listTextures()[0].getImage() ?? new Uint8Array(0));
        const count = texture.width * texture.height;
        const rgb = Array.from({ length: count * 3 }, (_, i) => {
          return texture.data[Math.floor(i / 3) * texture.channels + (i % 3)];
        });
        const positions = primitive.getAttribute('POSITION')?.getArray() ?? [];
        return { positions, rgb, targets: primitive.listTargets().length };
      }),
    );
    expectClose(here.positions, there.positions, { maxAbs: GLB_MAX_METRES });
    expectClose(here.rgb, there.rgb, { maxAbs: GLB_MAX_LEVELS });
    expect(here.targets).toBe(52);
  });

  test('a policy without WebAssembly leaves cpu and says so', async () => {
    const policy = { 'content-security-policy': "default-src 'self'; img-src 'self' data:" };
    const server = await serveLibrary(await formulaPack(), policy);
    const { page } = await openLibraryPage(browser(), server.url);
    const result = await page.evaluate(async () => {
      const weights = tddfa.httpWeights('/pack/');
      const error = await tddfa.createFaceAligner({ weights, backend: 'compiled' }).catch((e: unknown) => e);
      const unknown = await tddfa.createFaceAligner({ weights, backend: 'cpu' }).catch((e: unknown) => e);
      // As a page would write it.
      const entry = '/bundle/backends/cpu.js';
      await import(entry);
      const aligner = await tddfa.createFaceAligner({ weights, backend: 'cpu' });
      const image = { data: new Uint8Array(64 * 64 * 4).fill(90), width: 64, height: 64 };
      const faces = await aligner.align(image, [{ xMin: 8, yMin: 8, xMax: 56, yMax: 56 }]);
      const isRight = [error, unknown].every((e) => e instanceof tddfa.BackendUnavailableError);
      return { error: String(error), unknown: String(unknown), isRight, faces: faces.length };
    });
    expect(result).toMatchObject({ isRight: true, faces: 1 });
    expect(result.error).toContain('wasm-unsafe-eval');
    expect(result.unknown).toContain("imports 'tddfa/backends/cpu', in the script of its worker if it has one");
    await page.close();
  });

  test('pixels of a file, an image, a video frame, a bitmap and a canvas are the same', async () => {
    const server = await serveLibrary(await formulaPack());
    const { page, errors } = await openLibraryPage(browser(), server.url);
    const result = await page.evaluate(async () => {
      const url = '/examples/astronaut.png';
      const file = await (await fetch(url)).blob();
      const image = Object.assign(new Image(), { src: url });
      const bitmap = await createImageBitmap(file);
      const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
      canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
      const frame = new VideoFrame(bitmap, { timestamp: 0 });
      const expected = await tddfa.readPixels(file);
      // Older browsers do not know the word.
      const { createImageBitmap: original } = globalThis;
      Object.assign(globalThis, {
        createImageBitmap: async (source: ImageBitmapSource, options?: ImageBitmapOptions) => {
          if (options?.imageOrientation === 'from-image') throw new TypeError("'from-image' is not a valid enum value");
          return original(source, options);
        },
      });
      const older = await tddfa.readPixels(file);
      Object.assign(globalThis, { createImageBitmap: original });
      const sources = { image, bitmap, canvas, frame, pixels: expected, older };
      const differences: Record<string, number> = {};
      for (const [name, source] of Object.entries(sources)) {
        const { data, width, height } = await tddfa.readPixels(source);
        if (width !== expected.width || height !== expected.height) throw new Error(`${name}: ${width} x ${height}`);
        let most = 0;
        for (let i = 0; i < data.length; i++) {
          most = Math.max(most, Math.abs((data[i] ?? 0) - (expected.data[i] ?? 0)));
        }
        differences[name] = most;
      }
      frame.close();
      const hash = await crypto.subtle.digest('SHA-256', new Uint8Array(expected.data));
      const small = await tddfa.readPixels(expected, { maxSide: 64 });
      return { differences, hash: [...new Uint8Array(hash)], small: [small.width, small.height] };
    });
    expect(errors).toEqual([]);
    expect(result.differences).toEqual({ image: 0, bitmap: 0, canvas: 0, frame: 0, pixels: 0, older: 0 });
    expect(result.small).toEqual([64, 64]);
    const { data } = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
    const hash = await crypto.subtle.digest('SHA-256', new Uint8Array(data));
    expect(result.hash).toEqual([...new Uint8Array(hash)]);
    await page.close();
  });

  test('what cannot be read is refused in a line', async () => {
    const server = await serveLibrary(await formulaPack());
    const elsewhere = await serveLibrary(await formulaPack());
    const { page } = await openLibraryPage(browser(), server.url);
    const messages = await page.evaluate(async (foreign) => {
      const image = Object.assign(new Image(), { src: `${foreign}/examples/astronaut.png` });
      const missing = Object.assign(new Image(), { src: '/examples/none.png' });
      // What a phone's photo begins with; Chromium reads none of them.
      const heic = new File(['\0\0\0\x18ftypheic\0\0\0\0mif1heic'], 'a.heic');
      const heif = new File(['\0\0\0\x18ftypmif1\0\0\0\0mif1heic'], 'b.jpg');
      const avif = new File(['\0\0\0\x18ftypavif\0\0\0\0mif1avif'], 'a.avif');
      const files = [heic, heif, avif, new File(['no'], 'a.png'), new Blob([])];
      const sources = [image, missing, document.createElement('video'), ...files, 7];
      const messages: string[] = [];
      for (const source of sources) {
        const error = await tddfa.readPixels(source as Blob).then(
          () => 'read',
          (e: unknown) => e,
        );
        messages.push(String(error));
      }
      return messages;
    }, elsewhere.url);
    expect(messages).toEqual([
      expect.stringMatching(/^ImageDecodeError: http.*astronaut.png: it is from another site: .*crossorigin/),
      expect.stringMatching(/^ImageDecodeError: .*none.png: the browser cannot show it$/),
      expect.stringMatching(/^ImageDecodeError: video: there is no picture to read yet$/),
      `ImageDecodeError: a.heic: this is not a picture that the browser can read; ${HEIC_ADVICE}`,
      `ImageDecodeError: b.jpg: this is not a picture that the browser can read; ${HEIC_ADVICE}`,
      'ImageDecodeError: a.avif: this is not a picture that the browser can read',
      expect.stringMatching(/^ImageDecodeError: a.png: this is not a picture that the browser can read$/),
      expect.stringMatching(/^ImageDecodeError: image: the file is empty$/),
      expect.stringMatching(/^TypeError: source: expected .* got \[object Number\]$/),
    ]);
    await page.close();
  });
});
