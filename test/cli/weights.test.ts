import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { writePack } from '../../converters/write-pack.ts';
import { type LocalServer, type RequestHandler, serveFolder, startServer } from '../../development/local-server.ts';
import { runTddfa } from '../../development/tddfa-process.ts';
import { gitBlobId } from '../../src/cli/git-blob-id.ts';
import { UPSTREAM_COMMIT, UPSTREAM_FILES } from '../../src/cli/upstream-files.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { loadFacePack } from '../../src/models/face-pack.ts';
import { runCli } from '../support/run-cli.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';
import { smallPack, smallRegressor } from '../support/small-pack.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const servers: LocalServer[] = [];

async function serve(handler: RequestHandler): Promise<LocalServer> {
  const server = await startServer(handler);
  servers.push(server);
  return server;
}

/** Waits until a file in a folder has bytes in it. */
async function somethingIn(folder: string): Promise<void> {
  for (;;) {
    for (const name of await readdir(folder).catch(() => [])) {
      if ((await stat(join(folder, name)).catch(() => undefined))?.size) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

beforeAll(async () => {
  await writePack(temporary('good'), smallPack());
  await cp(temporary('good'), temporary('flipped'), { recursive: true });
  const file = temporary('flipped/shape/tensors.bin');
  const bytes = await readFile(file);
  bytes[1000] = bytes[1000] ^ 1;
  await writeFile(file, bytes);
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('tddfa weights list', () => {
  test('shows what is in the packs that are found', async () => {
    const env = { TDDFA_WEIGHTS: temporary('good'), TDDFA_CACHE: temporary('no-cache') };
    const { status, stdout, stderr } = await runCli(['weights', 'list'], { env });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(`${temporary('good')} (TDDFA_WEIGHTS)`);
    expect(lines[1]).toBe('  A pack for tests');
    expect(stdout).toMatch(/^ {2}tiny +regressor +small 62 outputs +[\d.]+ kB +CC0-1.0$/m);
  });

  test('prints JSON and nothing else', async () => {
    const env = { TDDFA_WEIGHTS: temporary('good'), TDDFA_CACHE: temporary('no-cache') };
    const { status, stdout } = await runCli(['weights', 'list', '--json'], { env });
    expect(status).toBe(0);
    const { packs } = JSON.parse(stdout) as { packs: { location: string; foundBy: string; models: unknown[] }[] };
    expect(packs[0]).toMatchObject({ location: temporary('good'), foundBy: 'TDDFA_WEIGHTS', name: 'small' });
    expect(packs[0]?.models).toHaveLength(5);
  });

  test('goes on after a pack that cannot be read', async () => {
    await mkdir(temporary('cache/packs/broken'), { recursive: true });
    await writeFile(temporary('cache/packs/broken/pack.json'), '{"formatVersion": 99}');
    await cp(temporary('good'), temporary('cache/packs/whole'), { recursive: true });
    const { status, stdout, stderr } = await runCli(['weights', 'list'], { env: { TDDFA_CACHE: temporary('cache') } });
    expect(status).toBe(1);
    expect(stdout).toContain('expected formatVersion 1, got 99');
    expect(stdout).toContain(temporary('cache/packs/whole'));
    expect(stderr).toMatch(/^tddfa: 1 of \d packs cannot be read\n$/);
  });
});

describe('tddfa weights verify', () => {
  test('passes a whole pack', async () => {
    const { status, stdout, stderr } = await runCli(['weights', 'verify', temporary('good')]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^ok {3}.*good: boxes, tiny, tiny-normalization, shape, maps \([\d.]+ MB\)\n$/);
  });

  test('finds a flipped byte, and goes on', async () => {
    const args = ['weights', 'verify', temporary('flipped'), temporary('good')];
    const { status, stdout, stderr } = await runCli(args);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^bad {2}.*flipped: shape\/tensors.bin: is damaged: wrong SHA-256/);
    expect(stdout).toMatch(/^ok {3}.*good: /m);
    expect(stderr).toBe('tddfa: 1 of 2 packs is bad\n');
  });

  test('finds parts that do not fit each other', async () => {
    const [, , , shape, maps] = smallPack().models;
    if (shape === undefined || maps === undefined || !('tensors' in maps)) throw new Error('another small pack');
    const tensors = new Map(maps.tensors);
    tensors.set('nccCodes', { shape: [71, 3], data: new Float32Array(213) });
    tensors.set('uvs', { shape: [71, 2], data: new Float32Array(142) });
    const models = [...smallRegressor('tiny'), shape, { ...maps, tensors }];
    await writePack(temporary('misfit'), { name: 'misfit', description: 'x', models });
    const { status, stdout } = await runCli(['weights', 'verify', temporary('misfit')]);
    expect(status).toBe(1);
    expect(stdout).toContain('does not fit the morphable model');
  });

  test('reads a pack from a URL', async () => {
    const server = await serve(serveFolder(temporary('good')));
    const { status, stdout } = await runCli(['weights', 'verify', server.url]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining(`ok   ${server.url}: boxes`) });
    const missing = await runCli(['weights', 'verify', `${server.url}/nothing`]);
    expect(missing.status).toBe(1);
    expect(missing.stdout).toContain('the server answered 404');
  });

  test('says that there is no such pack', async () => {
    const result = await runCli(['weights', 'verify', temporary('nowhere')]);
    expect(result).toEqual({
      status: 1,
      stdout: '',
      stderr: `tddfa: --weights: there is no pack in ${temporary('nowhere')} (no pack.json)\n`,
    });
  });
});

describe('tddfa weights pull', () => {
  /** Runs it with a cache of its own. */
  function pull(name: string, args: readonly string[], options: Parameters<typeof runCli>[1] = {}) {
    const env = { TDDFA_CACHE: temporary(name), NO_COLOR: '1' };
    return runCli(['weights', 'pull', ...args], { env, ...options });
  }

  const nothing = { status: 1, stdout: expect.stringContaining('MIT License') };

  test('downloads nothing before the licences are accepted', async () => {
    const server = await serve((_, response) => void response.end());
    const from = ['--from', server.url];
    const refused = await pull('refused', from);
    expect(refused).toMatchObject(nothing);
    expect(refused.stdout).toContain('for academic research only');
    expect(refused.stderr).toBe('tddfa: nothing downloaded: pass --accept-licence if you accept the licences above\n');
    for (const answers of ['n\n', '\n', '', 'maybe\n']) {
      const asked = await pull('refused', from, { isTTY: true, answers });
      expect(asked).toMatchObject(nothing);
      expect(asked.stderr).toContain('Do you accept these licences? [y/N]');
      expect(asked.stderr).toContain('tddfa: nothing downloaded: the licences were not accepted\n');
    }
    expect(server.requests).toEqual([]);
    expect(await readdir(temporary())).not.toContain('refused');
  });

  test('shows the academic licence only where it matters', async () => {
    const { stdout } = await pull('mit', ['--only', 'mb1,faceboxes', '--from', temporary('nowhere')]);
    expect(stdout).toContain('MIT License');
    expect(stdout).not.toContain('Basel');
  });

  test('asks for the right files, and says which is missing', async () => {
    const server = await serve((_, response) => void response.writeHead(404).end());
    const args = ['--accept-licence', '--only', 'faceboxes', '--from', `${server.url}/3ddfa/`];
    const { status, stderr } = await pull('missing', args);
    const url = `${server.url}/3ddfa/FaceBoxes/weights/FaceBoxesProd.pth`;
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `tddfa: cannot load ${url}: the server answered 404 Not Found\n`,
    });
    expect(server.requests).toEqual(['GET /3ddfa/FaceBoxes/weights/FaceBoxesProd.pth']);
    expect(await readdir(temporary('missing'))).not.toContain('packs');
  });

  test('refuses wrong bytes', async () => {
    const server = await serve((_, response) => void response.end('hello\n'));
    const { status, stderr } = await pull('wrong', ['--accept-licence', '--only', 'mb1', '--from', server.url]);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^tddfa: .*mb1_120x120.pth: is not the expected file: wrong git blob id \(expected bb78e0cd.*, got ce013625.*\)\n$/,
    );
    await mkdir(temporary('wrong-folder/weights'), { recursive: true });
    await writeFile(temporary('wrong-folder/weights/mb1_120x120.pth'), 'hello\n');
    const local = await pull('wrong', ['--accept-licence', '--only', 'mb1', '--from', temporary('wrong-folder')]);
    expect(local.status).toBe(1);
    expect(local.stderr).toContain('wrong git blob id');
    expect(await readdir(temporary('wrong'))).not.toContain('packs');
  });

  test('stops when it is interrupted', async () => {
    const controller = new AbortController();
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('x');
      controller.abort();
    });
    const args = ['--accept-licence', '--only', 'mb1', '--from', server.url];
    const { status, stderr } = await pull('interrupted', args, { signal: controller.signal });
    expect({ status, stderr }).toEqual({ status: 130, stderr: 'tddfa: interrupted\n' });
  });

  test('gives up after --timeout, however short or long that is', async () => {
    const silent = await serve(() => undefined);
    const args = ['--accept-licence', '--only', 'mb1', '--from', silent.url];
    expect(await pull('late', [...args, '--timeout', '0.001'])).toMatchObject({
      status: 1,
      stderr: 'tddfa: not finished after 0.001 minutes (--timeout); run it again to resume\n',
    });
    // Longer than a timer takes: it must not end at once.
    const missing = await serve((_, response) => void response.writeHead(404).end());
    const patient = await pull('late', [...args.slice(0, -1), missing.url, '--timeout', '1e9']);
    expect(patient.stderr).toMatch(/the server answered 404 Not Found\n$/);
  });

  test.each([['mb2'], ['mb1,'], ['']])('knows no model %p', async (models) => {
    const { status, stderr } = await pull('unknown', ['--only', models]);
    expect(status).toBe(2);
    expect(stderr).toContain('Allowed models are mb1, mb05, faceboxes, bfm, face-maps.');
  });

  describeWithShared('with the real files', () => {
    const models = 'mb05,faceboxes,face-maps';

    /** The files in the layout of the original, the first of them in halves. */
    async function serveUpstream(dropOnce: string): Promise<LocalServer> {
      let isDropped = false;
      return serve(async (request, response) => {
        const path = (request.url ?? '').slice(1).replace(/^FaceBoxes\//, '');
        const bytes = await readFile(sharedPath('upstream', path)).catch(() => undefined);
        if (bytes === undefined) return void response.writeHead(404).end();
        const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
        const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
        response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start, ...range });
        if (request.url === dropOnce && !isDropped) {
          isDropped = true;
          response.write(bytes.subarray(0, bytes.length >> 1));
          await somethingIn(temporary('real/downloads'));
          response.destroy();
          return;
        }
        response.end(bytes.subarray(start));
      });
    }

    test('downloads over a dropped connection, converts into the cache and cleans up', async () => {
      const server = await serveUpstream('/weights/mb05_120x120.pth');
      const args = ['--accept-licence', '--only', models, '--from', server.url];
      const { status, stdout, stderr } = await pull('real', args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const folder = temporary('real/packs/3ddfa-v2');
      expect(stdout).toContain(`\n${folder}\n`);
      const pack = await openPack(fileWeights(folder));
      await pack.verify();
      expect((await loadFacePack(pack)).regressor.name).toBe('mb05');
      const resumed = server.requests.filter((request) => request.includes('bytes='));
      expect(resumed).toEqual([expect.stringMatching(/^GET \/weights\/mb05_120x120.pth bytes=\d+-$/)]);
      expect(await readdir(temporary('real/downloads'))).toEqual([]);

      const again = await pull('real', args);
      expect(again.status).toBe(0);
      expect(again.stdout).toBe(`${folder}\n  already holds mb05, faceboxes, face-maps, param-mean-std-62d\n`);
      // And it is found.
      const listed = await runCli(['weights', 'list'], { env: { TDDFA_CACHE: temporary('real') } });
      expect(listed.stdout).toContain(`${folder} (cache)`);
    });

    test('keeps what it has where a later file fails, and goes on the next time', async () => {
      const broken = await serve(async (request, response) => {
        if (request.url !== '/weights/mb05_120x120.pth') return void response.writeHead(404).end();
        response.end(await readFile(sharedPath('upstream', request.url)));
      });
      const failed = await pull('twice', ['--accept-licence', '--only', models, '--from', broken.url]);
      expect(failed.status).toBe(1);
      expect(failed.stderr).toContain('FaceBoxesProd.pth: the server answered 404');
      expect(await readdir(temporary('twice'))).toEqual(['downloads']);
      const server = await serveUpstream('');
      const { status } = await pull('twice', ['--accept-licence', '--only', models, '--from', server.url]);
      expect(status).toBe(0);
      expect(server.requests).not.toContain('GET /weights/mb05_120x120.pth');
    });

    test('asks on a terminal and takes files of a folder, gzipped ones too', async () => {
      await cp(sharedPath('upstream/weights'), temporary('clone/weights'), { recursive: true });
      await mkdir(temporary('clone/configs'));
      const mean = await readFile(sharedPath('upstream/configs/param_mean_std_62d_120x120.pkl'));
      await writeFile(temporary('clone/configs/param_mean_std_62d_120x120.pkl.gz'), gzipSync(mean));
      const out = temporary('from-folder/pack');
      const args = ['--only', 'mb05,faceboxes', '--from', temporary('clone'), '--out', out, '--storage', 'float16'];
      const { status, stderr } = await pull('folder', args, { isTTY: true, answers: 'y\n' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: 'Do you accept these licences? [y/N] ' });
      const pack = await openPack(fileWeights(out));
      await pack.verify();
      expect(pack.manifest.models.map((model) => model.name)).toEqual(['faceboxes', 'mb05', 'param-mean-std-62d']);
    });

    test('two at once, with one cache, end well, and nothing is downloaded twice', async () => {
      const server = await serveUpstream('');
      const args = ['weights', 'pull', '--accept-licence', '--only', 'mb05,faceboxes', '--from', server.url];
      const env = { TDDFA_CACHE: temporary('shared-cache') };
      const both = await Promise.all([runTddfa(args, { env }), runTddfa(args, { env })]);
      expect(both.map(({ status }) => status)).toEqual([0, 0]);
      const said = both.map(({ stderr }) => stderr).sort();
      expect(said[0]).toBe('');
      expect(['', 'note: another tddfa is downloading; waiting for it\n']).toContain(said[1]);
      expect(new Set(server.requests).size).toBe(server.requests.length);
      await (await openPack(fileWeights(temporary('shared-cache/packs/3ddfa-v2')))).verify();
      expect(await readdir(temporary('shared-cache/downloads'))).toEqual([]);
      expect(await readdir(temporary('shared-cache/packs'))).toEqual(['3ddfa-v2']);
    });

    test('knows the blob ids of the files that are here', async () => {
      let known = 0;
      for (const { path, blobId } of UPSTREAM_FILES) {
        const file = sharedPath('upstream', path.replace(/^FaceBoxes\//, ''));
        const bytes = await readFile(file).catch(() => undefined);
        if (bytes === undefined) continue;
        expect([path, gitBlobId(bytes)]).toEqual([path, blobId]);
        known++;
      }
      // All but mb1 and the morphable model.
      expect(known).toBe(UPSTREAM_FILES.length - 2);
      expect(join('downloads', UPSTREAM_COMMIT)).toMatch(/[0-9a-f]{40}$/);
    });
  });
});
