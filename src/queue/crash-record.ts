import * as v from 'valibot';
import type { PictureJob } from './picture-queue.ts';

/** What a job's progress holds once a worker has died with it. */
const recordSchema = v.object({
  /** The picture that is worked at, by its place in the job. */
  at: v.optional(v.number()),
  /** How many workers have died at which picture. */
  deaths: v.record(v.string(), v.number()),
});

/** What of a job is looked at and changed. */
type RecordedJob = Pick<PictureJob, 'progress' | 'stalledCounter' | 'updateProgress'>;

/** Workers that may die at one picture. */
const MAX_DEATHS = 3;

/**
 * Finds the picture that kills workers. A job whose worker died runs alone in its next one, which notes each picture in Redis before
 * it is touched: a picture that is noted when the next worker takes the job over has killed the one before. Other jobs, that is nearly
 * all, note nothing.
 */
export class CrashRecord {
  readonly #job: RecordedJob;
  readonly #isSuspect: boolean;
  readonly #deaths: Map<number, number>;

  constructor(job: RecordedJob) {
    this.#job = job;
    this.#isSuspect = job.stalledCounter > 0;
    const parsed = v.safeParse(recordSchema, job.progress);
    const { at, deaths } = parsed.success ? parsed.output : { at: undefined, deaths: {} };
    this.#deaths = new Map(Object.entries(deaths).map(([place, count]) => [Number(place), count]));
    if (at !== undefined) this.#deaths.set(at, (this.#deaths.get(at) ?? 0) + 1);
  }

  /** Whether a worker has died with the job. */
  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /** Why a picture is not tried again; undefined where it is. */
  refusal(place: number): string | undefined {
    const count = this.#deaths.get(place) ?? 0;
    return count < MAX_DEATHS ? undefined : `${count} workers ended without a word at this picture`;
  }

  /** Notes that a picture is about to be worked at. */
  async begin(place: number): Promise<void> {
    if (this.#isSuspect) await this.#save(place);
  }

  /** Notes that the worker lives; call it before the job ends in any way. */
  async end(): Promise<void> {
    if (this.#isSuspect) await this.#save(undefined);
  }

  async #save(at: number | undefined): Promise<void> {
    await this.#job.updateProgress({ ...(at !== undefined && { at }), deaths: Object.fromEntries(this.#deaths) });
  }
}
