/** `tddfa queue` with a real Redis. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { writeNumberedCrops } from '../../development/numbered-crops.ts';
import { freePort } from '../../development/redis-server.ts';
import { startTddfa } from '../../development/tddfa-process.ts';
import { runCliWithFileLimit } from '../support/file-size-limit.ts';
import { describeWithRedis, useRedis } from '../support/redis.ts';
import { type CliTestOptions, runCli } from '../support/run-cli.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const PICTURES = 7;
const SIDE = 224;
let pictures: readonly string[] = [];

beforeAll(async () => {
  pictures = await writeNumberedCrops(temporary('pictures'), PICTURES, SIDE);
});

describeWithRedis('tddfa queue', () => {
  const redis = useRedis();

  /** Runs a command of a queue in this process. */
  function queue(name: string, command: string, args: readonly string[] = [], options: CliTestOptions = {}) {
    const flags = ['queue', command, '--queue', name, ...args];
    return runCli(flags, { ...options, env: { TDDFA_REDIS: redis().url, ...options.env } });
  }

  function work(name: string, args: readonly string[] = []) {
    return queue(name, 'work', ['--jobs', '1', '--until-empty', '--parts', temporary(name, 'parts'), ...args]);
  }

  function collect(name: string, args: readonly string[] = []) {
    return queue(name, 'collect', ['--parts', temporary(name, 'parts'), ...args]);
  }

  async function counts(name: string): Promise<Record<string, { jobs: number; pictures: number }>> {
    return JSON.parse((await queue(name, 'status', ['--json'])).stdout);
  }

  /** Waits until something is so. */
  async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) await delay(100);
  }

  /** The paths of collected lines, without the header. */
  function pathsOf(jsonl: string): string[] {
    return linesOf(jsonl).map(({ path }) => path);
  }

  function linesOf(jsonl: string): { readonly path: string; readonly error?: string }[] {
    const [, ...lines] = jsonl.trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line));
  }

  /** A server of pictures; what it answers is the caller's. @returns its address. */
  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const closers: (() => void)[] = [];
  afterAll(() => {
    for (const close of closers) close();
  });

  test('results are those of tddfa align, in the order of adding, whatever is added twice', async () => {
    const bad = temporary('bad.jpg');
    writeFileSync(bad, 'no picture');
    const all = [...pictures, bad, temporary('gone.jpg')];
    writeFileSync(temporary('all.txt'), `${all.join('\n')}\n`);
    const list = ['--files-from', temporary('all.txt'), '--per-job', '4'];
    expect((await queue('same', 'add', list)).stdout).toBe('added 3 jobs with 9 pictures\n');
    expect((await queue('same', 'add', list)).stdout).toBe(
      'added 0 jobs with 0 pictures; 3 jobs with 9 pictures were already there\n',
    );
    // Another list with some of the same pictures.
    expect((await queue('same', 'add', [pictures[1], pictures[0]])).stdout).toBe('added 1 job with 2 pictures\n');
    const worked = await work('same');
    expect(worked.stdout).toMatch(/^11 pictures of 4 jobs, 2 failed, .* pictures per second, [\w-]+\.part\.jsonl\n$/);
    expect(worked.stderr).toBe(
      `tddfa: ${bad}: this is not a picture that can be read\ntddfa: ${temporary('gone.jpg')}: no such file\n`,
    );
    expect((await queue('same', 'add', list)).stdout).toMatch(/^added 0 jobs/);

    const collected = await collect('same');
    expect(collected.status).toBe(0);
    expect(collected.stderr).toBe('9 pictures of 4 jobs, 2 failed, 0 missing, 2 duplicates left out\n');
    const sequential = temporary('sequential.jsonl');
    await runCli(['align', '--files-from', temporary('all.txt'), '--jobs', '1', '--jsonl', sequential]);
    expect(collected.stdout).toBe(readFileSync(sequential, 'utf8'));
    expect(collected.stdout).toContain('"landmarks":[[');
  });

  test('paths stay as they were given, and begin where they were added or at --root', async () => {
    const added = await startTddfa(['queue', 'add', 'pictures', '--queue', 'relative'], {
      cwd: temporary(),
      env: { TDDFA_REDIS: redis().url },
    }).ended;
    expect(added.stdout).toBe(`added 1 job with ${PICTURES} pictures\n`);
    await work('relative');
    const collected = await collect('relative');
    expect(pathsOf(collected.stdout)[0]).toBe('pictures/0000.png');
    expect(collected.stdout).not.toContain('"error"');
    const moved = await startTddfa(['queue', 'add', 'pictures', '--queue', 'moved'], {
      cwd: temporary(),
      env: { TDDFA_REDIS: redis().url },
    }).ended;
    expect(moved.status).toBe(0);
    await work('moved', ['--root', temporary('nowhere')]);
    expect(linesOf((await collect('moved')).stdout)[0]).toEqual({ path: 'pictures/0000.png', error: 'no such file' });
  });

  test('collect names what is missing, retry brings it back', async () => {
    await queue('partly', 'add', [...pictures, '--per-job', '3']);
    const early = await collect('partly', ['--missing', temporary('missing.txt')]);
    expect(early.status).toBe(1);
    expect(early.stdout).toBe('');
    expect(early.stderr.split('\n')).toEqual([
      ...pictures.map((path) => `missing: ${path}: its job is not done`),
      `0 pictures of 3 jobs, 0 failed, ${PICTURES} missing`,
      `tddfa: ${PICTURES} pictures missing`,
      '',
    ]);
    expect(readFileSync(temporary('missing.txt'), 'utf8')).toBe(`${pictures.join('\n')}\n`);

    await work('partly');
    const parts = temporary('partly', 'parts');
    const [part] = readdirSync(parts);
    // A disk that was lost, and one that lost its end.
    const text = readFileSync(`${parts}/${part}`, 'utf8');
    writeFileSync(`${parts}/${part}`, text.slice(0, -10));
    const torn = await collect('partly');
    expect([torn.status, pathsOf(torn.stdout)]).toEqual([1, pictures.slice(0, 6)]);
    expect(torn.stderr).toContain(`missing: ${pictures[6]}: ${parts}/${part} does not contain its result\n`);
    rmSync(`${parts}/${part}`);
    expect((await collect('partly')).stderr).toContain(`its result is in ${parts}/${part}, which does not exist\n`);

    expect((await queue('partly', 'retry')).stdout).toBe('put back 0 jobs with 0 pictures\n');
    expect((await queue('partly', 'retry', ['--parts', parts])).stdout).toBe(
      `put back 3 jobs with ${PICTURES} pictures\n`,
    );
    await work('partly');
    const whole = await collect('partly', ['--jsonl', temporary('whole.jsonl')]);
    expect([whole.status, whole.stdout]).toEqual([0, '']);
    expect(pathsOf(readFileSync(temporary('whole.jsonl'), 'utf8'))).toEqual(pictures);

    const poorer = await collect('partly', ['--parts', temporary('empty'), '--jsonl', temporary('whole.jsonl')]);
    expect(poorer.status).toBe(1);
    expect(poorer.stderr).toContain(
      `whole.jsonl is kept unchanged: it holds ${PICTURES} pictures; 0 were found this time, ${PICTURES} missing\n`,
    );
    expect(pathsOf(readFileSync(temporary('whole.jsonl'), 'utf8'))).toEqual(pictures);
  });

  test('retry tries pictures again that failed', async () => {
    const late = temporary('late.png');
    await queue('late', 'add', [pictures[0], '--per-job', '1']);
    writeFileSync(temporary('late.txt'), late);
    await queue('late', 'add', ['--files-from', temporary('late.txt')]);
    expect((await work('late')).stdout).toMatch(/^2 pictures of 2 jobs, 1 failed/);
    expect((await queue('late', 'status')).stdout).toContain('1 picture failed; tddfa queue retry tries them again\n');
    writeFileSync(late, readFileSync(pictures[1]));
    expect((await queue('late', 'retry')).stdout).toBe('put back 1 job with 1 picture\n');
    expect((await work('late')).stdout).toMatch(/^1 picture of 1 job, 0 failed/);
    expect((await collect('late')).stderr).toBe('2 pictures of 2 jobs, 0 failed, 0 missing\n');
  });

  test('results of different options are not mixed', async () => {
    await queue('mixed', 'add', [pictures[0]]);
    await work('mixed');
    await queue('mixed', 'add', [pictures[1]]);
    await work('mixed', ['--min-score', '0.9']);
    const { status, stderr } = await collect('mixed', ['--jsonl', temporary('mixed.jsonl')]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tddfa: [^\n]+ were not made in the same way: [^\n]*minScore[^\n]*\n$/);
    expect(existsSync(temporary('mixed.jsonl'))).toBe(false);
  });

  test('status counts, drain empties', async () => {
    await queue('drain', 'add', [...pictures, '--per-job', '2']);
    expect(await counts('drain')).toMatchObject({
      queue: 'drain',
      waiting: { jobs: 4, pictures: PICTURES },
      done: { jobs: 0, pictures: 0 },
      failedPictures: 0,
      workers: [],
    });
    expect((await queue('drain', 'drain')).stdout).toBe(`removed 4 jobs with ${PICTURES} pictures\n`);
    await queue('drain', 'add', [pictures[0]]);
    await work('drain');
    expect(await counts('drain')).toMatchObject({ waiting: { jobs: 0 }, done: { jobs: 1, pictures: 1 } });
    expect((await queue('drain', 'drain')).stdout).toBe('removed 0 jobs with 0 pictures\n');
    const refused = await queue('drain', 'drain', ['--all']);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      'tddfa: nothing removed: pass --yes to remove the whole queue\n',
    ]);
    expect((await queue('drain', 'drain', ['--all', '--yes'])).stdout).toBe('removed 1 job with 1 picture\n');
    expect(await counts('drain')).toMatchObject({ done: { jobs: 0 } });
  });

  test('on a terminal the table is live until all is done', async () => {
    await queue('live', 'add', [...pictures, '--per-job', '1']);
    const watching = queue('live', 'status', [], { isTTY: true });
    await work('live');
    const { status, stdout } = await watching;
    expect(status).toBe(0);
    expect(stdout).toMatch(/100\.0 % of 7 pictures\n[^%]*$/);
  });

  test('adding waits for workers', async () => {
    const adding = queue('full', 'add', [...pictures, '--per-job', '1', '--max-waiting', '2']);
    await until(async () => (await counts('full')).waiting.jobs === 2);
    await delay(1000);
    expect((await counts('full')).waiting.jobs).toBe(2);
    while ((await Promise.race([adding, delay(50)])) === undefined) await work('full');
    const { stdout, stderr } = await adding;
    expect([stdout, stderr]).toEqual([
      `added 7 jobs with 7 pictures\n`,
      '2 jobs are waiting; continuing as workers take them\n',
    ]);
    await work('full');
    expect(pathsOf((await collect('full')).stdout)).toEqual(pictures);
  });

  test('downloads: bad ones are lines, servers that fail for now are asked again', async () => {
    let asked = 0;
    const photo = readFileSync(pictures[0]);
    const address = await serve((request, response) => {
      if (request.url === '/good.png') response.end(photo);
      else if (request.url === '/shaky.png' && asked++ === 0) response.writeHead(503).end();
      else if (request.url === '/shaky.png') response.end(photo);
      else if (request.url === '/long.png') response.writeHead(200, { 'content-length': '9999999' }).end(photo);
      else if (request.url === '/bomb.png') response.end(pngBomb());
      else if (request.url === '/drip.png') {
        response.writeHead(200);
        const timer = setInterval(() => response.write('x'), 50);
        response.on('close', () => clearInterval(timer));
      } else response.writeHead(404).end();
    });
    const urls = ['good', 'long', 'bomb', 'drip', 'gone'].map((name) => `${address}/${name}.png`);
    const refused = await queue('web', 'add', urls);
    expect(refused.status).toBe(1);
    expect(refused.stderr.split('\n').slice(0, 5)).toEqual(
      urls.map((url) => `tddfa: ${url}: 127.0.0.1 is not an address of the public internet; --allow-private allows it`),
    );
    // What is refused when it is added may still be in a queue.
    await queue('inside', 'add', [urls[0], '--allow-private']);
    await work('inside');
    expect(linesOf((await collect('inside')).stdout)[0].error).toMatch(/^127\.0\.0\.1 is not an address/);

    await queue('web', 'add', [...urls, '--allow-private', '--attempts', '1']);
    await queue('web', 'add', [`${address}/shaky.png`, '--allow-private', '--attempts', '2']);
    const worked = await work('web', ['--allow-private', '--url-timeout', '2', '--url-max-size', '1']);
    expect(worked.stderr).toContain(`${address}/shaky.png: the server answered 503 Service Unavailable\n`);
    const lines = linesOf((await collect('web')).stdout);
    expect(lines.map(({ error }) => error)).toEqual([
      undefined,
      'longer than 1048576 bytes',
      '30000x30000 pixels are more than the limit of 100000000',
      'timed out after 2 s',
      'the server answered 404 Not Found',
      undefined,
    ]);
  });

  test('a full disk stops the worker, and its jobs wait for another', async () => {
    await queue('disk', 'add', [...pictures, '--per-job', '2']);
    const flags = ['--redis', redis().url, '--jobs', '1', '--until-empty', '--parts', temporary('disk', 'parts')];
    // The seven results have some 30 kB.
    const { status, stderr } = runCliWithFileLimit(12, ['queue', 'work', '--queue', 'disk', ...flags]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tddfa: cannot write [^\n]+\.part\.jsonl: the file is too large for the system\n$/);
    const { waiting, delayed, running, failed } = await counts('disk');
    expect(waiting.jobs + delayed.jobs).toBeGreaterThan(0);
    expect([running.jobs, failed.jobs]).toEqual([0, 0]);
    await work('disk');
    expect(pathsOf((await collect('disk')).stdout)).toEqual(pictures);
  });

  test.each([
    // Longer than timers take, and a part of a ms.
    ['finishes', ['--grace', '3e6', '--url-timeout', '3e6', '--recover-after', '30.0005'], 'done'],
    ['hands back', ['--grace', '0.01'], 'waiting or delayed'],
  ])('a worker that gets SIGTERM %s its jobs', async (verb, flags, state) => {
    const name = `sigterm-${verb.replace(' ', '-')}`;
    let asked = 0;
    const photo = readFileSync(pictures[0]);
    // Each picture takes a moment, so that the job is still running.
    const address = await serve((_request, response) => {
      asked++;
      setTimeout(() => response.end(photo), 300);
    });
    const urls = Array.from({ length: 10 }, (_value, index) => `${address}/${index}.png`);
    await queue(name, 'add', [...urls, '--allow-private']);
    const own = ['--queue', name, '--jobs', '1', '--allow-private', '--parts', temporary(name, 'parts'), ...flags];
    const worker = startTddfa(['queue', 'work', ...own], { env: { TDDFA_REDIS: redis().url } });
    await until(() => asked >= 2);
    worker.child.kill('SIGTERM');
    const { status, stderr } = await worker.ended;
    expect([status, stderr]).toEqual([0, '']);
    const { done, waiting, delayed, running } = await counts(name);
    expect(running.jobs).toBe(0);
    expect(state === 'done' ? done.jobs : waiting.jobs + delayed.jobs).toBe(1);
    await work(name, ['--allow-private']);
    expect(pathsOf((await collect(name)).stdout)).toEqual(urls);
  });

  test('a picture that kills its workers becomes a line with its error', async () => {
    let worker = startTddfa(['--version']);
    let deaths = 0;
    const photo = readFileSync(pictures[0]);
    const address = await serve((request, response) => {
      if (request.url !== '/poison.png') return void response.end(photo);
      deaths++;
      worker.child.kill('SIGKILL');
    });
    const urls = ['a', 'b', 'poison', 'c'].map((name) => `${address}/${name}.png`);
    await queue('poison', 'add', [...urls, '--allow-private']);
    const flags = ['--queue', 'poison', '--jobs', '1', '--until-empty', '--recover-after', '3', '--allow-private'];
    let status: number | null = null;
    while (status === null) {
      worker = startTddfa(['queue', 'work', ...flags, '--parts', temporary('poison', 'parts')], {
        env: { TDDFA_REDIS: redis().url },
      });
      ({ status } = await worker.ended);
    }
    expect([status, deaths]).toEqual([0, 4]);
    const lines = linesOf((await collect('poison')).stdout);
    expect(lines.map(({ path }) => path)).toEqual(urls);
    expect(lines.map(({ error }) => error)).toEqual([
      undefined,
      undefined,
      '3 workers died on this picture without an error',
      undefined,
    ]);
  });
});

