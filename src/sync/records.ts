/**
 * The records that listings, the API and the library answer with (design section 11, contracts). One place makes them,
 * so every door says the same: decimals as canonical text, instants in UTC, absent = null, and a fresh mark with its why.
 */
import { type Account } from '../domain/account.ts';
import { decimal, type Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { addMs, compareInstants, instantToMs, type Clock, type Instant } from '../domain/time.ts';
import {
  type FreshnessRow,
  type MarkRow,
  type PositionRow,
  type PositionState,
  type RunRecord,
  type Store,
  type SyncStatistics,
} from '../store/store.ts';
import { type Quote } from '../domain/snapshot.ts';
import { freshness, type ClockReading, type Freshness } from './freshness.ts';

/** What the records need besides the store: settings and the clock, handed in. */
export interface RecordContext {
  readonly store: Store;
  readonly clock: Clock;
  /** Seconds between scheduled runs of an account. */
  intervalSeconds(account: Account): number;
  /** Seconds after which its data is stale. */
  maxAgeSeconds(account: Account): number;
  /** Whether scheduled runs are switched on for it. */
  enabled(account: Account): boolean;
  /** Patterns of client order ids that automation uses (`AUTOMATION_ORDER_IDS`), `*` allowed. */
  readonly automationOrderIds: readonly string[];
}

export interface AccountScope {
  readonly account?: Account;
}

// ------------------------------------------------------------------------------------------ positions

export interface PositionRecord {
  readonly account: string;
  readonly accountId: number;
  readonly symbol: string;
  readonly instrument: string;
  readonly kind: string;
  readonly quantity: string;
  readonly brokerQuantity: string | null;
  readonly bookQuantity: string;
  readonly explained: boolean;
  readonly averageCost: string | null;
  readonly multiplier: string;
  readonly mark: string | null;
  readonly markAsOf: string | null;
  readonly marketValue: string | null;
  readonly unrealizedPnl: string | null;
  /** Percent: 12.5 means 12.5 %. */
  readonly unrealizedPnlPct: string | null;
  readonly realizedPnl: string | null;
  readonly realizedBasis: string;
  readonly state: PositionState;
  readonly openedAt: string | null;
  readonly closedAt: string | null;
  readonly greeks: GreeksRecord | null;
  readonly option: { underlying: string; expiry: string; strike: string; right: string } | null;
  readonly asOf: string | null;
  readonly fetchedAt: string | null;
  readonly age: number | null;
  readonly fresh: boolean;
  readonly why: string | null;
  readonly source: string;
}

export interface GreeksRecord {
  readonly delta: string | null;
  readonly gamma: string | null;
  readonly theta: string | null;
  readonly vega: string | null;
  readonly rho: string | null;
  readonly iv: string | null;
  readonly asOf: string | null;
}

/** Open and missing positions unless other states are asked for, by account, kind and symbol. */
export async function positionRecords(
  context: RecordContext,
  scope: AccountScope & { states?: readonly PositionState[] } = {},
): Promise<readonly PositionRecord[]> {
  const { store } = context;
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const rows = await store.positions({ ...filter, states: scope.states ?? ['open', 'missing'] });
  const accounts = await accountFreshness(context, scope, ['positions', 'activities']);
  const instruments = await store.instruments([...new Set(rows.map((row) => row.instrument))]);
  const marks = byAccountAndInstrument(await store.marks(filter), (row) => row.instrument);
  const greeks = byAccountAndInstrument(await store.latestGreeks(filter), (quote) => quote.instrument.id);
  const records = rows.flatMap((row) => {
    const owner = accounts.get(row.accountId);
    const instrument = instruments.get(row.instrument);
    if (owner === undefined || instrument === undefined) return [];
    const key = `${row.accountId}:${row.instrument}`;
    return [positionRecord(row, instrument, owner, marks.get(key), greeks.get(key))];
  });
  return records.sort(
    (left, right) =>
      left.accountId - right.accountId ||
      compareText(left.kind, right.kind) ||
      compareText(left.symbol, right.symbol),
  );
}

function positionRecord(
  row: PositionRow,
  instrument: Instrument,
  owner: AccountFreshness,
  markRow: MarkRow | undefined,
  quote: Quote | undefined,
): PositionRecord {
  const live = row.state !== 'closed';
  const mark = live ? (markRow?.mark ?? null) : null;
  const value = mark === null ? null : row.quantity.times(mark).times(instrument.multiplier);
  const cost =
    row.averageCost === null ? null : row.quantity.times(row.averageCost).times(instrument.multiplier);
  const unrealized = value === null || cost === null ? null : value.minus(cost);
  return {
    account: owner.account.name,
    accountId: row.accountId,
    symbol: instrument.symbol,
    instrument: row.instrument,
    kind: instrument.kind,
    quantity: row.quantity.toString(),
    brokerQuantity: text(row.brokerQuantity),
    bookQuantity: row.bookQuantity.toString(),
    explained: row.explained,
    averageCost: text(row.averageCost),
    multiplier: instrument.multiplier.toString(),
    mark: text(mark),
    // Marks of the position list are repeated by every complete list, so they are as new as the newest one.
    markAsOf: mark === null ? null : (markRow?.markAsOf ?? owner.positionsAsOf),
    marketValue: text(value),
    unrealizedPnl: live ? text(unrealized) : null,
    unrealizedPnlPct:
      !live || unrealized === null || cost === null || cost.isZero()
        ? null
        : unrealized.times(HUNDRED).dividedBy(cost.abs(), 10).toString(),
    realizedPnl: text(row.realizedPnl),
    realizedBasis: row.realizedBasis,
    state: row.state,
    openedAt: row.openedAt,
    closedAt: row.closedAt,
    greeks: live ? greeksRecord(quote) : null,
    option:
      instrument.option === null
        ? null
        : {
            underlying: instrument.option.underlying,
            expiry: instrument.option.expiry,
            strike: instrument.option.strike.toString(),
            right: instrument.option.right,
          },
    ...freshFields(owner.freshness),
    source: row.source,
  };
}

const HUNDRED = decimal('100');

function greeksRecord(quote: Quote | undefined): GreeksRecord | null {
  if (quote === undefined || quote.greeks === null) return null;
  const { delta, gamma, theta, vega, rho, iv } = quote.greeks;
  return {
    delta: text(delta),
    gamma: text(gamma),
    theta: text(theta),
    vega: text(vega),
    rho: text(rho),
    iv: text(iv),
    asOf: quote.greeksAsOf,
  };
}

// ------------------------------------------------------------------------------------------ trades

export interface TradeRecord {
  readonly account: string;
  readonly id: string;
  readonly rev: number;
  readonly status: 'ok' | 'bust';
  readonly symbol: string;
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly quantity: string;
  readonly price: string | null;
  readonly fees: string | null;
  readonly feesCurrency: string | null;
  /** Signed effect on cash without fees: negative for a purchase. */
  readonly amount: string | null;
  readonly currency: string;
  readonly executedAt: string;
  readonly tradeDate: string;
  readonly orderId: string | null;
  readonly manual: boolean;
  readonly realizedPnl: string | null;
  readonly firstSeenAt: string;
  readonly source: string;
}

/** Newest revision of every execution, newest first; busts with their last good values. */
export async function tradeRecords(
  context: RecordContext,
  scope: AccountScope & { limit?: number; since?: Instant } = {},
): Promise<readonly TradeRecord[]> {
  const names = await accountNames(context.store);
  const rows = await context.store.ledger({
    ...ledgerFilter(scope),
    kinds: ['fill'],
  });
  return rows.flatMap((row) => {
    if (row.instrument === null) return [];
    return [
      {
        account: names.get(row.accountId) ?? String(row.accountId),
        id: row.externalId,
        rev: row.rev,
        status: row.status,
        symbol: row.instrument.symbol,
        instrument: row.instrument.id,
        side: row.side ?? (row.quantity.sign() < 0 ? 'sell' : 'buy'),
        quantity: row.quantity.abs().toString(),
        price: text(row.price),
        fees: text(row.fees),
        feesCurrency: row.feesCurrency,
        amount: text(row.amount),
        currency: row.currency,
        executedAt: row.executedAt,
        tradeDate: row.tradeDate,
        orderId: row.orderId,
        manual: !row.announced && !isAutomated(row.clientOrderId, context.automationOrderIds),
        realizedPnl: null,
        firstSeenAt: row.firstSeenAt,
        source: row.source,
      } satisfies TradeRecord,
    ];
  });
}

/** Whether a client order id is one of automation's: `auto-*` matches every id that begins with `auto-`. */
export function isAutomated(clientOrderId: string | null, patterns: readonly string[]): boolean {
  if (clientOrderId === null) return false;
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 'u').test(clientOrderId);
  });
}

