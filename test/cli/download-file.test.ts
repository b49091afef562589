import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type LocalServer, type RequestHandler, startServer } from '../../development/local-server.ts';
import { type DownloadOptions, downloadFile } from '../../src/cli/download-file.ts';
import { gitBlobId } from '../../src/cli/git-blob-id.ts';
import { TddfaError, WeightFormatError, WeightLoadError } from '../../src/errors.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const content = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) ^ (i >> 8)));
const servers: LocalServer[] = [];

async function serve(handler: RequestHandler): Promise<LocalServer> {
  const server = await startServer(handler);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Downloads `server`'s file into a folder of its own. */
function download(name: string, server: LocalServer, options: Partial<DownloadOptions> = {}): Promise<void> {
  return downloadFile(`${server.url}/file`, temporary(name, 'file'), {
    blobId: gitBlobId(content),
    retryDelayMilliseconds: 1,
    ...options,
  });
}

/** Answers ranges as servers do. */
function sendRange(request: IncomingMessage, response: ServerResponse): void {
  const { start, headers } = answerHeaders(request);
  if (start < content.length) response.writeHead(start > 0 ? 206 : 200, headers).end(content.subarray(start));
  else response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
}

/** The same, but drops the connection once so many bytes of each answer have been written to `part`. */
async function sendPiece(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: number,
  part: string,
): Promise<void> {
  const { start, headers } = answerHeaders(request);
  const end = Math.min(start + bytes, content.length);
  response.writeHead(start > 0 ? 206 : 200, headers).write(content.subarray(start, end));
  if (end === content.length) {
    response.end();
    return;
  }
  const written = () =>
    stat(part).then(
      ({ size }) => size,
      () => 0,
    );
  while ((await written()) < end) await new Promise((resolve) => setTimeout(resolve, 5));
  response.destroy();
}

function answerHeaders(request: IncomingMessage): { start: number; headers: Record<string, string | number> } {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
  return { start, headers: { 'content-length': content.length - start, ...(start > 0 ? range : {}) } };
}

async function expectWhole(name: string): Promise<void> {
  expect(await readdir(temporary(name))).toEqual(['file']);
  expect((await readFile(temporary(name, 'file'))).equals(content)).toBe(true);
}

describe('gitBlobId', () => {
  test('is what git says', () => {
    // `git hash-object` of an empty file, and of "hello\n".
    expect(gitBlobId(new Uint8Array())).toBe('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391');
    expect(gitBlobId(Buffer.from('hello\n'))).toBe('ce013625030ba8dba906f756967f9e9ca394464a');
  });
});

describe('downloadFile', () => {
  test('downloads, counts upwards and does not ask twice', async () => {
    const server = await serve(sendRange);
    const counts: [number, number | undefined][] = [];
    await download('plain', server, { onProgress: (loaded, total) => counts.push([loaded, total]) });
    await expectWhole('plain');
    expect(counts[0]).toEqual([0, content.length]);
    expect(counts.at(-1)).toEqual([content.length, content.length]);
    await download('plain', server);
    expect(server.requests).toEqual(['GET /file']);
  });

  test('goes on where a connection dropped', async () => {
    const part = temporary('dropped/file.part');
    const server = await serve((request, response) => sendPiece(request, response, 30_000, part));
    await download('dropped', server, { attempts: 2 });
    await expectWhole('dropped');
    expect(server.requests).toEqual([
      'GET /file',
      'GET /file bytes=30000-',
      'GET /file bytes=60000-',
      'GET /file bytes=90000-',
    ]);
  });

  test('goes on where an earlier run stopped', async () => {
    await mkdir(temporary('resumed'));
    await writeFile(temporary('resumed/file.part'), content.subarray(0, 99_999));
    const server = await serve(sendRange);
    const counts: number[] = [];
    await download('resumed', server, { onProgress: (loaded) => counts.push(loaded) });
    await expectWhole('resumed');
    expect(server.requests).toEqual(['GET /file bytes=99999-']);
    expect(counts).toEqual([99_999, 100_000]);
  });

  test('takes a part that is whole already', async () => {
    await mkdir(temporary('complete'));
    await writeFile(temporary('complete/file.part'), content);
    const server = await serve(sendRange);
    await download('complete', server);
    await expectWhole('complete');
  });

  test('begins anew where the server knows no ranges', async () => {
    await mkdir(temporary('no-ranges'));
    await writeFile(temporary('no-ranges/file.part'), content.subarray(0, 5000));
    const server = await serve((_, response) => void response.end(content));
    await download('no-ranges', server);
    await expectWhole('no-ranges');
  });

  test.each([
    ['wrong bytes', Buffer.alloc(5000, 1)],
    ['more bytes than the file has', Buffer.alloc(200_000, 1)],
  ])('begins anew where an earlier run left %s', async (name, part) => {
    const folder = name.replaceAll(' ', '-');
    await mkdir(temporary(folder));
    await writeFile(temporary(folder, 'file.part'), part);
    const server = await serve(sendRange);
    await download(folder, server);
    await expectWhole(folder);
    expect(server.requests.at(-1)).toBe('GET /file');
  });

  test('replaces a damaged file', async () => {
    await mkdir(temporary('damaged'));
    await writeFile(temporary('damaged/file'), content.subarray(1));
    await download('damaged', await serve(sendRange));
    await expectWhole('damaged');
  });

  test('refuses other bytes than those it was told, and keeps nothing', async () => {
    const other = Buffer.from(content);
    other[500] = other[500] ^ 1;
    const server = await serve((_, response) => void response.end(other));
    const downloading = download('other', server);
    await expect(downloading).rejects.toThrow(WeightFormatError);
    await expect(downloading).rejects.toThrow(
      `${server.url}/file: is not the expected file: wrong git blob id (expected ${gitBlobId(content)}, got `,
    );
    expect(await readdir(temporary('other'))).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  test('does not try again where the file is missing', async () => {
    const server = await serve((_, response) => void response.writeHead(404).end());
    const downloading = download('missing', server);
    await expect(downloading).rejects.toThrow(WeightLoadError);
    await expect(downloading).rejects.toThrow(expect.objectContaining({ status: 404 }));
    expect(await readdir(temporary('missing'))).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  test.each([500, 503, 429])('tries again after %i', async (status) => {
    let answers = 0;
    const server = await serve((request, response) => {
      if (answers++ < 2) response.writeHead(status).end();
      else sendRange(request, response);
    });
    await download(`again-${status}`, server, { attempts: 3 });
    await expectWhole(`again-${status}`);
  });

  test('gives up after so many attempts in vain, and says how to go on', async () => {
    const server = await serve((_, response) => void response.destroy());
    const downloading = download('vain', server, { attempts: 3 });
    await expect(downloading).rejects.toThrow(TddfaError);
    await expect(downloading).rejects.toThrow(/, after 3 attempts; run it again to resume$/);
    expect(server.requests).toHaveLength(3);
  });

  test('takes silence for a dropped connection', async () => {
    let answers = 0;
    const server = await serve((request, response) => {
      if (answers++ > 0) sendRange(request, response);
      else response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 1000));
    });
    // Long for a busy machine too: nothing else may be taken for silence.
    await download('silent', server, { silenceMilliseconds: 2000 });
    await expectWhole('silent');
    expect(server.requests).toEqual(['GET /file', 'GET /file bytes=1000-']);
  });

  test('does not take slowness for silence', async () => {
    const server = await serve(async (_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      for (let at = 0; at < content.length; at += 10_000) {
        response.write(content.subarray(at, at + 10_000));
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      response.end();
    });
    await download('slow', server, { silenceMilliseconds: 2000 });
    await expectWhole('slow');
    expect(server.requests).toHaveLength(1);
  });

  test('stops when the signal says so, and keeps what it has for the next time', async () => {
    const controller = new AbortController();
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 2000));
    });
    const downloading = download('stopped', server, {
      signal: controller.signal,
      onProgress: (loaded) => {
        if (loaded === 2000) controller.abort();
      },
    });
    await expect(downloading).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(await readdir(temporary('stopped'))).toEqual(['file.part']);
    const better = await serve(sendRange);
    await download('stopped', better);
    await expectWhole('stopped');
    expect(better.requests).toEqual(['GET /file bytes=2000-']);
  });

  test('stops while it waits for the next attempt', async () => {
    const controller = new AbortController();
    const server = await serve((_, response) => void response.writeHead(503).end());
    const downloading = download('waiting', server, {
      signal: controller.signal,
      retryDelayMilliseconds: 60_000,
    });
    setTimeout(() => controller.abort(), 100);
    await expect(downloading).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  });

  test('says where it cannot write', async () => {
    await writeFile(temporary('blocked'), 'x');
    const downloading = download('blocked', await serve(sendRange));
    await expect(downloading).rejects.toThrow(TddfaError);
    await expect(downloading).rejects.toThrow(
      `cannot write ${temporary('blocked', 'file.part')}: a part of the path is a file, not a folder`,
    );
  });

  test('names the file for which the disk is full', async () => {
    await mkdir(temporary('full'));
    await symlink('/dev/full', temporary('full', 'file.part'));
    await expect(download('full', await serve(sendRange))).rejects.toThrow(
      `cannot write ${temporary('full', 'file.part')}: the disk is full`,
    );
  });

  describe('does not try for ever', () => {
    test('where every answer breaks off somewhere else', async () => {
      let answers = 0;
      const server = await serve((_, response) => {
        // Ranges are ignored: it begins anew each time, and no further than it once was.
        const bytes = [5000, 200, 4000, 30, 3000][answers++ % 5];
        response.writeHead(200, { 'content-length': content.length });
        response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
      });
      await expect(download('elsewhere', server)).rejects.toThrow(/, after 5 attempts; run it again to resume$/);
    });

    test('where each answer brings a byte', async () => {
      const part = temporary('a-byte/file.part');
      const server = await serve((request, response) => sendPiece(request, response, 1, part));
      await expect(download('a-byte', server, { maxAttempts: 8 })).rejects.toThrow(
        /, after 8 attempts; run it again to resume$/,
      );
      expect(server.requests).toHaveLength(8);
    });

    test('where a range begins at another byte than the one that was asked for', async () => {
      const server = await serve((request, response) => {
        const start = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
        const from = start > 0 ? start + 1 : 0;
        const range = `bytes ${from}-${content.length - 1}/${content.length}`;
        response.writeHead(start > 0 ? 206 : 200, {
          'content-length': content.length - from,
          ...(start > 0 ? { 'content-range': range } : {}),
        });
        response.write(content.subarray(from, from + 1000), () => setTimeout(() => response.destroy(), 20));
      });
      await expect(download('shifted', server)).rejects.toThrow(/ attempts; run it again to resume$/);
      expect(server.requests.length).toBeLessThan(12);
    });

    test('where bytes drip', async () => {
      const server = await serve((request, response) => drip(response, answerHeaders(request).headers, 20));
      const downloading = download('dripping', server, { silenceMilliseconds: 2000, attempts: 2 });
      await expect(downloading).rejects.toThrow('the server sends less than 4096 bytes per second, after 2 attempts');
      expect(server.requests).toHaveLength(2);
    });
  });
});

/** Sends a byte every so often, without end. */
function drip(response: ServerResponse, headers: Record<string, string | number>, everyMs: number): void {
  response.writeHead(200, headers);
  const timer = setInterval(() => response.write('x'), everyMs);
  response.on('close', () => clearInterval(timer));
}
