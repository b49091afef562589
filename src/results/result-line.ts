import * as v from 'valibot';
import { TddfaError } from '../errors.ts';
import { type AlignDocumentFace, alignedImageEntries } from './align-document.ts';

/** What `tddfa align --jsonl` writes: JSON Lines. The JSON schema of a line is `schemas/align-lines.schema.json`. */
const RESULT_FORMAT = 1;

const headerSchema = v.object({
  tddfa: v.pipe(v.string(), v.description('version of the package')),
  format: v.pipe(v.literal(RESULT_FORMAT), v.description('version of these lines')),
  weights: v.object({
    name: v.pipe(v.string(), v.description('of the pack')),
    sha256: v.pipe(
      v.string(),
      v.regex(/^[0-9a-f]{64}$/),
      v.description("of the pack's pack.json, which lists the sums of all its files"),
    ),
  }),
  options: v.pipe(
    v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
    v.description('all that results depend on beside the pictures: backend, regressor, minScore …'),
  ),
});

const pictureEntries = {
  path: v.pipe(
    v.string(),
    v.description('as it was given, or the path of a folder that was given and the way from there'),
  ),
  size: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0), v.description('bytes; missing where the file could not be opened')),
  ),
  mtimeMs: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.description('when the file was changed last, ms since 1970; missing of what is no file'),
    ),
  ),
};

const alignedSchema = v.object({ ...pictureEntries, ...alignedImageEntries });
const failedSchema = v.object({
  ...pictureEntries,
  error: v.pipe(v.string(), v.description('why there is no result, in one line')),
});

export const resultLineSchema = v.pipe(
  v.union([headerSchema, alignedSchema, failedSchema]),
  v.title('tddfa align --jsonl'),
  v.description(
    'A line of what `tddfa align --jsonl` writes: first, in a file, how it was made; then one line for each picture, with its faces or its error, in the order of the input.',
  ),
);

/** How results were made. Results of two equal headers are of one kind. */
export type ResultHeader = v.InferOutput<typeof headerSchema>;
/** The faces of a picture. */
export type AlignedResult = v.InferOutput<typeof alignedSchema>;
/** Why there are none. */
export type FailedResult = v.InferOutput<typeof failedSchema>;
/** What became of one picture. */
export type PictureResult = AlignedResult | FailedResult;

/** What a result says of the file; all three together are the picture's identity. */
export type PictureIdentity = Pick<PictureResult, 'path' | 'size' | 'mtimeMs'>;

/** The header of results that this version of the package makes. */
export function describeRun(
  version: string,
  weights: ResultHeader['weights'],
  options: ResultHeader['options'],
): ResultHeader {
  return { tddfa: version, format: RESULT_FORMAT, weights, options };
}

/** A picture that was aligned. */
export function describeAligned(
  picture: PictureIdentity,
  { width, height }: { readonly width: number; readonly height: number },
  faces: AlignDocumentFace[],
): AlignedResult {
  return { ...identityOf(picture), width, height, faces };
}

/**
 * A picture that could not be.
 * @param reason - one line; the picture's path before it is left out.
 */
export function describeFailed(picture: PictureIdentity, reason: string): FailedResult {
  const prefix = `${picture.path}: `;
  return { ...identityOf(picture), error: reason.startsWith(prefix) ? reason.slice(prefix.length) : reason };
}

/** A text that two results share only where path, size and time are the same. */
export function identityKey({ path, size, mtimeMs }: PictureIdentity): string {
  return JSON.stringify([path, size ?? null, mtimeMs ?? null]);
}

function identityOf({ path, size, mtimeMs }: PictureIdentity): PictureIdentity {
  return { path, ...(size !== undefined && { size }), ...(mtimeMs !== undefined && { mtimeMs }) };
}

/** A header or a result as a line, with its line feed. */
export function formatLine(line: ResultHeader | PictureResult): string {
  return `${JSON.stringify(line)}\n`;
}

/**
 * Reads a header.
 * @param place - what errors call it.
 * @throws TddfaError.
 */
export function parseHeader(text: string, place: string): ResultHeader {
  const json = parseJson(text, place);
  const result = v.safeParse(headerSchema, json);
  if (result.success) return result.output;
  throw new TddfaError(`${place}: expected the first line of results that tddfa align --jsonl has written`);
}

/**
 * Reads a result.
 * @param place - what errors call it.
 * @throws TddfaError.
 */
export function parseResult(text: string, place: string): PictureResult {
  const json = parseJson(text, place);
  const schema = typeof json === 'object' && json !== null && 'error' in json ? failedSchema : alignedSchema;
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  throw new TddfaError(`${place}: this is no result of tddfa align --jsonl: ${result.issues[0].message}`);
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TddfaError(`${place}: this is not JSON`, { cause });
  }
}

/**
 * What two runs do not share, in words; undefined where their results are of one kind.
 * @param held - of results that are there.
 * @param now - of those that would be added.
 */
export function headerDifference(held: ResultHeader, now: ResultHeader): string | undefined {
  if (held.tddfa !== now.tddfa) return `tddfa ${held.tddfa}, this is ${now.tddfa}`;
  if (held.weights.name !== now.weights.name) return `the weights ${held.weights.name}, these are ${now.weights.name}`;
  if (held.weights.sha256 !== now.weights.sha256) return `other weights of the name ${now.weights.name}`;
  const names = [...new Set([...Object.keys(held.options), ...Object.keys(now.options)])].sort();
  const name = names.find((key) => held.options[key] !== now.options[key]);
  return name && `${name} ${held.options[name] ?? 'by default'}, not ${now.options[name] ?? 'by default'}`;
}
