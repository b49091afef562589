import type { NewPack } from './write-pack.ts';

/** The result of converting a user's files; `writePack` writes it. */
export interface Conversion {
  readonly pack: NewPack;
  /** What was omitted and why, one line each. */
  readonly notices: readonly string[];
}
