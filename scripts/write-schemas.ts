/** Writes the JSON schemas of the command line's output: `npm run schemas`. */
import { writeFileSync } from 'node:fs';
import { toJsonSchema } from '@valibot/to-json-schema';
import { alignDocumentSchema } from '../src/results/align-document.ts';
import { resultLineSchema } from '../src/results/result-line.ts';
import { videoFrameSchema } from '../src/results/video-document.ts';

const SCHEMAS = { align: alignDocumentSchema, 'align-lines': resultLineSchema, video: videoFrameSchema };

for (const [name, schema] of Object.entries(SCHEMAS)) {
  const target = new URL(`../schemas/${name}.schema.json`, import.meta.url);
  writeFileSync(target, `${JSON.stringify(toJsonSchema(schema), null, 2)}\n`);
}
