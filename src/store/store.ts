/**
 * The front door of storage: what the rest of Truebook may ask of a database. Every verb is one transaction; what a
 * sync changes goes through `commitRun` alone, so a crash leaves all of a run or none of it.
 */
import { type Account, type AccountEnv, type AccountId, type BrokerName } from '../domain/account.ts';
import { type Activity, type ActivityRevision } from '../domain/activity.ts';
import { type Decimal } from '../domain/decimal.ts';
import { type AccountType, type Election } from '../domain/election.ts';
import { type BookEvent, type BookEventKind } from '../domain/event.ts';
import { type Finding, type FindingCause, type FindingState, type FindingType } from '../domain/finding.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import {
  type Lot,
  type LotClosure,
  type LotId,
  type RealizedBasis,
  type WashAdjustment,
} from '../domain/lot.ts';
import { type Currency } from '../domain/money.ts';
import {
  type OrderReference,
  type Payload,
  type QuarantinedRow,
  type Quote,
  type SnapshotBalance,
} from '../domain/snapshot.ts';
import { type Instant, type TradeDate } from '../domain/time.ts';

export { checkpointCounts } from './checkpointCounts.ts';

// ---------------------------------------------------------------------------------------------- leases

/** Who writes: one value per process incarnation, never reused. */
export interface LeaseHolder {
  /** Random id of this process incarnation. */
  readonly incarnation: string;
  readonly kind: 'agent' | 'command';
  readonly processId: number;
  readonly host: string;
  readonly startedAt: Instant;
}

/** The right to write for one account, until it expires or somebody else takes it: every write checks `fence`. */
export interface Lease {
  readonly accountId: AccountId;
  readonly fence: number;
  readonly holder: LeaseHolder;
}

export interface LeaseState {
  readonly accountId: AccountId;
  readonly fence: number;
  readonly holder: LeaseHolder | null;
  /** False when it has run out or was given back. */
  readonly live: boolean;
}

// ---------------------------------------------------------------------------------------------- work rows

export type DataClass = 'balances' | 'positions' | 'activities';

/** When data of one class was last believed, and how sure that is. */
export interface FreshnessRow {
  readonly dataClass: DataClass;
  /** Broker's stamp, else the start of the request. */
  readonly asOf: Instant;
  /** Reading of the monotonic clock at `asOf`, comparable only within `monoEpoch`. */
  readonly asOfMonoMs: number;
  readonly monoEpoch: string;
  readonly fetchedAt: Instant;
  /** The run whose data this is: positions and activities are fresh together only when equal. */
  readonly runId: number;
  /** True when that run found broker and book in agreement. */
  readonly reconciled: boolean;
  /** Set to false when an agent starts: nothing is fresh before its first verified run. */
  readonly verified: boolean;
}

/** How far a read has come. `position` is an instant (`since`) or a page id (`history`). */
export interface CursorRow {
  readonly name:
    | 'activities'
    | 'history'
    | 'deep_scan'
    | 'audit'
    | 'search'
    | 'first_contact'
    | 'absence'
    | 'account_changed'
    | 'totals'
    /** Causes to adjust the bankroll that no run with that part has acted on: `deposit,manual_trade`. */
    | 'bankroll_due'
    /** Activities that a run of the bankroll alone acted on before they were in the ledger, as a JSON list. */
    | 'bankroll_seen'
    /** Orders of which it was not known yet whose they are, as a JSON list. */
    | 'bankroll_undecided'
    /** Since when activities were booked that no position row knows of; empty = all are told. */
    | 'untold'
    /** The last day that was over when days were proved, and until when something is awaited: `2025-08-20 <instant>`. */
    | 'day_proof'
    /** The last day whose equity the broker was asked for afterwards; empty until an answer was complete. */
    | 'equity_history';
  readonly position: string;
  readonly updatedAt: Instant;
}

/** What the merge must remember of an activity between runs (absence from scans, a returned older content). */
export interface ActivityWatchRow {
  readonly rootId: string;
  /** Deep scans in a row whose window should have held it and did not. */
  readonly absentScans: number;
  /** From three on: no longer asked for by the known-id proof. */
  readonly withdrawn: boolean;
  /** Content hash of an older revision seen once again; a second complete read in a row books it. */
  readonly pendingContentHash: string | null;
}

/** Parts of the book that a run can be of. */
export const SYNC_TYPES = ['all', 'bankroll', 'positions', 'transactions'] as const;
export type SyncType = (typeof SYNC_TYPES)[number];
export type SyncTrigger =
  'schedule' | 'start' | 'request' | 'command' | 'hint' | 'trade' | 'gate' | 'first_contact';

export interface SyncRequest {
  readonly id: number;
  readonly accountId: AccountId;
  readonly type: SyncType;
  readonly trigger: SyncTrigger;
  readonly requestedAt: Instant;
  readonly requestedBy: string;
  /** The answer is worked out in full and nothing of it is committed. */
  readonly dryRun: boolean;
  /** The run that answered it; null while it waits, and for a dry run. */
  readonly runId: number | null;
  /** What the run changed or would change, as the JSON text of `sync/difference.ts`; null while it waits. */
  readonly answer: string | null;
}

// ---------------------------------------------------------------------------------------------- runs

/** `progress`: a committed chunk of a first contact's history, neither a success nor a failure. */
export type RunOutcome = 'complete' | 'incomplete' | 'failed' | 'progress';

export interface RunCounts {
  readonly created: number;
  readonly updated: number;
  readonly closed: number;
  readonly missing: number;
  readonly findings: number;
  readonly newActivities: number;
}

