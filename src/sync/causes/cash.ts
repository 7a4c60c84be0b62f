/**
 * Money that moved alone: deposit, dividend, interest and fee leave the same mark. What it was, only the broker's row
 * can say; until then it is a guess at most.
 */
import { Decimal } from '../../domain/decimal.ts';
import { type FindingCause } from '../../domain/finding.ts';
import { addMs, compareInstants } from '../../domain/time.ts';
import { CASH_TOLERANCE } from '../reconcile.ts';
import { cashKey, cashPart, left, ruled, type Circumstances, type Claim, type Rest } from './claim.ts';
import { type RuleName } from './rules.ts';

const DAY_MS = 86_400_000;
const HUNDRED = Decimal.ofInteger(100);
/** Fees of a day are rounded up to cents and seldom more than this. */
const FEE_MAX = Decimal.ofInteger(5);
const CENT = Decimal.ofScaled(1, 2);

export function cashClaims(circumstances: Circumstances, rest: Rest): readonly Claim[] {
  return circumstances.differences.flatMap((row): readonly Claim[] => {
    if (row.kind !== 'cash') return [];
    const amount = left(rest, cashKey(row.currency));
    if (amount.abs().compare(CASH_TOLERANCE) <= 0) return [];
    const [cause, rule, text] = guess(circumstances, amount);
    return [{ cause, rule, parts: [cashPart(row.currency, amount)], evidence: [ruled(rule, text)] }];
  });
}

function guess(circumstances: Circumstances, amount: Decimal): readonly [FindingCause, RuleName, string] {
  if (!circumstances.firstContactDone)
    return [
      'history_gap',
      'history_gap',
      'The history that can be read does not add up to the cash the broker states.',
    ];
  if (amount.abs().compare(CENT) < 0)
    return [
      'rounding',
      'money_alone',
      'Less than a cent between the sum of all activities and what the broker states.',
    ];
  if (amount.dividedBy(HUNDRED, 0).times(HUNDRED).equals(amount))
    return ['deposit_withdrawal', 'money_alone', 'Whole hundreds moved, and nothing else.'];
  if (amount.sign() < 0 && amount.abs().compare(FEE_MAX) <= 0 && tradedLately(circumstances))
    return ['fee', 'money_alone', 'A small sum went on a day with trades.'];
  return ['unknown', 'money_alone', 'Sum of all activities against the cash the broker states.'];
}

function tradedLately({ listed, now }: Circumstances): boolean {
  return listed.some(
    (row) => row.kind === 'fill' && compareInstants(row.executedAt, addMs(now, -2 * DAY_MS)) > 0,
  );
}
