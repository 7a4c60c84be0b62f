/**
 * What corporate actions do to one account. Their entries are worked out anew whenever earlier history changes (a
 * corrected fill, a late one), so the rows always remove exactly what was held; a row keeps its identity over that.
 */
import { Decimal } from '../domain/decimal.ts';
import { compareInstants, type Instant } from '../domain/time.ts';
import { changeOf, type Leg } from './changes.ts';
import { type AdjustedContract, type CorporateAction, type Entry } from './entries.ts';
import { applyTo, inOrder, type Holding } from './fold.ts';

export interface ActionContext {
  readonly now: Instant;
  readonly newUuid: () => string;
  /** Told of every contract that no longer delivers 100 shares. */
  readonly adjusted: (contract: AdjustedContract) => void;
  readonly contracts: ReadonlyMap<string, AdjustedContract>;
}

/** The account's entries with those of all corporate actions brought up to date. */
export function withActions(
  entries: readonly Entry[],
  actions: readonly CorporateAction[],
  context: ActionContext,
): readonly Entry[] {
  if (actions.length === 0) return entries;
  const known = new Map<string, Entry>();
  for (const entry of entries) if (entry.action !== null) known.set(keyOf(entry.action), entry);
  const plain = entries.filter((entry) => entry.action === null);
  const farFuture = '9999-01-01T00:00:00Z' as Instant;
  const ordered = inOrder(plain, farFuture);
  const holdings = new Map<string, Holding>();
  const made = new Map<string, Entry>();
  let next = 0;
  for (const action of actions) {
    for (; next < ordered.length && isBefore(ordered[next]!, action); next += 1)
      applyTo(holdings, ordered[next]!);
    for (const entry of legsOf(action, holdings, context)) {
      applyTo(holdings, entry);
      const before = known.get(keyOf(entry.action!));
      const kept =
        before === undefined
          ? entry
          : { ...entry, uuid: before.uuid, publishedAt: before.publishedAt, group: before.group };
      made.set(keyOf(entry.action!), kept);
    }
  }
  // A leg whose holding turned out not to exist is withdrawn, not deleted: it has been shown.
  for (const [key, entry] of known) if (!made.has(key)) made.set(key, { ...entry, status: 'bust' });
  return [...plain, ...made.values()];
}

function keyOf(action: NonNullable<Entry['action']>): string {
  return `${action.of.id} ${action.key} ${action.leg}`;
}

/** Whether an entry happened before a corporate action, which then applies to what it brought. */
export function isBefore(entry: Entry, action: CorporateAction): boolean {
  const order = compareInstants(entry.at, action.at);
  return order < 0 || (order === 0 && entry.serial < action.serial);
}

function legsOf(
  action: CorporateAction,
  holdings: ReadonlyMap<string, Holding>,
  context: ActionContext,
): Entry[] {
  return [...holdings.values()].flatMap((holding) => {
    const legs = changeOf(action, holding, context);
    if (legs === null) return [];
    const group = context.newUuid();
    const becomes = legs.find((leg) => leg.which === (action.kind === 'spinoff' ? 'new' : 'add'))?.quantity;
    return legs.map((leg) =>
      entryOf(action, leg, group, context, { held: holding, becomes: becomes ?? Decimal.zero }),
    );
  });
}

function entryOf(
  action: CorporateAction,
  leg: Leg,
  group: string,
  context: ActionContext,
  change: { held: Holding; becomes: Decimal },
): Entry {
  const isCash = leg.which === 'cash';
  return {
    serial: action.serial,
    uuid: context.newUuid(),
    kind: isCash ? 'cash_in_lieu' : action.kind,
    at: isCash ? action.cashAt : action.at,
    publishedAt: listedAt(
      isCash ? laterOf(action.publishedAt, action.cashAt) : action.publishedAt,
      context.now,
    ),
    instrument: leg.instrument,
    quantity: leg.quantity ?? Decimal.zero,
    price: leg.price ?? null,
    amount: leg.amount ?? Decimal.zero,
    status: 'ok',
    group,
    fill: null,
    action: {
      of: action,
      leg: leg.which,
      key: change.held.instrument.id,
      held: change.held.quantity,
      becomes: change.becomes,
    },
    entitled: null,
  };
}

/** A row that is made later, for a holding that turned up, is listed from then on. */
function listedAt(planned: Instant | null, now: Instant): Instant | null {
  return planned === null ? null : laterOf(planned, now);
}

function laterOf<Planned extends Instant | null>(planned: Planned, other: Instant): Planned | Instant {
  return planned === null || compareInstants(planned, other) >= 0 ? planned : other;
}