export interface RunRecord {
  readonly id: number;
  readonly accountId: AccountId;
  readonly epoch: number;
  readonly trigger: SyncTrigger;
  readonly type: SyncType;
  readonly startedAt: Instant;
  readonly finishedAt: Instant;
  readonly durationMs: number;
  readonly outcome: RunOutcome;
  /** Reconciled: broker and book agreed on every instrument and on cash. */
  readonly reconciled: boolean;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly counts: RunCounts;
  /** Number of the run for this account since the database began, 1-based. */
  readonly deepScan: boolean;
}

/** One read of a run, for the record of completeness. */
export interface SyncReadRow {
  readonly resource: string;
  readonly kind: 'complete' | 'incomplete';
  readonly reason: string | null;
  readonly rowCount: number | null;
  readonly asOf: Instant | null;
  readonly startedAt: Instant;
}

/** A revision about to be written; the store adds sequence and hashes. */
export type NewRevision = Activity & {
  readonly rev: number;
  readonly firstSeenAt: Instant;
  readonly contentHash: string;
};

export type PositionState = 'open' | 'missing' | 'closed';
export type { RealizedBasis };

/** A row of the `position` view table: one per episode (from flat to flat) of an instrument in an account and epoch. */
export interface PositionRow {
  readonly accountId: AccountId;
  readonly epoch: number;
  readonly instrument: InstrumentId;
  /** Root id of the activity that opened the episode; empty while no activity explains it. */
  readonly openedRootId: string;
  readonly state: PositionState;
  /** Signed (design section 11, *position*). */
  readonly quantity: Decimal;
  /** Null before the first complete answer. */
  readonly brokerQuantity: Decimal | null;
  readonly bookQuantity: Decimal;
  readonly explained: boolean;
  readonly averageCost: Decimal | null;
  readonly averageCostSource: 'broker' | 'book' | null;
  readonly realizedPnl: Decimal | null;
  readonly realizedBasis: RealizedBasis;
  readonly openedAt: Instant | null;
  readonly closedAt: Instant | null;
  readonly closedRootId: string | null;
  /** Since when it is missing. */
  readonly missingSince: Instant | null;
  /** Broker that stated it. */
  readonly source: string;
}

export interface PositionKey {
  readonly epoch: number;
  readonly instrument: InstrumentId;
  readonly openedRootId: string;
}

/** The broker's statement of one position, kept when a value changed and once per trading day. */
export interface PositionObservation {
  readonly instrument: InstrumentId;
  /** Zero = absent from a complete answer. */
  readonly quantity: Decimal;
  readonly averageCost: Decimal | null;
  readonly mark: Decimal | null;
  readonly markAsOf: Instant | null;
  readonly marketValue: Decimal | null;
  readonly unrealizedPnl: Decimal | null;
  readonly asOf: Instant;
  readonly tradeDate: TradeDate;
}

export interface BalanceObservation extends SnapshotBalance {
  readonly asOf: Instant;
  readonly fetchedAt: Instant;
  readonly tradeDate: TradeDate;
}

/** Latest price of an instrument as an account's broker states it. */
export interface MarkRow {
  readonly instrument: InstrumentId;
  readonly mark: Decimal;
  readonly markAsOf: Instant | null;
  readonly fetchedAt: Instant;
  readonly source: string;
}

/**
 * A trading day of an account and currency, and its proof: `start + flows + transfers + realized + unrealizedChange +
 * income + fees + fx + corrections = endEquity`; what is left of it is `residual`. Null parts = not worked out (yet).
 */
export interface BalanceDayRow {
  readonly tradeDate: TradeDate;
  readonly currency: Currency;
  readonly endEquity: Decimal | null;
  readonly endCash: Decimal | null;
  readonly buyingPower: Decimal | null;
  /** The broker's own figure of the day; null where it states none, and for days we recorded. */
  readonly profitLoss: Decimal | null;
  /** `recorded`: the last look of a run of that day. `broker`: what the broker says of the day afterwards. */
  readonly source: BalanceDaySource;
  /** Left out by who knows nothing of it: what stands in the row stays. Null takes it away. */
  readonly proof?: DayProof | null;
}

/** Signed effects on the equity of a day: fees paid are negative. */
export interface DayProof {
  /** Equity at the end of the day before. */
  readonly start: Decimal | null;
  /** Deposits less withdrawals: never a gain. */
  readonly flows: Decimal | null;
  /** Value of what came without a trade less what left so. */
  readonly transfers: Decimal | null;
  readonly realized: Decimal | null;
  readonly unrealizedChange: Decimal | null;
  readonly income: Decimal | null;
  readonly fees: Decimal | null;
  readonly fx: Decimal | null;
  /** What the stated equities hold of activities as they were known then and were corrected or busted later. */
  readonly corrections: Decimal | null;
  /** What the parts do not explain. */
  readonly residual: Decimal | null;
  /**
   * `proved`: nothing of weight is left. `pending`: an activity that is published later is awaited. `unexplained`: there
   * is a finding. `unknown`: a part is not known.
   */
  readonly residualState: ResidualState;
}

/** A day as it stands; without a proof where nobody worked one out. */
export type StoredBalanceDay = Omit<BalanceDayRow, 'proof'> & {
  readonly accountId: AccountId;
  readonly epoch: number;
  readonly proof: DayProof | null;
};

export type ResidualState = 'proved' | 'pending' | 'unexplained' | 'unknown';

export type BalanceDaySource = 'recorded' | 'broker';

/** `imported`: the value of a file that an older program kept; `opening`: the account's equity where nothing was known. */
export type BankrollKind = 'imported' | 'opening' | 'sync_adjustment';

/** Why a bankroll was set anew. */
export type BankrollCause =
  'no_local_value' | 'mirror_file' | 'tolerance_exceeded' | 'manual_trade' | 'deposit' | 'withdrawal';

