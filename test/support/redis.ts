import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { hasRedisServer, type RedisServer, startRedisServer } from '../../development/redis-server.ts';

const isThere = hasRedisServer();

/** A `describe` whose tests need redis-server: skipped if it is missing, failing under `CI=true`. */
export function describeWithRedis(name: string, body: () => void): void {
  if (isThere) {
    describe(name, body);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      test('has redis-server', () => {
        throw new Error('redis-server is missing, and CI must not skip the tests that need it');
      });
    });
  } else {
    describe.skip(`[redis-server] ${name}`, body);
  }
}

/**
 * A Redis for the tests of a `describe`, removed after them.
 * @param options - as on its command line.
 * @returns a function that returns it; call it only inside tests.
 */
export function useRedis(options: readonly string[] = []): () => RedisServer {
  let server: RedisServer | undefined;
  beforeAll(async () => {
    server = await startRedisServer(options);
  });
  afterAll(() => server?.dispose());
  return () => {
    if (server === undefined) throw new Error('the server has not started yet');
    return server;
  };
}
