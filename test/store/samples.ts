/** Small, complete values to store: each test changes the fields it is about. */
import { randomBytes } from 'node:crypto';
import { type Account } from '../../src/domain/account.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { contentHash } from '../../src/domain/contentHash.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { type Finding } from '../../src/domain/finding.ts';
import { equity } from '../../src/domain/instrument.ts';
import { type Lot, type LotClosure, type WashAdjustment } from '../../src/domain/lot.ts';
import { addMs, parseInstant, parseTradeDate, type Instant } from '../../src/domain/time.ts';
import {
  type Lease,
  type LeaseHolder,
  type NewRevision,
  type PositionObservation,
  type PositionRow,
  type RunCommit,
  type Store,
} from '../../src/store/store.ts';

export const AT = parseInstant('2025-08-22T14:00:00.123456789Z');
export const DAY = parseTradeDate('2025-08-22');
export const AAPL = equity('AAPL');
export const MSFT = equity('MSFT');

export function minutesLater(minutes: number, from: Instant = AT): Instant {
  return addMs(from, minutes * 60_000);
}

export async function createAccount(store: Store, name = 'alpaca-paper'): Promise<Account> {
  return await store.ensureAccount({
    name,
    broker: 'alpaca',
    env: 'paper',
    connection: name,
    baseCurrency: 'USD',
    at: AT,
  });
}

export function holder(change: Partial<LeaseHolder> = {}): LeaseHolder {
  const incarnation = randomBytes(8).toString('hex');
  return { incarnation, kind: 'agent', processId: 4711, host: 'here', startedAt: AT, ...change };
}

export async function takeLease(
  store: Store,
  accountId: number,
  by = holder(),
  ttlMs = 60_000,
): Promise<Lease> {
  const answer = await store.acquireLease(accountId, by, ttlMs);
  if ('lease' in answer) return answer.lease;
  throw new Error(`held by ${answer.heldBy.incarnation}`);
}

/** An account with its lease. */
export async function ready(store: Store, name?: string): Promise<{ account: Account; lease: Lease }> {
  const account = await createAccount(store, name);
  return { account, lease: await takeLease(store, account.id) };
}

export const NO_LOTS: RunCommit['lots'] = {
  upsert: [],
  remove: [],
  closures: { upsert: [], remove: [] },
  wash: { upsert: [], remove: [] },
};

/** A run that changed nothing but its own record. */
export function commitOf(
  lease: Lease,
  change: Partial<RunCommit> = {},
  run: Partial<RunCommit['run']> = {},
): RunCommit {
  return {
    lease,
    run: {
      accountId: lease.accountId,
      epoch: 1,
      trigger: 'schedule',
      type: 'all',
      startedAt: AT,
      finishedAt: minutesLater(1),
      durationMs: 60_000,
      outcome: 'complete',
      reconciled: true,
      errorCode: null,
      errorMessage: null,
      counts: { created: 0, updated: 0, closed: 0, missing: 0, findings: 0, newActivities: 0 },
      deepScan: false,
      ...run,
    },
    audit: [
      {
        at: AT,
        actor: 'agent:1@here',
        action: 'sync',
        object: 'alpaca-paper',
        facts: { outcome: 'complete' },
      },
    ],
    reads: [],
    payloads: [],
    quarantine: [],
    instruments: [],
    aliases: [],
    revisions: [],
    events: [],
    orders: [],
    dayEnds: null,
    positionObservations: [],
    balanceObservations: [],
    greeks: [],
    marks: [],
    balanceDays: [],
    positions: { upsert: [], remove: [] },
    lots: NO_LOTS,
    elections: [],
    checkpoint: null,
    earlierCheckpoints: [],
    // As who has seen everything.
    ledgerSeq: Number.MAX_SAFE_INTEGER,
    findings: [],
    cursors: [],
    freshness: [],
    watch: [],
    outbox: [],
    pin: null,
    requestIds: [],
    answer: null,
    bankroll: [],
    ...change,
  };
}

