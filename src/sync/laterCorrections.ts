/**
 * What was corrected or busted after a statement was made: the statement holds it as it was then, the ledger as it is
 * known today. Told by identity: what the revisions differ by is exactly what statement and book differ by. Pure.
 */
import { type Activity, type ActivityRevision } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { compareInstants, type Instant, type TradeDate } from '../domain/time.ts';
import { type RevisionChain } from '../store/store.ts';
import { type DayStatement } from './dayStatements.ts';
import { CASH_TOLERANCE } from './reconcile.ts';

/** Broker less book at the end of a day, by the key of the finding it has; and since which day it is so. */
export type Differences = ReadonlyMap<string, Difference>;

export interface Difference {
  /** Null: money. */
  readonly instrument: InstrumentId | null;
  readonly size: Decimal;
  readonly since: TradeDate;
}

/** A statement as it would have been with what was corrected later, by the revisions that tell it. */
export interface StatementForm {
  readonly statement: DayStatement;
  readonly chains: readonly RevisionChain[];
}

/** More trades than this that were published as busted only are not tried apart: every one doubles the forms. */
const UNSEEN_MAX = 4;

/**
 * The forms a statement may have. The first is by what was published twice. A trade whose very first publication was its
 * bust may have been in the statement or not: each choice of those is a form, and what is stated tells which one it is.
 */
export function formsOf(
  statement: DayStatement,
  chains: readonly RevisionChain[],
): readonly [StatementForm, ...StatementForm[]] {
  const seen = chains.filter((chain) => chain.length > 1);
  const unseen = chains.flatMap((chain) => {
    const [bust, ...more] = chain;
    if (bust === undefined || more.length > 0 || !isUnseenBust(bust, statement)) return [];
    return [[{ ...bust, status: 'ok' as const }, bust]];
  });
  const form = (taken: readonly RevisionChain[]): StatementForm => {
    const told = [...seen, ...taken];
    return { statement: restated(statement, told), chains: told };
  };
  const choices = unseen.length > UNSEEN_MAX ? [unseen] : subsetsOf(unseen).slice(1);
  return [form([]), ...choices.map(form)];
}

function isUnseenBust(
  { status, executedAt, firstSeenAt }: ActivityRevision,
  { asOf }: DayStatement,
): boolean {
  return (
    status === 'bust' && compareInstants(executedAt, asOf) <= 0 && compareInstants(firstSeenAt, asOf) > 0
  );
}

/** All of them, the empty one first, smaller ones before larger ones. */
export function subsetsOf<Row>(rows: readonly Row[]): readonly (readonly Row[])[] {
  return Array.from({ length: 2 ** rows.length }, (_, mask) =>
    rows.filter((_row, place) => (mask & (1 << place)) !== 0),
  ).sort((left, right) => left.length - right.length);
}

/** The statement as it would have been with what was corrected later: by that it is told which rows were in it. */
function restated(statement: DayStatement, chains: readonly RevisionChain[]): DayStatement {
  if (chains.length === 0) return statement;
  const { cash, units } = changesSince(chains, statement);
  const positions = statement.positions === null ? null : new Map(statement.positions);
  for (const [id, less] of units) {
    const stated = positions?.get(id) ?? { quantity: Decimal.zero, mark: null };
    positions?.set(id, { ...stated, quantity: stated.quantity.minus(less) });
  }
  return { ...statement, positions, cash: statement.cash?.minus(cash) ?? null };
}

/**
 * Of the differences those that are nothing but later corrections, and what they are worth; null where a correction may
 * be in them of which nobody saw what it corrected.
 */
export function correctedLater(
  ledger: SeenLedger,
  statement: DayStatement,
  differences: Differences,
  chains: readonly RevisionChain[],
): { readonly corrected: Decimal | null; readonly rest: Differences } {
  if (differences.size === 0) return { corrected: Decimal.zero, rest: differences };
  const { corrected, rest } = toldCorrections(statement, differences, chains, ledger.instruments);
  return { corrected: mayHoldUnseen(ledger, statement, rest) ? null : corrected, rest };
}

/** What is known today, with when it was seen first. */
export interface SeenLedger {
  readonly activities: readonly SeenActivity[];
  readonly chains?: readonly RevisionChain[];
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
}

