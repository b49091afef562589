/**
 * Feeds one parser with consecutively numbered inputs: `child.ts TARGET FIRST LAST PROGRESS_FILE`; or, with the word `known` as
 * FIRST, with inputs of the kinds that once failed. The progress file holds the number of the current input, so that the parent
 * knows which input has hung; failures are lines of JSON on stdout. The parser runs in its own empty working folder, which it must
 * leave empty.
 */
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomNumbers } from '../development/random.ts';
import { knownKinds } from './known-kinds.ts';
import { TARGETS } from './targets.ts';

/** CPU time, not wall-clock time: a machine may be busy with other things. */
const SLOW_MS = 1000;
/** An input may take `SLOW_MS` for every this many bytes. */
const SLOW_BYTES = 2 ** 16;
const MAX_BYTES = 512 * 2 ** 20;
/** In less wall-clock time than this, no input takes a second of CPU time on all cores, or fills half a gigabyte. */
const SUSPECT_MS = 20;
/** Slow checks run once per this many inputs. */
const CHECKED_EVERY = 64;

const [name = '', first = '0', last = '', progressFile = ''] = process.argv.slice(2);
const target = await TARGETS.get(name)?.();
if (target === undefined) throw new Error(`there is no target '${name}'`);
const progress = openSync(progressFile, 'w');
const folder = mkdtempSync(join(tmpdir(), 'tddfa-fuzzed-'));
process.chdir(folder);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const write = process.stdout.write.bind(process.stdout);
let printed = '';
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (text: string | Uint8Array) => {
    printed += String(text);
    return true;
  };
}
const prototypes = [Object.prototype, Array.prototype, Function.prototype];
const keysOfPrototypes = (): string => JSON.stringify(prototypes.map((one) => Reflect.ownKeys(one).map(String)));
const keysAtFirst = keysOfPrototypes();
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;
// Everything has now been loaded and used at least once: the memory that an input takes is counted from here.
const feed = async (input: Uint8Array): Promise<void> => target.feed(input);
for (let i = 0; i < 4; i++) await feed(target.make(randomNumbers(i))).catch(() => undefined);
let usedBytes = peakBytes();

/** CPU time of an input. It is fed again: reading the CPU clock before every input would take longer than many inputs do. */
async function processorMs(input: Uint8Array): Promise<number> {
  const start = process.cpuUsage();
  await feed(input).catch(() => undefined);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Inputs by number or name. */
function* inputs(make: (seed: number) => Uint8Array): Generator<readonly [number | string, Uint8Array]> {
  if (first === 'known') {
    yield* Object.entries(knownKinds(name));
    const corpus = new URL(`corpus/${name}/`, import.meta.url);
    const files = existsSync(corpus) ? readdirSync(corpus) : [];
    for (const file of files) yield [file, new Uint8Array(readFileSync(new URL(file, corpus)))];
    return;
  }
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last);
  for (let seed = Number(first); seed <= end; seed++) yield [seed, make(seed)];
}

let count = 0;
for (const [seed, input] of inputs((number) => target.make(randomNumbers(number)))) {
  writeSync(progress, String(seed).padEnd(16), 0);
  printed = '';
  const start = performance.now();
  let failure: string | undefined;
  try {
    await feed(input);
  } catch (error) {
    if (!target.isRightError(error)) failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    else if (/\p{Cc}/u.test(String(error))) failure = `more than one line: ${error}`;
  }
  if (performance.now() - start > SUSPECT_MS) {
    const grownBytes = peakBytes() - usedBytes;
    if (grownBytes > MAX_BYTES) {
      failure ??= `took ${Math.round(grownBytes / 2 ** 20)} MB for ${input.length} bytes`;
      usedBytes += grownBytes;
    }
    const elapsedMs = await processorMs(input);
    if (elapsedMs > SLOW_MS * Math.max(1, input.length / SLOW_BYTES)) {
      failure ??= `took ${Math.round(elapsedMs)} ms for ${input.length} bytes`;
    }
  }
  if (printed !== '') failure ??= `printed ${printed.slice(0, 200)}`;
  if (count++ % CHECKED_EVERY === 0) {
    if (keysOfPrototypes() !== keysAtFirst) failure ??= 'changed a prototype';
    if (readdirSync(folder).length > 0) failure ??= `wrote ${readdirSync(folder).join(', ')}`;
  }
  if (failure !== undefined) {
    const kept = first === 'known' ? {} : { input: Buffer.from(input).toString('base64') };
    // What a pipe does not accept at once is only written when the event loop turns, which most parsers prevent.
    await new Promise<void>((resolve) => write(`${JSON.stringify({ seed, failure, ...kept })}\n`, () => resolve()));
  }
}
if (first === 'known') write(`${JSON.stringify({ fed: count })}\n`);
