/** What README and docs name is exported where they say, and whatever is exported has a type. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import ts from 'typescript';
import { buildPackage } from '../support/build-package.ts';
import { printedCode } from '../support/printed-code.ts';
import { repositoryRoot } from '../support/shared.ts';

const manifest = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
};
const documents = [
  'README.md',
  'weights/open/README.md',
  ...readdirSync(join(repositoryRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Of the language, the platform and three.js. */
const FOREIGN = new Set([
  ...['createImageBitmap', 'asin', 'atan2', 'fromArray', 'RangeError', 'TypeError'],
  ...[
    'ImageBitmap',
    'ImageData',
    'MediaStream',
    'MediaStreamTrackProcessor',
    'OffscreenCanvas',
    'VideoFrame',
    'Worker',
  ],
  ...['AnimationMixer', 'Euler', 'PerspectiveCamera', 'WebGLRenderer'],
]);
/** Calls of the Python original. */
const ORIGINAL = /^\| `(?:FaceBoxes|tddfa|calc_pose)/;
let checker: ts.TypeChecker;
/** Of each entry, as `import` names it, what it exports. */
let entries: ReadonlyMap<string, ReadonlyMap<string, ts.Symbol>>;

/** As a user's compiler sees the package: the declarations that were built. */
beforeAll(async () => {
  await buildPackage();
  const files = new Map(
    Object.entries(manifest.exports).flatMap(([path, target]) =>
      typeof target === 'string' ? [] : [[path.replace(/^\./, 'tddfa'), join(repositoryRoot, target.types)] as const],
    ),
  );
  const program = ts.createProgram([...files.values()], {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
  });
  checker = program.getTypeChecker();
  entries = new Map(
    [...files].map(([name, file]) => {
      const source = program.getSourceFile(file);
      const module = source && checker.getSymbolAtLocation(source);
      const symbols = module === undefined ? [] : checker.getExportsOfModule(module);
      return [name, new Map(symbols.map((symbol) => [symbol.name, resolved(symbol)]))];
    }),
  );
});

function resolved(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** Names of all functions and classes, or of all that is exported. */
function exportedNames(flags = ts.SymbolFlags.Value | ts.SymbolFlags.Type): ReadonlySet<string> {
  const symbols = [...entries.values()].flatMap((names) => [...names]);
  return new Set(symbols.filter(([, { flags: found }]) => found & flags).map(([name]) => name));
}

/** Names of the methods, and of what else can be called, of all classes and interfaces that are exported. */
function methodNames(): ReadonlySet<string> {
  const names = new Set<string>();
  for (const symbol of [...entries.values()].flatMap((exported) => [...exported.values()])) {
    if (!(symbol.flags & ts.SymbolFlags.Type)) continue;
    for (const member of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
      if (checker.getTypeOfSymbol(member).getNonNullableType().getCallSignatures().length > 0) names.add(member.name);
    }
  }
  return names;
}

/** The text between the blocks of code. */
function proseOf(path: string): string {
  const text = readFileSync(join(repositoryRoot, path), 'utf8').replaceAll(/```[\s\S]*?```/g, '');
  const lines = text.split('\n').map((line) => (ORIGINAL.test(line) ? line.replace(/^\|[^|]*\|/, '|') : line));
  return lines.join('\n');
}

/** What stands between backticks in the prose of all documents. */
function codeInProse(): { readonly path: string; readonly code: string }[] {
  return documents.flatMap((path) => [...proseOf(path).matchAll(/`([^`]+)`/g)].map(([, code]) => ({ path, code })));
}

