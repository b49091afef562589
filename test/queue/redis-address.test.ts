import { describe, expect, test } from '@jest/globals';
import { parseRedisUrl } from '../../src/queue/redis-address.ts';

describe('parseRedisUrl', () => {
  test.each([
    ['redis://queue.example', { host: 'queue.example', port: 6379, database: 0, usesTls: false }],
    ['redis://queue.example:7000/3', { host: 'queue.example', port: 7000, database: 3, usesTls: false }],
    ['rediss://queue.example/', { host: 'queue.example', port: 6379, database: 0, usesTls: true }],
    ['valkeys://[::1]:1', { host: '::1', port: 1, database: 0, usesTls: true }],
  ])('%s', (url, parts) => {
    expect(parseRedisUrl(url)).toEqual({ ...parts, shown: expect.any(String) });
  });

  test('takes user and password from the URL, the password else from elsewhere, and shows neither', () => {
    const address = parseRedisUrl('redis://me:s%40cret%25@queue.example/2', 'other');
    expect(address).toMatchObject({ username: 'me', password: 's@cret%', shown: 'redis://queue.example:6379/2' });
    expect(parseRedisUrl('redis://queue.example', 'other')).toMatchObject({ password: 'other' });
    expect(parseRedisUrl('redis://:only@queue.example')).not.toHaveProperty('username');
  });

  test.each([
    'queue.example:6379',
    'http://:s3cret@queue.example',
    'redis://',
    'redis://:s3cret@queue.example/name',
    'redis://:s3cret%@queue.example',
    'redis://:s3cret@queue.example:port',
  ])('%s is refused without being repeated', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(/^the (Redis address|database|user or password)/);
    expect(() => parseRedisUrl(url)).not.toThrow(/s3cret/);
  });
});
