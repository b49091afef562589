import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { toJsonSchema } from '@valibot/to-json-schema';
import { alignDocumentSchema } from '../../src/results/align-document.ts';
import { resultLineSchema } from '../../src/results/result-line.ts';
import { videoFrameSchema } from '../../src/results/video-document.ts';
import { repositoryRoot } from '../support/shared.ts';

test.each([
  ['align', alignDocumentSchema],
  ['align-lines', resultLineSchema],
  ['video', videoFrameSchema],
])('schemas/%s.schema.json is what npm run schemas writes', (name, schema) => {
  const committed = readFileSync(join(repositoryRoot, `schemas/${name}.schema.json`), 'utf8');
  expect(JSON.parse(committed)).toEqual(toJsonSchema(schema));
});
