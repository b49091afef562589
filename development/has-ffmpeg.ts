import { spawnSync } from 'node:child_process';

/** Whether this machine has the programs that read and write films. */
export function hasFfmpeg(): boolean {
  return ['ffmpeg', 'ffprobe'].every((program) => spawnSync(program, ['-version']).status === 0);
}
