import { spawnSync } from 'node:child_process';

/** Whether this machine has what films are read and written with. */
export function hasFfmpeg(): boolean {
  return ['ffmpeg', 'ffprobe'].every((program) => spawnSync(program, ['-version']).status === 0);
}
