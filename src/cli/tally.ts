import type { PictureResult } from '../results/result-line.ts';

/** Counts results and times them. */
export interface Tally {
  /** Pictures that are done, including those that were already there. */
  readonly count: number;
  readonly failedCount: number;
  /** Starts the clock. */
  start(): void;
  /** @param result - `held` if it was already there. */
  add(result: PictureResult | 'held'): void;
  /** Pictures per second, and the time left if the total is known. */
  rate(total: number | undefined): string;
  /** Everything, in one line. */
  summary(): string;
}

/** @param now - ms of any clock. */
export function createTally(now: () => number = () => performance.now()): Tally {
  let startMs = now();
  let held = 0;
  let failed = 0;
  let faceless = 0;
  let withFaces = 0;
  let faces = 0;
  const done = (): number => failed + faceless + withFaces;
  const seconds = (): number => (now() - startMs) / 1000;
  const perSecond = (): number => done() / Math.max(seconds(), 1e-3);

  return {
    get count() {
      return held + done();
    },
    get failedCount() {
      return failed;
    },
    start() {
      startMs = now();
    },
    add(result) {
      if (result === 'held') held++;
      else if ('error' in result) failed++;
      else if (result.faces.length === 0) faceless++;
      else {
        withFaces++;
        faces += result.faces.length;
      }
    },
    rate(total) {
      const speed = `${perSecond().toFixed(1)}/s`;
      if (total === undefined || done() === 0) return speed;
      return `${speed}, ${formatTime((total - held - done()) / perSecond())} left`;
    },
    summary() {
      const parts = [
        `${withFaces} with ${counted(faces, 'face')}`,
        `${faceless} without`,
        ...(failed > 0 ? [`${failed} failed`] : []),
        ...(held > 0 ? [`${held} already there`] : []),
      ];
      const time = `${seconds().toFixed(1)} s, ${perSecond().toFixed(1)} a second`;
      return `${counted(done(), 'picture')} in ${time}: ${parts.join(', ')}`;
    },
  };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Hours, minutes and seconds: `1:02:03`, `2:03`. */
function formatTime(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}
