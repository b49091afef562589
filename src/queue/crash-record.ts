import * as v from 'valibot';
import type { PictureJob } from './picture-queue.ts';

/** Contents of a job's progress once a worker has died with it. */
const recordSchema = v.object({
  /** The picture being processed, by its place in the job. */
  at: v.optional(v.number()),
  /** Number of workers that died, by picture. */
  deaths: v.record(v.string(), v.number()),
});

/** The members of a job that are read and changed. */
type RecordedJob = Pick<PictureJob, 'progress' | 'stalledCounter' | 'updateProgress'>;

/** Number of workers that may die on one picture. */
const MAX_DEATHS = 3;

/**
 * Finds the picture that kills workers. If a worker dies, the next one runs its job alone and records each picture in
 * Redis before touching it: a picture that is on record when yet another worker takes over the job has killed the
 * previous one. Other jobs, which is nearly all of them, record nothing.
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

  /** Why a picture is not tried again; undefined if it is. */
  refusal(place: number): string | undefined {
    const count = this.#deaths.get(place) ?? 0;
    return count < MAX_DEATHS ? undefined : `${count} workers died on this picture without an error`;
  }

  /** Records that a picture is about to be processed. */
  async begin(place: number): Promise<void> {
    if (this.#isSuspect) await this.#save(place);
  }

  /** Records that the worker is still alive; call it before the job ends in any way. */
  async end(): Promise<void> {
    if (this.#isSuspect) await this.#save(undefined);
  }

  async #save(at: number | undefined): Promise<void> {
    await this.#job.updateProgress({ ...(at !== undefined && { at }), deaths: Object.fromEntries(this.#deaths) });
  }
}
