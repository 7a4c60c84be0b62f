/**
 * Openings: what reachable history does not explain at first contact, booked as one activity per instrument and
 * currency, and taken back piece by piece when older history arrives (design section 4.4).
 */
import { type Activity, type ActivityRevision } from '../domain/activity.ts';
import { contentHash } from '../domain/contentHash.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Currency } from '../domain/money.ts';
import { type SnapshotPosition } from '../domain/snapshot.ts';
import { addMs, compareInstants, minInstant, newYorkDate, type Instant } from '../domain/time.ts';
import { type Book } from '../book/foldBook.ts';
import { type NewRevision } from '../store/store.ts';

const DAY_MS = 86_400_000;

export function openingRootId(subject: InstrumentId | Currency): string {
  return `opening:${subject}`;
}

/** One adjustment per instrument, revised when it is needed again. */
export function adjustmentRootId(instrument: InstrumentId): string {
  return `adjustment:${instrument}`;
}

/**
 * The adjustment that closes a position which stayed missing, where the user asked for that
 * (`POSITION_SYNC_MARK_MISSING_AS_CLOSED`): it names its evidence, and later activities of the broker take their
 * quantity out of it first, as out of an opening.
 */
export function closeMissing(
  instrument: Instrument,
  booked: Decimal,
  chain: readonly ActivityRevision[],
  evidence: { readonly asOf: Instant; readonly missingSince: Instant; readonly confirmations: number },
  now: Instant,
): NewRevision {
  const rev = (chain.at(-1)?.rev ?? -1) + 1;
  return revision(
    {
      rootId: adjustmentRootId(instrument.id),
      instrument,
      quantity: booked.negate(),
      price: null,
      amount: Decimal.zero,
      currency: instrument.currency,
      executedAt: evidence.asOf,
      details: {
        reason: 'missing_confirmed',
        contactAt: evidence.asOf,
        stated: '0',
        missingSince: evidence.missingSince,
        confirmations: String(evidence.confirmations),
      },
    },
    now,
    rev,
    'ok',
    'adjustment',
  );
}

interface FirstContact {
  readonly book: Book;
  readonly activities: readonly Activity[];
  readonly positions: readonly SnapshotPosition[];
  readonly cash: readonly { readonly currency: Currency; readonly cash: Decimal }[];
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  /** `asOf` of the positions: everything executed up to then is in them. */
  readonly contactAt: Instant;
  readonly now: Instant;
}

/** The openings of a first contact: broker minus history, instrument by instrument and currency by currency. */
export function bookOpenings(contact: FirstContact): readonly NewRevision[] {
  const openings: NewRevision[] = [];
  const broker = new Map(contact.positions.map((position) => [position.instrument.id, position]));
  for (const id of new Set([...broker.keys(), ...contact.book.open.keys()])) {
    const position = broker.get(id);
    const instrument = position?.instrument ?? contact.instruments.get(id);
    const stated = position?.quantity ?? Decimal.zero;
    const rest = stated.minus(contact.book.open.get(id)?.quantity ?? Decimal.zero);
    if (rest.isZero() || instrument === undefined) continue;
    openings.push(
      revision(
        {
          rootId: openingRootId(id),
          instrument,
          quantity: rest,
          price: position?.averageCost ?? null,
          amount: Decimal.zero,
          currency: instrument.currency,
          executedAt: openingInstant(contact, id, rest, stated),
          details: {
            basis:
              position?.averageCost === undefined || position.averageCost === null ? 'unknown' : 'broker',
            contactAt: contact.contactAt,
            stated: stated.toString(),
          },
        },
        contact.now,
      ),
    );
  }
  for (const { currency, cash } of contact.cash) {
    const rest = cash.minus(contact.book.cash.get(currency) ?? Decimal.zero);
    if (rest.isZero()) continue;
    openings.push(
      revision(
        {
          rootId: openingRootId(currency),
          instrument: null,
          quantity: Decimal.zero,
          price: null,
          amount: rest,
          currency,
          executedAt: earliest(contact.activities, () => true, contact.contactAt),
          details: { contactAt: contact.contactAt, stated: cash.toString() },
        },
        contact.now,
      ),
    );
  }
  return openings;
}

/**
 * Units that history lacks were there before it began, so that selling them is no short sale; units that history has
 * and the broker does not left without a record, at the latest when we looked.
 */
function openingInstant(contact: FirstContact, id: InstrumentId, rest: Decimal, stated: Decimal): Instant {
  const leftWithoutRecord = rest.sign() < 0 && stated.sign() >= 0;
  if (leftWithoutRecord) return contact.contactAt;
  return earliest(contact.activities, (activity) => activity.instrument?.id === id, contact.contactAt);
}

function earliest(
  activities: readonly Activity[],
  matches: (activity: Activity) => boolean,
  latest: Instant,
): Instant {
  let instant = latest;
  for (const activity of activities) {
    if (matches(activity)) instant = minInstant(instant, addMs(activity.executedAt, -1));
  }
  return instant;
}

type OpeningTerms = Pick<
  Activity,
  'rootId' | 'instrument' | 'quantity' | 'price' | 'amount' | 'currency' | 'executedAt' | 'details'