export interface CloseRecord {
  readonly account: string;
  readonly symbol: string;
  readonly instrument: string;
  readonly openedAt: string | null;
  readonly closedAt: string | null;
  readonly entryActivity: string | null;
  readonly exitActivity: string | null;
  readonly realizedPnl: string | null;
  readonly realizedBasis: string;
  readonly holdingDays: number | null;
}

/** Episodes that ended, newest first. */
export async function closeRecords(
  context: RecordContext,
  scope: AccountScope = {},
): Promise<readonly CloseRecord[]> {
  const names = await accountNames(context.store);
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const rows = await context.store.positions({ ...filter, states: ['closed'] });
  const instruments = await context.store.instruments([...new Set(rows.map((row) => row.instrument))]);
  return rows
    .map((row) => ({
      account: names.get(row.accountId) ?? String(row.accountId),
      symbol: instruments.get(row.instrument)?.symbol ?? row.instrument,
      instrument: row.instrument,
      openedAt: row.openedAt,
      closedAt: row.closedAt,
      entryActivity: row.openedRootId === '' ? null : row.openedRootId,
      exitActivity: row.closedRootId,
      realizedPnl: text(row.realizedPnl),
      realizedBasis: row.realizedBasis,
      holdingDays: holdingDays(row.openedAt, row.closedAt),
    }))
    .sort((left, right) => compareText(right.closedAt ?? '', left.closedAt ?? ''));
}

