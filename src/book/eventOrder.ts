/**
 * Corporate actions of one day, where one makes what another takes: a split of OLD and its renaming to NEW. A date tells
 * nothing of which came first, and one of them may carry a time (alpaca.md 5.3: most rows have a date and no time), but
 * their quantities do. Pure.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import {
  compareInstants,
  type Instant,
  minInstant,
  NEW_YORK,
  newYorkDate,
  type TradeDate,
  zonedInstant,
} from '../domain/time.ts';
import { type Event, type Events, isPaired } from './events.ts';

/**
 * The rows in the order to apply them: an event that takes exactly what another one of its day gives comes behind that
 * one, one that takes what is held only after a movement before the open comes behind that movement, and everything else
 * stays where it is. `ordered` is in the book's order, and a row is never moved to an earlier place;
 * `quantityBefore` is what is held before the first of them.
 */
export function inEventOrder(
  ordered: readonly Activity[],
  events: Events,
  quantityBefore: (instrument: InstrumentId) => Decimal,
): readonly Activity[] {
  const each = eventOfEach(ordered, events);
  if (each.size === 0) return ordered;
  const behind = behindMovements(ordered, each, quantityBefore);
  for (const day of daysWithSeveral(ordered, each)) {
    const held = heldBefore(day, ordered, quantityBefore);
    for (const event of day) {
      for (const other of day) {
        if (event === other || !isMadeBy(event, other, held) || comesBehind(other, event, behind)) continue;
        const before = behind.get(event);
        if (before === undefined) behind.set(event, new Set([other]));
        else before.add(other);
      }
    }
  }
  return behind.size === 0 ? ordered : moved(ordered, each, behind);
}

/** The event of every row that can be one: a row that stands alone is an event of its own, always the same one. */
function eventOfEach(ordered: readonly Activity[], events: Events): Events {
  const rows = ordered.filter(isEvent);
  const spinOffs = new Map<string, Activity[]>();
  const eventOf = (row: Activity): Event => {
    const { kind, groupId } = row;
    if (kind !== 'spinoff' || groupId === null) return events.get(row) ?? [row];
    const event = spinOffs.get(groupId) ?? [];
    spinOffs.set(groupId, event);
    event.push(row);
    return event;
  };
  return new Map(rows.map((row) => [row, eventOf(row)]));
}

/** A spin-off moves lots of its own, yet its rows, of which some restate the parent's cost, happen together. */
function isEvent(activity: Activity): boolean {
  return isPaired(activity) || activity.kind === 'spinoff';
}

/** The days within which no fold may stop and go on: their rows may change places. Most histories have none. */
export function daysOfEvents(activities: readonly Activity[]): ReadonlySet<TradeDate> {
  return new Set(activities.filter(isEvent).map(({ tradeDate }) => tradeDate));
}

/**
 * From where on the book may be another one with this row: from its moment, or from the start of such a day, which is
 * also the day of shares that moved before the market opened: an event of that day may belong behind them.
 */
export function changesFrom(activity: Activity): Instant {
  const { executedAt, tradeDate } = activity;
  const mayMoveEvents = isEvent(activity) || isBeforeOpen(activity);
  return mayMoveEvents ? minInstant(executedAt, zonedInstant(tradeDate, '00:00:00', NEW_YORK)) : executedAt;
}

/** Whether shares moved on this day before the market opened: a corporate action of that day may be worked off later. */
function isBeforeOpen({ executedAt, instrument, quantity }: Activity): boolean {
  if (instrument?.kind !== 'equity' || quantity.isZero()) return false;
  return compareInstants(executedAt, zonedInstant(newYorkDate(executedAt), '09:30:00', NEW_YORK)) <= 0;
}

/** An event that takes another quantity of an instrument than is held where it stands. */
interface Seeker {
  readonly event: Event;
  readonly until: Instant;
  /** Without the event itself. */
  held: Decimal;
}

/**
 * Events that take another quantity than is held where they stand, but exactly what is held after a movement of the same
 * moment or, if they have a date only, one before the open: they were worked off behind it. What moved after their rows
 * were made is not asked.
 */
