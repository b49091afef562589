import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { openLineFile } from '../../src/files/line-file.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();

describe('openLineFile', () => {
  test('makes the file and its folder, and appends in the order of the calls', async () => {
    const path = at('new/folder/lines.txt');
    const file = await openLineFile(path, 0);
    const lines = Array.from({ length: 50 }, (_, i) => `line ${i}\n`);
    await Promise.all(lines.map((line) => file.append(line)));
    await file.sync();
    await file.close();
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
  });

  test('keeps the beginning, and cuts off the rest', async () => {
    writeFileSync(at('held.txt'), 'first\nsecond\nthi');
    const file = await openLineFile(at('held.txt'), 13);
    await file.append('fourth\n');
    await file.close();
    expect(readFileSync(at('held.txt'), 'utf8')).toBe('first\nsecond\nfourth\n');
  });

  test('a full disk is one line that names the file', async () => {
    const file = await openLineFile('/dev/full', 0);
    await expect(file.append('a\n')).rejects.toThrow('cannot write /dev/full: the disk is full');
    await file.close();
    expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
  });

  test('a place that cannot be is refused', async () => {
    writeFileSync(at('a-file'), '');
    await expect(openLineFile(at('a-file/lines.txt'), 0)).rejects.toThrow(/^cannot write .*a-file\/lines\.txt: /);
    await expect(openLineFile(at('.'), 0)).rejects.toThrow(/: there is a folder in its place$/);
    expect(existsSync(at('a-file/lines.txt'))).toBe(false);
  });
});
