/**
 * Corporate actions of one day, where one makes what another takes: a split of OLD and its renaming to NEW. A date tells
 * nothing of which came first, and one of them may carry a time (alpaca.md 5.3: most rows have a date and no time), but
 * their quantities do. Pure.
 */
import { type Activity } from '../domain/activity.ts';
import { type Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Instant, minInstant, NEW_YORK, type TradeDate, zonedInstant } from '../domain/time.ts';
import { type Event, type Events, isPaired } from './events.ts';

/**
 * The rows in the order to apply them: an event that takes exactly what another one of its day gives comes behind that
 * one, everything else stays where it is. `ordered` is in the book's order, and a row is never moved to an earlier place;
 * `quantityBefore` is what is held before the first of them.
 */
export function inEventOrder(
  ordered: readonly Activity[],
  events: Events,
  quantityBefore: (instrument: InstrumentId) => Decimal,
): readonly Activity[] {
  const behind = new Map<Event, Set<Event>>();
  for (const day of daysWithSeveral(ordered, events)) {
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
  return behind.size === 0 ? ordered : moved(ordered, events, behind);
}

/** The days within which no fold may stop and go on: their rows may change places. Most histories have none. */
export function daysOfEvents(activities: readonly Activity[]): ReadonlySet<TradeDate> {
  return new Set(activities.filter(isPaired).map(({ tradeDate }) => tradeDate));
}

/** From where on the book may be another one with this row: from its moment, or from the start of such a day. */
export function changesFrom(activity: Activity): Instant {
  const { executedAt, tradeDate } = activity;
  return isPaired(activity)
    ? minInstant(executedAt, zonedInstant(tradeDate, '00:00:00', NEW_YORK))
    : executedAt;
}

/** The events of each day that has several, in the book's order. */
function daysWithSeveral(ordered: readonly Activity[], events: Events): readonly (readonly Event[])[] {
  const days = new Map<TradeDate, Set<Event>>();
  for (const row of ordered) {
    if (!isPaired(row)) continue;
    const event = events.get(row) ?? [row];
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

/** Every event that waits comes directly behind the last row of those it waits for. */
function moved(
  ordered: readonly Activity[],
  events: Events,
  behind: ReadonlyMap<Event, ReadonlySet<Event>>,
): readonly Activity[] {
  const result: Activity[] = [];
  const left = new Map<Event, number>();
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
    if (!isPaired(row)) {
      result.push(row);
      continue;
    }
    const event = events.get(row) ?? [row];
    if (behind.has(event) && !isReady(event)) waiting.add(event);
    if (waiting.has(event) || isOver(event)) continue;
    result.push(row);
    left.set(event, (left.get(event) ?? event.length) - 1);
    if (isOver(event)) releaseNext();
  }
  return result;
}
