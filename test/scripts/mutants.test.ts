import { describe, expect, test } from '@jest/globals';
import { mutantsOf } from '../../scripts/mutants.ts';

const changes = (source: string): string[] =>
  mutantsOf('a.ts', source).map(({ line, before, after }) => `${line}: ${before} -> ${after}`);

describe('mutants of a source file', () => {
  test('each changes one place', () => {
    const source = 'const a = b < 3 && !c;\nif (a) run(Math.min(b, 1));\n';
    expect(changes(source)).toEqual([
      '1: && -> ||',
      '1: < -> <=',
      '1: 3 -> (3 + 1)',
      '1: !c -> (c)',
      '2: a -> true',
      '2: a -> false',
      '2: run(Math.min(b, 1)); -> ;',
      '2: min -> max',
      '2: 1 -> (1 + 1)',
    ]);
    for (const { text, after } of mutantsOf('a.ts', source)) {
      expect(text).not.toBe(source);
      expect(text).toContain(after);
    }
  });

  test('types, imports and what errors say are left alone', () => {
    const source =
      "import { a } from './1.ts';\ntype T = 1 | true;\nthrow new Error(String(1 + 2));\nconst x = 'a' + b;\n";
    expect(changes(source)).toEqual([]);
  });
});
