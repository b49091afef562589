/** The original's `-o`, which names the kind of output, not its path: `python demo.py -f photo.jpg -o 2d_sparse`. */
import { existsSync } from 'node:fs';
import { usageError } from './cli-error.ts';
import { DRAWING_ALIASES } from './picture-files.ts';
import type { Terminal } from './terminal.ts';

const ORIGINAL_DRAWINGS: readonly string[] = ['2d_sparse', '2d_dense', '3d', 'depth', 'pncc', 'uv_tex', 'pose'];
const ORIGINAL_MESHES: readonly string[] = ['ply', 'obj'];

/** Flags with the meaning of the original's `-o` moved to where it belongs. */
interface OutputFlags {
  readonly out?: string;
  readonly draw?: string;
  readonly mesh?: string;
}

/**
 * What the original's `-o` means: `-o 2d_sparse` is `--draw landmarks`, `-o ply` is `--mesh ply`; prints a note about
 * it. If a folder of that name exists, or `--draw` or `--mesh` is given, the word is a path like any other.
 * @param canMesh - whether the command has `--mesh`.
 * @returns undefined if `-o` is a path.
 * @throws CliError with exit status 2 for a mesh if the command cannot write any.
 */
export function originalMeaning(
  { out, draw, mesh }: OutputFlags,
  canMesh: boolean,
  terminal: Terminal,
): { readonly draw: string } | { readonly mesh: string } | undefined {
  if (out === undefined || draw !== undefined || mesh !== undefined || existsSync(out)) return undefined;
  const isMesh = ORIGINAL_MESHES.includes(out);
  if (!isMesh && !ORIGINAL_DRAWINGS.includes(out)) return undefined;
  if (isMesh && !canMesh) throw usageError(`-o ${out}: meshes are made from pictures: tddfa align --mesh ${out}`);
  const kind = DRAWING_ALIASES[out] ?? out;
  const flag = isMesh ? '--mesh' : '--draw';
  terminal.stderr.write(`note: the original's -o ${out} is ${flag} ${kind}; here -o is where to write\n`);
  return isMesh ? { mesh: out } : { draw: kind };
}