function behindMovements(
  ordered: readonly Activity[],
  events: Events,
  quantityBefore: (instrument: InstrumentId) => Decimal,
): Map<Event, Set<Event>> {
  const behind = new Map<Event, Set<Event>>();
  const held = new Map<InstrumentId, Decimal>();
  for (const [{ instrument }] of events) {
    if (instrument !== null) held.set(instrument.id, quantityBefore(instrument.id));
  }
  const anchors = new Map<Activity, Event>();
  const seekers = new Map<InstrumentId, readonly Seeker[]>();
  for (const row of ordered) {
    const id = row.instrument?.id;
    const before = id === undefined ? undefined : held.get(id);
    if (id === undefined || before === undefined) continue;
    held.set(id, before.plus(row.quantity));
    const event = events.get(row);
    const ofInstrument = seekers.get(id) ?? [];
    if (event !== undefined) {
      if (ofInstrument.some((seeker) => seeker.event === event) || !takesOther(event, id, before)) continue;
      seekers.set(id, [...ofInstrument, { event, until: untilOf(event), held: before }]);
      continue;
    }
    const anchor = anchors.get(row) ?? [row];
    const inTime = ofInstrument.filter(({ until }) => compareInstants(row.executedAt, until) <= 0);
    for (const seeker of inTime) seeker.held = seeker.held.plus(row.quantity);
    const found = inTime.filter((seeker) => takesAll(seeker.event, id, seeker.held));
    for (const seeker of found)
      behind.set(seeker.event, new Set([...(behind.get(seeker.event) ?? []), anchor]));
    if (found.length > 0) anchors.set(row, anchor);
    if (ofInstrument.length > 0)
      seekers.set(
        id,
        inTime.filter((seeker) => !found.includes(seeker)),
      );
  }
  return behind;
}

/** Whether an event takes of an instrument, and not all that is held. */
function takesOther(event: Event, id: InstrumentId, held: Decimal): boolean {
  return !held.isZero() && !takenOf(event, id, held).isZero() && !takesAll(event, id, held);
}

function takesAll(event: Event, id: InstrumentId, held: Decimal): boolean {
  return !held.isZero() && takenOf(event, id, held).equals(held.negate());
}

/** What leaves of an instrument that is held long or short; of a spin-off's parent, what is taken to be given back. */
function takenOf(event: Event, id: InstrumentId, held: Decimal): Decimal {
  return Decimal.sum(
    event
      .filter(({ instrument }) => instrument?.id === id)
      .map(({ kind, quantity, details }) =>
        kind === 'spinoff' ? (Decimal.tryParse(details['quantityOnWire'] ?? '') ?? Decimal.zero) : quantity,
      )
      .filter((quantity) => quantity.sign() === -held.sign()),
  );
}

/**
 * Until when a movement may come before an event: the moment it has; where it has a date only, until its rows were made,
 * at the latest until the open.
 */
function untilOf(event: Event): Instant {
  const [{ executedAt, timePrecision, tradeDate }] = event as [Activity];
  if (timePrecision === 'instant') return executedAt;
  return event
    .flatMap(({ publishedAt }) => publishedAt ?? [])
    .reduce(minInstant, zonedInstant(tradeDate, '09:30:00', NEW_YORK));
}

/** The events of each day that has several, in the book's order. */
function daysWithSeveral(ordered: readonly Activity[], events: Events): readonly (readonly Event[])[] {
  const days = new Map<TradeDate, Set<Event>>();
  for (const row of ordered) {
    const event = events.get(row);
    if (event === undefined) continue;
    const [{ tradeDate }] = event as [Activity];
    const day = days.get(tradeDate);
    if (day === undefined) days.set(tradeDate, new Set([event]));
    else day.add(event);
  }
  return [...days.values()].filter(({ size }) => size > 1).map((day) => [...day]);
}

type Held = ReadonlyMap<InstrumentId, Decimal>;

