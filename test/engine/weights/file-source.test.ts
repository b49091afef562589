import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { fileWeights } from '../../../src/engine/weights/file-source.ts';
import { memoryWeights } from '../../../src/engine/weights/memory-source.ts';
import type { WeightProgress, WeightSource } from '../../../src/engine/weights/weight-source.ts';
import { WeightFormatError, WeightLoadError } from '../../../src/errors.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const content = Uint8Array.from({ length: 3_000_000 }, (_, i) => i);

beforeAll(async () => {
  await mkdir(temporary('pack/net'), { recursive: true });
  await writeFile(temporary('pack/net/a.bin'), content);
  await writeFile(temporary('pack/empty.bin'), '');
  await symlink('/dev/zero', temporary('pack/endless.bin'));
});

const sources: [string, () => WeightSource][] = [
  ['fileWeights', () => fileWeights(temporary('pack'))],
  [
    'memoryWeights',
    () =>
      memoryWeights(
        new Map([
          ['net/a.bin', content],
          ['empty.bin', new Uint8Array()],
        ]),
      ),
  ],
];

describe.each(sources)('%s', (_, create) => {
  test('reads files and counts their bytes', async () => {
    const progress: WeightProgress[] = [];
    const bytes = await create().read('net/a.bin', { onProgress: (event) => progress.push(event) });
    expect(Buffer.from(bytes).equals(content)).toBe(true);
    expect(progress.at(-1)).toEqual({ file: 'net/a.bin', loadedBytes: content.length, totalBytes: content.length });
    expect(await create().read('empty.bin')).toEqual(new Uint8Array());
  });

  test('gives bytes that are the caller’s own', async () => {
    const source = create();
    const first = await source.read('net/a.bin');
    first.fill(0);
    expect((await source.read('net/a.bin'))[1]).toBe(1);
    expect(content[1]).toBe(1);
  });

  test('refuses what is not there, too long or outside', async () => {
    const source = create();
    await expect(source.read('net/b.bin')).rejects.toThrow(WeightLoadError);
    await expect(source.read('net/a.bin', { maxBytes: 10 })).rejects.toThrow(WeightFormatError);
    for (const path of ['../pack/net/a.bin', '/etc/passwd', 'net/../net/a.bin', 'net\\a.bin', '']) {
      await expect(source.read(path)).rejects.toThrow(WeightFormatError);
    }
  });

  test('stops when the signal says so', async () => {
    const reason = new Error('enough');
    await expect(create().read('net/a.bin', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('fileWeights', () => {
  test('stops in the middle of a file', async () => {
    const controller = new AbortController();
    const reading = fileWeights(temporary('pack')).read('net/a.bin', {
      signal: controller.signal,
      onProgress: ({ loadedBytes }) => {
        if (loadedBytes > 0) controller.abort(new Error('enough'));
      },
    });
    await expect(reading).rejects.toThrow('enough');
  });

  test('takes a file URL', async () => {
    const source = fileWeights(pathToFileURL(temporary('pack')));
    expect(source.describe()).toBe(temporary('pack'));
    expect(await source.read('net/a.bin')).toHaveLength(content.length);
  });

  test('does not read folders and devices', async () => {
    await expect(fileWeights(temporary('pack')).read('net')).rejects.toThrow(WeightLoadError);
    await expect(fileWeights(temporary('pack')).read('endless.bin')).rejects.toThrow('is not a file');
    await expect(fileWeights(temporary('pack/net/a.bin')).read('pack.json')).rejects.toThrow('there is no such file');
  });
});
