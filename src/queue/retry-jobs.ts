import { jobsOf, lostJobs } from './collect-results.ts';
import { parseJobResult, pictureCount } from './picture-job.ts';
import type { PictureJob, PictureQueue } from './picture-queue.ts';
import type { Count } from './queue-counts.ts';

/**
 * Puts jobs back into the queue: those that were given up, those with a failed picture, and, if a parts folder is
 * given, those whose results are not in it.
 * @throws TddfaError if Redis fails.
 */
export async function retryJobs(queue: PictureQueue, parts: string | undefined, signal: AbortSignal): Promise<Count> {
  const again = new Map<string, { readonly job: PictureJob; readonly state: 'failed' | 'completed' }>();
  for (const state of ['failed', 'completed'] as const) {
    const ids = await queue.run((bull) => bull.getRanges([state], 0, -1));
    for await (const job of jobsOf(queue, ids, signal)) {
      if (state === 'failed' || parseJobResult(job.returnvalue, job.id).failed > 0)
        again.set(job.id ?? '', { job, state });
    }
  }
  if (parts !== undefined) {
    for await (const job of lostJobs(queue, parts, signal)) again.set(job.id ?? '', { job, state: 'completed' });
  }
  let pictures = 0;
  for (const [id, { job, state }] of again) {
    signal.throwIfAborted();
    await queue.run(async () => {
      // Forget which of its pictures workers died on.
      await job.updateProgress({});
      await job.retry(state, { resetAttemptsMade: true, resetAttemptsStarted: true });
    });
    pictures += pictureCount(id);
  }
  return { jobs: again.size, pictures };
}