/** One change of the local bankroll of an account, in the account's base currency. */
export interface BankrollEntry {
  readonly kind: BankrollKind;
  /** Null where there was no local value. */
  readonly before: Decimal | null;
  readonly after: Decimal;
  readonly currency: Currency;
  /** The broker's stamp of the equity, or when a file was read. */
  readonly at: Instant;
  readonly tradeDate: TradeDate;
  /** Who stated `after`: the broker's name, or the name of the file. */
  readonly source: string;
  /** At least one, the first is the main one. */
  readonly causes: readonly BankrollCause[];
  readonly env: AccountEnv;
}

export interface StoredBankrollEntry extends BankrollEntry {
  readonly accountId: AccountId;
  readonly epoch: number;
  readonly seq: number;
  /** `after` less `before`; `after` itself where there was nothing before. */
  readonly amount: Decimal;
  readonly firstSeenAt: Instant;
}

/** A trade as an older program's file has it, before it is stored. */
export interface NewImportedTrade {
  /** Over what the line says, and which of several equal lines of its file it is. */
  readonly contentHash: string;
  /** Name of the file, without its folder. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly executedAt: Instant;
  readonly symbol: string;
  /** Null where the file does not say it in words we know. */
  readonly side: 'buy' | 'sell' | null;
  /** Positive. */
  readonly quantity: Decimal;
  readonly price: Decimal | null;
  readonly fees: Decimal | null;
  readonly realizedPnl: Decimal | null;
  readonly orderId: string | null;
  readonly tradeId: string | null;
  readonly status: string | null;
  /** The line itself, by column name. */
  readonly cells: Readonly<Record<string, string>>;
}

export interface ImportedTrade extends NewImportedTrade {
  readonly id: number;
  readonly accountId: AccountId;
  readonly importedAt: Instant;
}

/** One entry of an account's chain, with what an audit line says of it. */
export type ChronicleEntry = {
  readonly seq: number;
  readonly epoch: number;
  /** Null for what no run wrote: a new epoch, an import. */
  readonly runId: number | null;
  readonly seenAt: Instant;
} & (
  | { readonly kind: 'activity'; readonly activity: ChronicleActivity }
  | { readonly kind: 'event'; readonly event: BookEvent }
  | { readonly kind: 'bankroll'; readonly entry: StoredBankrollEntry }
);

export type ChronicleActivity = Pick<
  ActivityRevision,
  | 'rootId'
  | 'rev'
  | 'kind'
  | 'status'
  | 'quantity'
  | 'price'
  | 'amount'
  | 'currency'
  | 'executedAt'
  | 'externalId'
  | 'orderId'
  | 'source'
> & {
  readonly instrument: InstrumentId | null;
  /** Name at execution. */
  readonly symbol: string | null;
};

/** How far an account's book has come: what is made of it need not be made again while these stay the same. */
export interface BookMarks {
  /** Place of the newest entry of the account's chain. */
  readonly ledgerSeq: number;
  /** Newest imported trade, 0 = none. */
  readonly importedId: number;
  /** Changes with marks and balances. Only to be compared. */
  readonly prices: string;
  /** Changes with what is known of orders. Only to be compared. */
  readonly orders: string;
  /** How many classes of data were ever believed. */
  readonly dataClasses: number;
}

/** Where a fold stood: behind this activity in the book's order (`compareActivities`). */
export interface CheckpointPlace {
  readonly epoch: number;
  /** As the activity was folded; it may have been corrected since. */
  readonly lastExecutedAt: Instant;
  readonly lastRootId: string;
}

/** A checkpoint without its texts: to choose one by. */
export interface CheckpointEntry extends CheckpointPlace {
  /** Activities folded so far, busts included: the newest checkpoint with as many as the epoch has covers the ledger. */
  readonly activityCount: number;
  /** Names the rules it was folded under (elections, what was ever reported short): of use under these rules only. */
  readonly rulesHash: string;
}

/** A fold's result to start from later. */
export interface BookCheckpoint extends CheckpointEntry {
  /** Text that only `book/` reads. */
  readonly state: string;
  /** Its open lots, apart because they are long: text that only `book/` reads; empty where it needs none. */
  readonly lots: string;
}

/** What a fold changed of the lots of the run's epoch. Rows are named by their ids. */
export interface LotChanges {
  readonly upsert: readonly Lot[];
  readonly remove: readonly LotId[];
  readonly closures: { readonly upsert: readonly LotClosure[]; readonly remove: readonly string[] };
  readonly wash: { readonly upsert: readonly WashAdjustment[]; readonly remove: readonly string[] };
}

/** Rows of an account and epoch. */
interface OfEpoch {
  readonly accountId: AccountId;
  readonly epoch: number;
}
export type StoredLot = Lot & OfEpoch;
export type StoredClosure = LotClosure & OfEpoch;
export type StoredWash = WashAdjustment & OfEpoch;

/** An election about to be written; the ledger learns of it when it is written. */
export type NewElection = Omit<Election, 'firstSeenAt'>;

/** What a person decided about a finding (`truebook resolve`), beside the lease of a running agent. */
export interface FindingDecision {
  readonly accountId: AccountId;
  readonly findingId: number;
  readonly state: 'resolved' | 'dismissed';
  /** What the person says it was; left out = the finding's own cause stays. */
  readonly cause?: FindingCause;
  /** In the person's words. */
  readonly reason: string;
  /** `user`, or who it was, for event and audit. */
  readonly actor: string;
  readonly at: Instant;
  /** The provisional activity that says so, of source `user`; null where nothing is booked. */
  readonly adjustment: Activity | null;
}

