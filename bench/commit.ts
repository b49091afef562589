import { execFileSync } from 'node:child_process';
import { repositoryRoot } from '../development/paths.ts';

/** What is measured: the checked-out commit, and whether there are uncommitted changes. */
export function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: repositoryRoot, encoding: 'utf8' }).trim();
  return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' and changes');
}
