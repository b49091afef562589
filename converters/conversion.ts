import type { NewPack } from './write-pack.ts';

/** What a converter made of somebody's files; `writePack` writes it. */
export interface Conversion {
  readonly pack: NewPack;
  /** What was left out and why, a line each. */
  readonly notices: readonly string[];
}
