/** Which finding a claim goes on in: the same difference seen again is the same finding, whatever is known of it by now. */
import { type Finding } from '../../domain/finding.ts';
import { partsOf, type Claim, type Part } from './claim.ts';

/**
 * A key for each claim. A claim goes on in the open finding that answered for the same piece, its own first piece before
 * the others, the same cause before another; else in one of the same difference. What is new takes the difference's key,
 * with a number where that one is taken: several causes may share a difference.
 */
export function keysOf(claims: readonly Claim[], open: readonly Finding[]): ReadonlyMap<Claim, string> {
  const rows = open.flatMap((finding) => {
    const part = partsOf(finding)[0];
    return part === undefined ? [] : [{ finding, part }];
  });
  const free = new Set(rows);
  const keys = new Map<Claim, string>();
  const passes: readonly ((claim: Claim, row: { finding: Finding; part: Part }) => boolean)[] = [
    (claim, { finding, part }) => finding.cause === claim.cause && isPart(part, claim.parts.slice(0, 1)),
    (claim, { part }) => isPart(part, claim.parts.slice(0, 1)),
    (claim, { part }) => isPart(part, claim.parts),
    (claim, { part }) => claim.parts[0]!.key === part.key,
  ];
  for (const fits of passes) {
    for (const claim of claims) {
      const row = keys.has(claim) ? undefined : [...free].find((candidate) => fits(claim, candidate));
      if (row === undefined) continue;
      free.delete(row);
      keys.set(claim, row.finding.key);
    }
  }
  const taken = new Set([...keys.values(), ...open.map((finding) => finding.key)]);
  for (const claim of claims) {
    if (keys.has(claim)) continue;
    const key = newKey(claim.parts[0]!.key, taken);
    taken.add(key);
    keys.set(claim, key);
  }
  return keys;
}

function isPart(part: Part, parts: readonly Part[]): boolean {
  return parts.some(({ key, amount }) => key === part.key && amount.equals(part.amount));
}

function newKey(base: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number += 1) {
    const key = number === 1 ? base : `${base}#${number}`;
    if (!taken.has(key)) return key;
  }
}