/** A fact for the outbox; rules and routing run at delivery. */
export interface OutboxFact {
  readonly kind: string;
  readonly at: Instant;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

export interface AuditEntry {
  readonly at: Instant;
  /** `agent:<pid>@<host>`, `command:...`, `user`. */
  readonly actor: string;
  readonly action: string;
  readonly object: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

/** An order of a stored fill to ask the broker for. */
export interface WantedOrder {
  readonly orderId: string;
  /** Of its newest fill. */
  readonly executedAt: Instant;
}

/** What is remembered of an order. */
export interface OrderMemory extends OrderReference {
  /** When to ask again, for an order the broker did not know; null for a known one. */
  readonly nextLookupAt: Instant | null;
}

/** Everything a run changes. A failed run leaves the believed parts empty and still commits its evidence. */
export interface RunCommit {
  readonly lease: Lease;
  readonly run: Omit<RunRecord, 'id'>;
  readonly audit: readonly AuditEntry[];
  readonly reads: readonly SyncReadRow[];
  readonly payloads: readonly Payload[];
  readonly quarantine: readonly QuarantinedRow[];
  readonly instruments: readonly Instrument[];
  /** Aliases seen in this run: the broker's own ids and spellings. */
  readonly aliases: readonly {
    readonly instrument: InstrumentId;
    readonly scheme: string;
    readonly alias: string;
  }[];
  readonly revisions: readonly NewRevision[];
  readonly events: readonly BookEvent[];
  readonly orders: readonly OrderMemory[];
  readonly positionObservations: readonly PositionObservation[];
  /**
   * How positions and their marks stood in the last look of an earlier day, written when the next day's first run knows
   * that it was the last: what that look's run saw. Null on every other run.
   */
  readonly dayEnds: { readonly runId: number; readonly observations: readonly PositionObservation[] } | null;
  readonly balanceObservations: readonly BalanceObservation[];
  readonly greeks: readonly Quote[];
  readonly marks: readonly MarkRow[];
  readonly balanceDays: readonly BalanceDayRow[];
  readonly positions: { readonly upsert: readonly PositionRow[]; readonly remove: readonly PositionKey[] };
  readonly lots: LotChanges;
  /** In the order they happened. */
  readonly bankroll: readonly BankrollEntry[];
  /** The broker's own lot assignments; people's elections are written beside the runs (`elect`). */
  readonly elections: readonly NewElection[];
  /**
   * The fold behind everything in the ledger; null = there is no new one; `drop` = none is of use any more. Revisions of
   * the commit take every older checkpoint behind their places away.
   */
  readonly checkpoint: BookCheckpoint | 'drop' | null;
  /** Folds on the way to `checkpoint`, at the counts of `checkpointCounts`. */
  readonly earlierCheckpoints: readonly BookCheckpoint[];
  /**
   * `SyncState.ledgerSeq` of the state the run worked from: when a person wrote an activity since, its checkpoints are
   * of another ledger and are not kept.
   */
  readonly ledgerSeq: number;
  readonly findings: readonly Finding[];
  readonly cursors: readonly CursorRow[];
  readonly freshness: readonly Omit<FreshnessRow, 'runId'>[];
  readonly watch: readonly ActivityWatchRow[];
  readonly outbox: readonly OutboxFact[];
  /** First contact: the fingerprint to pin. */
  readonly pin: {
    readonly fingerprint: string;
    readonly last4: string | null;
    readonly baseCurrency: Currency;
  } | null;
  /** Requests that this run answers. */
  readonly requestIds: readonly number[];
  /** What they are told (`SyncRequest.answer`). */
  readonly answer: string | null;
}

/** What a sync needs to know before it reads. Its size grows with the positions, not with the ledger. */
export interface SyncState {
  readonly account: Account;
  readonly cursors: readonly CursorRow[];
  readonly freshness: readonly FreshnessRow[];
  /** Open and missing rows of the current epoch. */
  readonly positions: readonly PositionRow[];
  /** Newest observation per instrument that was not zero last time, of the current epoch. */
  readonly observations: readonly PositionObservation[];
  readonly balances: readonly BalanceObservation[];
  readonly marks: readonly MarkRow[];
  readonly greeks: readonly Quote[];
  /** Findings in state open, reopened or dismissed: a dismissed one stays so while its difference is the same. */
  readonly findings: readonly Finding[];
  /** The newest checkpoint, where it covers the whole ledger of the epoch. */
  readonly checkpoint: BookCheckpoint | null;
  /** Those that hold for the current epoch, oldest first. */
  readonly elections: readonly Election[];
  /** Instruments the broker ever stated a negative quantity of, in this epoch; sorted. */
  readonly shortsReported: readonly InstrumentId[];
  /** Place of the newest entry of the account's chain. */
  readonly ledgerSeq: number;
  /** Newest bankroll entry of the current epoch. */
  readonly bankroll: StoredBankrollEntry | null;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  readonly lastRun: RunRecord | null;
}

/** Everything known of one activity, oldest revision first. */
export type RevisionChain = readonly ActivityRevision[];

/** By when the broker published its rows, both ends exclusive. What is younger may not be listed everywhere yet. */
export interface LedgerWindow {
  readonly publishedAfter: Instant;
  readonly publishedBefore: Instant;
}

export interface ExpectedIdentity {
  readonly rootId: string;
  readonly watch: ActivityWatchRow | null;
}

export interface LedgerBeside {
  /**
   * Identities the broker must show again: its own rows published within the window, in the current epoch, not withdrawn
   * from the known-id proof; by time of publishing.
   */
  readonly expected: readonly ExpectedIdentity[];
  /** All revisions of the identities asked for. */
  readonly chains: ReadonlyMap<string, RevisionChain>;
  /** What is remembered of them. */
  readonly watched: ReadonlyMap<string, ActivityWatchRow>;
}

// ---------------------------------------------------------------------------------------------- queries

export interface AccountFilter {
  readonly accountId?: AccountId;
}

/** A row of the ledger with its place in it, for listings. */
export interface LedgerRow extends ActivityRevision {
  readonly accountId: AccountId;
  readonly epoch: number;
  readonly clientOrderId: string | null;
  /** True when a trade-executed call announced this order. */
  readonly announced: boolean;
}

/**
 * Which lots. Without an epoch those of each account's current one; `open` narrows to lots that still hold something
 * (or, false, to those that do not).
 */
export interface LotFilter extends AccountFilter {
  readonly epoch?: number;
  readonly instrument?: InstrumentId;
  readonly open?: boolean;
  readonly ids?: readonly LotId[];
}

/** Which closures; `from` and `to` are days of closing, both inclusive. Without an epoch, of each account's current one. */
export interface ClosureFilter extends AccountFilter {
  readonly epoch?: number;
  readonly instrument?: InstrumentId;
  readonly from?: TradeDate;
  readonly to?: TradeDate;
  readonly lotIds?: readonly LotId[];
  readonly closedAfter?: Instant;
}

/** Which wash adjustments; `from` and `to` are the days on which the loss was realized, both inclusive. */
export interface WashFilter extends AccountFilter {
  readonly epoch?: number;
  readonly from?: TradeDate;
  readonly to?: TradeDate;
  readonly closureIds?: readonly string[];
}

/**
 * The run that an epoch's views are of: the newest believed one that wrote positions. What the ledger has beyond it (runs
 * of other parts, what people decided since) is worked out by the next.
 */
export interface ViewBasis {
  readonly epoch: number;
  readonly runId: number;
  readonly startedAt: Instant;
  /** Place of the chain it worked from; its own rows count as well. Null in runs of earlier releases: everything. */
  readonly ledgerSeq: number | null;
}

/** An epoch's last run that wrote positions, and the last one that proved days: a run of all alone does. */
export interface EpochBasis extends ViewBasis {
  readonly proving: ViewBasis | null;
}

/**
 * How the book stood: what had happened by `asOf` of what the ledger knew at `knownAt`, or of what the run of `basis`
 * knew. Left out = without bound.
 */
export interface TimeTravel {
  readonly asOf?: Instant;
  readonly knownAt?: Instant;
  readonly basis?: ViewBasis;
}

export const VIEW_TABLES = [
  'position',
  'lot',
  'lot_closure',
  'wash_adjustment',
  'balance_day',
  'book_checkpoint',
] as const;
export type ViewTable = (typeof VIEW_TABLES)[number];

/** What the view tables hold of an epoch. */
export interface EpochViews {
  readonly epoch: number;
  readonly positions: readonly PositionRow[];
  readonly lots: readonly Lot[];
  readonly closures: readonly LotClosure[];
  readonly wash: readonly WashAdjustment[];
  readonly balanceDays: readonly BalanceDayRow[];
  readonly checkpoints: readonly BookCheckpoint[];
}

/** A row of a view as a program reads it: texts of exact figures, whole numbers, flags. */
export type ViewRow = Readonly<Record<string, string | number | boolean | null>>;

/** A view table of an account, as it is stored and as it is derived; all epochs. */
export interface ViewComparison {
  readonly table: ViewTable;
  readonly stored: { readonly rows: number; readonly hash: string };
  readonly derived: { readonly rows: number; readonly hash: string };
  /** How many rows differ, are missing or are too many. */
  readonly differing: number;
  /** The first of them in the order of their keys; null on the side that lacks the row. */
  readonly examples: readonly {
    readonly key: string;
    readonly stored: ViewRow | null;
    readonly derived: ViewRow | null;
  }[];
}

/** An entry of the ledger behind the run that the views are of. */
export type PendingEntry =
  | { readonly kind: 'election' }
  | {
      readonly kind: 'activity';
      /** False for what a person wrote. */
      readonly byRun: boolean;
      /** The earliest place it ever had: what lies behind it is not of this ledger any more. */
      readonly firstExecutedAt: Instant;
    };

/** A finding as its book events tell it; events of earlier versions hold no evidence. */
export type FindingThen = Finding & OfEpoch;

export interface SyncStatistics {
  readonly totalSyncs: number;
  readonly successfulSyncs: number;
  readonly failedSyncs: number;
  readonly positionsCreated: number;
  readonly positionsUpdated: number;
  readonly positionsClosed: number;
  readonly lastSyncTime: Instant | null;
}

export interface StoredFinding extends Finding {
  readonly id: number;
  readonly accountId: AccountId;
}

export interface StoredBookEvent extends BookEvent {
  readonly accountId: AccountId;
  readonly epoch: number;
  readonly seq: number;
  readonly firstSeenAt: Instant;
}

export interface ChainReport {
  readonly ok: boolean;
  readonly rows: number;
  /** First row whose hash or predecessor does not fit. */
  readonly firstBroken: { readonly chain: string; readonly seq: number; readonly reason: string } | null;
}

/** A row that does not fit, with its place. */
export interface BrokenRow {
  readonly seq: number;
  /** Null where the row is missing. */
  readonly table: string | null;
  /** What the row calls itself, e.g. `FILL:1 rev 0`. */
  readonly id: string | null;
  readonly reason: string;
}

/** A head of a chain as it was written down, signed where there was a key. */
export interface WrittenHead {
  /** `account:<name>` or `audit`. */
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
  readonly signedAt: Instant;
  /** Ed25519, base64; null = unsigned. */
  readonly publicKey: string | null;
  readonly signature: string | null;
}

/**
 * What a written head says of the chain as it is now. `good`: it stands in the chain and our key signed it.
 * `unchecked`: it stands there, and there is no key here to hold the signature against. `unsigned`: it stands there.
 * `other_key`: it stands there, and another key than ours signed it. `forged`: its signature does not fit it.
 * `rewritten`: the chain has another hash at this place. `gone`: the chain does not reach this place. `broken`: a row
 * before this place does not fit, so nothing can be said of it.
 */
export type HeadState =
  'good' | 'unchecked' | 'unsigned' | 'other_key' | 'forged' | 'rewritten' | 'gone' | 'broken';

export interface HeadProof {
  readonly head: WrittenHead;
  readonly state: HeadState;
}

export interface ChainProof {
  readonly chain: string;
  /** Rows that fit, counted up to the first that does not. */
  readonly rows: number;
  /** The head of the chain: its place and hash. */
  readonly seq: number;
  readonly hash: string;
  readonly broken: BrokenRow | null;
  /** The head signed last; null where none ever was. */
  readonly signed: HeadProof | null;
}

/** Rows of evidence are each for themselves: those that were pruned are not missed. */
export interface EvidenceProof {
  readonly table: string;
  readonly rows: number;
  readonly broken: { readonly id: string; readonly reason: string } | null;
}

export interface BookProof {
  readonly ok: boolean;
  readonly chains: readonly ChainProof[];
  readonly evidence: readonly EvidenceProof[];
  /** The heads that were handed in, in their order. */
  readonly heads: readonly HeadProof[];
}

export interface StoreFacts {
  readonly dialect: 'sqlite' | 'postgres';
  /** `3.53.4`, `18.4`. */
  readonly version: string;
  /** Shown to people: a file path or `postgres://host:port/database` without a password. */
  readonly place: string;
  readonly schemaVersion: string;
  readonly durability: string;
}

export interface Store {
  readonly facts: StoreFacts;
  close(): Promise<void>;

