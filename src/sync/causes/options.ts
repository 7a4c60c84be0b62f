/**
 * Contracts that went: assignment, exercise and expiry, which Alpaca lists on the next day only (alpaca.md 5.5). The
 * shares that came or went and the strike that was paid tell them apart: all three are one finding.
 */
import { Decimal } from '../../domain/decimal.ts';
import { type FindingEvidence } from '../../domain/finding.ts';
import { isAdjustedRoot, parseOcc, type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import {
  compareInstants,
  NEW_YORK,
  newYorkDate,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../../domain/time.ts';
import { CASH_TOLERANCE } from '../reconcile.ts';
import {
  cashKey,
  cashPart,
  left,
  markOf,
  openRests,
  positionKey,
  positionPart,
  ruled,
  targets,
  type Circumstances,
  type Claim,
  type Part,
  type Rest,
} from './claim.ts';

/** Contracts of one option that are no longer there. */
interface Gone {
  readonly option: Instrument;
  /** The rest: as the position moved, towards zero. */
  readonly moved: Decimal;
  readonly wasShort: boolean;
  readonly underlying: InstrumentId;
  /** What a delivery moves of the underlying, signed; null where nobody knows what the contract delivers. */
  readonly shares: Decimal | null;
  /** What a delivery moves of cash, signed. */
  readonly cash: Decimal;
}

/** More contracts than this gone at once are each looked at alone. */
const TOGETHER_MAX = 8;

export function optionClaims(circumstances: Circumstances, rest: Rest): readonly Claim[] {
  const gone = openRests(circumstances, rest).flatMap((row) => goneOf(row) ?? []);
  if (gone.length === 0) return [];
  const delivered = deliveries(circumstances, rest, gone);
  const claimed = new Set(delivered.map((claim) => claim.parts[0]!.key));
  const others = gone.filter(({ option }) => !claimed.has(positionKey(option.id)));
  return [...delivered, ...others.flatMap((row) => expiryOf(circumstances, rest, row, delivered) ?? [])];
}

function goneOf({ instrument, amount, without }: ReturnType<typeof openRests>[number]): Gone | null {
  const terms = instrument.option;
  const towardsZero = without.sign() !== 0 && without.sign() !== amount.sign();
  if (terms === null || !towardsZero || amount.abs().compare(without.abs()) > 0) return null;
  const wasShort = without.sign() < 0;
  // A long call and a short put bring shares in; a short call and a long put take them out.
  const brings = (terms.right === 'call') !== wasShort;
  const units = amount.abs().times(instrument.multiplier);
  const isStandard = !isAdjustedRoot(parseOcc(instrument.symbol)?.root ?? '1');
  const paid = units.times(terms.strike);
  return {
    option: instrument,
    moved: amount,
    wasShort,
    underlying: `equity:${terms.underlying}:${instrument.currency}` as InstrumentId,
    shares: !isStandard ? null : brings ? units : units.negate(),
    cash: brings ? paid.negate() : paid,
  };
}

/** Which of the contracts were delivered, judged by the shares of each underlying and by the money of all. */
function deliveries(circumstances: Circumstances, rest: Rest, gone: readonly Gone[]): readonly Claim[] {
  const currency = gone[0]!.option.currency;
  const candidates = gone.filter((row) => row.option.currency === currency).slice(0, TOGETHER_MAX);
  const choices = choicesOf(candidates);
  const options = candidates.map((row) => row.option.id);
  const money = targets(circumstances, rest, cashKey(currency), options);
  const isPaidExactly = (some: readonly Gone[]): boolean =>
    circumstances.cashCompared && money.some((cash) => isNear(cash, paidFor(some)));
  const sharesFit = choices.filter((some) => fitsShares(circumstances, rest, candidates, some));
  const both = sharesFit.filter(isPaidExactly);
  const [only] = both;
  if (both.length === 1 && only !== undefined)
    return only.map((row) => deliveryClaim(row, 'delivery', circumstances));
  if (both.length > 1) return [];
  // One witness alone: shares that fit while the money has more than one reason, or the other way round.
  const moneyFits = choices.filter((some) => isPaidExactly(some) && movesShares(rest, some));
  const isPaidPerhaps = (some: readonly Gone[]): boolean =>
    !circumstances.cashCompared || money.some((cash) => cash.sign() === paidFor(some).sign());
  for (const fitting of [sharesFit.filter(isPaidPerhaps), moneyFits]) {
    const found = fitting.filter((some) => some.length > 0);
    if (found.length === 1)
      return found[0]!.map((row) => deliveryClaim(row, 'delivery_in_part', circumstances));
  }
  return [];
}

function choicesOf(rows: readonly Gone[]): readonly (readonly Gone[])[] {
  return Array.from({ length: 2 ** rows.length }, (_, mask) =>
    rows.filter((_row, place) => (mask & (1 << place)) !== 0),
  );
}

/** Whether the chosen deliveries move exactly what is left of every underlying of all contracts. */
function fitsShares(
  circumstances: Circumstances,
  rest: Rest,
  all: readonly Gone[],
  some: readonly Gone[],
): boolean {
  if (some.some((row) => row.shares === null)) return false;
  const options = all.map((row) => row.option.id);
  return [...new Set(all.map((row) => row.underlying))].every((underlying) => {
    const moved = Decimal.sum(some.filter((row) => row.underlying === underlying).map((row) => row.shares!));
    return targets(circumstances, rest, positionKey(underlying), options).some((amount) =>
      amount.equals(moved),
    );
  });
}

/** Whether each of the underlyings moved at all, the way the deliveries would move it. */
function movesShares(rest: Rest, some: readonly Gone[]): boolean {
  return some.every(({ underlying, shares, cash }) => {
    const moved = left(rest, positionKey(underlying));
    return !moved.isZero() && moved.sign() === (shares ?? cash.negate()).sign();
  });
}

function paidFor(some: readonly Gone[]): Decimal {
  return Decimal.sum(some.map((row) => row.cash));
}

function isNear(one: Decimal, other: Decimal): boolean {
  return one.minus(other).abs().compare(CASH_TOLERANCE) <= 0;
}

/** Nobody delivers at a loss: whether the contract was worth something by the last mark of the stock, or its own. */
function isWorthIt(circumstances: Circumstances, { option, underlying }: Gone): boolean {
  const { strike, right } = option.option!;
  const spot = markOf(circumstances, underlying);
  if (spot !== null) return right === 'call' ? spot.compare(strike) >= 0 : spot.compare(strike) <= 0;
  const last = markOf(circumstances, option.id);
  return last !== null && last.compare(WORTHLESS) > 0;
}

function deliveryClaim(
  gone: Gone,
  rule: 'delivery' | 'delivery_in_part',
  circumstances: Circumstances,
): Claim {
  const { option, moved, wasShort, underlying, shares, cash } = gone;
  const { cashCompared } = circumstances;
  const sure = rule === 'delivery' && !isWorthIt(circumstances, gone) ? 'delivery_at_a_loss' : rule;
  const what = wasShort ? 'assigned' : 'exercised';
  const parts: Part[] = [positionPart(option.id, moved)];
  if (shares !== null) parts.push(positionPart(underlying, shares));
  if (cashCompared) parts.push(cashPart(option.currency, cash));
  const evidence: FindingEvidence = ruled(
    sure,
    rule === 'delivery'
      ? `${moved.abs().toString()} contract(s) ${what}: ${shares!.toString()} shares and ${cash.toString()} ` +
          `${option.currency} at the strike moved with them. The broker lists it on the next day.`
      : `${moved.abs().toString()} contract(s) went, and shares or money moved as if they had been ${what}, but not both.`,
  );
  return { cause: wasShort ? 'assignment' : 'exercise', rule: sure, parts, evidence: [evidence] };
}

/** A premium up to this much is worthless: nobody exercises for it. */
const WORTHLESS = Decimal.ofScaled(5, 2);

function expiryOf(
  circumstances: Circumstances,
  rest: Rest,
  { option, moved, underlying }: Gone,
  delivered: readonly Claim[],
): Claim | null {
  const { expiry } = option.option!;
  if (newYorkDate(circumstances.now) < expiry) return null;
  const last = markOf(circumstances, option.id);
  const agrees = (key: string): boolean =>
    targets(circumstances, rest, key, [option.id]).some((amount) => isNear(amount, paidBy(delivered, key)));
  const nothingElse =
    circumstances.cashCompared && agrees(cashKey(option.currency)) && agrees(positionKey(underlying));
  const isOver = compareInstants(circumstances.asOf, closeOf(expiry)) >= 0;
  const isClear =
    isOver && nothingElse && circumstances.orders !== null && last !== null && last.compare(WORTHLESS) <= 0;
  const rule = isClear ? 'expiry' : 'after_last_day';
  const text = `The contract's last day was ${expiry}; ${
    isClear
      ? `it was worth ${last.toString()} before, and neither shares nor money moved.`
      : 'expiry, assignment and exercise are published later.'
  }`;
  return { cause: 'expiry', rule, parts: [positionPart(option.id, moved)], evidence: [ruled(rule, text)] };
}

function closeOf(expiry: TradeDate): Instant {
  return zonedInstant(expiry, '16:00', NEW_YORK);
}

function paidBy(claims: readonly Claim[], key: string): Decimal {
  return Decimal.sum(
    claims
      .flatMap((claim) => claim.parts)
      .filter((part) => part.key === key)
      .map((part) => part.amount),
  );
}
