import { spawnSync } from 'node:child_process';
import { repositoryRoot } from '../../development/paths.ts';
import { tddfaCommand } from '../../development/tddfa-process.ts';
import type { CliResult } from './run-cli.ts';

/**
 * Runs the command in its own process, which may not write files larger than this many KiB: as on a full disk, a write fails in
 * the middle of a file. Unlike a small disk, this needs no privileges.
 */
export function runCliWithFileLimit(kibibytes: number, args: readonly string[]): CliResult {
  const command = [...tddfaCommand(), ...args];
  // POSIX counts in blocks of 512 bytes.
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', `ulimit -f ${kibibytes * 2} && exec "$@"`, 'sh', ...command],
    {
      cwd: repositoryRoot,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', TSX_DISABLE_CACHE: '1' },
    },
  );
  return { status: status ?? -1, stdout, stderr };
}
