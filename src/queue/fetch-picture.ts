/**
 * Downloads a picture from an untrusted server: limited in bytes, time and redirects, and by default not from addresses
 * that only this machine or its network can reach. Node's own `fetch` does not accept a look-up function; without one,
 * a name could resolve to one address when it is checked and to another when it is used.
 */
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { TddfaError } from '../errors.ts';
import { timerDelay } from '../timer-delay.ts';
import {
  type AddressRule,
  addressOfHost,
  ForbiddenAddressError,
  isPublicAddress,
  lookupAllowed,
} from './public-address.ts';

/** Limits of a download. */
export interface FetchPictureOptions {
  /** Maximum length of the body. Default 64 MiB. */
  readonly maxBytes?: number;
  /** For everything, from the first look-up to the last byte, ms. Default 30,000. */
  readonly timeoutMs?: number;
  /** Default 5. */
  readonly maxRedirects?: number;
  /** Which addresses may be contacted. Default: those of the public internet. */
  readonly isAllowed?: AddressRule;
  readonly signal?: AbortSignal;
}

export const FETCH_PICTURE_DEFAULTS = {
  maxBytes: 64 * 2 ** 20,
  timeoutMs: 30_000,
  maxRedirects: 5,
  isAllowed: isPublicAddress,
} as const satisfies FetchPictureOptions;

/** A picture could not be downloaded. */
export class PictureDownloadError extends TddfaError {
  override readonly name = 'PictureDownloadError';
  /** Whether the same request may succeed later. */
  readonly isTransient: boolean;

  constructor(url: string, reason: string, options?: ErrorOptions & { isTransient?: boolean }) {
    super(`${url}: ${reason}`, options);
    this.isTransient = options?.isTransient === true;
  }
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Too busy, too slow, too many requests. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);
/** Error codes of Node: unknown host name or invalid certificate. Retrying does not help. */
const LASTING_FAILURES: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Whether an input is a web address rather than a path. */
export function isWebAddress(input: string): boolean {
  return /^https?:\/\//i.test(input);
}

/**
 * Checks whether a URL may be downloaded, as far as the URL itself shows.
 * @throws PictureDownloadError for anything that is not a URL, another scheme, a user or password in it, or an address
 *   that may not be contacted.
 */
export function checkWebAddress(url: string, isAllowed: AddressRule): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) throw new PictureDownloadError(url, 'this is not a URL');
  if (parsed.username !== '' || parsed.password !== '') {
    const bare = new URL(parsed);
    bare.username = '';
    bare.password = '';
    throw new PictureDownloadError(
      bare.href,
      'a URL with a user or password is refused because results contain the URL',
    );
  }
  if (!isWebAddress(parsed.href)) throw new PictureDownloadError(url, `${parsed.protocol} is not http: or https:`);
  // Names are looked up when they are used, but the meaning of this one is known.
  const address = /(^|\.)localhost\.?$/.test(parsed.hostname) ? LOCALHOST : addressOfHost(parsed.hostname);
  if (address !== undefined && !isAllowed(address)) throw forbidden(url, new ForbiddenAddressError(parsed.hostname));
  return parsed;
}

const LOCALHOST = '127.0.0.1';

function forbidden(url: string, cause: ForbiddenAddressError): PictureDownloadError {
  return new PictureDownloadError(url, `${cause.message}; --allow-private allows it`, { cause });
}

/**
 * Downloads a picture.
 * @throws PictureDownloadError naming the URL; the signal's reason.
 */
export async function fetchPicture(url: string, options: FetchPictureOptions = {}): Promise<Uint8Array> {
  const { signal, ...given } = options;
  const { maxBytes, timeoutMs, maxRedirects, isAllowed } = { ...FETCH_PICTURE_DEFAULTS, ...given };
  signal?.throwIfAborted();
  const timeout = AbortSignal.timeout(timerDelay(timeoutMs));
  const request: RequestOptions = {
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    headers: { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'tddfa' },
    lookup: lookupAllowed(isAllowed),
    agent: false,
  };
  let response: IncomingMessage | undefined;
  try {
    let target = checkWebAddress(url, isAllowed);
    for (let redirects = 0; ; redirects++) {
      response = await answerOf(target, request);
      const { statusCode = 0, headers } = response;
      if (!REDIRECTS.has(statusCode) || headers.location === undefined) break;
      response.destroy();
      if (redirects === maxRedirects) throw new PictureDownloadError(url, `more than ${maxRedirects} redirects`);
      target = redirectTarget(url, headers.location, target, isAllowed);
    }
    return await bodyOf(url, response, maxBytes);
  } catch (error) {
    signal?.throwIfAborted();
    if (timeout.aborted) {
      throw new PictureDownloadError(url, `timed out after ${timeoutMs / 1000} s`, { cause: error, isTransient: true });
    }
    throw downloadError(url, error);
  } finally {
    response?.destroy();
  }
}

function downloadError(url: string, error: unknown): PictureDownloadError {
  if (error instanceof PictureDownloadError) return error;
  if (error instanceof ForbiddenAddressError) return forbidden(url, error);
  const { code = '', message } = error as NodeJS.ErrnoException;
  const reason = FAILURES[code] ?? (message || code);
  return new PictureDownloadError(url, reason, { cause: error, isTransient: !LASTING_FAILURES.has(code) });
}

const FAILURES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be resolved at the moment',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection broke',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer',
};

function redirectTarget(url: string, location: string, from: URL, isAllowed: AddressRule): URL {
  const next = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (next === undefined) throw new PictureDownloadError(url, 'it redirects to something that is not a URL');
  try {
    return checkWebAddress(next.href, isAllowed);
  } catch (cause) {
    throw new PictureDownloadError(url, `it redirects to ${(cause as Error).message}`, { cause });
  }
}

function answerOf(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    send(url, options, resolve).on('error', reject).end();
  });
}

async function bodyOf(url: string, response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const { statusCode = 0, statusMessage = '', headers } = response;
  if (statusCode !== 200) {
    throw new PictureDownloadError(url, `the server answered ${statusCode} ${statusMessage}`.trimEnd(), {
      isTransient: statusCode >= 500 || TRANSIENT_STATUSES.has(statusCode),
    });
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new PictureDownloadError(url, `the server sent it as ${encoding}, unrequested`);
  const announced = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  const tooLarge = (): PictureDownloadError => new PictureDownloadError(url, `longer than ${maxBytes} bytes`);
  if (announced !== undefined && announced > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof PictureDownloadError || (cause as Error).name === 'AbortError') throw cause;
    const of = announced === undefined ? '' : ` of ${announced}`;
    throw new PictureDownloadError(url, `the connection ended after ${length}${of} bytes`, {
      cause,
      isTransient: true,
    });
  }
  return Buffer.concat(chunks, length);
}
