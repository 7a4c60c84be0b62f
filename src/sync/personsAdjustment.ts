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
  minInstant,
  NEW_YORK,
  newYorkDate,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../domain/time.ts';
import { type StoredFinding, type Store } from '../store/store.ts';
import { adjustmentRootId } from './opening.ts';

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
  /** When the difference was there first: of a finding that was opened again, when it was. */
  readonly since: Instant;
  /** Of a difference of a position. */
  readonly instrument: Instrument | null;
  /** Of a difference of cash. */
  readonly currency: Currency | null;
  /** What the same decision of the same instant has booked already: zero, unless a clock stands still. */
  readonly carried: ActivityRevision | null;
}

/** What the ledger knows of an open finding. */
export async function openDifference(
  store: Pick<Store, 'accounts' | 'instruments' | 'revisions' | 'bookEvents'>,
  finding: StoredFinding,
  now: Instant,
): Promise<OpenDifference> {
  const { accountId, instrument, key, firstSeenAt } = finding;
  const account = (await store.accounts()).find((row) => row.id === accountId)!;
  const root = adjustmentRootId(key, now);
  const chain = (await store.revisions(accountId, account.epoch, [root])).get(root);
  const opened = await store.bookEvents({ accountId, kinds: ['finding_opened', 'finding_reopened'] });
  const last = chain?.at(-1);
  return {
    finding,
    since: opened.findLast((event) => event.facts['key'] === key)?.at ?? firstSeenAt,
    instrument:
      instrument === null ? null : ((await store.instruments([instrument])).get(instrument) ?? null),
    currency: key.startsWith('cash:') ? (key.slice('cash:'.length).split('#')[0] ?? null) : null,
    carried: last?.status === 'ok' ? last : null,
  };
}

/** The activity that makes book and broker agree. Throws `usage` for a finding that states no two quantities. */
export function personsAdjustment(difference: OpenDifference, answer: PersonsAnswer, now: Instant): Activity {
  const { finding, instrument, currency, carried } = difference;
  if (finding.expected === null || finding.observed === null) throw noDifference(finding);
  const observed = Decimal.tryParse(finding.observed);
  const expected = Decimal.tryParse(finding.expected);
  const isOfSomething = instrument !== null || currency !== null;
  if (observed === null || expected === null || !isOfSomething) throw noDifference(finding);
  const { executedAt, tradeDate } = whenOf(difference, answer);
  const rest = observed.minus(expected);
  const units = instrument === null ? Decimal.zero : rest.plus(carried?.quantity ?? Decimal.zero);
  const cash =
    instrument === null
      ? rest.plus(carried?.amount ?? Decimal.zero)
      : moneyOf(instrument, rest, answer).plus(carried?.amount ?? Decimal.zero);
  const rootId = adjustmentRootId(finding.key, now);
  return {
    rootId,
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
    tradeDate,
    publishedAt: null,
    side: null,
    orderId: null,
    groupId: null,
    externalId: rootId,
    brokerType: 'adjustment',
    description: answer.reason,
    source: 'user',
    details: {
      as: answer.as,
      ...(answer.basis === null ? {} : { basis: answer.basis.toString() }),
      contactAt: finding.lastSeenAt,
      bookedAt: now,
      stated: observed.toString(),
      original: (instrument === null ? cash : units).toString(),
      finding: finding.key,
    },
  };
}

/** A trade that nobody published was paid for: what a person says it cost. What came or left without a trade was not. */
function moneyOf({ multiplier }: Instrument, units: Decimal, { as, price, basis }: PersonsAnswer): Decimal {
  if (as !== 'external-change') return Decimal.zero;
  if (basis !== null && units.sign() > 0) return basis.negate();
  return price === null ? Decimal.zero : price.times(units).times(multiplier).negate();
}

/** Never later than the broker stated what the person explains. */
function whenOf(
  { finding, since }: OpenDifference,
  { date }: PersonsAnswer,
): Pick<Activity, 'executedAt' | 'tradeDate'> {
  const seen = newYorkDate(since);
  if (date === null || date === seen) return { executedAt: since, tradeDate: seen };
  if (date < seen) return { executedAt: zonedInstant(date, '12:00:00', NEW_YORK), tradeDate: date };
  // A difference that grew since it was opened: what is said may be of the part that came later.
  if (date <= newYorkDate(finding.lastSeenAt)) {
    const noon = zonedInstant(date, '12:00:00', NEW_YORK);
    return { executedAt: minInstant(noon, finding.lastSeenAt), tradeDate: date };
  }
  throw new TruebookError(
    'usage',
    `The difference was there before ${date}: the broker stated it on ${seen}.`,
    {
      hint: 'Give the day on which it happened, or leave --date out: then it is when the difference was seen first.',
    },
  );
}

function noDifference(finding: Finding): TruebookError {
  return new TruebookError('usage', `The finding ${finding.key} is no difference of a position or of cash.`, {
    hint: 'It can only be dismissed: --as dismiss.',
  });
}