  // --- who
  /** Creates the account on first sight, else answers the stored one. */
  ensureAccount(account: {
    name: string;
    broker: BrokerName;
    env: AccountEnv;
    connection: string;
    baseCurrency: Currency;
    at: Instant;
  }): Promise<Account>;
  accounts(): Promise<readonly Account[]>;
  /** By name or id in text. Null when there is none. */
  findAccount(nameOrId: string): Promise<Account | null>;

  // --- one writer
  /**
   * Takes the account's lease when it is free, run out, already this incarnation's, or when `isGone` says that the
   * holder's process no longer exists (same host). Else answers who holds it. Adds 1 to the fence on every change of hands.
   */
  acquireLease(
    accountId: AccountId,
    holder: LeaseHolder,
    ttlMs: number,
    isGone?: (holder: LeaseHolder) => boolean,
  ): Promise<{ readonly lease: Lease } | { readonly heldBy: LeaseHolder }>;
  /** False when the lease was lost: stop writing. */
  renewLease(lease: Lease, ttlMs: number): Promise<boolean>;
  releaseLease(lease: Lease): Promise<void>;
  leaseState(accountId: AccountId): Promise<LeaseState | null>;
  /** An agent starts: what was verified before it no longer counts as fresh. */
  endVerification(lease: Lease): Promise<void>;

