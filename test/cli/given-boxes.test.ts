import { writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { fixturePath } from '../../development/formula.ts';
import { readGivenBoxes } from '../../src/cli/given-boxes.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const file = fixturePath('same-name', 'boxes.json');

/** The left side of the box that a document has for a picture. */
async function leftOf(path: string, document = file): Promise<number | undefined> {
  return (await readGivenBoxes(document)).boxesOf(path)[0]?.xMin;
}

describe('boxes of two pictures of one name', () => {
  test.each([
    ['seen from the working folder', 'x/a.png', 'y/a.png'],
    ['by whole paths', fixturePath('same-name', 'x', 'a.png'), fixturePath('same-name', 'y', 'a.png')],
    ['by the ends of paths', '/elsewhere/x/a.png', '/elsewhere/y/a.png'],
  ])('are told apart %s', async (_how, x, y) => {
    expect([await leftOf(x), await leftOf(y)]).toEqual([5, 30]);
  });

  test('are refused where the path is neither', async () => {
    await expect(leftOf('/elsewhere/z/a.png')).rejects.toThrow(
      `/elsewhere/z/a.png: ${file} has boxes for 2 pictures with this name, 'x/a.png', 'y/a.png', but none has this path`,
    );
    await expect(leftOf('/elsewhere/b.png')).rejects.toThrow('has no boxes for this picture');
  });

  test('a name that is there once is enough', async () => {
    const box = { xMin: 1, yMin: 2, xMax: 3, yMax: 4 };
    const document = temporary('one.json');
    writeFileSync(document, JSON.stringify({ images: [{ file: 'far/away/a.png', faces: [{ box }] }] }));
    expect(await leftOf('here/a.png', document)).toBe(1);
  });
});