/** An activity with when its revision was seen; without it: at once. */
export type SeenActivity = Activity & { readonly firstSeenAt?: Instant };

function toldCorrections(
  statement: DayStatement,
  differences: Differences,
  chains: readonly RevisionChain[],
  instruments: ReadonlyMap<InstrumentId, Instrument>,
): { readonly corrected: Decimal; readonly rest: Differences } {
  const { currency, positions } = statement;
  if (chains.length === 0) return { corrected: Decimal.zero, rest: differences };
  const changes = changesSince(chains, statement);
  const cash = differences.get(`cash:${currency}`)?.size ?? Decimal.zero;
  // Money is part of every correction: where something else is in it, one cannot be told from the other yet.
  if (cash.minus(changes.cash).abs().compare(CASH_TOLERANCE) > 0)
    return { corrected: Decimal.zero, rest: differences };
  const rest = new Map(differences);
  rest.delete(`cash:${currency}`);
  let corrected = changes.cash;
  for (const [id, units] of changes.units) {
    const mark = positions?.get(id)?.mark ?? null;
    const multiplier = instruments.get(id)?.multiplier;
    const difference = differences.get(`position:${id}`);
    if (difference === undefined || !difference.size.equals(units) || multiplier === undefined) continue;
    rest.delete(`position:${id}`);
    // Without a mark the day's own lots have none either, and it is unknown.
    if (mark !== null) corrected = corrected.plus(units.times(mark).times(multiplier));
  }
  return { corrected, rest };
}

/**
 * Whether all that differs may come from trades that were published after the statement: corrected before that, they stood
 * in it otherwise, and the list of activities never showed how. Money is part of every correction.
 */
function mayHoldUnseen(
  { activities, chains = [] }: SeenLedger,
  { asOf, currency }: DayStatement,
  rest: Differences,
): boolean {
  if (!rest.has(`cash:${currency}`)) return false;
  const first = new Map(chains.map(([row]) => [row?.rootId, row?.firstSeenAt]));
  const late = activities.filter(
    ({ kind, rootId, executedAt, firstSeenAt = executedAt, currency: of }) =>
      kind === 'fill' &&
      of === currency &&
      compareInstants(executedAt, asOf) <= 0 &&
      compareInstants(first.get(rootId) ?? firstSeenAt, asOf) > 0,
  );
  const ids = new Set(late.map(({ instrument }) => instrument?.id ?? null));
  if (ids.size === 0) return false;
  return [...rest.values()].every(({ instrument }) => instrument === null || ids.has(instrument));
}

/** What the ledger of the statement's moment had more than today's, of what had happened by then. */
function changesSince(
  chains: readonly RevisionChain[],
  { asOf, currency }: DayStatement,
): { readonly cash: Decimal; readonly units: ReadonlyMap<InstrumentId, Decimal> } {
  let cash = Decimal.zero;
  const units = new Map<InstrumentId, Decimal>();
  const count = (row: ActivityRevision | undefined, sign: Decimal): void => {
    if (row === undefined || row.status !== 'ok' || compareInstants(row.executedAt, asOf) > 0) return;
    if (row.currency === currency && row.amount !== null) cash = cash.plus(row.amount.times(sign));
    if ((row.feesCurrency ?? row.currency) === currency && row.fees !== null)
      cash = cash.minus(row.fees.times(sign));
    if (row.instrument === null || row.instrument.currency !== currency) return;
    const { id } = row.instrument;
    units.set(id, (units.get(id) ?? Decimal.zero).plus(row.quantity.times(sign)));
  };
  for (const chain of chains) {
    // What we booked ourselves for want of an activity goes as the activity comes: together they change nothing.
    if (chain.some(({ kind }) => kind === 'opening' || kind === 'adjustment')) continue;
    // What was published later than it happened was in the statement as it was published first.
    const then = chain.findLast((row) => compareInstants(row.firstSeenAt, asOf) <= 0) ?? chain[0];
    const now = chain.at(-1);
    if (then === undefined || then === now) continue;
    count(then, Decimal.one);
    count(now, Decimal.one.negate());
  }
  return { cash, units };
}
