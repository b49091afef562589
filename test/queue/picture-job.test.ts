import { describe, expect, test } from '@jest/globals';
import { cutIntoJobs, type JobData, jobId, pictureCount, pictureKey } from '../../src/queue/picture-job.ts';

async function jobsOf(inputs: readonly string[], size: number, root = '/data'): Promise<JobData[]> {
  const jobs: JobData[] = [];
  for await (const job of cutIntoJobs(inputs, root, size)) jobs.push(job);
  return jobs;
}

describe('jobs of pictures', () => {
  test('have all inputs in order, and know their place', async () => {
    const jobs = await jobsOf(['a', 'b', 'c', 'd', 'e'], 2);
    expect(jobs.map(({ inputs }) => inputs)).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(jobs.map(({ first }) => first)).toEqual([0, 2, 4]);
    expect(await jobsOf([], 2)).toEqual([]);
  });

  test('have an id that follows from the pictures, and tells how many they are', async () => {
    const [one] = await jobsOf(['a.jpg', 'https://example.org/b.jpg'], 9);
    const [same] = await jobsOf(['/data/a.jpg', 'https://example.org/b.jpg'], 9, '/elsewhere');
    const [other] = await jobsOf(['a.jpg', 'https://example.org/b.jpg'], 9, '/elsewhere');
    expect(jobId(same)).toBe(jobId(one));
    expect(jobId({ ...one, first: 100 })).toBe(jobId(one));
    expect(jobId(other)).not.toBe(jobId(one));
    expect(jobId(one)).toMatch(/^[0-9a-f]{32}-2$/);
    expect(pictureCount(jobId(one))).toBe(2);
    expect(pictureKey('/data', 'a/../b.jpg')).toBe('/data/b.jpg');
  });
});