test('every function and method that prose calls is exported', () => {
  const functions = exportedNames(ts.SymbolFlags.Function | ts.SymbolFlags.Class);
  const methods = methodNames();
  let count = 0;
  const unknown = codeInProse().flatMap(({ path, code }) =>
    [...code.matchAll(/(\.)?\b([A-Za-z][A-Za-z0-9]*)\(/g)]
      .filter(([, dot, name]) => {
        count++;
        return !(methods.has(name) || (dot === undefined && functions.has(name)) || FOREIGN.has(name));
      })
      .map(([call]) => `${path}: ${call}`),
  );
  expect(unknown).toEqual([]);
  expect(count).toBeGreaterThan(40);
});

test('every type, class and error that prose names is exported', () => {
  const names = exportedNames();
  const named = codeInProse().flatMap(({ path, code }) => {
    const name = /^([A-Z][a-z]+[A-Z][A-Za-z0-9]*)(?:\[\])?$/.exec(code)?.[1];
    return name === undefined || FOREIGN.has(name) ? [] : [{ path, name }];
  });
  expect(named.filter(({ name }) => !names.has(name))).toEqual([]);
  expect(named.length).toBeGreaterThan(15);
});

test('every import that is printed, and every name that prose puts into an entry, is there', () => {
  const imports = documents.flatMap((path) =>
    printedCode(path).flatMap(({ text }) =>
      [...text.matchAll(/import (?:type )?\{([^}]*)\} from '(tddfa[^']*)'/g)].flatMap(([, list, entry]) =>
        list
          .split(',')
          .map((part) => part.replace('type ', '').trim().split(' as ')[0])
          .filter((name) => name !== '')
          .map((name) => ({ path, name, entry })),
      ),
    ),
  );
  const placed = documents.flatMap((path) =>
    [...proseOf(path).matchAll(/`(?:await )?(\w+)(?:\([^`]*\))?`\s+(?:of|in|from)\s+`(tddfa\/[a-z/]+)`/g)].map(
      ([, name, entry]) => ({
        path,
        name,
        entry,
      }),
    ),
  );
  const tables = [...proseOf('docs/pictures-and-meshes.md').matchAll(/^\| `[a-z0-9-]+`\s*\| `([A-Za-z0-9]+)`/gm)].map(
    ([, name]) => ({ path: 'docs/pictures-and-meshes.md', name, entry: 'tddfa/geometry' }),
  );
  expect([...imports, ...placed, ...tables].filter(({ name, entry }) => !entries.get(entry)?.has(name))).toEqual([]);
  expect([imports.length > 40, placed.length >= 4, tables.length > 8]).toEqual([true, true, true]);
});

test('every entry that is named exists', () => {
  const named = documents.flatMap((path) => [
    ...[...proseOf(path).matchAll(/`(tddfa\/[a-z/]+)`/g)].map(([, name]) => name),
    ...printedCode(path).flatMap(({ text }) => [...text.matchAll(/'(tddfa(?:\/[a-z/]+)?)'/g)].map(([, name]) => name)),
  ]);
  expect(named.filter((name) => !Object.hasOwn(manifest.exports, name.replace('tddfa', '.')))).toEqual([]);
  expect(new Set(named).size).toBeGreaterThan(7);
});

function isOurs(node: ts.Node): boolean {
  return node.getSourceFile().fileName.startsWith(join(repositoryRoot, 'dist'));
}

/** Where a type has `any` in it, as far as it is declared in the package: `name.member(argument)`. */
function anyPlaces(type: ts.Type, place: string, seen: Set<ts.Type>): string[] {
  if (type.flags & ts.TypeFlags.Any) return [place];
  if (seen.has(type)) return [];
  seen.add(type);
  if (type.isUnionOrIntersection()) return type.types.flatMap((part) => anyPlaces(part, place, seen));
  if (checker.isArrayType(type) || checker.isTupleType(type)) {
    return checker.getTypeArguments(type as ts.TypeReference).flatMap((part) => anyPlaces(part, `${place}[]`, seen));
  }
  if (!type.symbol?.declarations?.some(isOurs)) return [];
  const signatures = [...type.getCallSignatures(), ...type.getConstructSignatures()].flatMap((signature) => [
    ...signature
      .getParameters()
      .flatMap((parameter) => anyPlaces(checker.getTypeOfSymbol(parameter), `${place}(${parameter.name})`, seen)),
    ...anyPlaces(signature.getReturnType(), `${place}()`, seen),
  ]);
  const members = type
    .getProperties()
    .filter(
      ({ declarations = [] }) =>
        declarations.some(isOurs) &&
        !declarations.some((node) => ts.isPropertyDeclaration(node) && ts.isPrivateIdentifier(node.name)),
    )
    .flatMap((member) => anyPlaces(checker.getTypeOfSymbol(member), `${place}.${member.name}`, seen));
  return [...signatures, ...members];
}

test('whatever an entry exports has a type, and no part of it is any', () => {
  const seen = new Set<ts.Type>();
  const untyped: string[] = [];
  let count = 0;
  for (const [entry, names] of entries) {
    for (const [name, symbol] of names) {
      count++;
      const place = `${entry}: ${name}`;
      if (symbol.flags & ts.SymbolFlags.Value) untyped.push(...anyPlaces(checker.getTypeOfSymbol(symbol), place, seen));
      if (symbol.flags & ts.SymbolFlags.Type) {
        untyped.push(...anyPlaces(checker.getDeclaredTypeOfSymbol(symbol), place, seen));
      }
      if (!(symbol.flags & (ts.SymbolFlags.Value | ts.SymbolFlags.Type))) untyped.push(place);
    }
  }
  expect(untyped).toEqual([]);
  expect(count).toBeGreaterThan(400);
});
