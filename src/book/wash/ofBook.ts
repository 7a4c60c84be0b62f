/** The lots and closes of a book as rows of the wash layer: which securities are meant, what was bought, what was sold. */
import { type Activity, type ActivityKind } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import { type ClosureKind, type Lot, type LotClosure, type LotId } from '../../domain/lot.ts';
import { compareInstants, type Instant, type TradeDate } from '../../domain/time.ts';
import { onAnySide, taxFigures } from '../taxLayer.ts';
import {
  type TaxAccountType,
  type WashAcquisition,
  type WashClose,
  type WashDisposal,
  type WashPolicy,
  type WashUnknown,
} from './terms.ts';

/** What the wash layer asks of an activity. */
export type WashActivity = Pick<Activity, 'kind' | 'orderId' | 'groupId'>;

/** A split: `from` old units became `to` new ones (1 and 4, or 10 and 1). Whole numbers. */
export interface UnitChange {
  readonly at: Instant;
  readonly from: Decimal;
  readonly to: Decimal;
}

/** The book of one account. All lots the closures name must be there, those that are empty too. */
export interface WashBook {
  readonly accountId: number | null;
  readonly accountType: TaxAccountType;
  /** Where it was not the same at all times. Default: `accountType`. */
  readonly accountTypeOn?: (day: TradeDate) => TaxAccountType;
  readonly lots: readonly Lot[];
  readonly closures: readonly LotClosure[];
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  /** By root id; null where the activity is not at hand: then a cost that came from fills means it was bought. */
  readonly activityOf: (rootId: string) => WashActivity | null;
  /** Identity today of what was renamed. Default: the identity the row has. */
  readonly currentOf?: (instrument: InstrumentId) => InstrumentId;
  /** By identity of today, in any order: needed where units of before and after a split meet. Default: none. */
  readonly splits?: ReadonlyMap<InstrumentId, readonly UnitChange[]>;
}

export interface WashRows {
  readonly acquisitions: readonly WashAcquisition[];
  readonly closes: readonly WashClose[];
  readonly unknown: readonly WashUnknown[];
}

/**
 * Options on broad indexes are section 1256 contracts: marked to market at the end of the year, no wash sales (section
 * 1256(f)(5)). The roots are those Cboe and Nasdaq list as cash-settled index options.
 */
const INDEX_OPTIONS: ReadonlySet<string> = new Set(
  'SPX SPXW XSP NANOS OEX XEO NDX NDXP XND RUT RUTW MRUT DJX VIX VIXW'.split(' '),
);

/** What brings units by purchase: 26 CFR 1.1091-1(f). An exercise or assignment is one; a dividend with units is DRIP. */
const PURCHASES: ReadonlySet<ActivityKind> = new Set(['fill', 'option_delivery', 'dividend']);
const NO_PURCHASES: ReadonlySet<ActivityKind> = new Set([
  'split',
  'rename',
  'option_corporate_action',
  'spinoff',
  'merger',
  'reorganization',
  'stock_dividend',
]);

/**
 * The security whose rows belong together with those of an instrument: of an option its stock. Null where wash sales
 * do not apply: futures and index options (section 1256), currencies, coins (unless the policy has them), and what no
 * rule knows.
 */
export function washSecurity(instrument: Instrument, policy: WashPolicy): InstrumentId | null {
  switch (instrument.kind) {
    case 'equity':
    case 'bond':
      return instrument.id;
    case 'option':
      return instrument.option === null || INDEX_OPTIONS.has(instrument.option.underlying)
        ? null
        : (`equity:${instrument.option.underlying}:${instrument.currency}` as InstrumentId);
    case 'crypto':
      return policy.crypto === 'on' ? instrument.id : null;
    case 'future':
    case 'fop':
    case 'forex':
    case 'other':
      return null;
  }
}

export function rowsOfBook(books: readonly WashBook[], policy: WashPolicy): WashRows {
  const rows = { acquisitions: [], closes: [], unknown: [] };
  for (const book of books) addBook(rows, book, policy);
  return rows;
}

