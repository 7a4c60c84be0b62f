/**
 * What a person says of a difference that no activity of the broker explains (design section 4.7): a provisional
 * `adjustment` of the ledger, out of which a later broker activity takes its quantity first. Pure.
 */
import { type Activity, type ActivityRevision } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { TruebookError } from '../domain/errors.ts';
import { type Finding } from '../domain/finding.ts';
import { type Instrument } from '../domain/instrument.ts';
import { type Currency } from '../domain/money.ts';
import {
  compareInstants,
  NEW_YORK,
  newYorkDate,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../domain/time.ts';
import { adjustmentRootId } from './opening.ts';

export { adjustmentRootId };

/** `external-change`: bought or sold where the broker tells nothing; `opening`: was there before history begins. */
export const RESOLUTIONS = ['external-change', 'transfer', 'opening', 'dismiss'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

export interface PersonsAnswer {
  readonly as: Exclude<Resolution, 'dismiss'>;
  /** Per unit, premium per share for options; null = nobody knows, and then nothing is realized. */
  readonly price: Decimal | null;
  /** Total cost of what arrived; null = `price` says it, or nobody knows. */
  readonly basis: Decimal | null;
  /** When it happened; null = when the difference was seen first. */
  readonly date: TradeDate | null;
  readonly reason: string;
}

export interface OpenDifference {
  readonly finding: Finding;
  /** Of a difference of a position. */
  readonly instrument: Instrument | null;
  /** Of a difference of cash. */
  readonly currency: Currency | null;
  /** Revisions of the adjustment there may be already, oldest first. */
  readonly chain: readonly ActivityRevision[];
}

/** The activity that makes book and broker agree. Throws `usage` for a finding that states no two quantities. */
export function personsAdjustment(difference: OpenDifference, answer: PersonsAnswer, now: Instant): Activity {
  const { finding, instrument, currency } = difference;
  const subject = instrument?.id ?? currency;
  if (finding.expected === null || finding.observed === null || subject === null) throw noDifference(finding);
  const observed = Decimal.tryParse(finding.observed);
  const expected = Decimal.tryParse(finding.expected);
  if (observed === null || expected === null) throw noDifference(finding);
  const earlier = difference.chain.at(-1);
  const carried = earlier === undefined || earlier.status === 'bust' ? null : earlier;
  const executedAt = instantOf(answer, finding, now);
  const rest = observed.minus(expected);
  const units = instrument === null ? Decimal.zero : rest.plus(carried?.quantity ?? Decimal.zero);
  const cash = instrument === null ? rest.plus(carried?.amount ?? Decimal.zero) : Decimal.zero;
  return {
    rootId: adjustmentRootId(subject),
    kind: 'adjustment',
    status: 'ok',
    brokerRev: null,
    instrument,
    quantity: units,
    price: answer.price,
    amount: cash,
    currency: instrument?.currency ?? currency ?? 'USD',
    fees: null,
    feesCurrency: null,
    executedAt,
    timePrecision: answer.date === null ? 'instant' : 'day',
    tradeDate: answer.date ?? newYorkDate(executedAt),
    publishedAt: null,
    side: null,
    orderId: null,
    groupId: null,
    externalId: adjustmentRootId(subject),
    brokerType: 'adjustment',
    description: answer.reason,
    source: 'user',
    details: {
      as: answer.as,
      ...(answer.basis === null ? {} : { cost: answer.basis.toString() }),
      contactAt: finding.lastSeenAt,
      bookedAt: now,
      stated: observed.toString(),
      original: (instrument === null ? cash : units).toString(),
      finding: finding.key,
    },
  };
}

/** Never later than the difference was seen: what the person says explains what was there by then. */
function instantOf({ date }: PersonsAnswer, finding: Finding, now: Instant): Instant {
  if (date === null) return finding.firstSeenAt;
  const at = zonedInstant(date, '12:00:00', NEW_YORK);
  if (compareInstants(at, now) <= 0) return at;
  throw new TruebookError('usage', `${date} has not come yet.`, {
    hint: 'Give the day on which it happened, or leave --date out: then it is when the difference was seen first.',
  });
}

function noDifference(finding: Finding): TruebookError {
  return new TruebookError('usage', `The finding ${finding.key} is no difference of a position or of cash.`, {
    hint: 'It can only be dismissed: --as dismiss.',
  });
}
