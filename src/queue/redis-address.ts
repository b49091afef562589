import { TddfaError } from '../errors.ts';

/** Where a Redis or Valkey server is, and how to log in. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  /** Number of the database. */
  readonly database: number;
  readonly usesTls: boolean;
  /** Without user and password, for messages. */
  readonly shown: string;
}

const DEFAULT_PORT = 6379;
const EXPECTED = 'expected redis://[user:password@]host[:port][/database], or rediss:// for TLS';
const USES_TLS: Readonly<Record<string, boolean>> = {
  'redis:': false,
  'valkey:': false,
  'rediss:': true,
  'valkeys:': true,
};

/**
 * Parses a server's URL.
 * @param url - `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS; `valkey://` and `valkeys://`
 *   too.
 * @param password - used if the URL has none.
 * @throws TddfaError that never repeats the URL, because it may contain a password.
 */
export function parseRedisUrl(url: string, password?: string): RedisAddress {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const usesTls = USES_TLS[parsed?.protocol ?? ''];
  if (parsed === undefined || usesTls === undefined || parsed.hostname === '') {
    throw new TddfaError(`the Redis address cannot be parsed: ${EXPECTED}`);
  }
  const database = /^\/?(\d{0,4})$/.exec(parsed.pathname)?.[1];
  if (database === undefined) throw new TddfaError(`the database in the Redis address is not a number: ${EXPECTED}`);
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port);
  const username = decode(parsed.username);
  const secret = decode(parsed.password) || password;
  return {
    host,
    port,
    ...(username !== '' && { username }),
    ...(secret && { password: secret }),
    database: Number(database),
    usesTls,
    shown: `${parsed.protocol}//${parsed.hostname}:${port}${Number(database) === 0 ? '' : `/${Number(database)}`}`,
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new TddfaError('the user or password in the Redis address contains a % that is not written as %25', {
      cause,
    });
  }
}
