/**
 * What a sync needs to know, kept from one run to the next: an agent that looks after ten thousand positions would else
 * read them all anew every five minutes to find that nothing changed.
 *
 * Kept only under a *stamp* that one cheap statement reads anew before every use: the newest run and the head of the
 * account's chain (both hashes), the fence of its lease, the account itself. Whoever writes for an account holds its
 * lease, writes a run or a link of the chain, and so changes the stamp. A commit of our own carries what is kept over
 * to the state behind it; whatever it cannot carry over exactly is dropped and read again.
 */
import { CompiledQuery, type Selectable } from 'kysely';
import { type Account, type AccountId } from '../domain/account.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { compareInstants, instantKey, type Instant } from '../domain/time.ts';
import { readAccount, unknownAccount } from './accounts.ts';
import { type RowsBeside } from './activities.ts';
import { type Queries } from './database.ts';
import { type AccountTable } from './schema.ts';
import {
  type FreshnessRow,
  type PositionRow,
  type RunCommit,
  type RunRecord,
  type SyncState,
} from './store.ts';

/** Names one state of one account's rows. */
export interface StateStamp {
  readonly account: Account;
  /** Hash of the newest run's row, null before the first. */
  readonly runHash: string | null;
  /** Head of the account's chain. */
  readonly chainHash: string | null;
  /** Place of that head. */
  readonly chainSeq: number;
  readonly fence: number | null;
}

type StampRow = Selectable<AccountTable> & {
  readonly fence: number | null;
  readonly chain_hash: string | null;
  readonly chain_seq: number | null;
  readonly run_hash: string | null;
};

/** As text, because it is sent in every cycle: building it costs more than running it. */
const STAMP = `SELECT a.*, l.fence, h.hash AS chain_hash, h.seq AS chain_seq, r.row_hash AS run_hash
  FROM account AS a
  LEFT JOIN lease AS l ON l.account_id = a.id
  LEFT JOIN chain_head AS h ON h.account_id = a.id
  LEFT JOIN sync_run AS r ON r.id = (
    -- The plus keeps the index on the account out: the newest run is found from the end of the table.
    SELECT newest.id FROM sync_run AS newest WHERE +newest.account_id = $1 ORDER BY newest.id DESC LIMIT 1)
  WHERE a.id = $2`;

/** One statement. Throws `unknown_account`. */
export async function readStamp(queries: Queries, accountId: AccountId): Promise<StateStamp> {
  const {
    rows: [row],
  } = await queries.executeQuery<StampRow>(CompiledQuery.raw(STAMP, [accountId, accountId]));
  if (row === undefined) throw unknownAccount(accountId);
  return {
    account: readAccount(row),
    runHash: row.run_hash,
    chainHash: row.chain_hash,
    chainSeq: row.chain_seq ?? 0,
    fence: row.fence,
  };
}

/** What a commit did to the things a stamp is made of. */
export interface CommitTrace {
  readonly runHash: string;
  /** Null where nothing was appended to the account's chain. */
  readonly chain: { readonly before: string; readonly after: string; readonly seq: number } | null;
}

interface Kept {
  readonly stamp: StateStamp;
  readonly state: SyncState;
  /** No order of the stored fills is wanted before then; `never`: not before the ledger grows. Null: not known. */
  readonly ordersFrom: Instant | 'never' | null;
  /** What the ledger held beside the last answer, as of this state; null where nobody asked. */
  readonly beside: RowsBeside | null;
}

/** Identities up to which what stands beside an answer is kept: beyond it the memory is worth more than the statement. */
const BESIDE_MAX = 1_000;

export class StateCache {
  readonly #kept = new Map<AccountId, Kept>();
  /** How often something of an account was dropped: what was read before the last time is not kept after it. */
  readonly #drops = new Map<AccountId, number>();

  /** The state of exactly this stamp, null when it is not at hand. */
  find(stamp: StateStamp): SyncState | null {
    const kept = this.#kept.get(stamp.account.id);
    return kept !== undefined && isSame(kept.stamp, stamp) ? kept.state : null;
  }

  /** To be taken before a state is read, and handed to `keep` with it. */
  drops(accountId: AccountId): number {
    return this.#drops.get(accountId) ?? 0;
  }

