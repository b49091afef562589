/** The code blocks of README and docs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../development/paths.ts';

export interface PrintedCode {
  /** `ts`, `js`, `html` … */
  readonly language: string;
  readonly text: string;
  /** The heading above it. */
  readonly section: string;
  /** Number of its first line, from 1. */
  readonly line: number;
}

/** All fenced code of a Markdown file of this repository. */
export function printedCode(path: string): PrintedCode[] {
  const found: PrintedCode[] = [];
  let section = '';
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of readFileSync(join(repositoryRoot, path), 'utf8').split('\n').entries()) {
    if (open !== undefined && line === '```') {
      found.push({ language: open.language, text: open.lines.join('\n'), section, line: open.line });
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    else if (line.startsWith('```')) open = { language: line.slice(3).trim(), line: index + 2, lines: [] };
    else if (/^#+ /.test(line)) section = line.replace(/^#+ /, '');
  }
  return found;
}

/** The first code block of a section. */
export function firstCode(path: string, section: string): string {
  const code = printedCode(path).find((printed) => printed.section === section);
  if (code === undefined) throw new Error(`${path} has no code under '${section}'`);
  return code.text;
}
