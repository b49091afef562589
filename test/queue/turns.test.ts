import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { Turns } from '../../src/queue/turns.ts';

describe('Turns', () => {
  test('what runs alone has nobody beside it, whatever comes before and after', async () => {
    const turns = new Turns();
    let running = 0;
    const seen: [kind: string, beside: number][] = [];
    const work = (kind: string) => async (): Promise<void> => {
      running++;
      await delay(2);
      seen.push([kind, running - 1]);
      await delay(2);
      running--;
    };
    await Promise.all(
      ['together', 'together', 'alone', 'together', 'alone', 'alone', 'together', 'together'].map((kind) =>
        kind === 'alone' ? turns.alone(work(kind)) : turns.together(work(kind)),
      ),
    );
    expect(seen.filter(([kind, beside]) => kind === 'alone' && beside > 0)).toEqual([]);
    expect(seen).toHaveLength(8);
    expect(seen.some(([kind, beside]) => kind === 'together' && beside > 0)).toBe(true);
  });

  test('a failure is its own, and blocks nobody', async () => {
    const turns = new Turns();
    const fail = () => Promise.reject(new Error('no'));
    await expect(turns.alone(fail)).rejects.toThrow('no');
    await expect(turns.together(fail)).rejects.toThrow('no');
    await expect(turns.alone(async () => 1)).resolves.toBe(1);
    await expect(turns.together(async () => 2)).resolves.toBe(2);
  });
});
