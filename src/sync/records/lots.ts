/** Lot records: what is held, bought when, for how much, and how it is taxed if it were sold today. */
import { isDated } from '../../book/openLots.ts';
import { termOf } from '../../book/term.ts';
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import { type LotWash } from '../../book/wash.ts';
import { type Lot } from '../../domain/lot.ts';
import { type WashFigures } from '../washOfAccount.ts';
import { type TradeDate } from '../../domain/time.ts';
import { compareText, text } from './fields.ts';

export interface LotRecord {
  readonly account: string;
  /** For `truebook basis`. */
  readonly lot: string;
  readonly symbol: string;
  readonly instrument: string;
  readonly direction: 'long' | 'short';
  /** Units held, signed. */
  readonly quantity: string;
  /** Units acquired, in today's units, positive. */
  readonly acquiredQuantity: string;
  /** Paid (long) or received (short) for what is held; null where nobody knows. */
  readonly cost: string | null;
  /** `cost` per unit, premium per share for options. */
  readonly unitCost: string | null;
  readonly costSource: string;
  /** Premium of the option that brought it, signed as cost: it raises what a long lot cost, lowers what a short one brought. */
  readonly rolled: string;
  /** Losses of wash sales that this lot takes over. */
  readonly washIn: string;
  /** What taxes count as paid (long), `cost + rolled + washIn`, or as received (short), `cost - rolled - washIn`. */
  readonly taxCost: string | null;
  /** Null where nobody said when it was acquired: the day it came is another one. */
  readonly acquiredAt: string | null;
  readonly acquiredDate: string | null;
  /** The holding period counts from the day after this one, wash sales included; null as `acquiredAt`. */
  readonly holdingFrom: string | null;
  /** Of a sale today; null as `acquiredAt`. */
  readonly term: 'short' | 'long' | null;
  readonly currency: string;
  readonly mark: string | null;
  readonly marketValue: string | null;
  /** Economic: market value less cost. */
  readonly unrealizedPnl: string | null;
  readonly activity: string;
}

/** Where the figures of a moment come from: the database as it is, or the ledger as it was. */
export interface LotFacts {
  readonly lots: readonly (Lot & { readonly accountId: number })[];
  readonly wash: WashFigures;
  /** Those behind the lots, and any others. */
  readonly activities: readonly (Activity & { readonly accountId: number })[];
  readonly accountNames: ReadonlyMap<number, string>;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  /** By `<account id>:<instrument>`. */
  readonly marks: ReadonlyMap<string, Decimal>;
  readonly today: TradeDate;
}

/** Lots that hold something, by account, symbol and acquisition. */
export function lotRecords(facts: LotFacts): readonly LotRecord[] {
  const byRoot = new Map(facts.activities.map((row) => [`${row.accountId}:${row.rootId}`, row]));
  const dated = (lot: Of<Lot>): boolean => isDated(lot, (root) => byRoot.get(`${lot.accountId}:${root}`));
  return facts.lots
    .filter((lot) => !lot.openQuantity.isZero())
    .sort((left, right) => compareText(left.acquiredAt, right.acquiredAt) || compareText(left.id, right.id))
    .map((lot) => lotRecord(lot, facts.wash.get(lot.accountId)?.byLot.get(lot.id) ?? null, facts, dated(lot)))
    .sort(
      (left, right) => compareText(left.account, right.account) || compareText(left.symbol, right.symbol),
    );
}

type Of<Row> = Row & { readonly accountId: number };

function lotRecord(lot: Of<Lot>, washed: LotWash | null, facts: LotFacts, dated: boolean): LotRecord {
  const instrument = facts.instruments.get(lot.instrument);
  const sign = lot.direction === 'long' ? Decimal.one : Decimal.one.negate();
  const quantity = lot.openQuantity.times(sign);
  const units = instrument === undefined ? null : lot.openQuantity.times(instrument.multiplier);
  const mark = facts.marks.get(`${lot.accountId}:${lot.instrument}`) ?? null;
  const value = mark === null || units === null ? null : units.times(mark).times(sign);
  const washIn = washed?.openWashIn ?? Decimal.zero;
  // The earliest: parts of a lot that replaced different losses have holding periods of their own.
  const [tacked = lot.holdingFrom] = washed?.openHoldingFrom ?? [];
  const holdingFrom = tacked < lot.holdingFrom ? tacked : lot.holdingFrom;
  return {
    account: facts.accountNames.get(lot.accountId) ?? String(lot.accountId),
    lot: lot.id,
    symbol: instrument?.symbol ?? lot.instrument,
    instrument: lot.instrument,
    direction: lot.direction,
    quantity: quantity.toString(),
    acquiredQuantity: lot.quantity.toString(),
    cost: text(lot.openCost),
    unitCost:
      lot.openCost === null || units === null || units.isZero()
        ? null
        : lot.openCost.dividedBy(units, 10).toString(),
    costSource: lot.costSource,
    rolled: lot.rolled.toString(),
    washIn: washIn.toString(),
    taxCost: text(lot.openCost?.plus(lot.rolled.plus(washIn).times(sign)) ?? null),
    acquiredAt: dated ? lot.acquiredAt : null,
    acquiredDate: dated ? lot.acquiredDate : null,
    holdingFrom: dated ? holdingFrom : null,
    term: dated ? termOf(holdingFrom, facts.today) : null,
    currency: lot.currency,
    mark: text(mark),
    marketValue: text(value),
    unrealizedPnl:
      value === null || lot.openCost === null ? null : value.minus(lot.openCost.times(sign)).toString(),
    activity: lot.activityRootId,
  };
}