function holdingDays(openedAt: Instant | null, closedAt: Instant | null): number | null {
  if (openedAt === null || closedAt === null) return null;
  return Math.floor((instantToMs(closedAt) - instantToMs(openedAt)) / 86_400_000);
}

// ------------------------------------------------------------------------------------------ ledger and findings

export interface ActivityRecord {
  readonly account: string;
  readonly id: string;
  readonly rootId: string;
  readonly rev: number;
  readonly status: 'ok' | 'bust';
  readonly kind: string;
  readonly brokerType: string;
  readonly symbol: string | null;
  readonly instrument: string | null;
  readonly quantity: string;
  readonly price: string | null;
  readonly amount: string | null;
  readonly currency: string;
  readonly fees: string | null;
  readonly executedAt: string;
  readonly tradeDate: string;
  readonly groupId: string | null;
  readonly description: string | null;
  readonly firstSeenAt: string;
  readonly source: string;
}

/** Everything that moved a position or cash, newest first. */
export async function activityRecords(
  context: RecordContext,
  scope: AccountScope & { limit?: number; since?: Instant } = {},
): Promise<readonly ActivityRecord[]> {
  const names = await accountNames(context.store);
  const rows = await context.store.ledger(ledgerFilter(scope));
  return rows.map((row) => ({
    account: names.get(row.accountId) ?? String(row.accountId),
    id: row.externalId,
    rootId: row.rootId,
    rev: row.rev,
    status: row.status,
    kind: row.kind,
    brokerType: row.brokerType,
    symbol: row.instrument?.symbol ?? null,
    instrument: row.instrument?.id ?? null,
    quantity: row.quantity.toString(),
    price: text(row.price),
    amount: text(row.amount),
    currency: row.currency,
    fees: text(row.fees),
    executedAt: row.executedAt,
    tradeDate: row.tradeDate,
    groupId: row.groupId,
    description: row.description,
    firstSeenAt: row.firstSeenAt,
    source: row.source,
  }));
}

