import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** A web server on 127.0.0.1 for one test. */
export interface LocalServer {
  /** Without a trailing slash. */
  readonly url: string;
  /** `GET /path`, or `GET /path bytes=…` with a range, in the order of arrival. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export async function startServer(handler: RequestHandler): Promise<LocalServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { range } = request.headers;
    requests.push(`${request.method} ${request.url}${range === undefined ? '' : ` ${range}`}`);
    Promise.resolve(handler(request, response)).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Serves a folder; a path without a file is answered with 404. */
export function serveFolder(folder: string): RequestHandler {
  return async (request, response) => {
    try {
      const bytes = await readFile(join(folder, decodeURIComponent(request.url ?? '/')));
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    } catch {
      response.writeHead(404).end('not found');
    }
  };
}
