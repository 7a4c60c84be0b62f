/** What it costs to derive every view of an account again, from a ledger on the disk to rows on the disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { contentHash } from '../../src/domain/contentHash.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { type BookEvent } from '../../src/domain/event.ts';
import { equity } from '../../src/domain/instrument.ts';
import { addMs, newYorkDate, parseInstant, type Clock } from '../../src/domain/time.ts';
import { realSleep } from '../../src/platform.ts';
import { openStore } from '../../src/store/open.ts';
import {
  type Lease,
  type NewRevision,
  type RunCommit,
  type Store,
  type ViewTable,
} from '../../src/store/store.ts';
import { bookThen } from '../../src/sync/asOf.ts';
import { rebuildViews, verifyViews } from '../../src/sync/rebuild.ts';
import { type Figure, type Tell } from './figures.ts';

const FIRST = parseInstant('2024-09-03T14:00:00Z');
const SYMBOLS = 50;
/** Positions are built in so many purchases, each larger than the last, and sold in as many sales of the same sizes. */
const STEPS = 4;

/** `count` activities over a year in one account of a SQLite file. */
export async function measureRebuild(count: number, tell: Tell): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'truebook-rebuild-'));
  const clock: Clock = { wallMs: () => Date.parse(FIRST), monoMs: () => 0, epoch: 'bench', sleep: realSleep };
  const store = await openStore({ url: `sqlite:${path.join(folder, 'book.db')}`, clock });
  const told = teller(count, tell);
  try {
    const lease = await fill(store, count);
    const [account] = await store.accounts();
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const start = performance.now();
      await work();
      return performance.now() - start;
    };
    const audit = { at: FIRST, actor: 'bench' };
    const empty = await timed(() => rebuildViews(store, account!, lease, audit, null));
    told('rebuild into empty views', empty, 'ms', 5_000);
    told('rebuild, activities per second', (count / empty) * 1_000, 'per second');
    told('rebuild --verify', await timed(() => check(store, count)), 'ms');
    const asOf = addMs(FIRST, 180 * 86_400_000);
    told('book at a moment', await timed(() => bookThen(store, account!, { asOf }, 1)), 'ms');
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A measurement of something that did not happen is worth nothing. Every purchase is a lot, every sale closes some. */
async function check(store: Store, count: number): Promise<void> {
  const [account] = await store.accounts();
  const report = await verifyViews(store, account!, null);
  const rows = (name: ViewTable): number =>
    report.tables.find(({ table }) => table === name)?.stored.rows ?? 0;
  const sales = Array.from({ length: count }, (_, index) => index).filter(isSaleAt).length;
  const isWhole = rows('lot') === count - sales && rows('lot_closure') >= sales;
  if (!report.same || !isWhole) throw new Error('The bench measured something else: the rows are not right.');
}

/** The ledger, the broker's last statements and the events of the positions it ended with. */
async function fill(store: Store, count: number): Promise<Lease> {
  const account = await store.ensureAccount({
    name: 'alpaca-paper',
    broker: 'alpaca',
    env: 'paper',
    connection: 'bench',
    baseCurrency: 'USD',
    at: FIRST,
  });
  const holder = {
    incarnation: 'bench',
    kind: 'command',
    processId: 1,
    host: 'bench',
    startedAt: FIRST,
  } as const;
  const grant = await store.acquireLease(account.id, holder, 3_600_000);
  if (!('lease' in grant)) throw new Error('The lease is held.');
  const revisions = fills(count);
  for (let from = 0; from < count; from += 5_000)
    await store.commitRun(
      commitOf(grant.lease, { revisions: revisions.slice(from, from + 5_000) }, 'progress'),
    );
  const { book } = foldBook(EMPTY_BOOK, revisions);
  const asOf = revisions.at(-1)!.executedAt;
  const open = [...book.open.values()];
  await store.commitRun(
    commitOf(
      grant.lease,
      {
        ledgerSeq: (await store.bookMarks(account.id)).ledgerSeq,
        events: open.map(({ instrument, quantity, openedAt }): BookEvent => ({
          kind: 'opened',
          at: openedAt,
          instrument,
          symbol: null,
          facts: { after: quantity.toString() },
        })),
        positionObservations: open.map(({ instrument, quantity }) => ({
          instrument,
          quantity,
          averageCost: Decimal.one,
          mark: Decimal.one,
          markAsOf: null,
          marketValue: null,
          unrealizedPnl: null,
          asOf,
          tradeDate: newYorkDate(asOf),
        })),
      },
      'complete',
    ),
  );
  return grant.lease;
}

const stepOf = (index: number): number => Math.floor(index / SYMBOLS) % (2 * STEPS);
const isSaleAt = (index: number): boolean => stepOf(index) >= STEPS;

function fills(count: number): readonly NewRevision[] {
  const apartMs = Math.floor((365 * 86_400_000) / count);
  return Array.from({ length: count }, (_, index) => {
    const executedAt = addMs(FIRST, index * apartMs);
    const instrument = equity(`S${index % SYMBOLS}`);
    const isSale = isSaleAt(index);
    const quantity = Decimal.ofInteger((isSale ? -10 : 10) * (1 + (stepOf(index) % STEPS)));
    const price = Decimal.ofInteger(90 + ((index * 7) % 23));
    const activity: Activity = {
      rootId: `FILL:${index}`,
      kind: 'fill',
      status: 'ok',
      brokerRev: null,
      instrument,
      quantity,
      price,
      amount: quantity.times(price).negate(),
      currency: 'USD',
      fees: null,
      feesCurrency: null,
      executedAt,
      timePrecision: 'instant',
      tradeDate: newYorkDate(executedAt),
      publishedAt: executedAt,
      side: isSale ? 'sell' : 'buy',
      orderId: `order-${index}`,
      groupId: null,
      externalId: `fill-${index}`,
      brokerType: 'FILL',
      description: null,
      source: 'alpaca',
      details: {},
    };
    return { ...activity, rev: 0, firstSeenAt: executedAt, contentHash: contentHash(activity) };
  });
}

function commitOf(lease: Lease, change: Partial<RunCommit>, outcome: 'progress' | 'complete'): RunCommit {
  return {
    lease,
    run: {
      accountId: lease.accountId,
      epoch: 1,
      trigger: 'command',
      type: 'all',
      startedAt: FIRST,
      finishedAt: FIRST,
      durationMs: 0,
      outcome,
      reconciled: true,
      errorCode: null,
      errorMessage: null,
      counts: { created: 0, updated: 0, closed: 0, missing: 0, findings: 0, newActivities: 0 },
      deepScan: false,
    },
    audit: [],
    reads: [],
    payloads: [],
    quarantine: [],
    instruments: [],
    aliases: [],
    revisions: [],
    events: [],
    orders: [],
    positionObservations: [],
    dayEnds: null,
    balanceObservations: [],
    greeks: [],
    marks: [],
    balanceDays: [],
    positions: { upsert: [], remove: [] },
    lots: {
      upsert: [],
      remove: [],
      closures: { upsert: [], remove: [] },
      wash: { upsert: [], remove: [] },
    },
    elections: [],
    checkpoint: null,
    earlierCheckpoints: [],
    ledgerSeq: 0,
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

function teller(count: number, tell: Tell) {
  return (name: string, value: number, unit: Figure['unit'], limit: number | null = null): void =>
    tell({
      name: `${name}, ${count} activities`,
      database: 'sqlite',
      value,
      unit,
      limit: count === 50_000 ? limit : null,
      isAim: false,
    });
}
