/** How sure it is that a position is missing: counted from the record of the runs. Pure. */
import { addMs, compareInstants, type Instant } from '../domain/time.ts';

/** Complete answers that count as confirmations lie at least this far apart (design section 4.7). */
const CONFIRMATION_GAP_MS = 15 * 60_000;

/** Complete answers without the position; `answers` oldest first, the one that it was missing in first counts as one. */
export function confirmations(missingSince: Instant, answers: readonly Instant[]): number {
  let count = 0;
  let next = missingSince;
  for (const asOf of answers) {
    if (compareInstants(asOf, next) < 0) continue;
    count += 1;
    next = addMs(asOf, CONFIRMATION_GAP_MS);
  }
  return count;
}