/** What is held of a day's instruments before the first of its events. */
function heldBefore(
  day: readonly Event[],
  ordered: readonly Activity[],
  quantityBefore: (instrument: InstrumentId) => Decimal,
): Held {
  const held = new Map<InstrumentId, Decimal>();
  for (const { instrument } of day.flat()) {
    if (instrument !== null) held.set(instrument.id, quantityBefore(instrument.id));
  }
  const first = day[0]![0]!;
  for (const { instrument, quantity } of ordered.slice(0, ordered.indexOf(first))) {
    const before = instrument === null ? undefined : held.get(instrument.id);
    if (before !== undefined) held.set(instrument!.id, before.plus(quantity));
  }
  return held;
}

/** Whether one takes what the other gives; where both do, what is held before them tells. */
function isMadeBy(event: Event, other: Event, held: Held): boolean {
  const sign = signOf([...event, ...other], held) ?? signOf(null, held);
  if (sign === null || !takesFrom(event, other, sign)) return false;
  return !takesFrom(other, event, sign) || (takesHeld(other, held, sign) && !takesHeld(event, held, sign));
}

/** Whether it takes exactly what is held. */
function takesHeld(event: Event, held: Held, sign: number): boolean {
  return event.some(
    ({ instrument, quantity }) =>
      quantity.sign() === -sign && instrument !== null && held.get(instrument.id)!.equals(quantity.negate()),
  );
}

/** Long or short: the rows of a split read both ways. Null where nothing or both is held. */
function signOf(rows: readonly Activity[] | null, held: Held): number | null {
  const quantities =
    rows === null
      ? [...held.values()]
      : rows.flatMap(({ instrument }) => (instrument === null ? [] : [held.get(instrument.id)!]));
  const signs = new Set(quantities.map((quantity) => quantity.sign()).filter((sign) => sign !== 0));
  return signs.size === 1 ? [...signs][0]! : null;
}

/** Whether one takes exactly as much of an instrument as the other gives. */
function takesFrom(event: Event, other: Event, sign: number): boolean {
  return event.some((taking) =>
    other.some(
      (giving) =>
        taking.quantity.sign() === -sign &&
        taking.instrument !== null &&
        taking.instrument.id === giving.instrument?.id &&
        giving.quantity.equals(taking.quantity.negate()),
    ),
  );
}

/** Whether an event already has to wait for another one, directly or by others: no two wait for each other. */
function comesBehind(event: Event, other: Event, behind: ReadonlyMap<Event, ReadonlySet<Event>>): boolean {
  const before = behind.get(event);
  if (before === undefined) return false;
  return before.has(other) || [...before].some((one) => comesBehind(one, other, behind));
}

/** Every event that waits comes directly behind the last row of what it waits for: other events, or a single row. */
function moved(
  ordered: readonly Activity[],
  events: Events,
  behind: ReadonlyMap<Event, ReadonlySet<Event>>,
): readonly Activity[] {
  const result: Activity[] = [];
  const left = new Map<Event, number>();
  const singles = new Map(
    [...behind.values()].flatMap((before) =>
      [...before].flatMap((event) => (event.length === 1 ? [[event[0]!, event]] : [])),
    ) as readonly (readonly [Activity, Event])[],
  );
  const waiting = new Set<Event>();
  const isOver = (event: Event): boolean => left.get(event) === 0;
  const isReady = (event: Event): boolean => [...(behind.get(event) ?? [])].every(isOver);
  const releaseNext = (): void => {
    const next = [...waiting].find(isReady);
    if (next === undefined) return;
    waiting.delete(next);
    result.push(...next);
    left.set(next, 0);
    releaseNext();
  };
  for (const row of ordered) {
    const event = events.get(row) ?? singles.get(row);
    if (event === undefined) {
      result.push(row);
      continue;
    }
    if (behind.has(event) && !isReady(event)) waiting.add(event);
    if (waiting.has(event) || isOver(event)) continue;
    result.push(row);
    left.set(event, (left.get(event) ?? event.length) - 1);
    if (isOver(event)) releaseNext();
  }
  return result;
}
