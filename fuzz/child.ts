/**
 * Feeds one parser with inputs of consecutive numbers: `child.ts TARGET FIRST PROGRESS_FILE`. The number at work is in the
 * progress file, so that whoever watches knows which input has hung; failures are lines of JSON on stdout.
 */
import { openSync, writeSync } from 'node:fs';
import { randomNumbers } from '../development/random.ts';
import { TARGETS } from './targets.ts';

const SLOW_MS = 1000;
const MAX_BYTES = 512 * 2 ** 20;

const [name = '', first = '0', progressFile = ''] = process.argv.slice(2);
const target = await TARGETS.get(name)?.();
if (target === undefined) throw new Error(`there is no target '${name}'`);
const progress = openSync(progressFile, 'w');
const write = process.stdout.write.bind(process.stdout);
let printed = '';
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (text: string | Uint8Array) => {
    printed += String(text);
    return true;
  };
}
const prototypes = [Object.prototype, Array.prototype, Function.prototype];
const prototypeKeys = JSON.stringify(prototypes.map((prototype) => Reflect.ownKeys(prototype).map(String)));
const idleBytes = process.memoryUsage.rss();

for (let seed = Number(first); ; seed++) {
  writeSync(progress, String(seed).padEnd(16), 0);
  printed = '';
  const start = performance.now();
  let failure: string | undefined;
  try {
    await target.run(randomNumbers(seed));
  } catch (error) {
    if (!target.isRightError(error)) failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    else if (/\p{Cc}/u.test(String(error))) failure = `more than one line: ${error}`;
  }
  const elapsedMs = performance.now() - start;
  if (elapsedMs > SLOW_MS) failure ??= `took ${Math.round(elapsedMs)} ms`;
  if (printed !== '') failure ??= `printed ${printed.slice(0, 200)}`;
  if (seed % 64 === 0) {
    if (process.memoryUsage.rss() - idleBytes > MAX_BYTES) failure ??= 'took more than 512 MB';
    if (JSON.stringify(prototypes.map((prototype) => Reflect.ownKeys(prototype).map(String))) !== prototypeKeys) {
      failure ??= 'changed a prototype';
    }
  }
  if (failure !== undefined) write(`${JSON.stringify({ seed, failure })}\n`);
}
