/**
 * The nouns of explaining: what a run knows besides the differences themselves, and what may be claimed about them. A
 * claim names a cause for some part of one or several differences; what no claim has taken yet is the rest. Pure.
 */
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import {
  type Confidence,
  type Finding,
  type FindingCause,
  type FindingEvidence,
} from '../../domain/finding.ts';
import { type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import { type Currency } from '../../domain/money.ts';
import { type OrderProgress, type SnapshotPosition } from '../../domain/snapshot.ts';
import { compareInstants, minInstant, type Instant } from '../../domain/time.ts';
import { type NewRevision, type PositionObservation } from '../../store/store.ts';
import { differenceKey, type Difference } from '../reconcile.ts';
import { type RuleName } from './rules.ts';

/** What the broker showed in this run and before it: witnesses for what moved without an activity. */
export interface Witnesses {
  /** The broker's positions of this run. */
  readonly positions: ReadonlyMap<InstrumentId, SnapshotPosition>;
  /** As the broker stated them last time; absent where it held none. */
  readonly before: ReadonlyMap<InstrumentId, PositionObservation>;
  /** The newest mark of each instrument ever held, for those that went. */
  readonly marks: ReadonlyMap<InstrumentId, Decimal>;
  readonly cashBefore: ReadonlyMap<Currency, Decimal>;
  /** Activities the broker listed in this run, busts included, and from when on the list is whole. */
  readonly listed: readonly Activity[];
  readonly listedAfter: Instant;
  /** The newest orders; null where they could not be read. */
  readonly orders: readonly OrderProgress[] | null;
  /** True for an order no program of the user's placed, null while nobody said. */
  readonly isManualOrder: (orderId: string) => boolean | null;
  /** When the broker's positions were true. */
  readonly asOf: Instant;
  /** How far the market value the account states is from that of its list of positions; null where it is not known. */
  readonly totals: TotalsGap | null;
  /** When first contact was made: what was executed before is in the openings, if it is not listed. */
  readonly firstContactAt: Instant | null;
  /** When the broker's positions were believed last time; null before the first. */
  readonly lastLookAt: Instant | null;
  /** False until the openings of first contact are booked: what history lacks is still a difference. */
  readonly firstContactDone: boolean;
}

/** Net market value by the account less that of all rows. */
export interface TotalsGap {
  readonly gap: Decimal;
  /** What marks may have moved between the two answers: less than this says nothing. */
  readonly noise: Decimal;
}

/** Everything the families of causes look at. */
export interface Circumstances extends Witnesses {
  readonly differences: readonly Difference[];
  /** False in a run that does not compare cash: then nothing may be concluded from cash that agrees. */
  readonly cashCompared: boolean;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  /** Activities of this run, booked ones and those it may not write. */
  readonly changed: readonly NewRevision[];
  readonly unbooked: readonly NewRevision[];
  /** Open findings about positions and cash. */
  readonly standing: readonly Finding[];
  readonly now: Instant;
}

/** A signed piece of a difference (broker less book): units of the instrument, or money where it is null. */
export interface Part {
  /** Key of the difference (`reconcile.ts`). */
  readonly key: string;
  readonly instrument: InstrumentId | null;
  readonly amount: Decimal;
}

export interface Claim {
  readonly cause: FindingCause;
  readonly rule: RuleName;
  /** What it answers for; the first part names the finding. */
  readonly parts: readonly Part[];
  readonly evidence: readonly FindingEvidence[];
  /** The stock a corporate action was about: its contracts go along. */
  readonly on?: InstrumentId;
  /** Lower than what the rule allows, where the circumstances say so. */
  readonly atMost?: Confidence;
}

/** What is left of each difference, by its key. */
export type Rest = Map<string, Decimal>;

export function restOf(differences: readonly Difference[]): Rest {
  return new Map(differences.map((row) => [differenceKey(row), row.broker.minus(row.book)]));
}

export function positionKey(instrument: InstrumentId): string {
  return `position:${instrument}`;
}

export function cashKey(currency: Currency): string {
  return `cash:${currency}`;
}

export function left(rest: Rest, key: string): Decimal {
  return rest.get(key) ?? Decimal.zero;
}

/** Takes a claim's parts out of the rest. */
export function take(rest: Rest, claim: Claim): void {
  for (const { key, amount } of claim.parts) rest.set(key, left(rest, key).minus(amount));
}

export function positionPart(instrument: InstrumentId, amount: Decimal): Part {
  return { key: positionKey(instrument), instrument, amount };
}

export function cashPart(currency: Currency, amount: Decimal): Part {
  return { key: cashKey(currency), instrument: null, amount };
}

/** An instrument of which something is left: the rest, and what broker and book would say without it. */
export interface OpenRest {
  readonly instrument: Instrument;
  readonly amount: Decimal;
  /** As the broker states it; zero where it lists none. */
  readonly broker: Decimal;
  /** What the broker would state without the rest: the book, and what other claims explain. */
  readonly without: Decimal;
}

/** Instruments with a rest, in the order of their keys. */
export function openRests(circumstances: Circumstances, rest: Rest): readonly OpenRest[] {
  return circumstances.differences
    .flatMap((row): readonly OpenRest[] => {
      if (row.kind === 'cash') return [];
      const amount = left(rest, positionKey(row.instrument));
      const instrument = circumstances.instruments.get(row.instrument);
      if (amount.isZero() || instrument === undefined) return [];
      return [{ instrument, amount, broker: row.broker, without: row.broker.minus(amount) }];
    })
    .sort((one, other) => (one.instrument.id < other.instrument.id ? -1 : 1));
}

/**
 * The newest mark of an instrument: of this run's list, of the last one that had it, or the price of its newest fill;
 * null where nothing is known of it.
 */
export function markOf({ positions, before, marks, listed }: Witnesses, id: InstrumentId): Decimal | null {
  const mark = positions.get(id)?.mark ?? before.get(id)?.mark ?? marks.get(id) ?? null;
  if (mark !== null) return mark;
  const fills = listed.filter(
    (row) => row.kind === 'fill' && row.instrument?.id === id && row.price !== null,
  );
  return (
    fills.toSorted((one, other) => compareInstants(one.executedAt, other.executedAt)).at(-1)?.price ?? null
  );
}

/** Evidence of a rule: what it looked at, in one sentence. */
export function ruled(rule: RuleName, text: string): FindingEvidence {
  return { kind: 'rule', reference: rule, text };
}

/**
 * What a stored finding answers for, its own difference first. One written before findings said so answers for the
 * whole difference its key names.
 */
export function partsOf(finding: Finding): readonly Part[] {
  const parts = finding.evidence.flatMap((piece): readonly Part[] =>
    piece.kind !== 'observation' || piece.amount === undefined
      ? []
      : [
          {
            key: piece.reference,
            instrument: piece.reference.startsWith('position:')
              ? (piece.reference.slice('position:'.length) as InstrumentId)
              : null,
            amount: Decimal.parse(piece.amount),
          },
        ],
  );
  if (parts.length > 0) return parts;
  const [expected, observed] = [finding.expected, finding.observed].map((text) =>
    text === null ? null : Decimal.tryParse(text),
  );
  if (expected == null || observed == null) return [];
  const key = finding.key.replace(/#\d+$/, '');
  return [{ key, instrument: finding.instrument, amount: observed.minus(expected) }];
}

/**
 * What may be new of a difference: all of it, or what findings leave that had their form before `instruments` first
 * differed. A cause that fits either is not hidden by another that came earlier; what is merely the remainder of an
 * earlier guess is no earlier cause.
 */
export function targets(
  circumstances: Circumstances,
  rest: Rest,
  key: string,
  instruments: readonly InstrumentId[],
): readonly Decimal[] {
  const all = left(rest, key);
  const since = firstDiffered(circumstances, instruments);
  const known = Decimal.sum(
    circumstances.standing.flatMap((finding) => {
      const parts = partsOf(finding);
      const isEarlier = compareInstants(finding.lastSeenAt, since) < 0;
      return isEarlier && parts.length === 1 && parts[0]!.key === key ? [parts[0]!.amount] : [];
    }),
  );
  return known.isZero() || known.equals(all) ? [all] : [all, all.minus(known)];
}

function firstDiffered({ standing, now }: Circumstances, instruments: readonly InstrumentId[]): Instant {
  const concerned = standing.filter((finding) =>
    partsOf(finding).some(({ instrument }) => instrument !== null && instruments.includes(instrument)),
  );
  return concerned.reduce((first, finding) => minInstant(first, finding.firstSeenAt), now);
}
