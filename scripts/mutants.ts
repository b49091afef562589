import ts from 'typescript';

/** One change to a source file that is likely to be a mistake. */
export interface Mutant {
  readonly path: string;
  readonly line: number;
  readonly before: string;
  readonly after: string;
  /** The line where the change begins, without and with it. */
  readonly lineBefore: string;
  readonly lineAfter: string;
  /** The whole file with the change. */
  readonly text: string;
}

const OPERATORS: Readonly<Record<string, string>> = {
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '**': '*',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '&': '|',
  '|': '&',
  '^': '&',
  '<<': '>>',
  '>>': '<<',
  '>>>': '>>',
  '+=': '-=',
  '-=': '+=',
  '*=': '/=',
  '/=': '*=',
};

const METHODS: Readonly<Record<string, string>> = {
  min: 'max',
  max: 'min',
  floor: 'ceil',
  ceil: 'floor',
  sin: 'cos',
  cos: 'sin',
  every: 'some',
  some: 'every',
};

/** All mutants of a file, in source order. The wording of error messages is left alone. */
export function mutantsOf(path: string, source: string): Mutant[] {
  const tree = ts.createSourceFile(path, source, ts.ScriptTarget.ES2022, true);
  const mutants: Mutant[] = [];
  const add = (node: ts.Node, replacement: string): void => {
    const start = node.getStart(tree);
    const end = node.getEnd();
    const { line } = tree.getLineAndCharacterOfPosition(start);
    const text = source.slice(0, start) + replacement + source.slice(end);
    mutants.push({
      path,
      line: line + 1,
      lineBefore: source.split('\n', line + 1)[line].trim(),
      lineAfter: text.split('\n', line + 1)[line].trim(),
      before: shorten(source.slice(start, end)),
      after: shorten(replacement),
      text,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isThrowStatement(node) || ts.isImportDeclaration(node)) return;
    // Only the names are considered, not their values.
    if (ts.isVariableDeclaration(node) && node.type?.getText(tree).startsWith('OptionNames<')) return;
    if (ts.isBinaryExpression(node)) {
      const operator = node.operatorToken.getText(tree);
      // Concatenated strings are mostly messages.
      const isText = operator === '+' && [node.left, node.right].some((side) => ts.isStringLiteralLike(side));
      if (Object.hasOwn(OPERATORS, operator) && !isText) add(node.operatorToken, OPERATORS[operator]);
    } else if (ts.isPrefixUnaryExpression(node)) {
      const { operator, operand } = node;
      if (operator === ts.SyntaxKind.ExclamationToken) add(node, `(${operand.getText(tree)})`);
      if (operator === ts.SyntaxKind.MinusToken && !ts.isNumericLiteral(operand))
        add(node, `(${operand.getText(tree)})`);
      if (operator === ts.SyntaxKind.PlusPlusToken) add(node, `--${operand.getText(tree)}`);
    } else if (ts.isPostfixUnaryExpression(node)) {
      // A loop that counts the other way never ends, which any test notices.
      if (!ts.isForStatement(node.parent)) {
        const turned = node.operator === ts.SyntaxKind.PlusPlusToken ? '--' : '++';
        add(node, `${node.operand.getText(tree)}${turned}`);
      }
    } else if (node.kind === ts.SyntaxKind.TrueKeyword) add(node, 'false');
    else if (node.kind === ts.SyntaxKind.FalseKeyword) add(node, 'true');
    else if (ts.isNumericLiteral(node) && !ts.isLiteralTypeNode(node.parent)) add(node, `(${node.text} + 1)`);
    else if (ts.isIfStatement(node)) {
      add(node.expression, 'true');
      add(node.expression, 'false');
    } else if (ts.isConditionalExpression(node)) {
      add(node.condition, 'true');
      add(node.condition, 'false');
    } else if (ts.isExpressionStatement(node)) {
      const { expression } = node;
      const isEffect = ts.isCallExpression(expression) || ts.isBinaryExpression(expression);
      const isSuper = ts.isCallExpression(expression) && expression.expression.kind === ts.SyntaxKind.SuperKeyword;
      if (isEffect && !isSuper) add(node, ';');
    } else if (
      ts.isPropertyAccessExpression(node) &&
      ts.isCallExpression(node.parent) &&
      node.parent.expression === node
    ) {
      if (Object.hasOwn(METHODS, node.name.text)) add(node.name, METHODS[node.name.text]);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return mutants;
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}
