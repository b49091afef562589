/**
 * Which file may import which, and what may be used where: the rules that keep the package small in the browser and easy
 * to follow. CONTRIBUTING.md says why.
 */
import { readFileSync } from 'node:fs';
import { basename, posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';

import { repositoryRoot } from './support/shared.ts';
import { filesOf } from './support/source-files.ts';

/** Rooms of the house, by the beginning of a file's path; the first that fits counts. */
const ROOMS = {
  base: [
    ...['src/types.ts', 'src/errors.ts', 'src/check-arguments.ts', 'src/nearest-name.ts', 'src/platform-types.ts'],
    ...['src/heif-kind.ts', 'src/disposable.ts', 'src/timer-delay.ts'],
  ],
  entries: [
    'src/index.ts',
    'src/node.ts',
    'src/browser.ts',
    'src/geometry.ts',
    'src/three.ts',
    'src/react.ts',
    'src/element.ts',
  ],
  packageFiles: ['src/package-files.ts'],
  backends: ['src/backends/'],
  cli: ['src/cli/'],
  bench: ['src/bench/'],
  browser: ['src/browser/'],
  node: ['src/node/'],
  workers: ['src/workers/'],
  three: ['src/three/'],
  element: ['src/element/'],
  react: ['src/react/'],
  aligner: ['src/face-aligner.ts', 'src/video/'],
  models: ['src/models/'],
  engine: ['src/engine/'],
  wasm: ['src/wasm/'],
  geometry: ['src/geometry/'],
  files: ['src/files/'],
  imageFiles: ['src/image-files/'],
  videoFiles: ['src/video-files/'],
  results: ['src/results/'],
  queue: ['src/queue/'],
  converters: ['converters/'],
  // Not in the package.
  web: ['web/'],
  development: ['development/'],
  benchmarks: ['bench/'],
  scripts: ['scripts/'],
  training: ['training/'],
} as const;

type Room = keyof typeof ROOMS;

/** What a room may import, beside itself. */
const MAY_IMPORT: Readonly<Record<Room, readonly Room[]>> = {
  base: [],
  wasm: ['base'],
  geometry: ['base', 'wasm'],
  engine: ['base', 'wasm'],
  models: ['base', 'engine', 'geometry'],
  backends: ['engine'],
  aligner: ['base', 'models', 'engine', 'geometry'],
  files: ['base'],
  imageFiles: ['base', 'files', 'packageFiles'],
  videoFiles: ['base', 'files', 'imageFiles'],
  results: ['base', 'aligner', 'geometry'],
  queue: ['base', 'files', 'imageFiles', 'results'],
  workers: ['base', 'aligner', 'models', 'engine', 'geometry'],
  browser: ['base', 'aligner', 'workers', 'engine', 'geometry'],
  node: ['base', 'aligner', 'workers', 'models', 'engine', 'geometry', 'imageFiles', 'packageFiles'],
  three: ['base', 'geometry'],
  element: ['base', 'engine', 'geometry', 'browser'],
  react: ['aligner', 'engine', 'browser'],
  packageFiles: ['base', 'engine'],
  converters: ['base', 'models', 'engine', 'geometry', 'files'],
  bench: ['base', 'wasm', 'aligner', 'models', 'engine', 'geometry', 'imageFiles'],
  entries: [
    ...[
      'base',
      'wasm',
      'aligner',
      'models',
      'engine',
      'geometry',
      'packageFiles',
      'browser',
      'three',
      'element',
      'react',
      'node',
      'imageFiles',
      'videoFiles',
      'workers',
    ],
  ] as Room[],
  cli: [
    ...['base', 'aligner', 'models', 'engine', 'geometry', 'packageFiles', 'files', 'imageFiles', 'videoFiles'],
    ...['results', 'bench', 'converters', 'node', 'queue', 'workers'],
  ] as Room[],
  web: ['backends', 'base', 'entries', 'browser', 'engine', 'results'],
  development: [
    ...['base', 'aligner', 'models', 'engine', 'geometry', 'imageFiles', 'converters', 'entries', 'cli', 'queue'],
  ] as Room[],
  benchmarks: [
    ...['base', 'aligner', 'models', 'engine', 'files', 'imageFiles', 'videoFiles', 'entries'],
    ...['bench', 'results', 'converters', 'development'],
  ] as Room[],
  scripts: ['base', 'geometry', 'files', 'imageFiles', 'results', 'converters', 'development', 'entries'],
  training: [
    ...['base', 'aligner', 'engine', 'geometry', 'imageFiles', 'videoFiles', 'results', 'converters', 'development'],
  ] as Room[],
};

/** Files that only ever run in Node. */
const NODE_ONLY = [
  'src/node.ts',
  'src/node/',
  'src/package-files.ts',
  'src/bench/',
  'src/cli/',
  'src/engine/weights/file-',
  'src/files/',
  'src/image-files/',
  'src/video-files/',
  'src/queue/',
  'converters/',
];
/** Files that only ever run in a browser. */
const BROWSER_ONLY = ['src/browser.ts', 'src/browser/', 'src/element', 'src/react', 'src/engine/weights/cache'];
/** The only files that know tfjs. */
const TFJS_ONLY = ['src/engine/tfjs', 'src/backends/'];

const NODE_GLOBALS = new Set(['process', 'Buffer', 'require', '__dirname', '__filename', 'setImmediate']);
const DOM_GLOBALS = new Set([
  'document',
  'window',
  'navigator',
  'localStorage',
  'indexedDB',
  'caches',
  'HTMLCanvasElement',
  'HTMLImageElement',
  'HTMLVideoElement',
  'OffscreenCanvas',
  'createImageBitmap',
  'requestAnimationFrame',
]);

interface SourceFile {
  readonly path: string;
  readonly room: Room | undefined;
  /** Files of this repository that it imports, types included. */
  readonly imports: readonly string[];
  /** Packages and Node modules that it imports; not those of which it takes types alone. */
  readonly packages: readonly string[];
  /** Names that it uses but that are neither properties nor declared in it. */
  readonly globals: ReadonlySet<string>;
  readonly hasDefaultExport: boolean;
  /** Times of its timers that are no constants. */
  readonly freeDelays: readonly string[];
}

const startsWithAny = (path: string, starts: readonly string[]) => starts.some((start) => path.startsWith(start));

function readSource(path: string): SourceFile {
  const tree = ts.createSourceFile(
    path,
    readFileSync(posix.join(repositoryRoot, path), 'utf8'),
    ts.ScriptTarget.ES2022,
    true,
  );
  const imports: string[] = [];
  const packages: string[] = [];
  const used = new Set<string>();
  const declared = new Set<string>();
  const freeDelays: string[] = [];
  let hasDefaultExport = false;

  const addImport = (specifier: ts.Node | undefined, typesOnly: boolean) => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    if (specifier.text.startsWith('.')) imports.push(posix.join(posix.dirname(path), specifier.text));
    else if (!typesOnly) packages.push(specifier.text);
  };
  const visit = (node: ts.Node): void => {
    const delay = ts.isCallExpression(node) ? delayOf(node) : undefined;
    if (delay !== undefined && !/^([\d_]+|[A-Z][A-Z_]*|timerDelay\(.*\)|Math\.min\([A-Z_]+,.*\))$/s.test(delay))
      freeDelays.push(delay);
    if (ts.isImportDeclaration(node)) addImport(node.moduleSpecifier, node.importClause?.isTypeOnly === true);
    else if (ts.isExportDeclaration(node)) addImport(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      addImport(node.arguments[0], false);
    } else if (ts.isImportTypeNode(node)) {
      addImport(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    } else if (ts.isExportAssignment(node)) {
      hasDefaultExport = true;
    } else if (node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isCaseOrDefaultClause(node.parent)) {
      hasDefaultExport = true;
    } else if (ts.isExportSpecifier(node) && node.name.text === 'default') {
      hasDefaultExport = true;
    } else if (ts.isIdentifier(node)) {
      const parent = node.parent;
      const isProperty =
        (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        (ts.isQualifiedName(parent) && parent.right === node) ||
        (ts.isPropertyAssignment(parent) && parent.name === node);
      const isDeclaration = !isProperty && 'name' in parent && parent.name === node;
      if (isDeclaration) declared.add(node.text);
      else if (!isProperty && !ts.isTypeReferenceNode(parent)) used.add(node.text);
      // `globalThis.process` is `process`.
      const isOfGlobal =
        ts.isPropertyAccessExpression(parent) &&
        parent.name === node &&
        ts.isIdentifier(parent.expression) &&
        parent.expression.text === 'globalThis';
      if (isOfGlobal) used.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);

  const room = (Object.keys(ROOMS) as Room[]).find((name) => startsWithAny(path, ROOMS[name]));
  const globals = new Set([...used].filter((name) => !declared.has(name)));
  return { path, room, imports, packages, globals, hasDefaultExport, freeDelays };
}

/** The time that a call gives to a timer. */
function delayOf({ expression, arguments: given }: ts.CallExpression): string | undefined {
  const name = expression.getText();
  // Those of `node:timers/promises` have their time first.
  if (/^(delay|sleep|AbortSignal\.timeout)$/.test(name)) return given[0]?.getText();
  if (!/^(globalThis\.)?set(Timeout|Interval)$/.test(name)) return undefined;
  const hasCallback = given[0] !== undefined && !/^[A-Z\d]/.test(given[0].getText());
  return given[hasCallback ? 1 : 0]?.getText();
}

const files = filesOf('src', 'converters', 'web', 'development', 'bench', 'scripts', 'training').filter((path) =>
  /\.ts$/.test(path),
);
const sources = files.map(readSource);
const byPath = new Map(sources.map((source) => [source.path, source]));

/** The files of the package; the others are only held to the direction of imports and to naming. */
const shipped = sources.filter(({ path }) => startsWithAny(path, ['src/', 'converters/']));

/** `a uses b` for each pair that breaks a rule: what a failing test prints. */
function breaches(
  check: (source: SourceFile) => readonly string[],
  checked: readonly SourceFile[] = shipped,
): string[] {
  return checked.flatMap((source) => check(source).map((what) => `${source.path}: ${what}`));
}

describe('architecture', () => {
  test('there is something to look at, and every file has its room', () => {
    expect(sources.length).toBeGreaterThan(30);
    expect(sources.filter(({ room }) => room === undefined).map(({ path }) => path)).toEqual([]);
    const relativeImports = sources.flatMap(({ imports }) => imports);
    expect(relativeImports.length).toBeGreaterThan(50);
  });

  test('relative imports name files that are there', () => {
    // Anything outside these rooms is caught here too: nothing but tests may import from `test/`.
    const built = [
      'scripts/bundle-browser.js',
      'src/browser/aligner-worker-source.js',
      'src/browser/integer-compiler-source.js',
      'src/browser/face-refiner-source.js',
    ];
    const isSource = (path: string) => /\.(ts|js)$/.test(path) && !built.includes(path);
    const missing = breaches(({ imports }) => imports.filter((path) => isSource(path) && !byPath.has(path)), sources);
    expect(missing).toEqual([]);
  });

  test('imports go in one direction', () => {
    const wrong = breaches(
      ({ room, imports }) =>
        imports.filter((path) => {
          const other = byPath.get(path)?.room;
          return other !== undefined && room !== undefined && other !== room && !MAY_IMPORT[room].includes(other);
        }),
      sources,
    );
    expect(wrong).toEqual([]);
  });

  test('no room may import what it never does', () => {
    const unused = (Object.keys(ROOMS) as Room[]).flatMap((name) => {
      const imported = new Set(
        sources
          .filter(({ room }) => room === name)
          .flatMap(({ imports }) => imports.map((path) => byPath.get(path)?.room)),
      );
      return MAY_IMPORT[name].filter((other) => !imported.has(other)).map((other) => `${name} -> ${other}`);
    });
    expect(unused).toEqual([]);
  });

  test('there are no cycles', () => {
    expect(findCycle()).toBeUndefined();
  });

  test('geometry needs no package at all', () => {
    expect(breaches(({ room, packages }) => (room === 'geometry' || room === 'base' ? packages : []))).toEqual([]);
  });

  test('only files for Node import Node modules or jimp', () => {
    const isNodeOnly = (name: string) => name.startsWith('node:') || name === 'jimp';
    const wrong = breaches(({ path, packages }) => (startsWithAny(path, NODE_ONLY) ? [] : packages.filter(isNodeOnly)));
    expect(wrong).toEqual([]);
    // A bare 'fs' would slip through the rule above.
    expect(breaches(({ packages }) => packages.filter((name) => BARE_NODE_MODULES.has(name)))).toEqual([]);
  });

  test('only files for Node use its globals, only files for the browser the DOM', () => {
    const wrong = breaches(({ path, globals }) => {
      const nodeGlobals = startsWithAny(path, NODE_ONLY) ? [] : [...globals].filter((name) => NODE_GLOBALS.has(name));
      const domGlobals = startsWithAny(path, BROWSER_ONLY) ? [] : [...globals].filter((name) => DOM_GLOBALS.has(name));
      return [...nodeGlobals, ...domGlobals];
    });
    expect(wrong).toEqual([]);
  });

  test('only the tfjs engine imports tfjs', () => {
    const wrong = breaches(({ path, packages }) =>
      startsWithAny(path, TFJS_ONLY) ? [] : packages.filter((name) => name.startsWith('@tensorflow/')),
    );
    expect(wrong).toEqual([]);
  });

  test('only their entries import three and React', () => {
    const wrong = breaches(({ room, packages }) =>
      packages.filter((name) => ['three', 'react'].includes(name) && name !== room),
    );
    expect(wrong).toEqual([]);
  });

  test('times that come from outside reach timers through timerDelay: longer ones than they take would end at once', () => {
    expect(breaches(({ freeDelays }) => freeDelays)).toEqual([]);
  });

  test('there are no default exports', () => {
    expect(breaches(({ hasDefaultExport }) => (hasDefaultExport ? ['default export'] : []))).toEqual([]);
  });

  test('there are no barrels below the entries, and no drawers for odds and ends', () => {
    const barrels = files.filter((path) => basename(path) === 'index.ts' && path !== 'src/index.ts');
    const drawers = files.filter((path) =>
      path.split(/[/.]/).some((part) => /^(utils?|helpers?|common|misc)$/.test(part)),
    );
    expect([...barrels, ...drawers]).toEqual([]);
  });

  test('files are named in kebab-case', () => {
    expect(files.filter((path) => !/^[a-z0-9-]+(\.d|\.config)?\.ts$/.test(basename(path)))).toEqual([]);
  });
});

const BARE_NODE_MODULES = new Set(['fs', 'path', 'os', 'crypto', 'zlib', 'url', 'module', 'stream', 'worker_threads']);

/** The files of one import cycle, in order; undefined where there is none. */
function findCycle(): string[] | undefined {
  const finished = new Set<string>();
  const trail: string[] = [];
  const walk = (path: string): string[] | undefined => {
    if (finished.has(path)) return undefined;
    const start = trail.indexOf(path);
    if (start >= 0) return [...trail.slice(start), path];
    trail.push(path);
    for (const next of byPath.get(path)?.imports ?? []) {
      const cycle = walk(next);
      if (cycle !== undefined) return cycle;
    }
    trail.pop();
    finished.add(path);
    return undefined;
  };
  for (const { path } of sources) {
    const cycle = walk(path);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
