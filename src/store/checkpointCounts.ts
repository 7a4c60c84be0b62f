/** Which folds of a growing ledger are worth keeping. */

/** Distances grow by this, so that a late activity folds again at most about that many times its own distance. */
const GROWTH = 4;
/** Nobody waits for so few activities. */
const LEAST = 64;

/**
 * Activity counts at which checkpoints of a ledger of `total` activities stand, newest first: the end, and two places
 * before it for every distance (64, 256, 1024, ...), about twelve in all. A function of the count alone, and the places
 * of `total + 1` are among those of `total` and the new end: so they can be kept as the ledger grows, and a rebuild
 * makes the same ones.
 */
export function checkpointCounts(total: number): readonly number[] {
  const counts = new Set(total > 0 ? [total] : []);
  for (let step = LEAST; step <= total; step *= GROWTH) {
    const last = total - (total % step);
    counts.add(last);
    if (last > step) counts.add(last - step);
  }
  return [...counts].sort((left, right) => right - left);
}
