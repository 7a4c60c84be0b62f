/** Which known name somebody probably meant, or null when none is near enough to be sure it is a slip. */
export function nearestName(name: string, known: Iterable<string>): string | null {
  const written = name.toUpperCase();
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    // One slip in five letters, two at most: beyond that two names are simply different.
    const allowed = Math.min(2, Math.floor(candidate.length / 5));
    if (Math.abs(candidate.length - written.length) > allowed) continue;
    if (lettersApart(written, candidate.toUpperCase()) > allowed) continue;
    const distance = editDistance(written, candidate.toUpperCase(), allowed);
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Letters that one text has and the other lacks, in whatever order: never more than their distance, and cheap to count. */
function lettersApart(left: string, right: string): number {
  const counts = new Map<string, number>();
  for (const letter of left) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let [onlyLeft, onlyRight] = [left.length, 0];
  for (const letter of right) {
    const count = counts.get(letter) ?? 0;
    if (count === 0) onlyRight += 1;
    else {
      counts.set(letter, count - 1);
      onlyLeft -= 1;
    }
  }
  return Math.max(onlyLeft, onlyRight);
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn one text into the other; infinite as soon as it is
 * certain that they are more than `most`.
 */
export function editDistance(left: string, right: string, most = Number.POSITIVE_INFINITY): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_unused, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      );
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      current.push(cost);
    }
    // Every way from the last two rows to the end costs at least what it has cost up to there.
    if (Math.min(...last) > most && Math.min(...current) > most) return Number.POSITIVE_INFINITY;
    beforeLast = last;
    last = current;
  }
  return at(last, right.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
