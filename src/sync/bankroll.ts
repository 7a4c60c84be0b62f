/**
 * The bankroll: the figure a person's programs size their trades by. It follows the account's equity, but only when the
 * two are further apart than the tolerance or when something happened that no program did (seeds/004). Pure.
 */
import { type AccountEnv } from '../domain/account.ts';
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Currency } from '../domain/money.ts';
import { newYorkDate, type Instant } from '../domain/time.ts';
import { type BankrollCause, type BankrollEntry } from '../store/store.ts';
import { type BankrollDifference } from './difference.ts';

/** The value an older program left behind, in the account's base currency. */
export interface StartingBankroll {
  readonly amount: Decimal;
  /** Name of the file it was read from. */
  readonly source: string;
}

export interface BankrollInput {
  /** The local value, null when the book has none in this epoch. */
  readonly local: Decimal | null;
  /** Only looked at without a local value. */
  readonly starting: StartingBankroll | null;
  /** What the broker states. */
  readonly equity: Decimal;
  readonly cash: Decimal | null;
  readonly currency: Currency;
  readonly asOf: Instant;
  /** Percent. */
  readonly tolerancePct: Decimal;
  /** Manual trades, deposits and withdrawals that this run came across. */
  readonly happened: readonly BankrollCause[];
  readonly source: string;
  readonly env: AccountEnv;
}

const HUNDRED = Decimal.parse('100');

/** What to book and how it compares. */
export function adjustBankroll(input: BankrollInput): {
  readonly entries: readonly BankrollEntry[];
  readonly difference: BankrollDifference;
} {
  const { starting, equity, currency, asOf, env } = input;
  const shared = { currency, at: asOf, tradeDate: newYorkDate(asOf), env } as const;
  const entries: BankrollEntry[] = [];
  let { local } = input;
  if (local === null && starting !== null) {
    local = starting.amount;
    entries.push({
      ...shared,
      kind: 'imported',
      before: null,
      after: local,
      source: starting.source,
      causes: ['mirror_file'],
    });
  }
  const exceeded = local !== null && isBeyond(local, equity, input.tolerancePct);
  if (local === null) {
    entries.push({
      ...shared,
      kind: 'opening',
      before: null,
      after: equity,
      source: input.source,
      causes: ['no_local_value'],
    });
  } else {
    const causes = [...new Set([...input.happened, ...(exceeded ? (['tolerance_exceeded'] as const) : [])])];
    if (causes.length > 0 && !local.equals(equity)) {
      entries.push({
        ...shared,
        kind: 'sync_adjustment',
        before: local,
        after: equity,
        source: input.source,
        causes,
      });
    }
  }
  const after = entries.at(-1)?.after ?? local ?? equity;
  return {
    entries,
    difference: {
      currency,
      before: input.local?.toString() ?? null,
      after: after.toString(),
      equity: equity.toString(),
      cash: input.cash?.toString() ?? null,
      differencePct:
        local === null || local.isZero()
          ? null
          : percentOf(local.minus(equity).abs(), local.abs()).toString(),
      tolerancePct: input.tolerancePct.toString(),
      exceeded,
      entries: entries.map((entry) => ({
        kind: entry.kind,
        before: entry.before?.toString() ?? null,
        after: entry.after.toString(),
        amount: (entry.before === null ? entry.after : entry.after.minus(entry.before)).toString(),
        source: entry.source,
        causes: entry.causes,
      })),
    },
  };
}

/** |local - equity| / |local| beyond the tolerance, without dividing: exact at the very edge. A local zero has no percent. */
function isBeyond(local: Decimal, equity: Decimal, tolerancePct: Decimal): boolean {
  return local.minus(equity).abs().times(HUNDRED).compare(local.abs().times(tolerancePct)) > 0;
}

function percentOf(part: Decimal, whole: Decimal): Decimal {
  return part.times(HUNDRED).dividedBy(whole, 10);
}

/** What among new activities sets the bankroll anew whatever the tolerance. */
export function bankrollCauses(
  activities: readonly Activity[],
  isManual: (activity: Activity) => boolean | null,
): readonly BankrollCause[] {
  const causes = new Set<BankrollCause>();
  for (const activity of activities) {
    if (isManual(activity) === true) causes.add('manual_trade');
    if (activity.kind === 'deposit' || activity.kind === 'withdrawal') causes.add(activity.kind);
    if (activity.kind === 'cash_transfer')
      causes.add((activity.amount?.sign() ?? 1) < 0 ? 'withdrawal' : 'deposit');
  }
  return [...causes];
}
