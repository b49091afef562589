/**
 * Kills commands at random moments, as a power failure would, and checks what is left: nothing half-written under its final
 * name; the same command, run again, succeeds; and then there is no file that was not requested.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileWeights } from '../src/engine/weights/file-source.ts';
import { openPack } from '../src/engine/weights/open-pack.ts';
import { readImage } from '../src/image-files/read-image.ts';
import { startTddfa } from './tddfa-process.ts';

/** A command that writes files into an empty folder. */
export interface KilledCommand {
  readonly name: string;
  /** Its arguments; `folder` is the one it writes into. */
  readonly args: (folder: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Contents of the folder after it has succeeded, sorted. */
  readonly files: readonly string[];
  /** Run before each kill, without being killed itself. */
  readonly before?: (folder: string) => Promise<void>;
}

/** The outcomes of killing one command. */
export interface KillCounts {
  readonly kills: number;
  /** How many of them left the command's files as they were, left all of them, or hit while some were there. */
  readonly withNoFile: number;
  readonly withAllFiles: number;
}

/** Runs the command; sends SIGKILL after this many ms. @returns its exit status, -1 if it was killed. */
export async function runCommand(command: KilledCommand, folder: string, killAfterMs?: number): Promise<number> {
  const env = { TDDFA_CACHE: join(folder, 'cache'), ...command.env };
  const { child, ended } = startTddfa(command.args(folder), { env });
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const { status, stderr } = await ended;
  clearTimeout(timer);
  if (status !== null && status !== 0) throw new Error(`${command.name} exited with ${status}: ${stderr}`);
  return status ?? -1;
}

/**
 * Kills a command repeatedly.
 * @param random - numbers in 0..1.
 * @throws Error that names what was wrong with the files it left.
 */
export async function killCommand(
  command: KilledCommand,
  scratch: string,
  kills: number,
  random: () => number,
): Promise<KillCounts> {
  const fresh = async (number: number): Promise<string> => {
    const folder = join(scratch, `${command.name}-${number}`);
    mkdirSync(folder, { recursive: true });
    await command.before?.(folder);
    return folder;
  };
  const first = await fresh(0);
  const start = performance.now();
  await runCommand(command, first);
  const wholeMs = performance.now() - start;
  expectFiles(command, first);
  let [withNoFile, withAllFiles] = [0, 0];
  for (let number = 1; number <= kills; number++) {
    const folder = await fresh(number);
    // In the first third of its time it is only starting.
    await runCommand(command, folder, wholeMs * (0.3 + 0.8 * random()));
    const left = visibleFiles(folder);
    for (const file of left) await checkWhole(join(folder, file));
    if (left.length === 0) withNoFile++;
    if (left.join() === command.files.join()) withAllFiles++;
    // An encoder that has lost its parent may take a moment to exit.
    await sleep(200);
    await runCommand(command, folder);
    expectFiles(command, folder);
    for (const file of command.files) await checkWhole(join(folder, file));
    rmSync(folder, { recursive: true, force: true });
  }
  return { kills, withNoFile, withAllFiles };
}

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name !== 'cache')
    .sort();
}

function visibleFiles(folder: string): string[] {
  return filesIn(folder).filter((name) => !name.startsWith('.') && !name.includes('.tmp'));
}

function expectFiles(command: KilledCommand, folder: string): void {
  const found = filesIn(folder).join(', ');
  const expected = command.files.join(', ');
  if (found !== expected) throw new Error(`${command.name} left ${found} instead of ${expected}`);
}

async function checkWhole(path: string): Promise<void> {
  if (statSync(path).isDirectory()) await (await openPack(fileWeights(path))).verify();
  else if (path.endsWith('.png')) await readImage(path);
  else if (path.endsWith('.mp4')) execFileSync('ffprobe', ['-v', 'error', path]);
  else if (path.endsWith('.glb')) {
    const bytes = readFileSync(path);
    if (bytes.readUInt32LE(8) !== bytes.length) throw new Error(`${path} is half-written`);
  } else for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) JSON.parse(line);
}
