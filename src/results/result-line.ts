import * as v from 'valibot';
import { TddfaError } from '../errors.ts';
import { type AlignDocumentFace, alignedImageEntries } from './align-document.ts';

/** The output of `tddfa align --jsonl`: JSON Lines. The JSON schema of a line is `schemas/align-lines.schema.json`. */
const RESULT_FORMAT = 1;

const headerSchema = v.object({
  tddfa: v.pipe(v.string(), v.description('version of the package')),
  format: v.pipe(v.literal(RESULT_FORMAT), v.description('version of the line format')),
  weights: v.object({
    name: v.pipe(v.string(), v.description('of the pack')),
    sha256: v.pipe(
      v.string(),
      v.regex(/^[0-9a-f]{64}$/),
      v.description("of the pack's pack.json, which lists the checksums of all its files"),
    ),
  }),
  options: v.pipe(
    v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
    v.description('everything that results depend on apart from the pictures: backend, regressor, minScore …'),
  ),
});

const pictureEntries = {
  path: v.pipe(v.string(), v.description('as given, or the given folder and the path below it')),
  size: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0), v.description('bytes; absent if the file could not be opened')),
  ),
  mtimeMs: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.description('when the file was last changed, ms since 1970; absent if the input is not a file'),
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
    'A line written by `tddfa align --jsonl`: in a file, first how the results were made; then one line per picture, with its faces or its error, in input order.',
  ),
);

/** How results were made. Results with equal headers are of the same kind. */
export type ResultHeader = v.InferOutput<typeof headerSchema>;
/** The faces of a picture. */
export type AlignedResult = v.InferOutput<typeof alignedSchema>;
/** Why there are none. */
export type FailedResult = v.InferOutput<typeof failedSchema>;
/** What became of one picture. */
export type PictureResult = AlignedResult | FailedResult;

/** What a result records about the file; all three together identify the picture. */
export type PictureIdentity = Pick<PictureResult, 'path' | 'size' | 'mtimeMs'>;

/** The header for results made by this version of the package. */
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
 * A picture that could not be aligned.
 * @param reason - one line; a leading picture path is removed.
 */
export function describeFailed(picture: PictureIdentity, reason: string): FailedResult {
  const prefix = `${picture.path}: `;
  return { ...identityOf(picture), error: reason.startsWith(prefix) ? reason.slice(prefix.length) : reason };
}

/** A key that two results share only if path, size and time are the same. */
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
 * @param place - its name in error messages.
 * @throws TddfaError.
 */
export function parseHeader(text: string, place: string): ResultHeader {
  const json = parseJson(text, place);
  const result = v.safeParse(headerSchema, json);
  if (result.success) return result.output;
  throw new TddfaError(`${place}: expected the header of a results file written by tddfa align --jsonl`);
}

/**
 * Reads a result.
 * @param place - its name in error messages.
 * @throws TddfaError.
 */
export function parseResult(text: string, place: string): PictureResult {
  const json = parseJson(text, place);
  const schema = typeof json === 'object' && json !== null && 'error' in json ? failedSchema : alignedSchema;
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  throw new TddfaError(`${place}: this is not a result of tddfa align --jsonl: ${result.issues[0].message}`);
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TddfaError(`${place}: this is not JSON`, { cause });
  }
}

/**
 * The difference between two runs, in words; undefined if their results are of the same kind.
 * @param held - header of the existing results.
 * @param now - header of those to add.
 */
export function headerDifference(held: ResultHeader, now: ResultHeader): string | undefined {
  if (held.tddfa !== now.tddfa) return `tddfa ${held.tddfa}, this is ${now.tddfa}`;
  if (held.weights.name !== now.weights.name) return `the weights ${held.weights.name}, these are ${now.weights.name}`;
  if (held.weights.sha256 !== now.weights.sha256) return `other weights named ${now.weights.name}`;
  const names = [...new Set([...Object.keys(held.options), ...Object.keys(now.options)])].sort();
  const name = names.find((key) => held.options[key] !== now.options[key]);
  return name && `${name} ${held.options[name] ?? 'at its default'}, not ${now.options[name] ?? 'at its default'}`;
}
