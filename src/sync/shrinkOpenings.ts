/**
 * Taking back: when the broker publishes what an opening or an adjustment stood for, its quantity goes out of it first
 * (design sections 4.4 and 4.7). Pure.
 */
import { type Activity, type ActivityRevision } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Currency } from '../domain/money.ts';
import { addMs, compareInstants, newYorkDate, type Instant } from '../domain/time.ts';
import { type Book } from '../book/foldBook.ts';
import { type NewRevision } from '../store/store.ts';
import { earliest, revision } from './opening.ts';

const DAY_MS = 86_400_000;

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
 * older goes. Of several of one instrument each sees what the ones before it have given back, and no activity is taken
 * out of two.
 */
export async function shrinkOpenings(
  current: readonly ActivityRevision[],
  evidence: OpeningEvidence,
): Promise<readonly NewRevision[]> {
  const stands = new Map(current.map((opening) => [opening, heldBy(opening)]));
  const work: Work = { ...evidence, givenBack: new Map(), taken: new Map() };
  const oldestFirst = current.toSorted(inOrder);
  const passes = [
    // What arrived belongs to the first look that can have held it.
    { openings: oldestFirst, ways: [fitting] },
    // What is withdrawn without a row was the last guess.
    { openings: current.toSorted((left, right) => -inOrder(left, right)), ways: [withdrawn] },
    { openings: oldestFirst, ways: [fitting, surelyOlder] },
  ];
  for (const { openings, ways } of passes) {
    for (const opening of openings) {
      for (const way of ways) {
        const held = stands.get(opening)!;
        const answer = await way(opening, held, work);
        if (answer === null || answer.rest.equals(held)) continue;
        stands.set(opening, answer.rest);
        giveBack(work, opening, held, answer);
        break;
      }
    }
  }
  return [...stands].flatMap(([opening, rest]) =>
    rest.equals(heldBy(opening)) ? [] : [revised(opening, rest, evidence)],
  );
}

interface Work extends OpeningEvidence {
  /** By how much the book has moved since by what was given back, by instrument and currency. */
  readonly givenBack: Map<string, Decimal>;
  /** Arrivals that are accounted for already, likewise. */
  readonly taken: Map<string, ReadonlySet<ActivityRevision>>;
}

interface Answer {
  readonly rest: Decimal;
  /** Arrivals that are accounted for by it. */
  readonly takes: readonly ActivityRevision[];
}

/** Units before money, because an adjustment at a price moves both; then by the look that called for it. */
function inOrder(left: ActivityRevision, right: ActivityRevision): number {
  const rank = ({ instrument }: ActivityRevision): number => (instrument === null ? 1 : 0);
  return rank(left) - rank(right) || compareInstants(contactOf(left), contactOf(right));
}

function contactOf({ details, executedAt }: ActivityRevision): Instant {
  return (details['contactAt'] ?? executedAt) as Instant;
}

function subjectOf({ instrument, currency }: Activity): string {
  return instrument?.id ?? currency;
}

/** Units, or money where it is about money. */
function heldBy(opening: ActivityRevision): Decimal {
  if (opening.status !== 'ok') return Decimal.zero;
  return opening.instrument === null ? (opening.amount ?? Decimal.zero) : opening.quantity;
}

// ---- ways to a rest ---------------------------------------------------------------------------------------------

/** The rest with which the book agrees, by what arrived. */
async function fitting(opening: ActivityRevision, held: Decimal, work: Work): Promise<Answer | null> {
  const agrees = agreement(opening, held, work);
  const free = freeOf(opening, work);
  const takes = free.filter((activity) => effectOn(opening, activity) !== null);
  if (agrees === null || takes.length === 0) return null;
  const original = Decimal.parse(opening.details['original'] ?? held.toString());
  const taken = work.taken.get(subjectOf(opening));
  const ledger = (await work.ledger()).filter((row) => taken?.has(row) !== true);
  const older = olderThanContact(opening, free, ledger);
  const rest = [...rests(original, older)].find((one) => isWithin(opening, original, one) && agrees(one));
  return rest === undefined ? null : { rest, takes };
}

/** Nothing of it is left, by what the broker states and without a row that says why. */
function withdrawn(opening: ActivityRevision, held: Decimal, work: Work): Answer | null {
  const agrees = agreement(opening, held, work);
  if (agrees === null || opening.status !== 'ok' || held.isZero() || !agrees(Decimal.zero)) return null;
  // An adjustment that took units away was a guess: when they are there again, it is withdrawn.
  if (opening.kind === 'adjustment') return NOTHING_LEFT;
  // A first answer that was off (rounded, of another moment): while the contact is young, a history that alone gives
  // what the broker lists now needs no opening. Never where the list lacks the instrument: absence is not flat.
  const isYoung = compareInstants(work.now, addMs(contactOf(opening), DAY_MS)) <= 0;
  const isListed = opening.instrument === null || work.statedQuantity.has(opening.instrument.id);
  return isYoung && isListed ? NOTHING_LEFT : null;
}

const NOTHING_LEFT: Answer = { rest: Decimal.zero, takes: [] };

/** Without what is surely older, where nothing agrees. */
function surelyOlder(opening: ActivityRevision, held: Decimal, work: Work): Answer | null {
  if (agreement(opening, held, work) === null) return null;
  const free = freeOf(opening, work);
  const { sure } = olderThanContact(opening, free, free);
  if (sure.length === 0) return null;
  const rest = held.minus(Decimal.sum(sure.map(({ effect }) => effect)));
  return { rest: within(opening, held, rest), takes: sure.map(({ activity }) => activity) };
}

