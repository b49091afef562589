import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { checkWebAddress, type FetchPictureOptions, fetchPicture } from '../../src/queue/fetch-picture.ts';
import { isPublicAddress } from '../../src/queue/public-address.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server of this machine. @returns its port. */
async function serve(listener: RequestListener): Promise<number> {
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A server that writes these bytes to whoever connects, and hangs up. @returns its port. */
async function serveRaw(text: string): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(text));
  }).listen(0, '127.0.0.1');
  closers.push(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Only this address may be asked: as the internet is to others. */
const only127001 = { isAllowed: (address: string) => address === '127.0.0.1' };

async function failure(url: string, options: FetchPictureOptions = only127001) {
  return fetchPicture(url, options).then(
    () => 'no failure',
    (error: Error & { isTransient?: boolean }) => `${error.isTransient === true ? 'for now: ' : ''}${error.message}`,
  );
}

describe('isPublicAddress', () => {
  test.each(['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '::ffff:8.8.8.8', '100.63.0.1', '172.15.0.1', '172.32.0.1'])(
    '%s is',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );
  test.each([
    ...[
      '127.0.0.1',
      '127.8.8.8',
      '0.0.0.0',
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.0.1',
      '169.254.169.254',
    ],
    ...['100.64.0.1', '192.0.0.8', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '240.0.0.1'],
    ...[
      '255.255.255.255',
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:10.0.0.1',
      'fe80::1',
      'fc00::1',
      'fd12::1',
      'ff02::1',
    ],
    ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001:db8::1', 'localhost', ''],
  ])('%s is not', (address) => expect(isPublicAddress(address)).toBe(false));
});

describe('checkWebAddress', () => {
  test.each([
    ['http://127.0.0.1/a.jpg', /127\.0\.0\.1 is not an address of the public internet; --allow-private allows it$/],
    ['http://0x7f.1/', /127\.0\.0\.1 is not/],
    ['http://2130706433/', /127\.0\.0\.1 is not/],
    ['http://[::1]:80/', /\[::1\] is not/],
    ['http://[::ffff:10.0.0.1]/', /is not an address/],
    ['http://localhost:8080/', /localhost is not/],
    ['http://a.localhost./', /is not an address/],
    ['http://', /this is not a URL/],
    ['ftp://example.org/a.jpg', /ftp: is not http: or https:/],
    ['https://me:s3cret@example.org/', /^https:\/\/example\.org\/: a URL with a user or password is refused/],
  ])('refuses %s', (url, message) => {
    expect(() => checkWebAddress(url, isPublicAddress)).toThrow(message);
  });

  test('lets names and public addresses pass', () => {
    expect(checkWebAddress('https://example.org/a.jpg', isPublicAddress).href).toBe('https://example.org/a.jpg');
    expect(checkWebAddress('http://8.8.8.8/', isPublicAddress).hostname).toBe('8.8.8.8');
    expect(checkWebAddress('http://127.0.0.1/', () => true).hostname).toBe('127.0.0.1');
  });
});

describe('fetchPicture', () => {
  test('brings the bytes, after redirects', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/a') response.writeHead(302, { location: '/b' }).end();
      else if (request.url === '/b') response.writeHead(308, { location: `http://127.0.0.1:${port}/c` }).end();
      else response.end(Buffer.from([1, 2, 3]));
    });
    // Times that a timer takes only in part.
    for (const timeoutMs of [undefined, 2 ** 31, Number.POSITIVE_INFINITY, 10_000.5]) {
      const options = { ...only127001, ...(timeoutMs !== undefined && { timeoutMs }) };
      expect([...(await fetchPicture(`http://127.0.0.1:${port}/a`, options))]).toEqual([1, 2, 3]);
    }
  });

  test('a name is looked up, and only addresses that may be asked are', async () => {
    const port = await serve((_, response) => response.end('x'));
    const url = `http://localhost:${port}/`;
    expect((await fetchPicture(url, only127001)).length).toBe(1);
    // As where a name of the internet means this machine: the name passes, its address does not.
    const isAllowed = (address: string): boolean => address === 'none';
    let asked = 0;
    const counting = { isAllowed: (address: string) => asked++ === 0 || isAllowed(address) };
    expect(await failure(url, counting)).toBe(
      `${url}: localhost is not an address of the public internet; --allow-private allows it`,
    );
    expect(asked).toBeGreaterThan(1);
  });

  test('a redirect to an address that may not be asked', async () => {
    let wasAsked = false;
    const inner = await serve((_, response) => {
      wasAsked = true;
      response.end('secret');
    });
    const port = await serve((_, response) =>
      response.writeHead(301, { location: `http://127.0.0.2:${inner}/` }).end(),
    );
    expect(await failure(`http://127.0.0.1:${port}/`)).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/: it redirects to http:\/\/127\.0\.0\.2:\d+\/: 127\.0\.0\.2 is not an address of the public internet; --allow-private allows it$/,
    );
    expect(wasAsked).toBe(false);
  });

  test('a redirect to another scheme, to nothing, and without end', async () => {
    const port = await serve((request, response) => {
      const targets: Record<string, string> = { '/file': 'file:///etc/passwd', '/bad': 'http://', '/loop': '/loop' };
      response.writeHead(302, { location: targets[request.url ?? ''] }).end();
    });
    const at = (path: string): string => `http://127.0.0.1:${port}${path}`;
    expect(await failure(at('/file'))).toMatch(/it redirects to file:\/\/\/etc\/passwd: file: is not http: or https:$/);
    expect(await failure(at('/bad'))).toMatch(/it redirects to something that is not a URL$/);
    expect(await failure(at('/loop'), { ...only127001, maxRedirects: 3 })).toMatch(/more than 3 redirects$/);
  });

  test('a server that drips, and one that says nothing, end at the limit of time', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/silent') return;
      response.writeHead(200, { 'content-length': '1000000' });
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    for (const path of ['/drip', '/silent']) {
      const message = await failure(`http://127.0.0.1:${port}${path}`, { ...only127001, timeoutMs: 300 });
      expect(message).toMatch(/^for now: .*: timed out after 0\.3 s$/);
    }
  });

  test('a body beyond the limit, announced or not', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/announced') response.writeHead(200, { 'content-length': '2000' });
      response.write(Buffer.alloc(1500));
      response.end(Buffer.alloc(500));
    });
    for (const path of ['/announced', '/chunked']) {
      const message = await failure(`http://127.0.0.1:${port}${path}`, { ...only127001, maxBytes: 1000 });
      expect(message).toMatch(/: longer than 1000 bytes$/);
    }
  });

  test('a server that lies about the length: longer than it is, and shorter', async () => {
    const longer = await serveRaw('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345');
    expect(await failure(`http://127.0.0.1:${longer}/`)).toMatch(
      /^for now: .*: the connection ended after 5 of 100 bytes$/,
    );
    const shorter = await serveRaw('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n12345');
    expect((await fetchPicture(`http://127.0.0.1:${shorter}/`, only127001)).length).toBe(3);
  });

  test.each([
    [404, false],
    [403, false],
    [408, true],
    [429, true],
    [500, true],
    [503, true],
  ])('status %d', async (status, isTransient) => {
    const port = await serve((_, response) => response.writeHead(status).end('no'));
    expect(await failure(`http://127.0.0.1:${port}/`)).toMatch(
      new RegExp(`^${isTransient ? 'for now: ' : ''}http.*: the server answered ${status} `),
    );
  });

  test('what is no HTTP, what is compressed, and where nobody answers', async () => {
    const noHttp = await serveRaw('SSH-2.0-OpenSSH\r\n');
    expect(await failure(`http://127.0.0.1:${noHttp}/`)).toMatch(/^for now: http:[^\n]+$/);
    const zipped = await serveRaw('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx');
    expect(await failure(`http://127.0.0.1:${zipped}/`)).toMatch(/: the server sent it as gzip, unrequested$/);
    const port = await serve(() => {});
    for (const close of closers.splice(0)) close();
    expect(await failure(`http://127.0.0.1:${port}/`)).toMatch(/^for now: .*: the connection was refused$/);
    expect(await failure('http://nothing.invalid/')).toMatch(/no such host$|cannot be resolved at the moment$/);
  });

  test("the caller's signal ends it with its own reason", async () => {
    const port = await serve(() => {});
    const controller = new AbortController();
    const fetching = fetchPicture(`http://127.0.0.1:${port}/`, { ...only127001, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(fetching).rejects.toThrow('enough');
  });
});
