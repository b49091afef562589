/** The backends on the graphics card, here with renderers in software: every network, and a card that is taken away. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { convertNetwork } from '../../converters/networks/convert-network.ts';
import {
  astronautCropInput,
  faceboxesInput,
  formulaFaceboxes,
  formulaRegressor,
  formulaRegressorNames,
} from '../../development/formula.ts';
import type { LocalServer } from '../../development/local-server.ts';
import { repositoryRoot } from '../../development/paths.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { describeWithChromium, openPage, startSite, useChromium } from '../support/chromium.ts';
import { expectClose } from '../support/expect-close.ts';
import type { PageEngine } from '../support/page-engine.ts';

declare const pageEngine: PageEngine;

const MAX_OUTPUT_ERROR = 3e-5;
const MAX_LOC_ERROR = 5e-5;
const MAX_CONF_ERROR = 1e-5;

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Test</title>
<link rel="icon" href="data:,"><script type="module" src="/site/page-engine.js"></script></html>`;

const BACKENDS = ['webgl', 'webgpu'] as const;

type Shape = readonly [number, number, number, number];

describeWithChromium('the graphics card', () => {
  const browser = useChromium();
  let folder = '';
  let site: LocalServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tddfa-graphics-'));
    await build({
      entryPoints: [join(repositoryRoot, 'test/support/page-engine.ts')],
      outdir: folder,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'browser',
      logLevel: 'silent',
    });
    site = await startSite({ folders: { '/site/': folder }, files: { '/index.html': PAGE } });
  });
  afterAll(async () => {
    await site.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function openEnginePage(initScript?: string) {
    const context = await browser().newContext();
    if (initScript !== undefined) await context.addInitScript(initScript);
    const watched = await openPage(context, `${site.url}/`);
    await watched.page.waitForFunction(() => 'pageEngine' in globalThis);
    return { ...watched, context };
  }

  /** Puts a network and its input where a page can fetch them. */
  async function serveNetwork({ weightData, ...network }: LayersArtifact, input: Float32Array): Promise<void> {
    await writeFile(join(folder, 'network.json'), JSON.stringify(network));
    await writeFile(join(folder, 'weights.bin'), new Uint8Array(weightData));
    await writeFile(join(folder, 'input.bin'), new Uint8Array(input.buffer, input.byteOffset, input.byteLength));
  }

  async function runInPage(backend: (typeof BACKENDS)[number], shape: Shape) {
    const { page, context, errors } = await openEnginePage();
    const outputs = await page.evaluate(
      async ({ backend, shape }) => {
        const network = await (await fetch('/site/network.json')).json();
        const weightData = await (await fetch('/site/weights.bin')).arrayBuffer();
        const input = new Float32Array(await (await fetch('/site/input.bin')).arrayBuffer());
        const engine = await pageEngine.createEngine(backend);
        const loaded = await engine.loadNetwork({ ...network, weightData });
        const outputs = await loaded.run(input, shape);
        engine.dispose();
        return outputs.map(({ data, shape }) => ({ data: [...data], shape: [...shape] }));
      },
      { backend, shape },
    );
    expect(errors).toEqual([]);
    await context.close();
    return outputs;
  }

  describe.each(BACKENDS)('%s', (backend) => {
    // In software most of the time goes into the compilation of shaders: 4 to 60 s a network on two busy cores.
    test.each(formulaRegressorNames)('%s gives what torch gives', async (name) => {
      const { stateDict, output } = formulaRegressor(name);
      await serveNetwork(convertNetwork(stateDict, { file: name }).artifact, astronautCropInput());
      const [result] = await runInPage(backend, [1, 120, 120, 3]);
      expect(result?.shape).toEqual([1, 62]);
      expectClose(result?.data ?? [], output, { maxAbs: MAX_OUTPUT_ERROR });
    });

    test('faceboxes gives what torch gives, at a size that no step divides', async () => {
      const { stateDict, loc, conf } = formulaFaceboxes();
      const { input, shape } = faceboxesInput();
      await serveNetwork(convertNetwork(stateDict, { file: 'faceboxes' }).artifact, input);
      const outputs = await runInPage(backend, shape);
      expectClose(outputs[0]?.data ?? [], loc, { maxAbs: MAX_LOC_ERROR });
      expectClose(outputs[1]?.data ?? [], conf, { maxAbs: MAX_CONF_ERROR });
    });

    test('taken away, it ends in a typed error, before a run and amid one; a new engine works', async () => {
      const { stateDict, output } = formulaRegressor('mobilenet_v1_x0.25');
      await serveNetwork(convertNetwork(stateDict, { file: 'small' }).artifact, astronautCropInput());
      const { page, context } = await openEnginePage();
      const result = await page.evaluate(async (backend) => {
        const network = await (await fetch('/site/network.json')).json();
        const weightData = await (await fetch('/site/weights.bin')).arrayBuffer();
        const input = new Float32Array(await (await fetch('/site/input.bin')).arrayBuffer());
        const load = async () => {
          const engine = await pageEngine.createEngine(backend);
          return { engine, loaded: await engine.loadNetwork({ ...network, weightData }) };
        };
        const failure = (promise: Promise<unknown>) =>
          promise.then(
            () => 'none',
            (error) => `${error instanceof pageEngine.BackendUnavailableError}: ${error}`,
          );
        const { engine, loaded } = await load();
        await loaded.run(input, [1, 120, 120, 3]);
        const amid = failure(loaded.run(input, [1, 120, 120, 3]));
        pageEngine.takeGraphicsAway();
        const failures = [await amid, await failure(loaded.run(input, [1, 120, 120, 3]))];
        failures.push(await failure(engine.loadNetwork({ ...network, weightData })));
        const second = await load();
        const [output] = await second.loaded.run(input, [1, 120, 120, 3]);
        engine.dispose();
        const [again] = await second.loaded.run(input, [1, 120, 120, 3]);
        second.engine.dispose();
        return { failures, data: [...(output?.data ?? [])], again: [...(again?.data ?? [])] };
      }, backend);
      for (const failure of result.failures) {
        expect(failure).toMatch(/^true: .*: the browser has taken the graphics card away; create a new aligner \(/);
      }
      expectClose(result.data, output, { maxAbs: MAX_OUTPUT_ERROR });
      expect(result.again).toEqual(result.data);
      await context.close();
    });
  });

  test('a browser that has the interface and no card does not promise it', async () => {
    const { page, context } = await openEnginePage(`
      GPU.prototype.requestAdapter = async () => null;
      for (const { prototype } of [HTMLCanvasElement, OffscreenCanvas]) {
        const { getContext } = prototype;
        prototype.getContext = function (type, ...rest) {
          return type.includes('webgl') ? null : getContext.call(this, type, ...rest);
        };
      }`);
    const result = await page.evaluate(async () => ({
      available: await pageEngine.availableBackends(),
      errors: await Promise.all(
        (['webgl', 'webgpu'] as const).map((name) =>
          pageEngine.createEngine(name).then(
            () => 'none',
            (error: unknown) => String(error),
          ),
        ),
      ),
    }));
    expect(result.available).toEqual(['compiled', 'wasm', 'cpu']);
    for (const error of result.errors) {
      expect(error).toMatch(
        /^BackendUnavailableError: .*: the browser has no graphics adapter for it \(available: comp/,
      );
    }
    await context.close();
  });

  test('a browser with a card promises both', async () => {
    const { page, context } = await openEnginePage();
    const available = await page.evaluate(() => pageEngine.availableBackends());
    expect(available).toEqual(['compiled', 'webgpu', 'webgl', 'wasm', 'cpu']);
    await context.close();
  });
});