  /** Nothing is kept where the account was dropped while the state was read: it may be of before. */
  keep(stamp: StateStamp, state: SyncState, drops: number): void {
    const accountId = stamp.account.id;
    if (drops === this.drops(accountId))
      this.#kept.set(accountId, { stamp, state, ordersFrom: null, beside: null });
  }

  /** Whether it is known that no order is wanted yet, as of the state that was handed out last. */
  noOrdersBefore(accountId: AccountId, now: Instant): boolean {
    const from = this.#kept.get(accountId)?.ordersFrom ?? null;
    return from !== null && (from === 'never' || compareInstants(now, from) < 0);
  }

  noteOrders(accountId: AccountId, from: Instant | null): void {
    const kept = this.#kept.get(accountId);
    if (kept !== undefined) this.#kept.set(accountId, { ...kept, ordersFrom: from ?? 'never' });
  }

  /** As of the state that was handed out last; null where it was not asked for the same, or the ledger grew since. */
  findBeside(
    accountId: AccountId,
    epoch: number,
    publishedAfter: Instant,
    rootIds: readonly string[],
  ): RowsBeside | null {
    const beside = this.#kept.get(accountId)?.beside ?? null;
    if (beside === null || beside.epoch !== epoch) return null;
    if (compareInstants(beside.publishedAfter, publishedAfter) > 0) return null;
    const asked = new Set(rootIds);
    return asked.size === beside.asked.size && asked.isSubsetOf(beside.asked) ? beside : null;
  }

  /** `drops` as they were before the rows were read: what was read across a change is not kept. */
  noteBeside(rows: RowsBeside, drops: number): void {
    const kept = this.#kept.get(rows.accountId);
    if (kept === undefined || drops !== this.drops(rows.accountId) || rows.asked.size > BESIDE_MAX) return;
    this.#kept.set(rows.accountId, { ...kept, beside: rows });
  }

  drop(accountId: AccountId): void {
    this.#kept.delete(accountId);
    this.#drops.set(accountId, this.drops(accountId) + 1);
  }

  /** Carries what is kept over a commit that succeeded, or drops it. */
  advance(commit: RunCommit, run: RunRecord, trace: CommitTrace | null): void {
    const { accountId, fence } = commit.lease;
    const kept = this.#kept.get(accountId);
    this.drop(accountId);
    this.#dropOtherTerms(accountId, commit);
    if (kept === undefined || trace === null || kept.stamp.fence !== fence) return;
    if (trace.chain !== null && trace.chain.before !== kept.stamp.chainHash) return;
    const chainSeq = trace.chain?.seq ?? kept.stamp.chainSeq;
    const state = stateAfter({ ...kept.state, ledgerSeq: chainSeq }, commit, run);
    if (state === null) return;
    const chainHash = trace.chain?.after ?? kept.stamp.chainHash;
    const stamp = { account: state.account, runHash: trace.runHash, chainHash, chainSeq, fence };
    const grew = commit.revisions.length > 0 || commit.orders.length > 0;
    this.#kept.set(accountId, {
      stamp,
      state,
      ordersFrom: grew ? null : kept.ordersFrom,
      beside: commit.revisions.length > 0 || commit.watch.length > 0 ? null : kept.beside,
    });
  }

  /**
   * Instruments belong to all accounts, a stamp to one: what this commit writes of them is not what others keep. Another
   * process's writes are seen at the next miss; until then the names of the broker's last answer to this account hold.
   */
  #dropOtherTerms(accountId: AccountId, { instruments }: RunCommit): void {
    if (instruments.length === 0) return;
    for (const [other, { state }] of [...this.#kept]) {
      if (other !== accountId && instruments.some(({ id }) => state.instruments.has(id))) this.drop(other);
    }
  }
}

function isSame(left: StateStamp, right: StateStamp): boolean {
  return (
    left.runHash === right.runHash &&
    left.chainHash === right.chainHash &&
    left.fence === right.fence &&
    JSON.stringify(left.account) === JSON.stringify(right.account)
  );
}

/** Instruments kept beside those that a row can name. */
const INSTRUMENTS_BESIDE_MAX = 1000;

