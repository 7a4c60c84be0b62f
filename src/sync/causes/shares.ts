/** Units that moved and that no order, contract or corporate action explains: what is left to guess, never surely. */
import { Decimal } from '../../domain/decimal.ts';
import { type FindingCause } from '../../domain/finding.ts';
import { type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import { addMs, compareInstants } from '../../domain/time.ts';
import { CASH_TOLERANCE } from '../reconcile.ts';
import {
  cashKey,
  cashPart,
  left,
  markOf,
  openRests,
  positionPart,
  ruled,
  targets,
  type Circumstances,
  type Claim,
  type OpenRest,
  type Part,
  type Rest,
} from './claim.ts';
import { type RuleName } from './rules.ts';
import { subsets } from './subsets.ts';

const DAY_MS = 86_400_000;

/** Before first contact is done, history lacks whatever it lacks: nothing else is to be concluded. */
export function gapClaims(circumstances: Circumstances, rest: Rest): readonly Claim[] {
  if (circumstances.firstContactDone) return [];
  const text = 'The history that can be read does not hold it, and nothing was booked for that yet.';
  return openRests(circumstances, rest).map(({ instrument, amount }) =>
    claim('history_gap', 'history_gap', [positionPart(instrument.id, amount)], text),
  );
}

/** How near the values must be to the gap of the totals. */
const TOTALS_ROOM = Decimal.ofScaled(5, 2);

/**
 * The account's totals count units that its list of positions lacks, or lack what the list shows: the broker's two answers
 * are of different moments, or one is short. Small values drown in the moves of the marks: of those nothing is said.
 */
export function totalsClaims(circumstances: Circumstances, rest: Rest): readonly Claim[] {
  const { totals } = circumstances;
  if (totals === null || totals.gap.abs().compare(totals.noise) <= 0) return [];
  const rows = openRests(circumstances, rest).flatMap((row) => {
    const value = missingValue(circumstances, row.instrument, row.amount);
    return value === null ? [] : [{ row, value }];
  });
  const fitting = subsets(rows).filter((some) => {
    const value = Decimal.sum(some.map((one) => one.value));
    const room = Decimal.sum(some.map((one) => one.value.abs())).times(TOTALS_ROOM);
    return value.minus(totals.gap).abs().compare(room.plus(totals.noise)) <= 0;
  });
  if (fitting.length !== 1) return [];
  const text = `The account's totals are ${totals.gap.round(2).toString()} more than the list of positions adds up to.`;
  return fitting[0]!.map(({ row }) =>
    claim('stale_source', 'totals', [positionPart(row.instrument.id, row.amount)], text),
  );
}

/** What the units that are missing in the list would add to its value; null without a mark. */
function missingValue(
  circumstances: Circumstances,
  { id, multiplier }: Instrument,
  amount: Decimal,
): Decimal | null {
  const mark = markOf(circumstances, id);
  return mark === null ? null : amount.negate().times(mark).times(multiplier);
}

/** Whether the totals agree with the list so well that it cannot be off by this much. */
export function totalsAgree(
  circumstances: Circumstances,
  instrument: InstrumentId,
  amount: Decimal,
): boolean {
  const { totals, instruments } = circumstances;
  const known = instruments.get(instrument);
  const value = known === undefined ? null : missingValue(circumstances, known, amount);
  if (totals === null || value === null) return false;
  return (
    totals.gap.abs().compare(totals.noise) <= 0 && value.abs().compare(totals.noise.plus(totals.noise)) > 0
  );
}

/** The broker's list is behind its own activities: it says what it said before the newest of them. */
export function behindClaims(circumstances: Circumstances, rest: Rest): readonly Claim[] {
  return openRests(circumstances, rest).flatMap((row) => {
    const { instrument, amount, broker } = row;
    if (totalsAgree(circumstances, instrument.id, amount)) return [];
    const before = circumstances.before.get(instrument.id)?.quantity ?? Decimal.zero;
    if (!before.equals(broker)) return [];
    const newest = newestOf(circumstances, (row) =>
      row.instrument?.id === instrument.id ? row.quantity : null,
    );
    const behind = newest.find((sum) => sum.quantity.equals(amount.negate()));
    if (behind === undefined) return [];
    const cash = left(rest, cashKey(instrument.currency));
    const parts: Part[] = [positionPart(instrument.id, amount)];
    if (!cash.isZero() && isNear(cash, behind.cash.negate())) parts.push(cashPart(instrument.currency, cash));
    const text = `The broker still states ${broker.toString()}, as before its newest ${behind.count} activities of it.`;
    return [claim('stale_source', 'behind', parts, text)];
  });
}

/** Cash that has not moved although activities say it did. */
export function cashBehindClaims(circumstances: Circumstances, rest: Rest): readonly Claim[] {
  return [...circumstances.cashBefore].flatMap(([currency, before]) => {
    const amount = left(rest, cashKey(currency));
    const stated = circumstances.differences.find((row) => row.kind === 'cash' && row.currency === currency);
    if (amount.isZero() || stated === undefined || !stated.broker.equals(before)) return [];
    const newest = newestOf(circumstances, (row) => (row.currency === currency ? row.quantity : null));
    if (!newest.some((sum) => isNear(sum.cash, amount.negate()))) return [];
    const text = `The broker still states ${before.toString()}, as before its newest activities.`;
    return [claim('stale_source', 'behind', [cashPart(currency, amount)], text)];
  });
}

interface Newest {
  readonly count: number;
  readonly quantity: Decimal;
  readonly cash: Decimal;
}

/** Sums of the newest activities of this run, of one, two, ... up to all of them. `of` chooses them. */
function newestOf(
  { changed }: Circumstances,
  of: (row: Circumstances['listed'][number]) => Decimal | null,
): readonly Newest[] {
  const recent = changed
    .filter((row) => row.status === 'ok' && row.rev === 0 && row.source !== 'truebook')
    .filter((row) => of(row) !== null && !(row.quantity.isZero() && (row.amount?.isZero() ?? true)))
    .toSorted((one, other) => compareInstants(other.executedAt, one.executedAt));
  const sums: Newest[] = [];
  for (const row of recent) {
    const last = sums.at(-1);
    sums.push({
      count: sums.length + 1,
      quantity: (last?.quantity ?? Decimal.zero).plus(of(row)!),
      cash: (last?.cash ?? Decimal.zero).plus(row.amount ?? Decimal.zero),
    });
  }
  return sums;
}

/** Everything else, instrument by instrument. */
export function shareClaims(circumstances: Circumstances, rest: Rest): readonly Claim[] {
  const rows = openRests(circumstances, rest);
  const traded = tradeLike(circumstances, rest, rows);
  return rows.map((row) => {
    if (row === traded?.row) return traded.claim;
    return (
      roundingOf(circumstances, row) ??
      coinFeeOf(circumstances, row) ??
      withoutMoney(circumstances, rest, row)
    );
  });
}

/** Digits a broker that rounds still shows. */
const ROUNDED_PLACES_MIN = 2;

function roundingOf(
  { before, positions }: Circumstances,
  { instrument, amount, broker, without }: OpenRest,
): Claim | null {
  const [shown, exact] = [placesOf(broker), placesOf(without)];
  const places = Math.max(shown, ROUNDED_PLACES_MIN);
  if (exact <= places || !isRoundingOf(broker, without, places)) return null;
  const text = `The broker's ${broker.toString()} is ${without.toString()} with ${places} digits behind the point.`;
  // Units that left may look like that; an average that lost its digits along with them does not.
  const [earlier, now] = [before.get(instrument.id)?.averageCost, positions.get(instrument.id)?.averageCost];
  const isShown =
    earlier != null && now != null && placesOf(earlier) > places && isRoundingOf(now, earlier, places);
  const rule = isShown ? 'rounding' : 'rounding_perhaps';
  return claim('rounding', rule, [positionPart(instrument.id, amount)], text);
}

function isRoundingOf(rounded: Decimal, exact: Decimal, places: number): boolean {
  return (['half-even', 'down'] as const).some((way) => exact.round(places, way).equals(rounded));
}

function placesOf(value: Decimal): number {
  const text = value.toString();
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

/** Coins that a fee in coins takes are at most this share of the day's trades. */
const COIN_FEE_MAX = Decimal.ofScaled(1, 2);

/** Alpaca takes fees in coins at the end of the day; until then its quantity is gross (rules.md section 4). */
function coinFeeOf({ listed, now }: Circumstances, { instrument, amount }: OpenRest): Claim | null {
  if (instrument.kind !== 'crypto' || amount.sign() > 0) return null;
  const traded = Decimal.sum(
    listed
      .filter((row) => row.kind === 'fill' && row.status === 'ok' && row.instrument?.id === instrument.id)
      .filter((row) => compareInstants(row.executedAt, addMs(now, -2 * DAY_MS)) > 0)
      .map((row) => row.quantity.abs()),
  );
  if (traded.isZero() || amount.abs().compare(traded.times(COIN_FEE_MAX)) > 0) return null;
  const text = `${amount.abs().toString()} of ${traded.toString()} traded: a fee in coins is listed at the end of the day.`;
  return claim('fee', 'coin_fee', [positionPart(instrument.id, amount)], text);
}

/** How far a trade's price may be from the mark. */
const PRICE_ROOM = Decimal.ofScaled(10, 2);

/** The one instrument whose units and the money left over make a trade near its mark, or a listed fill in reverse. */
function tradeLike(
  circumstances: Circumstances,
  rest: Rest,
  rows: readonly OpenRest[],
): { readonly row: OpenRest; readonly claim: Claim } | null {
  if (!circumstances.cashCompared) return null;
  const found = rows.flatMap((row) => {
    const cash = targets(circumstances, rest, cashKey(row.instrument.currency), [row.instrument.id]);
    const amount = cash.find((money) => !money.isZero() && money.sign() !== row.amount.sign());
    const made = amount === undefined ? null : tradeOf(circumstances, row, amount);
    return made === null ? [] : [{ row, claim: made }];
  });
  return found.length === 1 ? found[0]! : null;
}

function tradeOf(circumstances: Circumstances, row: OpenRest, cash: Decimal): Claim | null {
  const { instrument, amount } = row;
  const parts = [positionPart(instrument.id, amount), cashPart(instrument.currency, cash)];
  // Where the orders are known, one of them would say so.
  const listed = circumstances.orders === null ? circumstances.listed : [];
  const reversed = listed.find(
    (fill) =>
      fill.kind === 'fill' &&
      fill.status === 'ok' &&
      fill.instrument?.id === instrument.id &&
      fill.quantity.equals(amount.negate()) &&
      fill.amount !== null &&
      isNear(fill.amount.negate(), cash),
  );
  if (reversed !== undefined)
    return claim(
      'broker_correction',
      'reversed_fill',
      parts,
      `As if ${reversed.externalId} had been taken back.`,
    );
  const price = cash.negate().dividedBy(amount.times(instrument.multiplier), 6);
  const mark = markOf(circumstances, instrument.id);
  if (mark === null || price.minus(mark).abs().compare(mark.abs().times(PRICE_ROOM)) > 0) return null;
  return claim(causeOfTrade(circumstances, row), 'like_a_trade', parts, tradeText(circumstances, row, price));
}

/** Every trade has an order: where all orders are known and none fits, it was something that looks like one. */
function causeOfTrade(circumstances: Circumstances, { broker }: OpenRest): FindingCause {
  if (wasAwayLong(circumstances)) return 'history_gap';
  if (circumstances.orders === null) return 'missing_fill';
  return broker.isZero() ? 'symbol_change' : 'unknown';
}

function tradeText(circumstances: Circumstances, { amount, instrument }: OpenRest, price: Decimal): string {
  const move = `${amount.toString()} ${instrument.symbol} and money moved as if at ${price.toString()}`;
  return circumstances.orders === null
    ? `${move}; the list of orders could not be read.`
    : `${move}; the broker lists no order for it.`;
}

/** Longer than this since the previous look, and history may have a hole: weekends and holidays are no gap. */
const AWAY_MS = 2 * DAY_MS;

function wasAwayLong({ lastLookAt, now }: Circumstances): boolean {
  return lastLookAt !== null && compareInstants(addMs(lastLookAt, AWAY_MS), now) < 0;
}

/** Units without money: a transfer is what is left, where money agrees; where it does not, nothing is. */
function withoutMoney(circumstances: Circumstances, rest: Rest, row: OpenRest): Claim {
  const parts = [positionPart(row.instrument.id, row.amount)];
  if (circumstances.cashCompared && !moneyIsQuiet(circumstances, rest, row)) {
    return claim('unknown', 'unexplained', parts, 'Units and money moved, and nothing says what happened.');
  }
  const text =
    circumstances.orders === null
      ? 'Units moved without money; the list of orders could not be read.'
      : 'Units moved without money and without an order, as in a transfer.';
  return claim('transfer', 'without_money', parts, text);
}

function moneyIsQuiet(circumstances: Circumstances, rest: Rest, { instrument }: OpenRest): boolean {
  return targets(circumstances, rest, cashKey(instrument.currency), [instrument.id]).some((amount) =>
    isNear(amount, Decimal.zero),
  );
}

function claim(cause: FindingCause, rule: RuleName, parts: readonly Part[], text: string): Claim {
  return { cause, rule, parts, evidence: [ruled(rule, text)] };
}

function isNear(one: Decimal, other: Decimal): boolean {
  return one.minus(other).abs().compare(CASH_TOLERANCE) <= 0;
}