/** A buy of 10 AAPL at 150.25. */
export function fill(
  rootId: string,
  change: Partial<Activity> = {},
  revision: Partial<NewRevision> = {},
): NewRevision {
  const activity: Activity = {
    rootId,
    kind: 'fill',
    status: 'ok',
    brokerRev: null,
    instrument: AAPL,
    quantity: decimal('10'),
    price: decimal('150.25'),
    amount: decimal('-1502.5'),
    currency: 'USD',
    fees: null,
    feesCurrency: null,
    executedAt: AT,
    timePrecision: 'instant',
    tradeDate: DAY,
    publishedAt: AT,
    side: 'buy',
    orderId: `order-of-${rootId}`,
    groupId: null,
    externalId: `external-${rootId}`,
    brokerType: 'FILL',
    description: null,
    source: 'alpaca',
    details: {},
    ...change,
  };
  return { ...activity, rev: 0, firstSeenAt: AT, contentHash: contentHash(activity), ...revision };
}

export function positionOf(accountId: number, change: Partial<PositionRow> = {}): PositionRow {
  return {
    accountId,
    epoch: 1,
    instrument: AAPL.id,
    openedRootId: 'FILL:1',
    state: 'open',
    quantity: decimal('10'),
    brokerQuantity: decimal('10'),
    bookQuantity: decimal('10'),
    explained: true,
    averageCost: decimal('150.25'),
    averageCostSource: 'broker',
    realizedPnl: null,
    realizedBasis: 'unknown',
    openedAt: AT,
    closedAt: null,
    closedRootId: null,
    missingSince: null,
    source: 'alpaca',
    ...change,
  };
}

/** 10 AAPL bought for 1502.5, all still held. */
export function lotOf(change: Partial<Lot> = {}): Lot {
  return {
    id: 'FILL:1',
    instrument: AAPL.id,
    openedRootId: 'FILL:1',
    activityRootId: 'FILL:1',
    direction: 'long',
    openedAt: AT,
    acquiredAt: AT,
    acquiredDate: DAY,
    holdingFrom: DAY,
    quantity: decimal('10'),
    openQuantity: decimal('10'),
    cost: decimal('1502.5'),
    openCost: decimal('1502.5'),
    rolled: decimal('0'),
    costSource: 'fill',
    currency: 'USD',
    openCostBase: decimal('1502.5'),
    ...change,
  };
}

/** All of the lot sold half an hour later for 1605. */
export function closureOf(change: Partial<LotClosure> = {}): LotClosure {
  return {
    id: 'FILL:2/FILL:1',
    lotId: 'FILL:1',
    instrument: AAPL.id,
    openedRootId: 'FILL:1',
    activityRootId: 'FILL:2',
    kind: 'sale',
    direction: 'long',
    acquiredDate: DAY,
    closedAt: minutesLater(30),
    closedDate: DAY,
    quantity: decimal('10'),
    cost: decimal('1502.5'),
    proceeds: decimal('1605'),
    fees: decimal('0'),
    realized: decimal('102.5'),
    rolled: decimal('0'),
    rolledProceeds: decimal('0'),
    realizedBasis: 'exact',
    term: 'short',
    holdingDays: 0,
    currency: 'USD',
    realizedBaseCloseRate: decimal('102.5'),
    realizedBaseHistorical: null,
    ...change,
  };
}

export function washOf(change: Partial<WashAdjustment> = {}): WashAdjustment {
  return {
    id: 'FILL:2/FILL:1>FILL:3',
    scope: 'account',
    closureId: 'FILL:2/FILL:1',
    replacementAccountId: 1,
    replacementLotId: 'FILL:3',
    quantity: decimal('10'),
    disallowed: decimal('12.34'),
    permanentlyLost: decimal('0'),
    holdingFrom: DAY,
    currency: 'USD',
    ...change,
  };
}

export function lotsCommit(
  lots: readonly Lot[],
  closures: readonly LotClosure[] = [],
  wash: readonly WashAdjustment[] = [],
): RunCommit['lots'] {
  return {
    ...NO_LOTS,
    upsert: lots,
    closures: { upsert: closures, remove: [] },
    wash: { upsert: wash, remove: [] },
  };
}

export function observationOf(change: Partial<PositionObservation> = {}): PositionObservation {
  return {
    instrument: AAPL.id,
    quantity: decimal('10'),
    averageCost: decimal('150.25'),
    mark: decimal('151'),
    markAsOf: AT,
    marketValue: decimal('1510'),
    unrealizedPnl: decimal('7.5'),
    asOf: AT,
    tradeDate: DAY,
    ...change,
  };
}

export function findingOf(change: Partial<Finding> = {}): Finding {
  return {
    key: 'missing:equity:AAPL:USD',
    type: 'missing',
    cause: 'unknown',
    confidence: 'possible',
    state: 'open',
    instrument: AAPL.id,
    symbol: 'AAPL',
    expected: '10',
    observed: '0',
    firstSeenAt: AT,
    lastSeenAt: AT,
    evidence: [{ kind: 'run', reference: '1', text: 'absent from a complete answer' }],
    ...change,
  };
}

