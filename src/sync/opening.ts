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

/** One adjustment per instrument or currency, revised when it is needed again. */
export function adjustmentRootId(subject: InstrumentId | Currency): string {
  return `adjustment:${subject}`;
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
> &
  // What a person said stays a person's word, however much of it is taken back.
  Partial<Pick<Activity, 'source' | 'description' | 'timePrecision' | 'tradeDate'>>;

function revision(
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

/** What the broker and the book say now, for comparing an opening's rest with them. */
export interface OpeningEvidence {
  /** The book with the openings as they stand and everything that arrived folded in. */
  readonly book: Book;
  readonly statedQuantity: ReadonlyMap<InstrumentId, Decimal>;
  readonly statedCash: ReadonlyMap<Currency, Decimal>;
  /** New identities of this run. */
  readonly arrived: readonly ActivityRevision[];
  /** Newest revision of every activity of the epoch, this run's included; only asked for where it matters. */
  readonly ledger: () => Promise<readonly ActivityRevision[]>;
  readonly now: Instant;
}

/**
 * Takes newly arrived older history out of the openings (and adjustments): what was executed up to first contact was
 * already in the broker's figure. Where dates do not tell - an event that only has a day, a trade dated back - the
 * broker decides: the opening's rest is the one with which the book agrees. Nothing that agrees: only what is surely
 * older goes.
 */
export async function shrinkOpenings(
  current: readonly ActivityRevision[],
  evidence: OpeningEvidence,
): Promise<readonly NewRevision[]> {
  const changed: NewRevision[] = [];
  for (const opening of current) {
    const isCash = opening.instrument === null;
    const value = isCash ? (opening.amount ?? Decimal.zero) : opening.quantity;
    const held = opening.status === 'ok' ? value : Decimal.zero;
    const rest = await newRest(opening, held, evidence);
    if (rest === null || rest.equals(held)) continue;
    const kind = opening.kind === 'adjustment' ? 'adjustment' : 'opening';
    // Older history moves the opening before itself, so that selling what was opened is no short sale.
    const before = evidence.arrived.filter((activity) => effectOn(opening, activity) !== null);
    const movesBack = opening.kind === 'opening' && (rest.sign() > 0 || isCash);
    const executedAt = movesBack ? earliest(before, () => true, opening.executedAt) : opening.executedAt;
    const terms = isCash
      ? { ...opening, amount: rest, executedAt }
      : { ...opening, quantity: rest, executedAt };
    changed.push(
      rest.isZero()
        ? revision(opening, evidence.now, opening.rev + 1, 'bust', kind)
        : revision(terms, evidence.now, opening.rev + 1, 'ok', kind),
    );
  }
  return changed;
}

async function newRest(
  opening: ActivityRevision,
  held: Decimal,
  evidence: OpeningEvidence,
): Promise<Decimal | null> {
  const stated = statedFor(opening, evidence);
  const booked = bookedFor(opening, evidence.book);
  if (stated === null || booked.equals(stated)) return null;
  const agrees = (rest: Decimal): boolean => booked.minus(held).plus(rest).equals(stated);
  const contactAt = (opening.details['contactAt'] ?? opening.executedAt) as Instant;
  const arrived = evidence.arrived.flatMap((activity) => effectOn(opening, activity) ?? []);
  if (arrived.length > 0) {
    const original = Decimal.parse(opening.details['original'] ?? held.toString());
    const later = olderThanContact(opening, contactAt, evidence.arrived, await evidence.ledger());
    const rest = [...rests(original, later)].find(agrees);
    if (rest !== undefined) return rest;
  }
  // An adjustment that took units away was a guess: when they are there again, it is withdrawn.
  if (opening.kind === 'adjustment' && opening.status === 'ok' && agrees(Decimal.zero)) return Decimal.zero;
  // A first answer that was off (rounded, of another moment): while the contact is young, a history that alone gives
  // what the broker lists now needs no opening. Never where the list lacks the instrument: absence is not flat.
  const young = compareInstants(evidence.now, addMs(contactAt, DAY_MS)) <= 0;
  const isListed = opening.instrument === null || evidence.statedQuantity.has(opening.instrument.id);
  if (opening.status === 'ok' && young && isListed && agrees(Decimal.zero)) return Decimal.zero;
  const { sure } = olderThanContact(opening, contactAt, evidence.arrived, evidence.arrived);
  return sure.length === 0 ? null : held.minus(Decimal.sum(sure));
}

/** Effects of what was first seen after the opening was booked, but belongs before it: surely, or perhaps. */
interface Older {
  readonly sure: readonly Decimal[];
  readonly perhaps: readonly Decimal[];
}

function olderThanContact(
  opening: ActivityRevision,
  contactAt: Instant,
  arrived: readonly ActivityRevision[],
  activities: readonly ActivityRevision[],
): Older {
  const bookedAt = (opening.details['bookedAt'] ?? opening.firstSeenAt) as Instant;
  // What this run brought is later than the opening even where the clock stands still.
  const isNew = new Set(arrived.map((activity) => activity.rootId));
  const sure: Decimal[] = [];
  const perhaps: Decimal[] = [];
  for (const activity of activities) {
    const effect = effectOn(opening, activity);
    const isLater = isNew.has(activity.rootId) || compareInstants(activity.firstSeenAt, bookedAt) > 0;
    if (effect === null || !isLater) continue;
    const order = compareInstants(activity.executedAt, contactAt);
    const sameDay = activity.timePrecision === 'day' && activity.tradeDate === newYorkDate(contactAt);
    // So close to the contact that the two clocks cannot tell before from after.
    const tooClose =
      order >= 0 && compareInstants(activity.executedAt, addMs(contactAt, CLOCK_DOUBT_MS)) <= 0;
    if (sameDay || tooClose) perhaps.push(effect);
    else if (order < 0) sure.push(effect);
  }
  return { sure, perhaps };
}

/** How far the broker's clock may be ahead of ours without anybody noticing. */
const CLOCK_DOUBT_MS = 120_000;

/** More doubtful activities than this are taken all together or not at all: every choice doubles the work. */
const DOUBTFUL_MAX = 12;

/**
 * The rests an opening may have, the likeliest first: without all that is surely older; without that and some of what
 * perhaps is, few before many; at last without any choice of both, because a trade may be dated back.
 */
function* rests(original: Decimal, { sure, perhaps }: Older): Generator<Decimal> {
  const withoutSure = original.minus(Decimal.sum(sure));
  for (const chosen of choices(perhaps)) yield withoutSure.minus(chosen);
  for (const chosen of choices([...sure, ...perhaps])) yield original.minus(chosen);
}

/** Sums over every choice of the effects, few before many; of too many only none and all. */
function choices(effects: readonly Decimal[]): readonly Decimal[] {
  if (effects.length > DOUBTFUL_MAX) return [Decimal.zero, Decimal.sum(effects)];
  const masks = Array.from({ length: 2 ** effects.length }, (_, mask) => mask);
  const size = (mask: number): number => mask.toString(2).replaceAll('0', '').length;
  return masks
    .sort((left, right) => size(left) - size(right) || left - right)
    .map((mask) => Decimal.sum(effects.filter((_, place) => (mask & (1 << place)) !== 0)));
}

function statedFor(opening: ActivityRevision, evidence: OpeningEvidence): Decimal | null {
  return opening.instrument === null
    ? (evidence.statedCash.get(opening.currency) ?? null)
    : (evidence.statedQuantity.get(opening.instrument.id) ?? Decimal.zero);
}

function bookedFor(opening: ActivityRevision, book: Book): Decimal {
  return opening.instrument === null
    ? (book.cash.get(opening.currency) ?? Decimal.zero)
    : (book.open.get(opening.instrument.id)?.quantity ?? Decimal.zero);
}

/** Kinds that state a rest themselves and are never taken out of another. */
const OWN_KINDS: ReadonlySet<Activity['kind']> = new Set(['opening', 'adjustment']);

/** What an activity moves of the opening's instrument or currency; null when nothing. */
function effectOn(opening: ActivityRevision, activity: Activity): Decimal | null {
  if (activity.status !== 'ok' || OWN_KINDS.has(activity.kind)) return null;
  const effect =
    opening.instrument === null
      ? activity.currency === opening.currency
        ? (activity.amount ?? Decimal.zero).minus(activity.fees ?? Decimal.zero)
        : Decimal.zero
      : activity.instrument?.id === opening.instrument.id
        ? activity.quantity
        : Decimal.zero;
  return effect.isZero() ? null : effect;
}
