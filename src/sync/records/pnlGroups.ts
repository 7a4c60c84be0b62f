/**
 * Profit and loss, grouped: what closes, income and fees of a span of days add up to. Pure; sums are of exact figures and
 * never of rounded ones. What is unknown is not part of a sum and is counted beside it.
 */
import { Decimal } from '../../domain/decimal.ts';
import { type RealizedBasis } from '../../domain/lot.ts';
import { type TradeDate } from '../../domain/time.ts';

export const PNL_GROUPINGS = ['day', 'month', 'year', 'symbol', 'account', 'term'] as const;
export type PnlGrouping = (typeof PNL_GROUPINGS)[number];

/** One thing that made profit or loss: the close of (a part of) a lot, income, a fee, or an estimate. */
export interface PnlItem {
  readonly account: string;
  readonly currency: string;
  readonly date: TradeDate;
  /** Display name; null for what belongs to no instrument. */
  readonly symbol: string | null;
  readonly kind: 'close' | 'income' | 'fee';
  /** Economic; null = unknown. */
  readonly amount: Decimal | null;
  readonly basis: RealizedBasis;
  /** Of closes: what the tax layer adds (premiums of exercised and assigned options). */
  readonly rolled: Decimal;
  /** Of closes: the part of a loss that a wash sale puts off, positive. */
  readonly washDisallowed: Decimal;
  /** Of closes: losses put off earlier into the closed units. */
  readonly washIn: Decimal;
  readonly term: 'short' | 'long' | null;
  /** Units closed, positive. */
  readonly quantity: Decimal;
  readonly proceeds: Decimal | null;
  readonly cost: Decimal | null;
  readonly holdingDays: number | null;
  /** Of closes: `amount` in the account's base currency, at the rate of the close. */
  readonly baseCloseRate: Decimal | null;
  /** Of closes: proceeds at the rate of the close less cost at the rates of the days it was paid. */
  readonly baseHistorical: Decimal | null;
}

/** Sums of what is known. Null: something closed, and of nothing that closed the figure is known. */
export interface PnlGroup {
  readonly account: string | null;
  readonly currency: string;
  /** The day, month, year, symbol, account or term (`short`, `long`, `none`). */
  readonly group: string;
  /** Economic: what closes gave, premiums of assigned and exercised options at their own close. */
  readonly realized: Decimal | null;
  readonly basis: RealizedBasis;
  /** The same with those premiums in the stock leg instead. */
  readonly realizedRolled: Decimal | null;
  /** Losses put off by wash sales, positive: tax gain = `realizedRolled + washDisallowed - washIn`. */
  readonly washDisallowed: Decimal;
  readonly washIn: Decimal;
  readonly income: Decimal;
  readonly fees: Decimal;
  /** What taxes count: `realizedRolled + washDisallowed - washIn`. */
  readonly taxableGain: Decimal | null;
  /** `realized + income + fees`. */
  readonly net: Decimal | null;
  /** Of all closes, also those of unknown cost; null where one of them does not tell. */
  readonly proceeds: Decimal | null;
  /** Of all closes; null where one of them does not tell. */
  readonly cost: Decimal | null;
  /** In the account's base currency, at the rate of each close; null where a rate is not known. */
  readonly realizedBaseCloseRate: Decimal | null;
  /** In the account's base currency, cost at the rates of the days it was paid; null where a rate is not known. */
  readonly realizedBaseHistorical: Decimal | null;
  readonly closes: number;
  /** Units closed whose cost nobody knows: their profit is in no sum. */
  readonly unknownQuantity: Decimal;
}

/** Groups in order of account, currency and group. */
export function groupPnl(items: readonly PnlItem[], by: PnlGrouping): readonly PnlGroup[] {
  const groups = new Map<string, PnlItem[]>();
  for (const item of items) {
    const key = [item.account, item.currency, groupOf(item, by)].join('\n');
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [item]);
    else members.push(item);
  }
  return [...groups.entries()]
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    .map(([, members]) => sumOf(members, groupOf(members[0]!, by)));
}

function groupOf(item: PnlItem, by: PnlGrouping): string {
  switch (by) {
    case 'day':
      return item.date;
    case 'month':
      return item.date.slice(0, 7);
    case 'year':
      return item.date.slice(0, 4);
    case 'symbol':
      return item.symbol ?? '';
    case 'account':
      return item.account;
    case 'term':
      return item.term ?? 'none';
  }
}

