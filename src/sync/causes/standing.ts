/**
 * Guesses that stand: what a cause was concluded from is often seen once only (the average before a split, the mark of a
 * contract before it went), so a guess stands as long as its difference does and nothing better comes.
 */
import { type Finding } from '../../domain/finding.ts';
import { left, partsOf, type Circumstances, type Claim, type Part, type Rest } from './claim.ts';
import { isRule, ruleOfName, type RuleName } from './rules.ts';
import { totalsAgree } from './shares.ts';

/** Guesses that were sure of themselves: nothing that came later takes their parts. */
export function strongStanding(
  circumstances: Circumstances,
  rest: Rest,
  earlier: readonly Claim[],
): readonly Claim[] {
  return standing(circumstances, rest, earlier, (rule) => ruleOfName(rule).ceiling !== 'possible');
}

/** The others: they only keep what no other rule explains. */
export function weakStanding(
  circumstances: Circumstances,
  rest: Rest,
  earlier: readonly Claim[],
): readonly Claim[] {
  return standing(circumstances, rest, earlier, (rule) => ruleOfName(rule).ceiling === 'possible');
}

function standing(
  circumstances: Circumstances,
  rest: Rest,
  earlier: readonly Claim[],
  isMeant: (rule: RuleName) => boolean,
): readonly Claim[] {
  const claims: Claim[] = [];
  const taken: Rest = new Map(rest);
  const orders = new Set(earlier.flatMap(ordersOf));
  for (const finding of circumstances.standing) {
    const rule = ruleBehind(finding);
    if (rule === null || !ruleOfName(rule).stands || !isMeant(rule)) continue;
    const claim = claimOf(circumstances, finding, rule);
    if (ordersOf(claim).some((orderId) => orders.has(orderId))) continue;
    if (!stillThere(circumstances, taken, claim)) continue;
    for (const { key, amount } of claim.parts) taken.set(key, left(taken, key).minus(amount));
    claims.push(claim);
  }
  return claims;
}

function ordersOf({ evidence }: Claim): readonly string[] {
  return evidence.filter((piece) => piece.kind === 'order').map((piece) => piece.reference);
}

/** The rule a finding was claimed by; null for findings of before there were rules. */
export function ruleBehind(finding: Finding): RuleName | null {
  const evidence = finding.evidence.find((piece) => piece.kind === 'rule' || piece.kind === 'order');
  if (evidence === undefined) return null;
  if (evidence.kind === 'order') return 'order';
  return isRule(evidence.reference) ? evidence.reference : null;
}

function claimOf({ cashCompared }: Circumstances, finding: Finding, rule: RuleName): Claim {
  return {
    cause: finding.cause,
    rule,
    parts: partsOf(finding).filter((part) => cashCompared || part.instrument !== null),
    evidence: finding.evidence.filter((piece) => piece.kind !== 'observation'),
    atMost: finding.confidence === 'certain' ? 'certain' : ruleOfName(rule).ceiling,
  };
}

/** Each position part is still part of the rest; all of it where an activity of this run moved the instrument. */
function stillThere(circumstances: Circumstances, rest: Rest, { parts, rule }: Claim): boolean {
  const { changed } = circumstances;
  const isRefuted = ({ instrument, amount }: Part): boolean =>
    rule === 'totals' && instrument !== null && totalsAgree(circumstances, instrument, amount);
  if (parts.some(isRefuted)) return false;
  const moved = new Set(changed.map((row) => row.instrument?.id ?? null));
  return (
    parts.length > 0 &&
    parts.every(({ key, instrument, amount }) => {
      const now = left(rest, key);
      if (now.equals(amount)) return true;
      if (instrument === null) return parts.length > 1 && rule !== 'behind';
      if (moved.has(instrument) || ruleOfName(rule).ceiling === 'possible') return false;
      return now.sign() === amount.sign() && now.abs().compare(amount.abs()) > 0;
    })
  );
}