export interface EventRecord {
  readonly account: string;
  readonly kind: string;
  readonly at: string;
  readonly symbol: string | null;
  readonly instrument: string | null;
  readonly facts: Readonly<Record<string, string | null>>;
  readonly firstSeenAt: string;
}

/** Lifecycle and finding events, newest first. */
export async function eventRecords(
  context: RecordContext,
  scope: AccountScope & { limit?: number } = {},
): Promise<readonly EventRecord[]> {
  const names = await accountNames(context.store);
  const rows = await context.store.bookEvents(ledgerFilter(scope));
  return rows.toReversed().map((row) => ({
    account: names.get(row.accountId) ?? String(row.accountId),
    kind: row.kind,
    at: row.at,
    symbol: row.symbol,
    instrument: row.instrument,
    facts: row.facts,
    firstSeenAt: row.firstSeenAt,
  }));
}

export interface FindingRecord {
  readonly id: number;
  readonly account: string;
  readonly type: string;
  readonly cause: string;
  readonly confidence: string;
  readonly state: string;
  readonly symbol: string | null;
  readonly expected: string | null;
  readonly observed: string | null;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly evidence: readonly { kind: string; reference: string; text: string }[];
}

/** Findings, open and reopened ones unless `all`. */
export async function findingRecords(
  context: RecordContext,
  scope: AccountScope & { all?: boolean } = {},
): Promise<readonly FindingRecord[]> {
  const { store } = context;
  const names = await accountNames(store);
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const states = scope.all === true ? {} : { states: ['open', 'reopened'] as const };
  const lastRuns = new Map<number, RunRecord | null>();
  const records: FindingRecord[] = [];
  for (const finding of await store.findings({ ...filter, ...states })) {
    if (!lastRuns.has(finding.accountId)) {
      lastRuns.set(finding.accountId, await store.lastRun(finding.accountId, 'complete'));
    }
    const isOpen = finding.state === 'open' || finding.state === 'reopened';
    const lastRunAt = lastRuns.get(finding.accountId)?.startedAt ?? finding.lastSeenAt;
    records.push({
      id: finding.id,
      account: names.get(finding.accountId) ?? String(finding.accountId),
      type: finding.type,
      cause: finding.cause,
      confidence: finding.confidence,
      state: finding.state,
      symbol: finding.symbol,
      expected: finding.expected,
      observed: finding.observed,
      firstSeenAt: finding.firstSeenAt,
      // An open finding is confirmed by every complete run; only changes are written.
      lastSeenAt:
        isOpen && compareInstants(lastRunAt, finding.lastSeenAt) > 0 ? lastRunAt : finding.lastSeenAt,
      evidence: finding.evidence.map(({ kind, reference, text: words }) => ({
        kind,
        reference,
        text: words,
      })),
    });
  }
  return records;
}

// ------------------------------------------------------------------------------------------ balances

export interface BalanceRecord {
  readonly account: string;
  readonly currency: string;
  readonly equity: string | null;
  readonly cash: string | null;
  readonly buyingPower: string | null;
  readonly longMarketValue: string | null;
  readonly shortMarketValue: string | null;
  readonly asOf: string | null;
  readonly fetchedAt: string | null;
  readonly age: number | null;
  readonly fresh: boolean;
  readonly why: string | null;
}

export async function balanceRecords(
  context: RecordContext,
  scope: AccountScope = {},
): Promise<readonly BalanceRecord[]> {
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const accounts = await accountFreshness(context, scope, ['balances']);
  return (await context.store.balances(filter)).flatMap((row) => {
    const owner = accounts.get(row.accountId);
    if (owner === undefined) return [];
    return [
      {
        account: owner.account.name,
        currency: row.currency,
        equity: text(row.equity),
        cash: text(row.cash),
        buyingPower: text(row.buyingPower),
        longMarketValue: text(row.longMarketValue),
        shortMarketValue: text(row.shortMarketValue),
        ...freshFields(owner.freshness),
      },
    ];
  });
}

