import { isIP } from 'node:net';
import type { Redis } from 'ioredis';
import { TddfaError } from '../errors.ts';
import type { QueuePackages } from './load-bullmq.ts';
import type { RedisAddress } from './redis-address.ts';

/** How a connection behaves when the server becomes unavailable. */
export interface RedisClientOptions {
  /** How long to keep reconnecting once there was a connection, ms; commands wait meanwhile. Infinity: for ever. */
  readonly patienceMs: number;
}

const CONNECT_TIMEOUT_MS = 5000;
const RECONNECT_MS = 500;

/**
 * Connects to Redis. The first connection is tried once; later ones for up to `patienceMs`.
 * @throws TddfaError with one line: refused, unknown host, wrong password, no answer. It never contains the password.
 */
export async function connectRedis(
  { Redis }: QueuePackages,
  address: RedisAddress,
  { patienceMs }: RedisClientOptions,
): Promise<Redis> {
  let wasReady = false;
  let awaySince: number | undefined;
  let reason: unknown;
  const client = new Redis({
    host: address.host,
    port: address.port,
    db: address.database,
    ...(address.username !== undefined && { username: address.username }),
    ...(address.password !== undefined && { password: address.password }),
    // A certificate is issued for a name; an address has none to request.
    ...(address.usesTls && { tls: isIP(address.host) === 0 ? { servername: address.host } : {} }),
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // As BullMQ requires: its commands wait for the connection.
    maxRetriesPerRequest: null,
    retryStrategy() {
      if (!wasReady) return null;
      awaySince ??= Date.now();
      return Date.now() - awaySince < patienceMs ? RECONNECT_MS : null;
    },
  });
  client.on('error', (error) => {
    reason = error;
  });
  client.on('ready', () => {
    wasReady = true;
    awaySince = undefined;
  });
  try {
    await client.connect();
    await client.ping();
    return client;
  } catch (error) {
    client.disconnect();
    throw new TddfaError(`${address.shown}: ${describeRedisError(reason ?? error)}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'no Redis server answers there (connection refused)',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be resolved at the moment',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ECONNRESET: 'the connection was closed; a server with TLS needs rediss://',
  EPIPE: 'the connection was closed',
};

/** Why Redis failed to execute a command, in words. */
export function describeRedisError(error: unknown): string {
  const { code, message, errors } = error as NodeJS.ErrnoException & { readonly errors?: readonly unknown[] };
  if (code !== undefined && code in REASONS) return REASONS[code];
  // Several addresses of one host were tried.
  if (errors !== undefined && errors.length > 0) return describeRedisError(errors[0]);
  if (/^WRONGPASS|invalid password/.test(message)) return 'the user or the password is wrong';
  if (/^NOAUTH/.test(message)) return 'it needs a password, and none was given';
  if (/^OOM/.test(message)) return 'its memory is full (maxmemory)';
  if (/^LOADING/.test(message)) return 'it is still loading its data';
  if (/^MISCONF/.test(message)) return 'it cannot write to its disk and accepts no writes';
  if (/^READONLY/.test(message)) return 'it is a replica and accepts no writes';
  if (/^NOPERM/.test(message)) return 'the user lacks the permission for this';
  if (/ETIMEDOUT/.test(message)) return 'no answer';
  if (/Connection is closed/.test(message)) return 'the connection was closed';
  return message;
}