describeWithRedis('tddfa queue where Redis is not as it should be', () => {
  const PASSWORD = 's3cret-word';
  const locked = useRedis(['--requirepass', PASSWORD]);
  const leaving = useRedis();

  test.each(['add', 'work', 'status', 'collect', 'retry', 'drain'])('%s where nobody answers', async (command) => {
    const url = `redis://:${PASSWORD}@127.0.0.1:${await freePort()}`;
    const result = await runCli(['queue', command, '--redis', url, ...(command === 'add' ? [pictures[0]] : [])]);
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(
      /^tddfa: redis:\/\/127\.0\.0\.1:\d+: no Redis server answers there \(connection refused\)\n$/,
    );
  });

  test('a wrong password, none, and the right one in three places', async () => {
    const { port } = locked();
    const status = (redis: string, env = {}) => runCli(['queue', 'status', '--redis', redis], { env });
    const wrong = await status(`redis://:not-${PASSWORD}@127.0.0.1:${port}`);
    expect(wrong).toEqual({
      status: 1,
      stdout: '',
      stderr: `tddfa: redis://127.0.0.1:${port}: the user or the password is wrong\n`,
    });
    const none = await status(`redis://127.0.0.1:${port}`);
    expect(none.stderr).toBe(`tddfa: redis://127.0.0.1:${port}: it needs a password, and none was given\n`);
    const url = `redis://:${PASSWORD}@127.0.0.1:${port}`;
    for (const right of [
      await status(url),
      await status(`redis://127.0.0.1:${port}`, { TDDFA_REDIS_PASSWORD: PASSWORD }),
      await runCli(['queue', 'status'], { env: { TDDFA_REDIS: url } }),
      await runCli(['queue', 'status', '--debug'], { env: { REDIS_URL: url } }),
    ]) {
      expect(right.status).toBe(0);
      expect(right.stdout + right.stderr).not.toContain(PASSWORD);
    }
  });

  test('TLS', async () => {
    const [key, certificate] = [temporary('key.pem'), temporary('certificate.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '2'],
        ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
      ],
      { stdio: 'ignore' },
    );
    const { startRedisServer } = await import('../../development/redis-server.ts');
    const port = await freePort();
    const server = await startRedisServer([
      ...['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key],
      ...['--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no'],
    ]);
    try {
      const args = ['queue', 'status', '--redis', `rediss://localhost:${port}`];
      const trusted = await startTddfa(args, { env: { NODE_EXTRA_CA_CERTS: certificate } }).ended;
      expect([trusted.status, trusted.stderr]).toEqual([0, '']);
      const stranger = await runCli(args);
      expect(stranger).toMatchObject({ status: 1, stdout: '' });
      expect(stranger.stderr).toMatch(/^tddfa: rediss:\/\/localhost:\d+: [^\n]*certificate[^\n]*\n$/);
    } finally {
      await server.dispose();
    }
  });

  test('Redis goes away in the middle: commands end with a line, workers wait', async () => {
    const redis = leaving();
    const env = { TDDFA_REDIS: redis.url };
    const adding = runCli(['queue', 'add', ...pictures, '--per-job', '1', '--max-waiting', '2'], { env });
    await delay(1000);
    const worker = startTddfa(['queue', 'work', '--queue', 'other', '--jobs', '1', '--parts', temporary('away')], {
      env,
    });
    while (!(await runCli(['queue', 'status', '--queue', 'other'], { env })).stdout.includes('1 worker'))
      await delay(100);
    await redis.stop();
    const { status, stderr } = await adding;
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^2 jobs are waiting[^\n]*\ntddfa: redis:\/\/127\.0\.0\.1:\d+: the connection was closed\n$/,
    );
    await redis.start();
    while (!worker.stderr().includes('available again')) await delay(100);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^0 pictures of 0 jobs/),
      stderr: `${redis.url}: Redis is not available; waiting for it\n${redis.url}: Redis is available again\n`,
    });
  });
});

/** A PNG of a few hundred bytes that claims 900 million pixels. */
function pngBomb(): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length, 0);
    body.copy(framed, 4);
    framed.writeUInt32BE(crc32(body), body.length + 4);
    return framed;
  };
  const header = Buffer.from([0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30, 8, 2, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(1000))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