// ------------------------------------------------------------------------------------------ accounts and status

export interface AccountRecord {
  readonly account: string;
  readonly accountId: number;
  readonly broker: string;
  readonly env: string;
  readonly epoch: number;
  readonly currency: string;
  readonly pinned: boolean;
  readonly createdAt: string;
}

export async function accountRecords(context: RecordContext): Promise<readonly AccountRecord[]> {
  return (await context.store.accounts()).map((account) => ({
    account: account.name,
    accountId: account.id,
    broker: account.broker,
    env: account.env,
    epoch: account.epoch,
    currency: account.baseCurrency,
    pinned: account.pinnedFingerprint !== null,
    createdAt: account.createdAt,
  }));
}

/** Keys of seeds/002, so that programs written for it go on working. */
export interface PositionSyncRecord {
  readonly enabled: boolean;
  readonly sync_interval: number;
  readonly stats: {
    readonly total_syncs: number;
    readonly successful_syncs: number;
    readonly failed_syncs: number;
    readonly positions_created: number;
    readonly positions_updated: number;
    readonly positions_closed: number;
    readonly last_sync_time: string | null;
  };
}

export interface AccountStatusRecord {
  readonly account: string;
  readonly accountId: number;
  readonly broker: string;
  readonly env: string;
  readonly auth: 'ok' | 'failed' | 'unknown';
  readonly lastSuccess: string | null;
  readonly lastAttempt: string | null;
  readonly lastError: string | null;
  readonly nextRun: string | null;
  readonly age: number | null;
  readonly fresh: boolean;
  readonly why: string | null;
  readonly openFindings: number;
  readonly position_sync: PositionSyncRecord;
}

export interface StatusRecord {
  readonly accounts: readonly AccountStatusRecord[];
  readonly agent: {
    readonly running: boolean;
    readonly pid: number | null;
    readonly startedAt: string | null;
    readonly syncCount: number;
    readonly errorCount: number;
    readonly lastCycleMs: number | null;
  };
  readonly position_sync: PositionSyncRecord;
}

export async function statusRecord(context: RecordContext, scope: AccountScope = {}): Promise<StatusRecord> {
  const { store } = context;
  const owners = await accountFreshness(context, scope, ['positions', 'activities', 'balances']);
  const accounts: AccountStatusRecord[] = [];
  for (const owner of owners.values()) accounts.push(await accountStatus(context, owner));
  const agent = await agentStatus(store, owners);
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const first = accounts[0]?.position_sync;
  return {
    accounts,
    agent,
    position_sync: positionSync(
      await store.statistics(filter),
      accounts.some((account) => account.position_sync.enabled) || accounts.length === 0,
      first?.sync_interval ?? 300,
    ),
  };
}

async function accountStatus(context: RecordContext, owner: AccountFreshness): Promise<AccountStatusRecord> {
  const { store } = context;
  const { account, newestRun } = owner;
  const lastGood = await store.lastRun(account.id, 'complete');
  const findings = await store.findings({ accountId: account.id, states: ['open', 'reopened'] });
  const interval = context.intervalSeconds(account);
  const lease = await store.leaseState(account.id);
  const scheduled = lease?.live === true && lease.holder?.kind === 'agent' && context.enabled(account);
  return {
    account: account.name,
    accountId: account.id,
    broker: account.broker,
    env: account.env,
    auth: authState(newestRun),
    lastSuccess: lastGood?.finishedAt ?? null,
    lastAttempt: newestRun?.startedAt ?? null,
    lastError: newestRun?.errorMessage ?? null,
    nextRun: scheduled && newestRun !== null ? addMs(newestRun.startedAt, interval * 1000) : null,
    age: owner.freshness.age,
    fresh: owner.freshness.fresh,
    why: owner.freshness.why,
    openFindings: findings.length,
    position_sync: positionSync(
      await store.statistics({ accountId: account.id }),
      context.enabled(account),
      interval,
    ),
  };
}

