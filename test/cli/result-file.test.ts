import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { openResultFile, readResultFile } from '../../src/cli/result-file.ts';
import {
  describeAligned,
  describeFailed,
  describeRun,
  type PictureResult,
  type ResultHeader,
} from '../../src/results/result-line.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();
const WEIGHTS = { name: 'open', sha256: '0'.repeat(64) };
const HEADER = describeRun('1.0.0', WEIGHTS, { backend: 'compiled', minScore: 0.5 });
const FIRST = describeAligned({ path: 'a.jpg', size: 3, mtimeMs: 5 }, { width: 2, height: 1 }, []);
const SECOND = describeFailed({ path: 'b\n"ü".jpg' }, 'b\n"ü".jpg: no such file');

async function write(path: string, results: readonly PictureResult[], resume = false): Promise<void> {
  const file = await openResultFile(path, HEADER, { resume });
  for (const result of results) await file.write(result);
  await file.sync();
  await file.close();
}

async function read(path: string): Promise<(ResultHeader | PictureResult)[]> {
  const lines = [];
  for await (const { line } of readResultFile(path)) lines.push(line);
  return lines;
}

describe('a file of results', () => {
  test('has a header and a line for each, and is read as it was written', async () => {
    await write(at('a.jsonl'), [FIRST, SECOND]);
    expect(readFileSync(at('a.jsonl'), 'utf8').split('\n')).toHaveLength(4);
    expect(await read(at('a.jsonl'))).toEqual([HEADER, FIRST, { path: 'b\n"ü".jpg', error: 'no such file' }]);
  });

  test('is never begun anew over results, only continued', async () => {
    await write(at('b.jsonl'), [FIRST]);
    await expect(openResultFile(at('b.jsonl'), HEADER)).rejects.toThrow(/this file already contains results/);
    const held: PictureResult[] = [];
    const onHeld = (result: PictureResult): void => void held.push(result);
    const file = await openResultFile(at('b.jsonl'), HEADER, { resume: true, onHeld });
    expect([file.heldCount, held]).toEqual([1, [FIRST]]);
    expect(file.held(FIRST)).toBe(true);
    for (const change of [{ path: 'c.jpg' }, { size: 4 }, { mtimeMs: 6 }]) {
      expect(file.held({ ...FIRST, ...change })).toBe(false);
    }
    await file.write(SECOND);
    await file.close();
    expect(await read(at('b.jsonl'))).toEqual([HEADER, FIRST, SECOND]);
  });

  test('cut at any byte, holds whole lines and is continued behind them', async () => {
    await write(at('whole.jsonl'), [FIRST, SECOND]);
    const whole = readFileSync(at('whole.jsonl'));
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(at('cut.jsonl'), whole.subarray(0, length));
      const kept = (await read(at('cut.jsonl'))).slice(1) as PictureResult[];
      await write(at('cut.jsonl'), [FIRST, SECOND].slice(kept.length), true);
      expect(readFileSync(at('cut.jsonl'))).toEqual(whole);
    }
  });

  test.each([
    [describeRun('1.0.1', WEIGHTS, HEADER.options), /made with tddfa 1\.0\.0, this is 1\.0\.1/],
    [describeRun('1.0.0', { ...WEIGHTS, name: 'other' }, HEADER.options), /the weights open, these are other/],
    [describeRun('1.0.0', { ...WEIGHTS, sha256: '1'.repeat(64) }, HEADER.options), /other weights named open/],
    [describeRun('1.0.0', WEIGHTS, { backend: 'compiled' }), /minScore 0\.5, not at its default/],
    [describeRun('1.0.0', WEIGHTS, { ...HEADER.options, boxes: 'x' }), /boxes at its default, not x/],
  ])('is not mixed with results of another kind: %#', async (header, message) => {
    await write(at('kind.jsonl'), [FIRST], true);
    const before = readFileSync(at('kind.jsonl'));
    await expect(openResultFile(at('kind.jsonl'), header, { resume: true })).rejects.toThrow(message);
    expect(readFileSync(at('kind.jsonl'))).toEqual(before);
  });

  test('that is damaged or something else is refused by its line', async () => {
    await write(at('bad.jsonl'), [FIRST]);
    appendFileSync(at('bad.jsonl'), '{"path": 3}\n');
    await expect(write(at('bad.jsonl'), [], true)).rejects.toThrow(/bad\.jsonl, line 3: this is not a result/);
    writeFileSync(at('text.jsonl'), 'hello\n');
    await expect(write(at('text.jsonl'), [], true)).rejects.toThrow(/text\.jsonl, line 1: this is not JSON/);
    writeFileSync(at('json.jsonl'), '{}\n');
    await expect(write(at('json.jsonl'), [], true)).rejects.toThrow(/line 1: expected the header of a results file/);
    expect(readFileSync(at('text.jsonl'), 'utf8')).toBe('hello\n');
  });
});