  // --- the sync
  syncState(accountId: AccountId): Promise<SyncState>;
  /** All revisions of these identities in the current epoch. */
  revisions(
    accountId: AccountId,
    epoch: number,
    rootIds: readonly string[],
  ): Promise<ReadonlyMap<string, RevisionChain>>;
  /** All revisions of those activities of an epoch that move one of these instruments, or did in an earlier revision. */
  revisionsMoving(
    accountId: AccountId,
    epoch: number,
    instruments: readonly InstrumentId[],
  ): Promise<ReadonlyMap<string, RevisionChain>>;
  /** All revisions of those activities of an epoch that were seen first, or seen otherwise, after that moment. */
  revisionsSeenAfter(
    accountId: AccountId,
    epoch: number,
    seenAfter: Instant,
  ): Promise<ReadonlyMap<string, RevisionChain>>;
  /** What the ledger holds beside a complete read: of the identities that were read, and of the window they were read from. */
  ledgerBeside(
    accountId: AccountId,
    epoch: number,
    window: LedgerWindow,
    rootIds: readonly string[],
  ): Promise<LedgerBeside>;
  /** Newest revisions of the epoch in the book's order (busts included), optionally only those after a checkpoint. */
  bookActivities(
    accountId: AccountId,
    epoch: number,
    after: CheckpointPlace | null,
  ): Promise<readonly ActivityRevision[]>;
  /** How many activities the epoch has: for a book without a checkpoint. */
  activityCount(accountId: AccountId, epoch: number): Promise<number>;
  /**
   * Orders of stored fills to ask the broker for: first those never asked for, newest first, then those it did not know
   * whose time to ask again has come.
   */
  ordersWanted(
    accountId: AccountId,
    epoch: number,
    now: Instant,
    limit: number,
  ): Promise<readonly WantedOrder[]>;
  /** The day of the oldest activity of the epoch, null while there is none. */
  firstTradeDate(accountId: AccountId, epoch: number): Promise<TradeDate | null>;
  /** Checkpoints to start from, newest place first; their rules are for the caller to compare. */
  checkpoints(accountId: AccountId, epoch: number): Promise<readonly CheckpointEntry[]>;
  /** With its texts; null when it is gone. */
  checkpointAt(accountId: AccountId, place: CheckpointPlace): Promise<BookCheckpoint | null>;
  /**
   * What a fold from a checkpoint on (null: from the beginning) may change of the stored lots: all lots that are open,
   * were opened behind it or were closed in part behind it, and the closures behind it.
   */
  lotsSince(
    accountId: AccountId,
    epoch: number,
    after: CheckpointPlace | null,
  ): Promise<{ readonly lots: readonly StoredLot[]; readonly closures: readonly StoredClosure[] }>;
  /** All position rows of the epoch, for a fold from the beginning. */
  allPositions(accountId: AccountId, epoch: number): Promise<readonly PositionRow[]>;
  /**
   * Writes a run in one transaction, after checking the lease's fence inside it. Throws `lease_lost` (nothing
   * written), `storage_full`, `storage_readonly`, `storage_busy`. A lost answer to COMMIT is looked up by the run's
   * own marker before it is reported.
   */
  commitRun(commit: RunCommit): Promise<RunRecord>;
  /** Starts a new epoch: old episodes are closed with `account_reset`, the pin is cleared. */
  newEpoch(lease: Lease, at: Instant, actor: string): Promise<Account>;