function authState(run: RunRecord | null): 'ok' | 'failed' | 'unknown' {
  if (run === null || run.outcome === 'progress') return 'unknown';
  if (run.errorCode === 'broker_auth' || run.errorCode === 'broker_forbidden') return 'failed';
  return run.outcome === 'complete' ? 'ok' : 'unknown';
}

async function agentStatus(
  store: Store,
  owners: ReadonlyMap<number, AccountFreshness>,
): Promise<StatusRecord['agent']> {
  for (const { account, newestRun } of owners.values()) {
    const lease = await store.leaseState(account.id);
    const holder = lease?.holder;
    if (lease?.live !== true || holder?.kind !== 'agent') continue;
    const counts = await store.statistics({ since: holder.startedAt });
    return {
      running: true,
      pid: holder.processId,
      startedAt: holder.startedAt,
      syncCount: counts.successfulSyncs,
      errorCount: counts.failedSyncs,
      lastCycleMs: newestRun?.durationMs ?? null,
    };
  }
  return { running: false, pid: null, startedAt: null, syncCount: 0, errorCount: 0, lastCycleMs: null };
}

function positionSync(statistics: SyncStatistics, enabled: boolean, interval: number): PositionSyncRecord {
  return {
    enabled,
    sync_interval: interval,
    stats: {
      total_syncs: statistics.totalSyncs,
      successful_syncs: statistics.successfulSyncs,
      failed_syncs: statistics.failedSyncs,
      positions_created: statistics.positionsCreated,
      positions_updated: statistics.positionsUpdated,
      positions_closed: statistics.positionsClosed,
      last_sync_time: statistics.lastSyncTime,
    },
  };
}

// ------------------------------------------------------------------------------------------ shared

interface AccountFreshness {
  readonly account: Account;
  readonly freshness: Freshness;
  readonly newestRun: RunRecord | null;
  readonly positionsAsOf: Instant | null;
}

async function accountFreshness(
  context: RecordContext,
  scope: AccountScope,
  needs: readonly FreshnessRow['dataClass'][],
): Promise<ReadonlyMap<number, AccountFreshness>> {
  const { store, clock } = context;
  const reading: ClockReading = { wallMs: clock.wallMs(), monoMs: clock.monoMs(), monoEpoch: clock.epoch };
  const owners = new Map<number, AccountFreshness>();
  for (const account of scope.account === undefined ? await store.accounts() : [scope.account]) {
    const rows = await store.freshness(account.id);
    const newestRun = await store.lastRun(account.id);
    owners.set(account.id, {
      account,
      newestRun,
      positionsAsOf: rows.find((row) => row.dataClass === 'positions')?.asOf ?? null,
      freshness: freshness({
        rows,
        newestRun,
        needs,
        maxAgeSeconds: context.maxAgeSeconds(account),
        clock: reading,
      }),
    });
  }
  return owners;
}

function freshFields(state: Freshness): Pick<PositionRecord, 'asOf' | 'fetchedAt' | 'age' | 'fresh' | 'why'> {
  return { asOf: state.asOf, fetchedAt: state.fetchedAt, age: state.age, fresh: state.fresh, why: state.why };
}

async function accountNames(store: Store): Promise<ReadonlyMap<number, string>> {
  return new Map((await store.accounts()).map((account) => [account.id, account.name]));
}

function ledgerFilter(scope: AccountScope & { limit?: number; since?: Instant }): {
  accountId?: number;
  limit?: number;
  since?: Instant;
} {
  return {
    ...(scope.account === undefined ? {} : { accountId: scope.account.id }),
    ...(scope.limit === undefined ? {} : { limit: scope.limit }),
    ...(scope.since === undefined ? {} : { since: scope.since }),
  };
}

function byAccountAndInstrument<Row extends { accountId: number }>(
  rows: readonly Row[],
  instrument: (row: Row) => InstrumentId,
): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [`${row.accountId}:${instrument(row)}`, row]));
}

function text(value: Decimal | null): string | null {
  return value === null ? null : value.toString();
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
