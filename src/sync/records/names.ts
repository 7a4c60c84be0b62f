/** Which rows somebody means who names an instrument: by display name or identity, before and after it was renamed. */
import { type ActivityRevision } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import { compareInstants, type TradeDate } from '../../domain/time.ts';

type Of<Row> = Row & { readonly accountId: number };

interface NamedFacts {
  readonly activities: readonly Of<ActivityRevision>[];
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
}

/** From that trade date on `from` is called `to`. */
interface Renaming {
  readonly from: InstrumentId;
  readonly to: InstrumentId;
  readonly date: TradeDate;
}

/** Days on which an identity is meant; null = without an end. */
interface Span {
  readonly first: TradeDate | null;
  readonly last: TradeDate | null;
}

type IsMeant = (instrument: InstrumentId | null, date: TradeDate) => boolean;

/**
 * A name may pass to another company: so what stands under the old name is meant up to the renaming only, and what
 * stands under the new one from then on. What carries the very name that was asked for is meant at all times.
 */
export function meantBy(facts: NamedFacts, symbol: string | undefined): IsMeant {
  if (symbol === undefined) return () => true;
  const spans = new Map<InstrumentId, Span[]>();
  for (const one of namedIn(facts, symbol)) spans.set(one, [{ first: null, last: null }]);
  const renamings = renamingsIn(facts);
  for (let isNew = true; isNew;) {
    const before = count(spans);
    for (const { from, to, date } of renamings) {
      if (isIn(spans.get(from), date)) add(spans, to, { first: date, last: null });
      if (isIn(spans.get(to), date)) add(spans, from, { first: null, last: date });
    }
    isNew = count(spans) > before;
  }
  return (instrument, date) => instrument !== null && isIn(spans.get(instrument), date);
}

function namedIn({ activities, instruments }: NamedFacts, symbol: string): Set<InstrumentId> {
  const known = [...instruments.values(), ...activities.flatMap((row) => row.instrument ?? [])];
  return new Set(known.filter((one) => one.symbol === symbol || one.id === symbol).map((one) => one.id));
}

/** Both rows of a renaming are of one group: what left under the old name, and what came under the new. */
function renamingsIn({ activities }: NamedFacts): readonly Renaming[] {
  const rows = activities.filter((row) => row.kind === 'rename' && row.status !== 'bust');
  return rows.flatMap((row) => {
    if (row.instrument === null || row.groupId === null) return [];
    const from = row.instrument.id;
    return rows
      .filter((other) => other.accountId === row.accountId && other.groupId === row.groupId)
      .flatMap((other) => {
        const to = other.instrument?.id;
        const isPair = to !== undefined && to !== from && row.quantity.sign() === -other.quantity.sign();
        return isPair && isOld(row, activities) ? [{ from, to, date: row.tradeDate }] : [];
      });
  });
}

/** What left: with a minus, or with a plus what was held short until then. */
function isOld(row: Of<ActivityRevision>, activities: NamedFacts['activities']): boolean {
  if (row.quantity.sign() < 0) return !wasShort(row, activities, row.groupId);
  return wasShort(row, activities);
}

/** Whether an account was short of a row's instrument before it; of `otherIn` a group: of the other name in it. */
function wasShort(
  row: Of<ActivityRevision>,
  activities: NamedFacts['activities'],
  otherIn?: string | null,
): boolean {
  const isSubject = (one: Of<ActivityRevision>): boolean =>
    otherIn === undefined
      ? one.instrument?.id === row.instrument?.id
      : one.groupId === otherIn && one.instrument?.id !== row.instrument?.id;
  const subject = activities.find((one) => one.accountId === row.accountId && isSubject(one))?.instrument?.id;
  const before = activities.filter(
    (one) =>
      one.accountId === row.accountId &&
      one.instrument?.id === subject &&
      one.status !== 'bust' &&
      compareInstants(one.executedAt, row.executedAt) < 0,
  );
  return Decimal.sum(before.map(({ quantity }) => quantity)).sign() < 0;
}

function add(spans: Map<InstrumentId, Span[]>, id: InstrumentId, span: Span): void {
  const known = spans.get(id) ?? [];
  const isKnown = known.some(
    ({ first, last }) =>
      (first === null || (span.first !== null && first <= span.first)) &&
      (last === null || (span.last !== null && span.last <= last)),
  );
  if (!isKnown) spans.set(id, [...known, span]);
}

function count(spans: ReadonlyMap<InstrumentId, readonly Span[]>): number {
  return [...spans.values()].reduce((total, one) => total + one.length, 0);
}

function isIn(spans: readonly Span[] | undefined, date: TradeDate): boolean {
  return (
    spans?.some(({ first, last }) => (first === null || first <= date) && (last === null || date <= last)) ===
    true
  );
}
