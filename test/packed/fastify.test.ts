/** The example of a service, installed as its reader installs it, under load and with threads that die. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../../development/paths.ts';
import { COMMAND_TIMEOUT_MS, usePackedProject } from '../support/packed-project.ts';

/** 500 photos over 50 connections; a thread dies after every 50 answers where that is asked for. */
const LOAD = `
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { createRequire } from 'node:module';
import { encodePng, readImage } from 'tddfa/node';
import { createService, LIMITS } from './service.js';

// This machine may be busy.
LIMITS.timeMs = 200_000;

const PHOTOS = 500, CONNECTIONS = 50, KILL_EVERY = process.argv[2] === 'kill' ? 50 : Infinity;
const script = createRequire(import.meta.url).resolve('tddfa/node/worker');
let started = 0;
const threads = new Set();
const createWorker = () => {
  const thread = new Worker(script);
  started++;
  threads.add(thread);
  thread.on('exit', () => threads.delete(thread));
  return thread;
};
const service = await createService({ size: 2, createWorker });
const url = await service.listen({ port: 0, host: '127.0.0.1' });

// Ten pictures: the portrait cut at other places.
const { data, width } = await readImage('portrait.png');
const pictures = Array.from({ length: 10 }, (_, i) => {
  const side = 300, cut = new Uint8Array(side * side * 4);
  for (let y = 0; y < side; y++) {
    const start = ((y + 3 * i) * width + 60 + 8 * i) * 4;
    cut.set(data.subarray(start, start + side * 4), y * side * 4);
  }
  return encodePng({ data: cut, width: side, height: side });
});
const ask = async (i) => {
  const response = await fetch(url + '/faces', { method: 'POST', headers: { 'content-type': 'image/png' }, body: pictures[i % 10] });
  return response.status + ' ' + (await response.text());
};
const expected = [];
for (let i = 0; i < 10; i++) expected.push(await ask(i));
let next = 0, answered = 0, wrong = 0, killed = 0;
await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
  while (next < PHOTOS) {
    const i = next++;
    if ((await ask(i)) !== expected[i % 10]) wrong++;
    if (++answered % KILL_EVERY === 0) { killed++; const [oldest] = threads; void oldest.terminate(); }
  }
}));
const statuses = [];
for (const [type, body] of [['image/png', 'no picture'], ['text/plain', 'a text'], ['image/png', new Uint8Array(11e6)]]) {
  statuses.push((await fetch(url + '/faces', { method: 'POST', headers: { 'content-type': type }, body })).status);
}
await service.close();
console.log(JSON.stringify({ found: expected.filter((text) => text.startsWith('200 [{"box"')).length, answered, wrong, killed, statuses, started }));
`;

describe('the example of a service with Fastify', () => {
  const project = usePackedProject({ packages: ['fastify@5'], files: { 'load.js': LOAD } });

  test.each([
    ['quiet', 0],
    ['kill', 10],
  ])(
    '%s: answers 500 photos as it answers each alone',
    async (how, killed) => {
      await cp(join(repositoryRoot, 'examples', 'astronaut.png'), project.at('portrait.png'));
      await cp(join(repositoryRoot, 'examples', 'fastify', 'service.js'), project.at('service.js'));
      const { status, stdout, stderr } = await project.run('node', 'load.js', how);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(JSON.parse(stdout)).toEqual({
        found: 10,
        answered: 500,
        wrong: 0,
        killed,
        statuses: [400, 415, 413],
        started: 2 + killed,
      });
    },
    COMMAND_TIMEOUT_MS,
  );
});
