/** For messages about names that do not exist. */

/**
 * The known name that is nearest to one that is not known, by how many letters have to be changed, put in or left out; a known
 * name that ends or begins with it counts as near.
 * @returns undefined where none is near.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  if (wanted === '') return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(wanted.length / 2)) + 0.5;
  for (const candidate of known) {
    const plainCandidate = plain(candidate);
    const isPart = wanted.length > 2 && (plainCandidate.endsWith(wanted) || wanted.endsWith(plainCandidate));
    const distance = isPart ? 1 : editDistance(wanted, plainCandidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '').slice(0, 64);
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