interface MutableRows {
  readonly acquisitions: WashAcquisition[];
  readonly closes: WashClose[];
  readonly unknown: WashUnknown[];
}

/** A lot that takes part, with what is known of its security. */
interface Subject {
  readonly lot: Lot;
  readonly instrument: Instrument;
  readonly security: InstrumentId;
}

function addBook(rows: MutableRows, book: WashBook, policy: WashPolicy): void {
  const subjects = subjectsOf(book, policy, rows.unknown);
  for (const subject of subjects.values()) rows.acquisitions.push(acquisitionOf(subject, book));
  const deliveries = deliveriesOf(subjects, book);
  const held = new Set(book.lots.map((lot) => lot.id));
  for (const closure of book.closures) {
    const subject = subjects.get(closure.lotId);
    if (subject !== undefined) rows.closes.push(closeOf(closure, subject, book, deliveries));
    else if (!held.has(closure.lotId)) tellUncovered(closure, book, policy, rows.unknown);
  }
}

function subjectsOf(book: WashBook, policy: WashPolicy, unknown: WashUnknown[]): Map<LotId, Subject> {
  const subjects = new Map<LotId, Subject>();
  for (const lot of book.lots) {
    const instrument = instrumentOf(lot.instrument, book);
    if (instrument === undefined) {
      unknown.push({
        accountId: book.accountId,
        lotId: lot.id,
        closureId: null,
        doubt: 'instrument_unknown',
      });
      continue;
    }
    const security = washSecurity(instrument, policy);
    if (security !== null) subjects.set(lot.id, { lot, instrument, security });
  }
  return subjects;
}

function acquisitionOf({ lot, instrument, security }: Subject, book: WashBook): WashAcquisition {
  const activity = book.activityOf(lot.activityRootId);
  const isLong = lot.direction === 'long';
  const isCall = isLong && instrument.option?.right === 'call';
  return {
    accountId: book.accountId,
    accountType: typeOn(book, lot.acquiredDate),
    lotId: lot.id,
    direction: lot.direction,
    securityKey: instrument.id,
    optionOn: isCall ? security : null,
    unitWeight: weightAt({ instrument, security }, book, null),
    orderId: activity?.orderId ?? null,
    acquiredDate: lot.acquiredDate,
    acquiredAt: lot.acquiredAt,
    seq: 0,
    openQuantity: lot.openQuantity,
    openCost: isLong ? (lot.openCost?.plus(lot.rolled) ?? null) : Decimal.zero,
    openProceeds: isLong ? null : (lot.openCost?.minus(lot.rolled) ?? null),
    holdingFrom: lot.holdingFrom,
    purchased: purchaseOf(lot, activity),
    currency: lot.currency,
  };
}

function typeOn({ accountType, accountTypeOn }: WashBook, day: TradeDate): TaxAccountType {
  return accountTypeOn?.(day) ?? accountType;
}

function purchaseOf(lot: Lot, activity: WashActivity | null): boolean | 'unknown' {
  if (activity === null) return lot.costSource === 'fill' ? true : 'unknown';
  if (PURCHASES.has(activity.kind)) return true;
  return NO_PURCHASES.has(activity.kind) ? false : 'unknown';
}

function closeOf(closure: LotClosure, subject: Subject, book: WashBook, deliveries: Deliveries): WashClose {
  const { instrument, security } = subject;
  const disposal = disposalOf(closure, instrument);
  // A loss is the same on either side.
  const { cost, proceeds } = taxFigures(onAnySide(closure));
  return {
    accountId: book.accountId,
    accountType: typeOn(book, closure.closedDate),
    closureId: closure.id,
    lotId: closure.lotId,
    disposal,
    closedDate: closure.closedDate,
    closedAt: closure.closedAt,
    saleId: saleOf(closure, book),
    quantity: closure.quantity,
    unitWeight: weightAt({ instrument, security }, book, closure.closedAt),
    carriedInto: closure.kind === 'exercise' ? deliveredLot(closure, subject, book, deliveries) : null,
    cost,
    proceeds,
    acquisitionKnown: closure.realized === null || closure.holdingDays !== null,
  };
}