  /**
   * Keeps trades of an older program's file, those that are new by content, and says so in the audit (`audit.facts`
   * gets `new`). Answers how many were new.
   */
  importTrades(accountId: AccountId, trades: readonly NewImportedTrade[], audit: AuditEntry): Promise<number>;
  /** Books the bankroll of an older program's file. False, with nothing written, where the epoch has a bankroll. */
  importBankroll(lease: Lease, entry: BankrollEntry, audit: AuditEntry): Promise<boolean>;

  // --- what people decide, beside the lease of a running agent: its next run sees it
  /** Writes elections into the account's ledger, with an audit row; known from `audit.at` on. */
  elect(
    accountId: AccountId,
    elections: readonly NewElection[],
    audit: AuditEntry,
  ): Promise<readonly Election[]>;
  /**
   * Resolves or dismisses a finding, books the provisional activity where there is one, tells both in book event, audit
   * and outbox. Checkpoints behind the activity go. Throws `usage` for a finding that does not exist or is not open.
   */
  decideFinding(decision: FindingDecision): Promise<{
    readonly finding: StoredFinding;
    readonly adjustment: ActivityRevision | null;
  }>;

  // --- requests between processes
  requestSync(request: {
    accountId: AccountId;
    type: SyncType;
    trigger: SyncTrigger;
    requestedAt: Instant;
    requestedBy: string;
    dryRun?: boolean;
  }): Promise<number>;
  pendingRequests(accountIds: readonly AccountId[]): Promise<readonly SyncRequest[]>;
  syncRequest(id: number): Promise<SyncRequest | null>;
  /** Answers requests without a run: dry runs. Fenced like every write. */
  answerRequests(lease: Lease, ids: readonly number[], answer: string): Promise<void>;
  /** Takes back a request that nobody answered yet. */
  withdrawRequest(id: number): Promise<void>;
  /** What is known of these orders, and which of them the user's own programs announced. */
  knownOrders(
    accountId: AccountId,
    orderIds: readonly string[],
  ): Promise<{ readonly references: readonly OrderReference[]; readonly announced: ReadonlySet<string> }>;
  /** Marks an order as placed by the user's own program (`trade executed`). */
  announceOrder(accountId: AccountId, orderId: string, at: Instant): Promise<void>;

  // --- reading the book
  positions(filter: AccountFilter & { states?: readonly PositionState[] }): Promise<readonly PositionRow[]>;
  instruments(ids: readonly InstrumentId[]): Promise<ReadonlyMap<InstrumentId, Instrument>>;
  marks(filter: AccountFilter): Promise<readonly (MarkRow & { accountId: AccountId })[]>;
  latestGreeks(filter: AccountFilter): Promise<readonly (Quote & { accountId: AccountId })[]>;
  /** Newest balance observation per account and currency. */
  balances(filter: AccountFilter): Promise<readonly (BalanceObservation & { accountId: AccountId })[]>;
  /** Days of the current epoch (or another one), newest first; `from` and `to` inclusive. */
  balanceDays(
    filter: AccountFilter & { epoch?: number; from?: TradeDate; to?: TradeDate },
  ): Promise<readonly StoredBalanceDay[]>;
  /** By account, instrument, acquisition. */
  lots(filter: LotFilter): Promise<readonly StoredLot[]>;
  /** By account, then in the order they were closed. */
  closures(filter: ClosureFilter): Promise<readonly StoredClosure[]>;
  washAdjustments(filter: WashFilter): Promise<readonly StoredWash[]>;
  /**
   * Elections that hold for an epoch (the current one), oldest first: choices about whole accounts and instruments of
   * this and earlier epochs, choices about lots and closes of this one.
   */
  elections(
    accountId: AccountId,
    filter?: { epoch?: number; knownAt?: Instant; basis?: ViewBasis },
  ): Promise<readonly Election[]>;
  /** How accounts are taxed by what was said before it was an election; those of which nobody said so are absent. */
  accountTypes(): Promise<ReadonlyMap<AccountId, AccountType>>;
  /** Instruments the broker ever stated a negative quantity of (seen by `knownAt`, or up to the run of `basis`), sorted. */
  shortsEverReported(
    accountId: AccountId,
    epoch: number,
    when?: TimeTravel,
  ): Promise<readonly InstrumentId[]>;
  /** Newest revision of every activity, newest first. `kinds` narrows, `limit` bounds. */
  ledger(
    filter: AccountFilter & { kinds?: readonly string[]; since?: Instant; limit?: number },
  ): Promise<readonly LedgerRow[]>;
  /** Changes of the bankroll, newest first. */
  bankroll(
    filter: AccountFilter & { limit?: number; knownAt?: Instant },
  ): Promise<readonly StoredBankrollEntry[]>;
  /** What the chain of an account holds behind a place, over at most `span` places of it. */
  chronicle(accountId: AccountId, afterSeq: number, span: number): Promise<readonly ChronicleEntry[]>;
  bookMarks(accountId: AccountId): Promise<BookMarks>;
  /** In the order they were imported. */
  importedTrades(filter: AccountFilter & { afterId?: number }): Promise<readonly ImportedTrade[]>;
  bookEvents(
    filter: AccountFilter & {
      limit?: number;
      afterSeq?: number;
      epoch?: number;
      kinds?: readonly BookEventKind[];
      knownAt?: Instant;
    },
  ): Promise<readonly StoredBookEvent[]>;
  findings(
    filter: AccountFilter & { states?: readonly FindingState[]; types?: readonly FindingType[] },
  ): Promise<readonly StoredFinding[]>;
  freshness(accountId: AccountId): Promise<readonly FreshnessRow[]>;
  /** Newest first; `from` and `to` bound when they started, both inclusive. */
  runs(
    filter: AccountFilter & { limit: number; from?: Instant; to?: Instant },
  ): Promise<readonly RunRecord[]>;
  run(id: number): Promise<RunRecord | null>;
  lastRun(accountId: AccountId, outcome?: RunOutcome, type?: SyncType): Promise<RunRecord | null>;
  /** Counts over `sync_run` (chunks of first contact not counted), optionally of runs started at or after `since`. */
  statistics(filter: AccountFilter & { since?: Instant }): Promise<SyncStatistics>;

