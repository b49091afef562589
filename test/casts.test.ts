/**
 * No cast that does nothing: `x[i] as number` of a `Float32Array` says what the compiler knows already, and hides the
 * casts that need a second look.
 */
import { posix } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';

import { repositoryRoot } from './support/shared.ts';

const CONFIG = posix.join(repositoryRoot, 'tsconfig.json');

/** `file:line: the cast` for each cast to the type that its expression has already. */
function idleCasts(program: ts.Program): string[] {
  const checker = program.getTypeChecker();
  const found: string[] = [];
  for (const file of program.getSourceFiles()) {
    if (file.isDeclarationFile || file.fileName.includes('/node_modules/')) continue;
    const visit = (node: ts.Node): void => {
      if (ts.isAsExpression(node) && node.type.getText() !== 'const') {
        const before = checker.getTypeAtLocation(node.expression);
        if (before === checker.getTypeFromTypeNode(node.type)) {
          const { line } = file.getLineAndCharacterOfPosition(node.getStart());
          found.push(`${posix.relative(repositoryRoot, file.fileName)}:${line + 1}: ${node.getText()}`);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}

function programOf(config: ts.ParsedCommandLine | undefined): ts.Program {
  if (config === undefined) throw new Error(`cannot read ${CONFIG}`);
  return ts.createProgram(config.fileNames, config.options);
}

test('no cast does nothing', () => {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
  const program = programOf(ts.getParsedCommandLineOfConfigFile(CONFIG, {}, host));
  expect(program.getSourceFiles().length).toBeGreaterThan(300);
  expect(idleCasts(program)).toEqual([]);
});

test('a cast that does nothing is found', () => {
  const name = 'cast.ts';
  const source =
    'const a = new Float32Array(1);\nexport const b = a[0] as number;\nexport const c = JSON.parse("1") as number;';
  const options: ts.CompilerOptions = { target: ts.ScriptTarget.ES2022, noLib: false };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (path, target) =>
    path === name ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022, true) : getSourceFile(path, target);
  expect(idleCasts(ts.createProgram([name], options, host))).toEqual([expect.stringMatching(/:2: a\[0\] as number$/)]);
});