/** Whether the book agrees with the broker where the opening has another rest; null where it agrees already. */
function agreement(
  opening: ActivityRevision,
  held: Decimal,
  work: Work,
): ((rest: Decimal) => boolean) | null {
  const stated = statedFor(opening, work);
  const moved = work.givenBack.get(subjectOf(opening)) ?? Decimal.zero;
  const booked = bookedFor(opening, work.book).plus(moved);
  if (stated === null || booked.equals(stated)) return null;
  return (rest) => booked.minus(held).plus(rest).equals(stated);
}

function freeOf(opening: ActivityRevision, { arrived, taken }: Work): readonly ActivityRevision[] {
  const gone = taken.get(subjectOf(opening));
  return gone === undefined ? arrived : arrived.filter((row) => !gone.has(row));
}

/** An adjustment only ever gives back: what does not fit into it is a difference of its own, never a position. */
function isWithin(opening: ActivityRevision, most: Decimal, rest: Decimal): boolean {
  if (opening.kind !== 'adjustment' || rest.isZero()) return true;
  return rest.sign() === most.sign() && rest.abs().compare(most.abs()) <= 0;
}

function within(opening: ActivityRevision, held: Decimal, rest: Decimal): Decimal {
  if (isWithin(opening, held, rest)) return rest;
  return rest.sign() === held.sign() ? held : Decimal.zero;
}

// ---- what comes of it -------------------------------------------------------------------------------------------

function revised(opening: ActivityRevision, rest: Decimal, { arrived, now }: OpeningEvidence): NewRevision {
  const kind = opening.kind === 'adjustment' ? 'adjustment' : 'opening';
  if (rest.isZero()) return revision(opening, now, opening.rev + 1, 'bust', kind);
  const isCash = opening.instrument === null;
  // Older history moves the opening before itself, so that selling what was opened is no short sale.
  const before = arrived.filter((activity) => effectOn(opening, activity) !== null);
  const movesBack = opening.kind === 'opening' && (rest.sign() > 0 || isCash);
  const executedAt = movesBack ? earliest(before, () => true, opening.executedAt) : opening.executedAt;
  const quantity = isCash ? opening.quantity : rest;
  const terms = { ...opening, quantity, amount: moneyOf(opening, rest), executedAt };
  return revision(terms, now, opening.rev + 1, 'ok', kind);
}

/** Money of a rest: an adjustment at a price keeps the price. */
function moneyOf(opening: ActivityRevision, rest: Decimal): Decimal | null {
  const { amount, instrument, quantity } = opening;
  if (instrument === null) return rest;
  if (amount === null || amount.isZero() || quantity.isZero()) return amount;
  return rest.equals(quantity) ? amount : amount.times(rest).dividedBy(quantity, PLACES);
}

const PLACES = 18;

function giveBack(work: Work, opening: ActivityRevision, held: Decimal, { rest, takes }: Answer): void {
  const add = (subject: string, change: Decimal): void => {
    work.givenBack.set(subject, (work.givenBack.get(subject) ?? Decimal.zero).plus(change));
  };
  const subject = subjectOf(opening);
  work.taken.set(subject, new Set([...(work.taken.get(subject) ?? []), ...takes]));
  add(subject, rest.minus(held));
  if (opening.instrument === null) return;
  const money = (units: Decimal): Decimal =>
    units.isZero() ? Decimal.zero : (moneyOf(opening, units) ?? Decimal.zero);
  add(opening.currency, money(rest).minus(money(held)));
}

// ---- what is older than the look ----------------------------------------------------------------------------------

/** Effects of what was first seen after the opening was booked, but belongs before it: surely, or perhaps. */
interface Older {
  readonly sure: readonly Effect[];
  readonly perhaps: readonly Effect[];
}

interface Effect {
  readonly activity: ActivityRevision;
  readonly effect: Decimal;
}

function olderThanContact(
  opening: ActivityRevision,
  arrived: readonly ActivityRevision[],
  activities: readonly ActivityRevision[],
): Older {
  const contactAt = contactOf(opening);
  const bookedAt = (opening.details['bookedAt'] ?? opening.firstSeenAt) as Instant;
  // What this run brought is later than the opening even where the clock stands still.
  const isNew = new Set(arrived.map((activity) => activity.rootId));
  const sure: Effect[] = [];
  const perhaps: Effect[] = [];
  for (const activity of activities) {
    const effect = effectOn(opening, activity);
    const isLater = isNew.has(activity.rootId) || compareInstants(activity.firstSeenAt, bookedAt) > 0;
    if (effect === null || !isLater) continue;
    const order = compareInstants(activity.executedAt, contactAt);
    const sameDay = activity.timePrecision === 'day' && activity.tradeDate === newYorkDate(contactAt);
    // So close to the contact that the two clocks cannot tell before from after.
    const tooClose =
      order >= 0 && compareInstants(activity.executedAt, addMs(contactAt, CLOCK_DOUBT_MS)) <= 0;
    if (sameDay || tooClose) perhaps.push({ activity, effect });
    else if (order < 0) sure.push({ activity, effect });
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
function* rests(original: Decimal, older: Older): Generator<Decimal> {
  const [sure, perhaps] = [older.sure, older.perhaps].map((list) => list.map(({ effect }) => effect));
  if (sure === undefined || perhaps === undefined) return;
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