  /**
   * Of the looks at balances of an epoch from a moment on those whose clock was behind: the ledger had activities already
   * that their broker executed more than `doubtMs` later. Rows of which only the day is known tell nothing.
   */
  looksBehind(
    accountId: AccountId,
    epoch: number,
    from: Instant,
    doubtMs: number,
  ): Promise<ReadonlySet<Instant>>;

  // --- time travel
  /**
   * The ledger as it was: of every activity the newest revision known at `knownAt`, of those the ones executed by
   * `asOf`, in the book's order.
   */
  bookActivitiesAsOf(
    accountId: AccountId,
    epoch: number,
    when: TimeTravel,
  ): Promise<readonly ActivityRevision[]>;
  /**
   * The broker's last statement of every instrument by `asOf`, among what runs had seen by `knownAt`; quantity zero =
   * absent from a complete answer. The mark of a day's end is the one at that day's end.
   */
  observationsAt(
    accountId: AccountId,
    epoch: number,
    when: TimeTravel,
  ): Promise<readonly PositionObservation[]>;
  /** The same of balances, per currency. */
  balancesAt(accountId: AccountId, epoch: number, when: TimeTravel): Promise<readonly BalanceObservation[]>;
  /**
   * How the account stood by the last look of a New York day: its balances, by currency, and every instrument's newest
   * statement by then, by instrument. Which look was the last the order of runs tells and not their stamps, as with
   * `dayEnds`: a clock may have been set back between them. `knownAt`: among what runs had seen by then.
   */
  lastLookOfDay(
    accountId: AccountId,
    epoch: number,
    date: TradeDate,
    knownAt?: Instant,
  ): Promise<{
    readonly balances: readonly BalanceObservation[];
    readonly observations: readonly PositionObservation[];
  }>;
  /** Findings as they were known then, told again from book events alone. */
  findingsThen(filter: AccountFilter & { knownAt?: Instant }): Promise<readonly FindingThen[]>;
  /** What runs had last seen of the positions, whatever the broker's stamp; quantity zero = absent. By instrument. */
  lastStatements(accountId: AccountId, epoch: number): Promise<readonly PositionObservation[]>;
  /**
   * Ends of days from the evidence alone: what runs of the day saw last, else what the broker stated of it afterwards.
   * By day and currency; `knownAt`: what runs had seen by then.
   */
  dayEnds(accountId: AccountId, epoch: number, knownAt?: Instant): Promise<readonly BalanceDayRow[]>;
  /** When lists of positions were stated that runs believed whole, from `since` on, oldest first. */
  completeAnswers(accountId: AccountId, epoch: number, since: Instant): Promise<readonly Instant[]>;
  /** The epoch that was current then. */
  epochThen(accountId: AccountId, knownAt: Instant): Promise<number>;

  // --- rebuild
  /** Which runs the views are of, one per epoch that has any, oldest first. */
  viewBases(accountId: AccountId): Promise<readonly EpochBasis[]>;
  /** Activities of the epoch, and elections, that its views do not know of yet. */
  pendingEntries(accountId: AccountId, basis: ViewBasis): Promise<readonly PendingEntry[]>;
  /** Holds what was derived against what is stored, in one look; at most `examples` differing rows of each table. */
  compareViews(
    accountId: AccountId,
    views: readonly EpochViews[],
    examples: number,
  ): Promise<readonly ViewComparison[]>;
  /**
   * Writes what was derived in place of the account's view rows: rows that are right stay untouched. One transaction,
   * fenced, with an audit row (`audit.facts` gets `rows`, the number of rows that differed). Null, with nothing written,
   * where the account's chain does not end at `ledgerSeq` any more. Throws `lease_lost`.
   */
  replaceViews(
    lease: Lease,
    views: readonly EpochViews[],
    ledgerSeq: number,
    audit: AuditEntry,
    examples: number,
  ): Promise<readonly ViewComparison[] | null>;

  // --- care
  /** Recomputes every hash of the ledger and audit chains. */
  verifyChains(filter: AccountFilter): Promise<ChainReport>;
  /**
   * Recomputes every hash of ledger, audit and evidence, and holds the chains against the heads signed last and against
   * heads that were written down elsewhere.
   */
  verifyBook(heads?: readonly WrittenHead[]): Promise<BookProof>;
  /** Where every chain stands now, unsigned: to be kept elsewhere. */
  writtenHeads(): Promise<readonly WrittenHead[]>;
  /**
   * Signs the head of every chain, once the rows since the last signature fit. Throws `secret_key_missing` where there
   * is no key, `storage_corrupt` (nothing signed) for a chain that does not fit.
   */
  signHeads(): Promise<readonly WrittenHead[]>;
  /** Appends one audit row outside a run (commands of people). */
  appendAudit(entry: AuditEntry): Promise<void>;
  /**
   * Regular upkeep: checkpoint of the write-ahead log where there is one; the heads of the chains are signed once per New
   * York day where there is a key. Throws when a part of it failed.
   */
  maintain(): Promise<void>;
}
