/** What readers see is written plainly: README, documents, help texts, error messages and the comments of the API. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { runCli } from './support/run-cli.ts';
import { repositoryRoot } from './support/shared.ts';

/** Phrases that a technical writer would not use, and what to write instead. */
const PATTERNS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\b(?:hears?|heard of)\b/i, 'called with, called when'],
  [/\b(?:is|are|was|were|being) told\b/i, 'the verb itself: is set, is passed'],
  [/\bleast of \d/i, 'fastest of'],
  [/\bso often\b/i, 'every N frames'],
  [/\bso many\b/i, 'this many, N'],
  [/\bnone that we know\b/i, 'unknown'],
  [/\bcannot be had\b|\bcan be had\b/i, 'cannot be allocated, is not available'],
  [/\bhigher (?:images|pictures)\b/i, 'taller'],
  [/\balso (?:is|finds) (?:`?open-)/i, 'also matches'],
  [/\btoo many from \d+ to \d/i, 'cuts … from … to …'],
  [/\bnever doubted\b/i, 'never checked again'],
  [/\bgo(?:es)? on(?:[.,;]| in plain)/i, 'continue'],
  [/\bone's own\b/i, 'your own'],
  [/\bbelongs? into\b/i, 'put … in'],
  [/\bbe it an?\b/i, 'even if it is'],
  [/\bfolders of (?:a folder|folders)\b/i, 'subfolders'],
  [/\bfor want of\b|\bin vain\b|\bto be had\b/i, 'out of, without success, available'],
  [/\bsome hundred\b/i, 'a few hundred'],
  [/\bfor now\b/i, 'temporarily'],
  [/\bmends?\b/i, 'fixes'],
  [/\bthe present (?:frame|one|folder)\b/i, 'current'],
  [/\bon the mean\b(?! face)/i, 'on average'],
  [/\bcomput\w+ with bytes\b/i, 'int8 inference'],
  [/@throws \w+ where /, '@throws … if'],
  [/\banew\b/i, 'again'],
  [/\bbeside (?:each other|other work)\b/i, 'side by side, alongside'],
  [/\banything else than\b/i, 'other than'],
  [/\bis wished\b/i, 'is preferred'],
  [/\baltogether\b/i, 'fully, in total'],
  [/\bmade worse\b/i, 'degraded'],
  [/\b(?:px|milliseconds|bytes|pictures|photos) an? (?:frame|second|picture)\b/i, 'per'],
  [/\ba (?:path|line) (?:a|each)\b/i, 'one per line'],
  [/\bthere is no option\b/i, 'unknown option'],
  [/\b(?:is|are) there twice\b/i, 'occurs twice'],
  [/\bwithout a word\b/i, 'without an error'],
  [/\btrembl/i, 'jitter'],
  [/\bleast versions?\b/i, 'minimum'],
  [/\bas often as there are\b/i, 'once per'],
  [
    /\b(?:normalize|normalized|colors?|gray|center|behavior|neighbor\w*|analyze\w*|recognize\w*|summarize\w*|equalize\w*)\b/,
    'British spelling',
  ],
];

/** Verbs of speech with a thing as their subject; people may say things. */
const SPEECH = /\b(?:says?|said|saying|tells|speaks?|complains?)\b/i;

interface Text {
  readonly place: string;
  readonly text: string;
}

function faultsIn(texts: readonly Text[], patterns = PATTERNS): string[] {
  const faults = texts.flatMap(({ place, text }) => {
    const prose = text.replaceAll(/\s+/g, ' ');
    return patterns.flatMap(([pattern, instead]) => {
      const found = pattern.exec(prose);
      if (found === null) return [];
      const around = prose.slice(Math.max(0, found.index - 30), found.index + 40);
      return [`${place}: "…${around}…" (${instead})`];
    });
  });
  return [...new Set(faults)];
}

function tracked(...patterns: readonly string[]): string[] {
  const output = execFileSync('git', ['ls-files', ...patterns], { cwd: repositoryRoot, encoding: 'utf8' });
  return output.split('\n').filter((path) => path !== '');
}

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8');

/** Without code, addresses and the quoted words of others. */
function proseOf(markdown: string): string {
  return markdown
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`]*`/g, 'X')
    .replaceAll(/\]\([^)]*\)/g, ']');
}

/** Comments before exported things, and texts with a space in them, of a source file. */
function textsOf(path: string): { comments: Text[]; strings: Text[] } {
  const source = read(path);
  const tree = ts.createSourceFile(path, source, ts.ScriptTarget.ES2022, true);
  const comments: Text[] = [];
  const strings: Text[] = [];
  const lineOf = (position: number): number => tree.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node: ts.Node): void => {
    for (const comment of ts.getJSDocCommentsAndTags(node)) {
      if (ts.isJSDoc(comment)) {
        const text = comment
          .getText(tree)
          .replaceAll(/^\s*\*/gm, '')
          .replaceAll(/`[^`]*`/g, 'X');
        comments.push({ place: `${path}:${lineOf(comment.pos)}`, text });
      }
    }
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateHead(node)) {
      if (node.text.includes(' ')) strings.push({ place: `${path}:${lineOf(node.pos)}`, text: node.text });
    } else if (ts.isTemplateMiddle(node) || ts.isTemplateTail(node)) {
      if (node.text.trim().includes(' ')) strings.push({ place: `${path}:${lineOf(node.pos)}`, text: node.text });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { comments, strings };
}

const COMMANDS = [
  '',
  'align',
  'video',
  'eval',
  'info',
  'weights',
  'weights list',
  'weights pull',
  'weights verify',
  'bench',
  'convert',
  'quantize',
  'queue',
  'queue add',
  'queue work',
  'queue status',
  'queue collect',
  'queue retry',
  'queue drain',
];

describe('English', () => {
  test('of the help texts', async () => {
    const texts: Text[] = [];
    for (const command of COMMANDS) {
      const { status, stdout } = await runCli([...command.split(' ').filter(Boolean), '--help']);
      expect(status).toBe(0);
      texts.push({ place: `tddfa ${command} --help`, text: stdout });
    }
    expect(faultsIn(texts, [...PATTERNS, [SPEECH, 'a verb for what it does']])).toEqual([]);
  });

  test('of README and the documents', () => {
    const paths = tracked('README.md', 'docs/*.md', 'weights/open/README.md', 'SECURITY.md', 'CONTRIBUTING.md');
    const texts = paths.map((place) => ({ place, text: proseOf(read(place)) }));
    expect(faultsIn(texts, [...PATTERNS, [SPEECH, 'a verb for what it does']])).toEqual([]);
  });

  test('of messages', () => {
    const texts = tracked('src/*.ts', 'converters/*.ts').flatMap((path) => textsOf(path).strings);
    expect(texts.length).toBeGreaterThan(500);
    expect(faultsIn(texts)).toEqual([]);
  });

  test('of comments that document things', () => {
    const texts = tracked('src/*.ts', 'converters/*.ts').flatMap((path) => textsOf(path).comments);
    expect(texts.length).toBeGreaterThan(500);
    expect(faultsIn(texts)).toEqual([]);
  });
});
