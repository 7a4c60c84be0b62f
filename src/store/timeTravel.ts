/** What the broker had stated and what findings were known at an earlier moment; the ledger's own part is in its files. */
import { type Account, type AccountId } from '../domain/account.ts';
import {
  type Confidence,
  type Finding,
  type FindingCause,
  type FindingState,
  type FindingType,
} from '../domain/finding.ts';
import { instantKey, type Instant } from '../domain/time.ts';
import { listBookEvents } from './bookEvents.ts';
import { type Queries } from './database.ts';
import { readBalance, readObservation } from './observations.ts';
import {
  type AccountFilter,
  type BalanceObservation,
  type FindingThen,
  type PositionObservation,
  type StoredBookEvent,
  type TimeTravel,
} from './store.ts';

type Observed = 'position_observation' | 'balance_observation';

/** Of one instrument or currency the last statement by then, among those that runs had seen by then. */
async function lastRun(
  queries: Queries,
  table: Observed,
  about: { readonly accountId: AccountId; readonly epoch: number; readonly name: string },
  { asOf, knownAt }: TimeTravel,
): Promise<number | null> {
  const column = table === 'position_observation' ? 'o.instrument' : 'o.currency';
  let query = queries
    .selectFrom(`${table as 'position_observation'} as o`)
    .select('o.run_id')
    .where('o.account_id', '=', about.accountId)
    .where(queries.dynamic.ref(column), '=', about.name)
    .where('o.epoch', '=', about.epoch)
    .orderBy('o.as_of', 'desc')
    .orderBy('o.run_id', 'desc')
    .limit(1);
  if (asOf !== undefined) query = query.where('o.as_of', '<=', instantKey(asOf));
  if (knownAt !== undefined) {
    query = query
      .innerJoin('sync_run as r', 'r.id', 'o.run_id')
      .where('r.started_at', '<=', instantKey(knownAt));
  }
  return (await query.executeTakeFirst())?.run_id ?? null;
}

/** By instrument. */
export async function observationsAt(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  when: TimeTravel,
): Promise<readonly PositionObservation[]> {
  const names = await queries
    .selectFrom('position_observation')
    .select('instrument as name')
    .distinct()
    .where('account_id', '=', accountId)
    .orderBy('instrument')
    .execute();
  const observations: PositionObservation[] = [];
  for (const { name } of names) {
    const runId = await lastRun(queries, 'position_observation', { accountId, epoch, name }, when);
    if (runId === null) continue;
    const row = await queries
      .selectFrom('position_observation')
      .selectAll()
      .where('run_id', '=', runId)
      .where('instrument', '=', name)
      .executeTakeFirstOrThrow();
    observations.push(readObservation(row));
  }
  return observations;
}

/** By currency. */
export async function balancesAt(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  when: TimeTravel,
): Promise<readonly BalanceObservation[]> {
  const names = await queries
    .selectFrom('balance_observation')
    .select('currency as name')
    .distinct()
    .where('account_id', '=', accountId)
    .orderBy('currency')
    .execute();
  const balances: BalanceObservation[] = [];
  for (const { name } of names) {
    const runId = await lastRun(queries, 'balance_observation', { accountId, epoch, name }, when);
    if (runId === null) continue;
    const row = await queries
      .selectFrom('balance_observation')
      .selectAll()
      .where('run_id', '=', runId)
      .where('currency', '=', name)
      .executeTakeFirstOrThrow();
    balances.push(readBalance(row));
  }
  return balances;
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
  };
}

function stateAfter(before: FindingThen | null, kind: FindingEventKind): Finding['state'] {
  return FINDING_STATES[kind] ?? before?.state ?? 'open';
}

/** Null is said; undefined is left unsaid. */
function valueOf(told: string | null | undefined, before: string | null | undefined): string | null {
  return told === undefined ? (before ?? null) : told;
}
