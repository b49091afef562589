/** For messages about unknown names. */

/** Two names that share less than this part of the longer one are different names. */
const MIN_SHARED = 0.5;

/**
 * The known name nearest to an unknown one, by how much of both is the same from the front and from the back; case,
 * hyphens and underscores are ignored.
 * @returns undefined if none is near.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  let best: string | undefined;
  let bestShare = 0;
  for (const candidate of known) {
    const other = plain(candidate);
    const shorter = Math.min(wanted.length, other.length);
    let head = 0;
    while (head < shorter && wanted[head] === other[head]) head++;
    let tail = 0;
    while (tail < shorter - head && wanted.at(-1 - tail) === other.at(-1 - tail)) tail++;
    const share = (head + tail) / Math.max(wanted.length, other.length);
    if (share >= MIN_SHARED && share > bestShare) {
      best = candidate;
      bestShare = share;
    }
  }
  return best;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}
