/** What the broker had stated and what findings were known at an earlier moment; the ledger's own part is in its files. */
import { type Account, type AccountId } from '../domain/account.ts';
import {
  type Confidence,
  type Finding,
  type FindingCause,
  type FindingEvidence,
  type FindingState,
  type FindingType,
} from '../domain/finding.ts';
import {
  addDays,
  addMs,
  instantFromKey,
  instantKey,
  NEW_YORK,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../domain/time.ts';
import { CompiledQuery, type Selectable } from 'kysely';
import { listBookEvents } from './bookEvents.ts';
import { type Queries } from './database.ts';
import { readBalance, readObservation } from './observations.ts';
import { readJson } from './rows.ts';
import { type Schema } from './schema.ts';
import {
  type AccountFilter,
  type BalanceObservation,
  type FindingThen,
  type PositionObservation,
  type StoredBookEvent,
  type TimeTravel,
} from './store.ts';

type Observed = 'position_observation' | 'balance_observation';

/**
 * Of every name (instrument or currency) the last statement by then, among those that runs had seen by then. One
 * statement: a look into the index per name, however many statements there are of it.
 */
async function lastStatements<Table extends Observed>(
  queries: Queries,
  table: Table,
  name: string,
  { accountId, epoch }: { readonly accountId: AccountId; readonly epoch: number },
  { asOf, knownAt }: TimeTravel,
): Promise<readonly Selectable<Schema[Table]>[]> {
  const parameters: (string | number)[] = [];
  // Numbered in the order in which they stand: SQLite takes them by place.
  const place = (value: string | number): string => `$${parameters.push(value)}`;
  const named = `SELECT DISTINCT ${name} AS name FROM ${table} WHERE account_id = ${place(accountId)}`;
  const conditions = [
    `p.account_id = ${place(accountId)}`,
    `p.${name} = n.name`,
    `p.epoch = ${place(epoch)}`,
    ...(asOf === undefined ? [] : [`p.as_of <= ${place(instantKey(asOf))}`]),
    ...(knownAt === undefined ? [] : [`r.started_at <= ${place(instantKey(knownAt))}`]),
  ];
  const runs = knownAt === undefined ? '' : ' JOIN sync_run r ON r.id = p.run_id';
  const last = `SELECT p.run_id FROM ${table} p${runs} WHERE ${conditions.join(' AND ')}
    ORDER BY p.as_of DESC, p.run_id DESC LIMIT 1`;
  const { rows } = await queries.executeQuery<Selectable<Schema[Table]>>(
    CompiledQuery.raw(
      `SELECT o.* FROM (${named}) n JOIN ${table} o ON o.${name} = n.name AND o.run_id = (${last}) ORDER BY n.name`,
      parameters,
    ),
  );
  return rows;
}

/** By instrument. */
export async function observationsAt(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  when: TimeTravel,
): Promise<readonly PositionObservation[]> {
  const about = { accountId, epoch };
  const rows = await lastStatements(queries, 'position_observation', 'instrument', about, when);
  return rows.map(readObservation);
}

/** By currency. */
export async function balancesAt(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  when: TimeTravel,
): Promise<readonly BalanceObservation[]> {
  const about = { accountId, epoch };
  const rows = await lastStatements(queries, 'balance_observation', 'currency', about, when);
  return rows.map(readBalance);
}

/** A clock that was set back by no more than this is seen through: rows of so many days before compare by their run. */
const SET_BACK_DAYS = 7;

/** What the last look of a day had seen; of looks whose clock was set back meanwhile the order of their runs tells. */
export async function lastLookOfDay(
  queries: Queries,
  about: { readonly accountId: AccountId; readonly epoch: number },
  date: TradeDate,
  knownAt?: Instant,
): Promise<{
  readonly balances: readonly BalanceObservation[];
  readonly observations: readonly PositionObservation[];
}> {
  const day = { from: startOf(date), to: addMs(startOf(addDays(date, 1)), -1), knownAt };
  const balances = await newestByRun(queries, 'balance_observation', 'currency', about, day);
  const positions = await newestByRun(queries, 'position_observation', 'instrument', about, day);
  const last = [...balances, ...positions].reduce((newest, row) => Math.max(newest, row.run_id), 0);
  const stamped = { asOf: day.to, ...(knownAt === undefined ? {} : { knownAt }) };
  const observed = await lastStatements(queries, 'position_observation', 'instrument', about, stamped);
  const recent = { ...day, from: startOf(addDays(date, -SET_BACK_DAYS)), upTo: last };
  const byRun = await newestByRun(queries, 'position_observation', 'instrument', about, recent);
  const newest = new Map([...observed, ...byRun].map((row) => [row.instrument, row]));
  return { balances: balances.map(readBalance), observations: [...newest.values()].map(readObservation) };
}

function startOf(date: TradeDate): Instant {
  return zonedInstant(date, '00:00:00', NEW_YORK);
}

interface SeenWithin {
  readonly from: Instant;
  readonly to: Instant;
  readonly knownAt: Instant | undefined;
  /** No later run than this. */
  readonly upTo?: number;
}

/** Of every name (instrument or currency) that has statements stamped within a span, the one of the newest run. */
async function newestByRun<Table extends Observed>(
  queries: Queries,
  table: Table,
  name: string,
  { accountId, epoch }: { readonly accountId: AccountId; readonly epoch: number },
  { from, to, knownAt, upTo }: SeenWithin,
): Promise<readonly Selectable<Schema[Table]>[]> {
  const parameters: (string | number)[] = [];
  const place = (value: string | number): string => `$${parameters.push(value)}`;
  const named = `SELECT DISTINCT ${name} AS name FROM ${table} WHERE account_id = ${place(accountId)}`;
  const conditions = [
    `p.account_id = ${place(accountId)}`,
    `p.${name} = n.name`,
    `p.epoch = ${place(epoch)}`,
    `p.as_of >= ${place(instantKey(from))}`,
    `p.as_of <= ${place(instantKey(to))}`,
    ...(upTo === undefined ? [] : [`p.run_id <= ${place(upTo)}`]),
    ...(knownAt === undefined ? [] : [`r.started_at <= ${place(instantKey(knownAt))}`]),
  ];
  const runs = knownAt === undefined ? '' : ' JOIN sync_run r ON r.id = p.run_id';
  const newest = `SELECT MAX(p.run_id) FROM ${table} p${runs} WHERE ${conditions.join(' AND ')}`;
  const { rows } = await queries.executeQuery<Selectable<Schema[Table]>>(
    CompiledQuery.raw(
      `SELECT o.* FROM (${named}) n JOIN ${table} o ON o.${name} = n.name AND o.run_id = (${newest}) ORDER BY n.name`,
      parameters,
    ),
  );
  return rows;
}

/** When looks were made, by a clock that was behind what the ledger of their run knew already. */
export async function looksBehind(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  from: Instant,
  doubtMs: number,
): Promise<ReadonlySet<Instant>> {
  const executed = await queries
    .selectFrom('activity')
    .select((column) => ['run_id', column.fn.max('executed_at').as('latest')])
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    .where('executed_at', '>', instantKey(from))
    .where('time_precision', '!=', 'day')
    .where('run_id', 'is not', null)
    .groupBy('run_id')
    .orderBy('run_id')
    .execute();
  const looks = await queries
    .selectFrom('balance_observation')
    .select(['run_id', 'as_of'])
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    .where('as_of', '>=', instantKey(from))
    .orderBy('run_id')
    .execute();
  const behind = new Set<Instant>();
  let next = 0;
  let latest: string | null = null;
  for (const { run_id: run, as_of: at } of looks) {
    for (; next < executed.length && executed[next]!.run_id! <= run; next += 1) {
      const { latest: own } = executed[next]!;
      if (latest === null || own > latest) latest = own;
    }
    const asOf = instantFromKey(at);
    if (latest !== null && latest > instantKey(addMs(asOf, doubtMs))) behind.add(asOf);
  }
  return behind;
}

/** The epoch before the first reset that was not known yet. */
export async function epochThen(
  queries: Queries,
  account: Pick<Account, 'id' | 'epoch'>,
  knownAt: Instant,
): Promise<number> {
  const resets = await listBookEvents(queries, { accountId: account.id, kinds: ['account_reset'] });
  const later = resets.filter((event) => instantKey(event.firstSeenAt) > instantKey(knownAt));
  return later.reduce((epoch, event) => Math.min(epoch, event.epoch), account.epoch);
}

const FINDING_STATES = {
  finding_opened: 'open',
  finding_changed: null,
  finding_resolved: 'resolved',
  finding_reopened: 'reopened',
  finding_dismissed: 'dismissed',
} as const satisfies Partial<Record<StoredBookEvent['kind'], FindingState | null>>;
type FindingEventKind = keyof typeof FINDING_STATES;

/** In the order they were opened. */
export async function findingsThen(
  queries: Queries,
  { accountId, knownAt }: AccountFilter & { knownAt?: Instant },
): Promise<readonly FindingThen[]> {
  const events = await listBookEvents(queries, {
    ...(accountId === undefined ? {} : { accountId }),
    ...(knownAt === undefined ? {} : { knownAt }),
    kinds: Object.keys(FINDING_STATES) as FindingEventKind[],
  });
  const findings = new Map<string, FindingThen>();
  for (const event of events) {
    const key = `${event.accountId} ${event.facts['key'] ?? ''}`;
    findings.set(key, told(findings.get(key) ?? null, event));
  }
  return [...findings.values()];
}

/** What an event says stands; of what it does not say, what was told before. */
function told(before: FindingThen | null, event: StoredBookEvent): FindingThen {
  const { facts } = event;
  const fact = (name: string): string | null | undefined => facts[name];
  return {
    accountId: event.accountId,
    epoch: event.epoch,
    key: facts['key'] ?? '',
    type: (fact('type') ?? before?.type ?? 'difference') as FindingType,
    cause: (fact('cause') ?? before?.cause ?? 'unknown') as FindingCause,
    confidence: (fact('confidence') ?? before?.confidence ?? 'possible') as Confidence,
    state: stateAfter(before, event.kind as FindingEventKind),
    instrument: event.instrument ?? before?.instrument ?? null,
    symbol: event.symbol ?? before?.symbol ?? null,
    expected: valueOf(fact('expected'), before?.expected),
    observed: valueOf(fact('observed'), before?.observed),
    firstSeenAt: before?.firstSeenAt ?? event.firstSeenAt,
    lastSeenAt: event.firstSeenAt,
    evidence: evidenceOf(facts['evidence']) ?? before?.evidence ?? [],
  };
}

function evidenceOf(text: string | null | undefined): readonly FindingEvidence[] | null {
  return text === null || text === undefined ? null : readJson<FindingEvidence[]>(text);
}

function stateAfter(before: FindingThen | null, kind: FindingEventKind): Finding['state'] {
  return FINDING_STATES[kind] ?? before?.state ?? 'open';
}

/** Null is said; undefined is left unsaid. */
function valueOf(told: string | null | undefined, before: string | null | undefined): string | null {
  return told === undefined ? (before ?? null) : told;
}
