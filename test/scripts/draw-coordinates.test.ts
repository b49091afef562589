import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { drawCoordinates } from '../../scripts/draw-coordinates.ts';
import { repositoryRoot } from '../support/shared.ts';

test('the picture of the coordinates shows what the code does', () => {
  const committed = readFileSync(join(repositoryRoot, 'docs', 'images', 'coordinates.svg'), 'utf8');
  expect(drawCoordinates()).toBe(committed);
});
