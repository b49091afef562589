/** Examples must work as they are pasted, in zsh too: it expands patterns that match no file into an error, and takes no comments. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runCli } from '../support/run-cli.ts';
import { repositoryRoot } from '../support/shared.ts';

const COMMANDS = [
  ...[['align'], ['video'], ['convert'], ['weights'], ['weights', 'pull'], ['info'], ['eval'], ['bench']],
  ...[['queue'], ['queue', 'add'], ['queue', 'work'], ['queue', 'collect']],
];
const DOCUMENTS = ['README.md', ...readdirSync(join(repositoryRoot, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);

/** What zsh would take for something else than the word itself. */
const SPECIAL = /(^|\s)#|[[\]*?^!]|(^|\s)=\w/;

/** A command without what is quoted in it. */
function unquoted(command: string): string {
  return command.replace(/'[^']*'|"[^"]*"/g, 'Q');
}

/** Commands in the code blocks of a page, and those indented in it. */
function examplesOf(page: string): string[] {
  const blocks = [...page.matchAll(/```(?:sh|bash|)\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'));
  return [...blocks, ...page.split('\n').filter((line) => line.startsWith('    '))]
    .map((line) => line.trim())
    .filter((line) => /^(npx|npm|tddfa|node) /.test(line));
}

describe('examples fail in no shell', () => {
  test('the rule finds what zsh would not take', () => {
    expect(['jq .faces[0]', 'npm ci  # all', 'ls *.jpg'].every((command) => SPECIAL.test(unquoted(command)))).toBe(
      true,
    );
    expect(SPECIAL.test(unquoted("jq '.faces[0]' --fps=25"))).toBe(false);
  });

  test.each(COMMANDS)('in the help of %s %s', async (...command) => {
    const words = command.filter((word) => typeof word === 'string');
    const { stdout } = await runCli([...words, '--help']);
    // A description stands two spaces behind its command.
    const examples = [...stdout.matchAll(/^ +\$ (.*?)(?: {2,}|$)/gm)].map(([, example = '']) => example);
    expect(examples.filter((example) => SPECIAL.test(unquoted(example)))).toEqual([]);
    expect(examples.length > 0 || ['pull', 'info'].includes(words.at(-1) ?? '')).toBe(true);
  });

  test.each(DOCUMENTS)('in %s', (name) => {
    const examples = examplesOf(readFileSync(join(repositoryRoot, name), 'utf8'));
    expect(examples.filter((example) => SPECIAL.test(unquoted(example)))).toEqual([]);
  });
});
