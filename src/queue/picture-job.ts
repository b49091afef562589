import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import * as v from 'valibot';
import { TddfaError } from '../errors.ts';
import { isWebAddress } from './fetch-picture.ts';

/** The name of every job, as BullMQ shows it. */
export const JOB_NAME = 'align';

const inputs = v.pipe(v.array(v.pipe(v.string(), v.nonEmpty())), v.minLength(1));

const jobDataSchema = v.object({
  /** The folder that relative paths start from. */
  root: v.string(),
  /** Place of its first picture in the list it was added with: jobs of one list have an order. */
  first: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** Paths and web addresses, as they were given. */
  inputs,
});

const jobResultSchema = v.object({
  /** The file with the results, in the parts folder. */
  part: v.pipe(v.string(), v.regex(/^[\w-]+\.part\.jsonl$/)),
  /** Where the job's lines are in it, bytes: one line for each input, in order. */
  start: v.pipe(v.number(), v.integer(), v.minValue(0)),
  end: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** How many of them have an error. */
  failed: v.pipe(v.number(), v.integer(), v.minValue(0)),
});

/** What a job is to do. */
export type JobData = v.InferOutput<typeof jobDataSchema>;
/** Where the results of a job are. They are on disk before the job counts as done. */
export type JobResult = v.InferOutput<typeof jobResultSchema>;

/** @throws TddfaError for a job not added by this program. */
export function parseJobData(data: unknown, id: string | undefined): JobData {
  const parsed = v.safeParse(jobDataSchema, data);
  if (parsed.success) return parsed.output;
  throw new TddfaError(`the job ${id} was not added by tddfa queue add`);
}

/** @throws TddfaError for a result of another program. */
export function parseJobResult(result: unknown, id: string | undefined): JobResult {
  const parsed = v.safeParse(jobResultSchema, result);
  if (parsed.success) return parsed.output;
  throw new TddfaError(`the job ${id} was not done by tddfa queue work`);
}

/**
 * A job's id depends on its pictures alone: adding the same job again changes nothing. BullMQ keeps the one that it
 * has, whether it is waiting, running or done. The id ends in the number of pictures, so that they can be counted from
 * ids alone.
 */
export function jobId({ root, inputs }: JobData): string {
  const keys = JSON.stringify(inputs.map((input) => pictureKey(root, input)));
  return `${createHash('sha256').update(keys).digest('hex').slice(0, 32)}-${inputs.length}`;
}

/** The number of pictures in the job with this id. */
export function pictureCount(id: string): number {
  return Number(/-(\d{1,9})$/.exec(id)?.[1] ?? 0);
}

/** The same key for all names of one picture: its full path, or its web address. */
export function pictureKey(root: string, input: string): string {
  return isWebAddress(input) ? input : resolve(root, input);
}

/** Cuts a list into jobs of `size` pictures, the last one shorter. */
export async function* cutIntoJobs(
  list: AsyncIterable<string> | Iterable<string>,
  root: string,
  size: number,
): AsyncGenerator<JobData> {
  let first = 0;
  let batch: string[] = [];
  for await (const input of list) {
    batch.push(input);
    if (batch.length < size) continue;
    yield { root, first, inputs: batch };
    first += batch.length;
    batch = [];
  }
  if (batch.length > 0) yield { root, first, inputs: batch };
}