>;

function revision(
  terms: OpeningTerms,
  now: Instant,
  rev = 0,
  status: Activity['status'] = 'ok',
  kind: 'opening' | 'adjustment' = 'opening',
): NewRevision {
  const activity: Activity = {
    ...terms,
    kind,
    status,
    brokerRev: null,
    fees: null,
    feesCurrency: null,
    timePrecision: 'instant',
    tradeDate: newYorkDate(terms.executedAt),
    publishedAt: null,
    side: null,
    orderId: null,
    groupId: null,
    externalId: terms.rootId,
    brokerType: kind,
    description: null,
    source: 'truebook',
  };
  return { ...activity, rev, firstSeenAt: now, contentHash: contentHash(activity) };
}

/**
 * Takes newly arrived older history out of the openings. `current` are the newest opening revisions, `arrived` the new
 * identities of this run, `stated` what the broker says now per opening, `bookWithout` the book's figure for it with
 * the opening as it stands and everything that arrived folded in.
 *
 * The broker decides where the dates do not: keep the opening if that agrees, else take out what was executed up to
 * first contact, else also what carries only that day's date, else - for an opening that had *removed* units history
 * knows - take it back whole when the units are there again. Where nothing agrees, only what is surely older goes.
 */
export function shrinkOpenings(
  current: readonly ActivityRevision[],
  arrived: readonly Activity[],
  bookNow: Book,
  statedQuantity: ReadonlyMap<InstrumentId, Decimal>,
  statedCash: ReadonlyMap<Currency, Decimal>,
  now: Instant,
): readonly NewRevision[] {
  const changed: NewRevision[] = [];
  for (const opening of current) {
    if (opening.status !== 'ok') continue;
    const isCash = opening.instrument === null;
    const held = isCash ? (opening.amount ?? Decimal.zero) : opening.quantity;
    const book = isCash
      ? (bookNow.cash.get(opening.currency) ?? Decimal.zero)
      : (bookNow.open.get(opening.instrument.id)?.quantity ?? Decimal.zero);
    const stated = isCash
      ? statedCash.get(opening.currency)
      : (statedQuantity.get(opening.instrument.id) ?? Decimal.zero);
    if (stated === undefined) continue;
    const rest = newRest(opening, held, book, stated, arrived, now);
    if (rest === null || rest.equals(held)) continue;
    const kind = opening.kind === 'adjustment' ? 'adjustment' : 'opening';
    const terms = isCash ? { ...opening, amount: rest } : { ...opening, quantity: rest };
    changed.push(
      rest.isZero()
        ? revision(opening, now, opening.rev + 1, 'bust', kind)
        : revision(terms, now, opening.rev + 1, 'ok', kind),
    );
  }
  return changed;
}

function newRest(
  opening: ActivityRevision,
  held: Decimal,
  book: Decimal,
  stated: Decimal,
  arrived: readonly Activity[],
  now: Instant,
): Decimal | null {
  if (book.equals(stated)) return null;
  const older = { sure: Decimal.zero, perhaps: Decimal.zero, sureCount: 0 };
  const contactAt = (opening.details['contactAt'] ?? opening.executedAt) as Instant;
  for (const activity of arrived) {
    const effect = effectOn(opening, activity);
    if (effect === null || effect.isZero()) continue;
    const sameDay = activity.timePrecision === 'day' && activity.tradeDate === newYorkDate(contactAt);
    if (sameDay) older.perhaps = older.perhaps.plus(effect);
    else if (compareInstants(activity.executedAt, contactAt) <= 0) {
      older.sure = older.sure.plus(effect);
      older.sureCount += 1;
    }
  }
  const agrees = (rest: Decimal): boolean => book.minus(held).plus(rest).equals(stated);
  const withoutSure = held.minus(older.sure);
  const withoutPerhaps = withoutSure.minus(older.perhaps);
  if (agrees(withoutSure)) return withoutSure;
  if (agrees(withoutPerhaps)) return withoutPerhaps;
  // A first answer that was short looks like units that left; it shows within a day, later it is a new purchase.
  const removedUnits = opening.instrument !== null && opening.details['stated'] === '0';
  const young = compareInstants(now, addMs(contactAt, DAY_MS)) <= 0;
  const isGuess = opening.kind === 'adjustment';
  if (removedUnits && (young || isGuess) && agrees(Decimal.zero)) return Decimal.zero;
  return older.sureCount > 0 ? withoutSure : null;
}

/** Kinds that state a rest themselves and are never taken out of another. */
const OWN_KINDS: ReadonlySet<Activity['kind']> = new Set(['opening', 'adjustment']);

function effectOn(opening: ActivityRevision, activity: Activity): Decimal | null {
  if (activity.status !== 'ok' || OWN_KINDS.has(activity.kind)) return null;
  if (opening.instrument === null) {
    if (activity.currency !== opening.currency) return null;
    return (activity.amount ?? Decimal.zero).minus(activity.fees ?? Decimal.zero);
  }
  return activity.instrument?.id === opening.instrument.id ? activity.quantity : null;
}
