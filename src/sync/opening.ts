/**
 * Openings: what reachable history does not explain at first contact, booked as one activity per instrument and
 * currency (design section 4.4), and adjustments that close what stayed missing. `shrinkOpenings.ts` takes them back
 * piece by piece when older history arrives.
 */
import { type Activity, type ActivityRevision } from '../domain/activity.ts';
import { contentHash } from '../domain/contentHash.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Currency } from '../domain/money.ts';
import { type SnapshotPosition } from '../domain/snapshot.ts';
import { addMs, minInstant, newYorkDate, type Instant } from '../domain/time.ts';
import { type Book } from '../book/foldBook.ts';
import { type NewRevision } from '../store/store.ts';

export function openingRootId(subject: string): string {
  return `opening:${subject}`;
}

/**
 * One adjustment per occasion: of a position that was closed because it stayed missing, since when it was missing; of a
 * difference a person explained, its finding and when the person said so. What happens to the same instrument again is
 * another activity of another day.
 */
export function adjustmentRootId(subject: string, since: Instant): string {
  return `adjustment:${subject}@${since}`;
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
      rootId: adjustmentRootId(instrument.id, evidence.missingSince),
      instrument,
      quantity: booked.negate(),
      price: null,
      amount: Decimal.zero,
      currency: instrument.currency,
      executedAt: evidence.asOf,
      details: {
        reason: 'missing_confirmed',
        contactAt: evidence.asOf,
        bookedAt: now,
        stated: '0',
        original: booked.negate().toString(),
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
    // Absence is not flat: what history holds and the list lacks is missing, and nothing is booked away.
    if (position === undefined || rest.isZero() || instrument === undefined) continue;
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
            bookedAt: contact.now,
            stated: stated.toString(),
            original: rest.toString(),
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
          details: {
            contactAt: contact.contactAt,
            bookedAt: contact.now,
            stated: cash.toString(),
            original: rest.toString(),
          },
        },
        contact.now,
      ),
    );
  }
  return openings;
}

/**
 * Units that history lacks were there before it began, so that selling them is no short sale; where the broker states
 * fewer than history has, the rest left without a record, at the latest when we looked.
 */
function openingInstant(contact: FirstContact, id: InstrumentId, rest: Decimal, stated: Decimal): Instant {
  const leftWithoutRecord = rest.sign() < 0 && stated.sign() >= 0;
  // After a fill of that very instant: before it, the rest would end a position that never ended.
  if (leftWithoutRecord) return addMs(contact.contactAt, 1);
  return earliest(contact.activities, (activity) => activity.instrument?.id === id, contact.contactAt);
}

export function earliest(
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
> &
  // What a person said stays a person's word, however much of it is taken back.
  Partial<Pick<Activity, 'source' | 'description' | 'timePrecision' | 'tradeDate'>>;

/** The next revision of an opening or adjustment. */
export function revision(
  terms: OpeningTerms,
  now: Instant,
  rev = 0,
  status: Activity['status'] = 'ok',
  kind: 'opening' | 'adjustment' = 'opening',
): NewRevision {
  const isPersons = terms.source === 'user';
  const activity: Activity = {
    ...terms,
    kind,
    status,
    brokerRev: null,
    fees: null,
    feesCurrency: null,
    timePrecision: (isPersons ? terms.timePrecision : undefined) ?? 'instant',
    tradeDate: (isPersons ? terms.tradeDate : undefined) ?? newYorkDate(terms.executedAt),
    publishedAt: null,
    side: null,
    orderId: null,
    groupId: null,
    externalId: terms.rootId,
    brokerType: kind,
    description: (isPersons ? terms.description : undefined) ?? null,
    source: isPersons ? 'user' : 'truebook',
  };
  return { ...activity, rev, firstSeenAt: now, contentHash: contentHash(activity) };
}