function sumOf(members: readonly PnlItem[], group: string): PnlGroup {
  const closes = members.filter((item) => item.kind === 'close');
  const sum = (of: readonly PnlItem[], value: (item: PnlItem) => Decimal | null): Decimal =>
    Decimal.sum(of.flatMap((item) => value(item) ?? []));
  const known = closes.filter((item) => item.amount !== null);
  const isKnown = closes.length === 0 || known.length > 0;
  const realized = isKnown ? sum(known, (item) => item.amount) : null;
  const realizedRolled = realized?.plus(sum(known, (item) => item.rolled)) ?? null;
  const washDisallowed = sum(known, (item) => item.washDisallowed);
  const washIn = sum(known, (item) => item.washIn);
  const whole = (of: readonly PnlItem[], value: (item: PnlItem) => Decimal | null): Decimal | null =>
    of.some((item) => value(item) === null) ? null : sum(of, value);
  const income = sum(
    members.filter((item) => item.kind === 'income'),
    (item) => item.amount,
  );
  const fees = sum(
    members.filter((item) => item.kind === 'fee'),
    (item) => item.amount,
  );
  return {
    account: members[0]!.account,
    currency: members[0]!.currency,
    group,
    realized,
    basis: basisOf(closes),
    realizedRolled,
    washDisallowed,
    washIn,
    taxableGain: realizedRolled?.plus(washDisallowed).minus(washIn) ?? null,
    income,
    fees,
    net: realized?.plus(income).plus(fees) ?? null,
    proceeds: whole(closes, (item) => item.proceeds),
    cost: whole(closes, (item) => item.cost),
    realizedBaseCloseRate: isKnown ? whole(known, (item) => item.baseCloseRate) : null,
    realizedBaseHistorical: isKnown ? whole(known, (item) => item.baseHistorical) : null,
    closes: closes.length,
    unknownQuantity: sum(
      closes.filter((item) => item.amount === null),
      (item) => item.quantity,
    ),
  };
}

/** The weakest of them: one close of unknown basis makes a sum that is not the whole. */
function basisOf(closes: readonly PnlItem[]): RealizedBasis {
  if (closes.some((item) => item.basis === 'unknown' || item.amount === null)) return 'unknown';
  return closes.some((item) => item.basis === 'estimated') ? 'estimated' : 'exact';
}

// ---- statistics --------------------------------------------------------------------------------------------------

export interface PnlStats {
  readonly account: string;
  readonly currency: string;
  /** Closes with a known result. */
  readonly closes: number;
  readonly wins: number;
  readonly losses: number;
  /** Percent of wins among wins and losses; null without either. */
  readonly winRate: Decimal | null;
  readonly realized: Decimal;
  readonly averageWin: Decimal | null;
  readonly averageLoss: Decimal | null;
  readonly largestWin: Decimal | null;
  readonly largestLoss: Decimal | null;
  /** Gains by losses; null without losses. */
  readonly profitFactor: Decimal | null;
  /** Realized per close. */
  readonly expectancy: Decimal | null;
  readonly averageHoldingDays: Decimal | null;
  /** Closes left out because their result is unknown. */
  readonly unknown: number;
}

const PLACES = 10;
const HUNDRED = Decimal.ofInteger(100);

/** Figures of the closes, per account and currency. All pieces that one activity closed of one symbol are one close. */
export function pnlStats(items: readonly (PnlItem & { readonly closeKey: string })[]): readonly PnlStats[] {
  const books = new Map<string, (PnlItem & { readonly closeKey: string })[]>();
  for (const item of items) {
    if (item.kind !== 'close') continue;
    const key = `${item.account}\n${item.currency}`;
    const members = books.get(key);
    if (members === undefined) books.set(key, [item]);
    else members.push(item);
  }
  return [...books.entries()]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, members]) => statsOf(members));
}

function statsOf(members: readonly (PnlItem & { readonly closeKey: string })[]): PnlStats {
  const closes = new Map<string, { amount: Decimal | null; days: number | null }>();
  for (const item of members) {
    const before = closes.get(item.closeKey);
    const amount =
      before === undefined
        ? item.amount
        : before.amount === null || item.amount === null
          ? null
          : before.amount.plus(item.amount);
    closes.set(item.closeKey, { amount, days: before?.days ?? item.holdingDays });
  }
  const all = [...closes.values()];
  const amounts = all.flatMap(({ amount }) => amount ?? []);
  const wins = amounts.filter((amount) => amount.sign() > 0);
  const losses = amounts.filter((amount) => amount.sign() < 0);
  const days = all.flatMap((close) => close.days ?? []);
  const gained = Decimal.sum(wins);
  const lost = Decimal.sum(losses);
  const per = (total: Decimal, count: number): Decimal | null =>
    count === 0 ? null : total.dividedBy(Decimal.ofInteger(count), PLACES);
  return {
    account: members[0]!.account,
    currency: members[0]!.currency,
    closes: amounts.length,
    wins: wins.length,
    losses: losses.length,
    winRate: per(HUNDRED.times(Decimal.ofInteger(wins.length)), wins.length + losses.length),
    realized: gained.plus(lost),
    averageWin: per(gained, wins.length),
    averageLoss: per(lost, losses.length),
    largestWin: extreme(wins, 1),
    largestLoss: extreme(losses, -1),
    profitFactor: lost.isZero() ? null : gained.dividedBy(lost.negate(), PLACES),
    expectancy: per(gained.plus(lost), amounts.length),
    averageHoldingDays: per(Decimal.sum(days.map((count) => Decimal.ofInteger(count))), days.length),
    unknown: all.length - amounts.length,
  };
}

function extreme(amounts: readonly Decimal[], direction: 1 | -1): Decimal | null {
  let found: Decimal | null = null;
  for (const amount of amounts) if (found === null || amount.compare(found) === direction) found = amount;
  return found;
}