/** Executions of one order on one day are one sale: into how many it was cut is no choice of the seller. */
function saleOf({ activityRootId, closedDate }: LotClosure, book: WashBook): string {
  const orderId = book.activityOf(activityRootId)?.orderId ?? null;
  return orderId === null ? `activity|${activityRootId}` : `order|${orderId}|${closedDate}`;
}

function disposalOf({ kind, realized }: LotClosure, instrument: Instrument): WashDisposal {
  const isOptionEvent = instrument.kind === 'option' && (kind === 'exercise' || kind === 'assignment');
  if (isOptionEvent || kind === 'transfer_out') return 'carried';
  return DISPOSALS[kind] ?? (realized === null ? 'gone' : 'taxed');
}

/** An adjustment is a sale where the person gave it a price, else nothing is known of it but that the units are gone. */
const DISPOSALS: Readonly<Partial<Record<ClosureKind, WashDisposal>>> = {
  sale: 'taxed',
  cover: 'taxed',
  expiry: 'taxed',
  assignment: 'taxed',
  exercise: 'taxed',
  cash_in_lieu: 'taxed',
  merger: 'taxed',
  return_of_capital: 'gone',
  coin_fee: 'gone',
};

/** Shares a unit stands for, in a measure that is whole before and after every split. Null = today. */
function weightAt(
  { instrument, security }: Pick<Subject, 'instrument' | 'security'>,
  book: WashBook,
  at: Instant | null,
): Decimal {
  const shares = instrument.kind === 'option' ? instrument.multiplier : Decimal.one;
  return (book.splits?.get(security) ?? []).reduce((weight, split) => {
    const isLater = at !== null && compareInstants(split.at, at) > 0;
    return weight.times(isLater ? split.to : split.from);
  }, shares);
}

/** Stock that options brought, by the broker's group and by security and day. */
type Deliveries = ReadonlyMap<string, readonly LotId[]>;

function deliveriesOf(subjects: ReadonlyMap<LotId, Subject>, book: WashBook): Deliveries {
  const deliveries = new Map<string, LotId[]>();
  const add = (key: string, lotId: LotId): void => {
    deliveries.set(key, [...(deliveries.get(key) ?? []), lotId]);
  };
  for (const { lot, security } of subjects.values()) {
    const activity = book.activityOf(lot.activityRootId);
    if (activity?.kind !== 'option_delivery' || lot.direction !== 'long') continue;
    if (activity.groupId !== null) add(`group|${activity.groupId}`, lot.id);
    add(`day|${security}|${lot.acquiredDate}`, lot.id);
  }
  return deliveries;
}

/** The one lot an exercised call brought; null for a put, and where more than one could be meant. */
function deliveredLot(
  closure: LotClosure,
  { instrument, security }: Subject,
  book: WashBook,
  deliveries: Deliveries,
): LotId | null {
  if (instrument.option?.right !== 'call' || closure.direction !== 'long') return null;
  const groupId = book.activityOf(closure.activityRootId)?.groupId ?? null;
  const ofGroup = groupId === null ? undefined : deliveries.get(`group|${groupId}`);
  const found = ofGroup ?? deliveries.get(`day|${security}|${closure.closedDate}`) ?? [];
  return found.length === 1 ? found[0]! : null;
}

/** Units sold of which no lot is known: whether that was a loss, nobody can say. */
function tellUncovered(
  closure: LotClosure,
  book: WashBook,
  policy: WashPolicy,
  unknown: WashUnknown[],
): void {
  if (closure.quantity.isZero() || closure.kind === 'transfer_out') return;
  const instrument = instrumentOf(closure.instrument, book);
  if (instrument !== undefined && washSecurity(instrument, policy) === null) return;
  unknown.push({
    accountId: book.accountId,
    lotId: closure.lotId,
    closureId: closure.id,
    doubt: 'cost_unknown',
  });
}

function instrumentOf(id: InstrumentId, book: WashBook): Instrument | undefined {
  return book.instruments.get(book.currentOf?.(id) ?? id);
}