/** The state behind a commit; null where it holds what only the database knows (ids, places, first sights). */
export function stateAfter(state: SyncState, commit: RunCommit, run: RunRecord): SyncState | null {
  const { account } = state;
  const hasUnknowns =
    commit.pin !== null ||
    commit.findings.length > 0 ||
    commit.bankroll.length > 0 ||
    commit.greeks.length > 0;
  if (hasUnknowns || run.epoch !== account.epoch) return null;
  const instruments = new Map(state.instruments);
  for (const instrument of commit.instruments) instruments.set(instrument.id, instrument);
  for (const { instrument } of commit.revisions)
    if (instrument !== null && !instruments.has(instrument.id)) return null;
  const rows = state.positions.length + state.observations.length + state.marks.length;
  // Instruments of rows that are gone are kept along; once they are many, the state is read anew without them.
  if (instruments.size > rows + INSTRUMENTS_BESIDE_MAX) return null;
  return {
    ...state,
    cursors: merged(state.cursors, commit.cursors, (row) => row.name),
    freshness: merged(
      state.freshness,
      commit.freshness.map((row): FreshnessRow => ({ ...row, runId: run.id })),
      (row) => row.dataClass,
    ),
    positions: positionsAfter(state.positions, commit.positions),
    observations: merged(
      state.observations,
      commit.positionObservations,
      (row) => row.instrument,
      (row) => row.quantity.isZero(),
    ),
    balances: merged(
      state.balances,
      commit.balanceObservations.map((row) => ({ ...row, accountId: account.id })),
      (row) => row.currency,
    ),
    marks: merged(
      state.marks,
      commit.marks.map((row) => ({ ...row, accountId: account.id })),
      (row) => row.instrument,
    ),
    checkpoint: checkpointAfter(state, commit),
    elections: [
      ...state.elections,
      ...commit.elections.map((election) => ({ ...election, firstSeenAt: run.startedAt })),
    ],
    shortsReported: shortsAfter(state.shortsReported, commit.positionObservations),
    instruments,
    lastRun: run,
  };
}

/** The one of the commit covers the ledger; an older one does only while nothing was booked. */
function checkpointAfter(state: SyncState, commit: RunCommit): SyncState['checkpoint'] {
  if (commit.checkpoint === 'drop') return null;
  return commit.checkpoint ?? (commit.revisions.length === 0 ? state.checkpoint : null);
}

function shortsAfter(
  known: SyncState['shortsReported'],
  observations: RunCommit['positionObservations'],
): SyncState['shortsReported'] {
  const fresh = observations.filter(
    ({ instrument, quantity }) => quantity.sign() < 0 && !known.includes(instrument),
  );
  return fresh.length === 0 ? known : [...known, ...fresh.map((row) => row.instrument)].sort();
}

function positionsAfter(
  rows: readonly PositionRow[],
  { upsert, remove }: RunCommit['positions'],
): readonly PositionRow[] {
  const removed = new Set(remove.map(positionKey));
  const left = removed.size === 0 ? rows : rows.filter((row) => !removed.has(positionKey(row)));
  return merged(left, upsert, positionKey, (row) => row.state === 'closed', positionPlace);
}

/** Names a row within its epoch. */
function positionKey(row: { readonly instrument: InstrumentId; readonly openedRootId: string }): string {
  return `${row.instrument}\n${row.openedRootId}`;
}

/** Where a row stands in the list: by instrument, then by time of opening. */
export function positionPlace(row: PositionRow): string {
  const openedAt = row.openedAt === null ? '' : instantKey(row.openedAt);
  return `${row.instrument}\n${openedAt}\n${row.openedRootId}`;
}

/** Rows with some replaced, added or (where `isGone`) taken out, in the order of their places. */
function merged<Row>(
  rows: readonly Row[],
  changed: readonly Row[],
  keyOf: (row: Row) => string,
  isGone: (row: Row) => boolean = () => false,
  placeOf: (row: Row) => string = keyOf,
): readonly Row[] {
  if (changed.length === 0) return rows;
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  for (const row of changed) {
    if (isGone(row)) byKey.delete(keyOf(row));
    else byKey.set(keyOf(row), row);
  }
  return inOrder([...byKey.values()], placeOf);
}

/** Sorted by text as every machine sorts it; databases have their own opinions. A sorted list is answered as it is. */
export function inOrder<Row>(rows: readonly Row[], placeOf: (row: Row) => string): readonly Row[] {
  const places = rows.map(placeOf);
  if (places.every((place, index) => index === 0 || places[index - 1]! <= place)) return rows;
  return rows
    .map((row, index) => ({ row, place: places[index]! }))
    .sort((left, right) => (left.place < right.place ? -1 : left.place > right.place ? 1 : 0))
    .map(({ row }) => row);
}