/** Everything a run can hold, once. */
export function fullCommit(lease: Lease): RunCommit {
  return commitOf(
    lease,
    {
      reads: [
        { resource: 'positions', kind: 'complete', reason: null, rowCount: 1, asOf: AT, startedAt: AT },
        {
          resource: 'activities',
          kind: 'incomplete',
          reason: 'http_503',
          rowCount: null,
          asOf: null,
          startedAt: AT,
        },
      ],
      payloads: [
        {
          sha256: 'a'.repeat(64),
          resource: 'positions',
          status: 200,
          path: '/v2/positions',
          requestId: 'r1',
          startedAt: AT,
          receivedAt: AT,
          body: '[{"symbol":"AAPL"}]',
        },
      ],
      quarantine: [
        {
          resource: 'activities',
          path: 'activities[1].qty',
          reason: 'not a number',
          row: '{}',
          payloadSha256: null,
        },
      ],
      instruments: [AAPL],
      aliases: [{ instrument: AAPL.id, scheme: 'alpaca', alias: 'asset-1' }],
      revisions: [fill('FILL:1')],
      events: [
        { kind: 'opened', at: AT, instrument: AAPL.id, symbol: 'AAPL', facts: { after: '10', before: '0' } },
      ],
      orders: [
        { orderId: 'order-of-FILL:1', clientOrderId: 'auto-1', parentOrderId: null, nextLookupAt: null },
      ],
      positionObservations: [observationOf()],
      balanceObservations: [
        {
          currency: 'USD',
          equity: decimal('10000'),
          cash: decimal('8497.5'),
          buyingPower: decimal('16995'),
          longMarketValue: decimal('1510'),
          shortMarketValue: decimal('0'),
          asOf: AT,
          fetchedAt: AT,
          tradeDate: DAY,
        },
      ],
      greeks: [
        {
          instrument: MSFT,
          mark: decimal('400'),
          markAsOf: AT,
          greeks: {
            delta: decimal('0.5'),
            gamma: null,
            theta: null,
            vega: null,
            rho: null,
            iv: decimal('0.19'),
          },
          greeksAsOf: AT,
        },
      ],
      marks: [{ instrument: AAPL.id, mark: decimal('151'), markAsOf: AT, fetchedAt: AT, source: 'alpaca' }],
      balanceDays: [
        {
          tradeDate: DAY,
          currency: 'USD',
          endEquity: decimal('10000'),
          endCash: decimal('8497.5'),
          buyingPower: decimal('16995'),
          profitLoss: null,
          source: 'recorded',
        },
        {
          tradeDate: parseTradeDate('2025-08-20'),
          currency: 'USD',
          endEquity: decimal('9990.25'),
          endCash: null,
          buyingPower: null,
          profitLoss: decimal('-9.75'),
          source: 'broker',
        },
      ],
      positions: { upsert: [positionOf(lease.accountId)], remove: [] },
      lots: lotsCommit([lotOf()]),
      checkpoint: {
        epoch: 1,
        lastExecutedAt: AT,
        lastRootId: 'FILL:1',
        activityCount: 1,
        rulesHash: 'rules',
        state: '{"cash":{}}',
        lots: '[]',
      },
      findings: [findingOf()],
      cursors: [{ name: 'activities', position: AT, updatedAt: AT }],
      freshness: [
        {
          dataClass: 'positions',
          asOf: AT,
          asOfMonoMs: 1234.5,
          monoEpoch: 'boot-1',
          fetchedAt: AT,
          reconciled: true,
          verified: true,
        },
      ],
      watch: [{ rootId: 'FILL:1', absentScans: 1, withdrawn: false, pendingContentHash: null }],
      outbox: [{ kind: 'position_opened', at: AT, facts: { symbol: 'AAPL' } }],
      pin: { fingerprint: 'f'.repeat(64), last4: '1234', baseCurrency: 'USD' },
    },
    { counts: { created: 1, updated: 0, closed: 0, missing: 0, findings: 1, newActivities: 1 } },
  );
}

/** Every value as text, so that two databases' answers can be compared. */
export function asText(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_name, part: unknown) => (part instanceof Map ? [...part.entries()] : part)),
  ) as unknown;
}
