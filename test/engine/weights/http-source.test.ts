import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { writePack } from '../../../converters/write-pack.ts';
import { type LocalServer, type RequestHandler, serveFolder, startServer } from '../../../development/local-server.ts';
import { httpWeights } from '../../../src/engine/weights/http-source.ts';
import { openPack } from '../../../src/engine/weights/open-pack.ts';
import type { WeightProgress } from '../../../src/engine/weights/weight-source.ts';
import { WeightFormatError, WeightLoadError } from '../../../src/errors.ts';
import { smallPack } from '../../support/small-pack.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const servers: LocalServer[] = [];

async function serve(handler: RequestHandler): Promise<LocalServer> {
  const server = await startServer(handler);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('httpWeights', () => {
  test('reads a whole pack', async () => {
    await writePack(temporary('pack'), smallPack());
    const server = await serve(serveFolder(temporary()));
    const progress: WeightProgress[] = [];
    const source = httpWeights(`${server.url}/pack`);
    expect(source.describe()).toBe(`${server.url}/pack/`);
    const pack = await openPack(source, { onProgress: (event) => progress.push(event) });
    await pack.verify();
    const read = new Set(progress.map(({ file }) => file));
    expect(read.size).toBe(1 + pack.manifest.models.flatMap((model) => model.files).length);
  });

  test('counts bytes as they come, upwards to the total', async () => {
    const chunks = [10_000, 1, 20_000, 30_000];
    const total = chunks.reduce((sum, bytes) => sum + bytes);
    let writeNext = (): void => {};
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': total });
      const left = [...chunks];
      writeNext = () => {
        const bytes = left.shift();
        if (bytes === undefined) response.end();
        else response.write(new Uint8Array(bytes).fill(7));
      };
      writeNext();
    });
    const progress: WeightProgress[] = [];
    const ends = chunks.map((_, i) => chunks.slice(0, i + 1).reduce((sum, bytes) => sum + bytes));
    const onProgress = (event: WeightProgress): void => {
      progress.push(event);
      // Each chunk is sent when the one before has been counted.
      if (ends.includes(event.loadedBytes)) writeNext();
    };
    const bytes = await httpWeights(server.url).read('a.bin', { onProgress });
    expect(Buffer.from(bytes).equals(Buffer.alloc(total, 7))).toBe(true);
    expect(progress.map(({ loadedBytes }) => loadedBytes)).toEqual(expect.arrayContaining(ends));
    expect(progress[0]).toEqual({ file: 'a.bin', loadedBytes: 0, totalBytes: total });
    expect(progress.at(-1)).toEqual({ file: 'a.bin', loadedBytes: total, totalBytes: total });
    progress.reduce((before, { loadedBytes }) => {
      expect(loadedBytes).toBeGreaterThanOrEqual(before);
      return loadedBytes;
    }, 0);
  });

  test('does not take the length of compressed bytes for that of the file', async () => {
    const content = new Uint8Array(100_000).fill(3);
    const zipped = gzipSync(content);
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped);
    });
    const progress: WeightProgress[] = [];
    const bytes = await httpWeights(server.url).read('a.bin', { onProgress: (event) => progress.push(event) });
    expect(Buffer.from(bytes).equals(content)).toBe(true);
    expect(progress.every(({ totalBytes }) => totalBytes === undefined)).toBe(true);
  });

  test.each([404, 403, 500])('throws the status %i', async (status) => {
    const server = await serve((_, response) => void response.writeHead(status).end('no'));
    const error = await failure(httpWeights(server.url).read('a.bin'));
    expect(error).toBeInstanceOf(WeightLoadError);
    expect(error).toMatchObject({ status, file: `${server.url}/a.bin` });
    expect(error.message).toMatch(`cannot load ${server.url}/a.bin: the server answered ${status}`);
  });

  test('says that a connection dropped, and after how many bytes', async () => {
    let drop = (): void => {};
    const server = await serve((_, response) => {
      drop = () => response.destroy();
      response.writeHead(200, { 'content-length': 1000 }).write(new Uint8Array(10));
    });
    const onProgress = ({ loadedBytes }: WeightProgress): void => {
      if (loadedBytes === 10) drop();
    };
    const error = await failure(httpWeights(server.url).read('a.bin', { onProgress }));
    expect(error).toBeInstanceOf(WeightLoadError);
    expect(error.message).toMatch('the connection dropped after 10 bytes');
  });

  test('says that nobody answers', async () => {
    const server = await serve(() => undefined);
    await server.close();
    const error = await failure(httpWeights(server.url).read('a.bin'));
    expect(error).toBeInstanceOf(WeightLoadError);
    expect(error.message).toMatch(/ECONNREFUSED/);
  });

  test('stops a slow answer when the signal says so', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write(new Uint8Array(10));
    });
    const controller = new AbortController();
    const reading = httpWeights(server.url).read('a.bin', {
      signal: controller.signal,
      onProgress: ({ loadedBytes }) => {
        if (loadedBytes === 10) controller.abort();
      },
    });
    expect((await failure(reading)).name).toBe('AbortError');
    const unanswered = new AbortController();
    setTimeout(() => unanswered.abort(new Error('enough')), 50);
    const silent = await serve(() => undefined);
    await expect(httpWeights(silent.url).read('a.bin', { signal: unanswered.signal })).rejects.toThrow('enough');
  });

  test('gives a silent server up, before its answer and amid it', async () => {
    const silent = await serve(() => undefined);
    const stuck = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write(new Uint8Array(10));
    });
    for (const { url } of [silent, stuck]) {
      const error = await failure(httpWeights(url, { idleTimeoutMs: 100 }).read('a.bin'));
      expect(error).toBeInstanceOf(WeightLoadError);
      expect(error.message).toBe(`cannot load ${url}/a.bin: the server has sent nothing for 0.1 s`);
    }
  });

  test('waits for a slow server that is never silent for too long: its rate counts from its first bytes', async () => {
    jest.useFakeTimers();
    try {
      const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          await pass(40_000);
          controller.enqueue(new Uint8Array(10));
          await pass(1000);
          controller.enqueue(new Uint8Array(90));
          controller.close();
        },
      });
      const source = httpWeights('http://localhost/', {
        async fetch() {
          await pass(20_000);
          return new Response(body);
        },
      });
      const reading = source.read('a.bin');
      await jest.advanceTimersByTimeAsync(41_000);
      expect(await reading).toHaveLength(100);
    } finally {
      jest.useRealTimers();
    }
  });

  describe('whatever a server does, there is one line in time:', () => {
    const dripping: RequestHandler = (_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(timer));
    };
    const redirect =
      (location: string): RequestHandler =>
      (_, response) =>
        void response.writeHead(302, { location }).end();
    const gzipped =
      (body: Uint8Array): RequestHandler =>
      (_, response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(body);
    /** Far longer than a busy machine takes from one drop to the next. */
    const limits = { idleTimeoutMs: 2000, fileTimeoutMs: 10_000 };
    /** For servers that answer: a busy machine takes a moment for each. */
    const patient = { idleTimeoutMs: 30_000, fileTimeoutMs: 30_000 };

    const cases: readonly [string, RequestHandler, RegExp, object?][] = [
      ['bytes that drip', dripping, /: the server sends under 4096 bytes per second$/],
      ['bytes that may drip', dripping, /: not complete after 1 s$/, { minBytesPerSecond: 0, fileTimeoutMs: 1000 }],
      ['redirects in a circle', redirect('/x'), /redirect/, patient],
      ['a redirect to a file', redirect('file:///etc/passwd'), /^cannot load /, patient],
      ['a redirect to where nobody is', redirect('http://127.0.0.1:1/'), /^cannot load /, patient],
      [
        'a gzip bomb',
        gzipped(gzipSync(Buffer.alloc(50 * 2 ** 20))),
        /is too long \(expected at most 1000000 bytes/,
        patient,
      ],
      ['a gzip that is none', gzipped(Buffer.from('none')), /the connection dropped after 0 bytes/, patient],
      ['more than is wanted', (_, response) => void response.end(Buffer.alloc(2_000_000)), /is too long/, patient],
      ['no HTTP', (_, response) => void response.socket?.end('hello\r\n\r\n'), /^cannot load /, patient],
    ];
    test.each(cases)('%s', async (_what, handler, message, options = {}) => {
      const server = await serve(handler);
      const source = httpWeights(server.url, { ...limits, ...options });
      const error = await failure(source.read('a.bin', { maxBytes: 1_000_000 }));
      expect(error instanceof WeightLoadError || error instanceof WeightFormatError).toBe(true);
      expect(error.message).toMatch(message);
      expect(error.message).not.toMatch(/\p{Cc}/u);
    });

    test('limits that are none are refused', () => {
      expect(() => httpWeights('http://localhost/', { idleTimeoutMs: -1 })).toThrow(RangeError);
      expect(() => httpWeights('http://localhost/', { minBytesPerSecond: Number.NaN })).toThrow('minBytesPerSecond');
    });
  });

  test('does not read on beyond the limit', async () => {
    const announced = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 1e9 }).write(new Uint8Array(10));
    });
    await expect(httpWeights(announced.url).read('a.bin', { maxBytes: 100 })).rejects.toThrow(WeightFormatError);
    const endless = await serve((_, response) => {
      response.writeHead(200);
      const more = () => {
        if (!response.destroyed) response.write(new Uint8Array(1000), () => setImmediate(more));
      };
      more();
    });
    await expect(httpWeights(endless.url).read('a.bin', { maxBytes: 100_000 })).rejects.toThrow(WeightFormatError);
  });

  test('asks for nothing outside the pack, and drops the query of its base', async () => {
    const server = await serve((_, response) => void response.end('{}'));
    const source = httpWeights(`${server.url}/pack?token=1#top`, { headers: { 'x-test': 'yes' } });
    await expect(source.read('../a.bin')).rejects.toThrow(WeightFormatError);
    await source.read('a.bin');
    expect(server.requests).toEqual(['GET /pack/a.bin']);
  });
});

async function failure(action: Promise<unknown>): Promise<Error> {
  try {
    await action;
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
