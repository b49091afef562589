/** The connections of `service.ts`: a process that is started with the service's URL and the number of photos. */
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { repositoryRoot } from '../development/paths.ts';
import { readImage } from '../src/image-files/read-image.ts';
import { encodePng } from '../src/image-files/write-image.ts';

const [, , url, count] = process.argv;
const CONNECTIONS = 50;
const PICTURES = 10;
const SIDE = 400;

const { data, width } = await readImage(join(repositoryRoot, 'examples/astronaut.png'));

/** The portrait, cropped in different places. */
function picture(i: number): Uint8Array<ArrayBuffer> {
  const cut = new Uint8Array(SIDE * SIDE * 4);
  for (let y = 0; y < SIDE; y++) {
    const start = ((y + 5 * i) * width + 8 * i) * 4;
    cut.set(data.subarray(start, start + SIDE * 4), y * SIDE * 4);
  }
  return new Uint8Array(encodePng({ data: cut, width: SIDE, height: SIDE }));
}
const pictures = Array.from({ length: PICTURES }, (_, i) => picture(i));

// Cheaper than `fetch`: the load shares the machine with the service.
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

function ask(i: number): Promise<string> {
  const body = pictures[i % PICTURES];
  const headers = { 'content-type': 'image/png', 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/faces`, { agent, method: 'POST', headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(`${response.statusCode} ${Buffer.concat(chunks)}`));
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

const expected: string[] = [];
for (let i = 0; i < PICTURES; i++) expected.push(await ask(i));
process.send?.('warm');

let next = 0;
let wrong = 0;
const start = performance.now();
await Promise.all(
  Array.from({ length: CONNECTIONS }, async () => {
    while (next < Number(count)) {
      const i = next++;
      if ((await ask(i)) !== expected[i % PICTURES]) wrong++;
    }
  }),
);
agent.destroy();
process.send?.({ answered: next, wrong, seconds: (performance.now() - start) / 1000 });
process.disconnect?.();
