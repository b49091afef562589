import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { nearestName } from '../nearest-name.ts';
import { packageRoot } from '../package-files.ts';
import { registerAlign } from './align.ts';
import { registerBench } from './bench.ts';
import { CliError, EXIT_STATUS, usageError } from './cli-error.ts';
import { registerConvert } from './convert.ts';
import { isAbort, oneLine } from './describe-error.ts';
import { registerEval } from './eval.ts';
import { registerInfo } from './info.ts';
import { registerQuantize } from './quantize.ts';
import { registerQueue } from './queue.ts';
import { errorPrefix, reportError } from './report-error.ts';
import { coloursFor, type Terminal } from './terminal.ts';
import { registerVideo } from './video.ts';
import { registerWeights } from './weights.ts';

/** Adds one command to the program. */
type RegisterCommand = (program: Command, terminal: Terminal) => void;

/** Every command, in the order of the help text. */
const COMMANDS: readonly RegisterCommand[] = [
  registerAlign,
  registerVideo,
  registerQueue,
  registerConvert,
  registerWeights,
  registerQuantize,
  registerInfo,
  registerEval,
  registerBench,
];

/**
 * Runs the `tddfa` command.
 * @param args - the arguments after the command's name.
 * @returns the exit status: 0, 1 for bad input, 2 for bad usage, 130 when interrupted. Never throws: an error is one
 *   line on stderr, `tddfa: …`, with its stack under `--debug`.
 */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal);
  try {
    checkCommand(program, args);
    await program.parseAsync([...args], { from: 'user' });
    return EXIT_STATUS.success;
  } catch (error) {
    // Commander has printed its own line.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_STATUS.success : EXIT_STATUS.badUsage;
    const debug = args.includes('--debug');
    reportError(error, terminal);
    if (debug) terminal.stderr.write(`${stackOf(error as Error)}\n`);
    if (error instanceof CliError) return error.exitStatus;
    return isAbort(error) ? EXIT_STATUS.interrupted : EXIT_STATUS.badInput;
  }
}

/** For `--help` of an unknown command, commander would print the general help. */
function checkCommand(program: Command, args: readonly string[]): void {
  const words = args.filter((arg) => !arg.startsWith('-'));
  const name = words[words[0] === 'help' ? 1 : 0];
  if (name === undefined) return;
  const known = program.commands.find((command) => command.name() === name);
  if (known !== undefined) {
    if (known.commands.length > 0) checkCommand(known, args.slice(args.indexOf(name) + 1));
    return;
  }
  const near = nearestName(
    name,
    program.commands.map((command) => command.name()),
  );
  const hint = near === undefined ? '' : `, did you mean '${near}'?`;
  throw usageError(`unknown command '${name}'${hint} (see tddfa --help)`);
}

function createProgram(terminal: Terminal): Command {
  const { version, description } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
    description: string;
  };
  const program = new Command('tddfa')
    .description(description)
    .version(version, '-V, --version', 'print the version')
    .option('--debug', 'print the stack trace of an error')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError(false)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
      getOutHasColors: () => coloursFor(terminal.stdout, terminal.env).isColorSupported,
      getErrHasColors: () => coloursFor(terminal.stderr, terminal.env).isColorSupported,
      // One line: commander puts its suggestion on a second one.
      outputError: (text, write) =>
        write(`${errorPrefix(terminal)} ${oneLine(text.replace(/^error: /, ''))} (see tddfa --help)\n`),
    });
  for (const register of COMMANDS) register(program, terminal);
  return program;
}

function stackOf(error: Error): string {
  const { cause } = error;
  return `${error.stack ?? error}${cause === undefined ? '' : `\ncaused by ${stackOf(cause as Error)}`}`;
}
