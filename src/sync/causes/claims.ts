/**
 * Which causes are claimed for the differences of a run, in the order of their strength: what the broker proves first,
 * then what only one cause fits, then guesses; each takes its part, and what is left goes to the next. Pure.
 */
import { type Confidence, type Finding } from '../../domain/finding.ts';
import { addMs, compareInstants } from '../../domain/time.ts';
import { CAUSE_OF_KIND } from '../explanation.ts';
import { cashClaims } from './cash.ts';
import {
  openRests,
  partsOf,
  positionPart,
  restOf,
  take,
  type Circumstances,
  type Claim,
  type Rest,
} from './claim.ts';
import { clearActions, vagueActions } from './corporateActions.ts';
import { optionClaims } from './options.ts';
import { orderClaims } from './orders.ts';
import { CONFIRMATION_GAP_MS, ruleOfName } from './rules.ts';
import { behindClaims, cashBehindClaims, gapClaims, shareClaims, totalsClaims } from './shares.ts';
import { strongStanding, weakStanding } from './standing.ts';

/** A family of causes; `earlier` are the claims of those before it. */
type Family = (circumstances: Circumstances, rest: Rest, earlier: readonly Claim[]) => readonly Claim[];

const FAMILIES: readonly Family[] = [
  unbookedClaims,
  gapClaims,
  orderClaims,
  strongStanding,
  clearActions,
  optionClaims,
  vagueActions,
  totalsClaims,
  behindClaims,
  weakStanding,
  shareClaims,
  cashBehindClaims,
  cashClaims,
];

/** The claims on all differences: their parts add up to every difference, but for less than the tolerance of cash. */
export function claimsOf(circumstances: Circumstances): readonly Claim[] {
  const rest = restOf(circumstances.differences);
  const claims: Claim[] = [];
  for (const family of FAMILIES) {
    for (const claim of family(circumstances, rest, claims)) {
      take(rest, claim);
      claims.push(claim);
    }
  }
  return claims;
}

/** The broker's own activities say what happened, but this run leaves the ledger alone. */
function unbookedClaims(circumstances: Circumstances, rest: Rest): readonly Claim[] {
  return openRests(circumstances, rest).flatMap(({ instrument, amount }) => {
    const rows = circumstances.unbooked.filter(
      (row) => row.instrument?.id === instrument.id && row.source !== 'truebook' && !row.quantity.isZero(),
    );
    const [first] = rows;
    if (first === undefined) return [];
    const evidence = {
      kind: 'activity',
      reference: first.rootId,
      text: `Published by the broker, not in the ledger yet (${rows.length} row(s)): sync transactions, or all.`,
    };
    const parts = [positionPart(instrument.id, amount)];
    const isManual = first.orderId === null || circumstances.isManualOrder(first.orderId) === true;
    const cause = first.kind === 'fill' && isManual ? 'manual_trade' : CAUSE_OF_KIND[first.kind];
    return [{ cause, rule: 'unbooked', parts, evidence: [evidence] }];
  });
}

/**
 * How sure a claim is now. What the broker does not prove is merely possible until a second complete look, a while
 * after the first, finds the same difference.
 */
export function confidenceOf(
  claim: Claim,
  before: Finding | undefined,
  now: Circumstances['now'],
): Confidence {
  const rule = ruleOfName(claim.rule);
  const ceiling = lower(rule.ceiling, claim.atMost ?? rule.ceiling);
  if (rule.isProof || ceiling === 'possible') return ceiling;
  if (before === undefined || before.cause !== claim.cause || !hasSameParts(before, claim)) return 'possible';
  const isConfirmed = compareInstants(addMs(before.lastSeenAt, CONFIRMATION_GAP_MS), now) <= 0;
  return before.confidence !== 'possible' || isConfirmed ? ceiling : 'possible';
}

/** Whether a finding answered for the same pieces; cash may be left out by a run that does not compare it. */
function hasSameParts(finding: Finding, claim: Claim): boolean {
  const before = new Map(partsOf(finding).map((part) => [part.key, part.amount]));
  return claim.parts.every(({ key, amount }) => before.get(key)?.equals(amount) === true);
}

const STRENGTH: readonly Confidence[] = ['possible', 'likely', 'certain'];

function lower(one: Confidence, other: Confidence): Confidence {
  return STRENGTH.indexOf(one) < STRENGTH.indexOf(other) ? one : other;
}
