/**
 * Reading: which calls a run makes, in which order, and what each answer proves. Answers are refused here - wrong
 * account, broken off, provably short - so that everything after it may believe what it gets.
 */
import { type BalancesAnswer, type Broker } from '../brokers/broker.ts';
import { type Account } from '../domain/account.ts';
import { type Activity } from '../domain/activity.ts';
import { TruebookError } from '../domain/errors.ts';
import {
  type CompleteRead,
  type IncompleteRead,
  type Payload,
  type QuarantinedRow,
  type Read,
  type SnapshotPosition,
} from '../domain/snapshot.ts';
import { addMs, type Instant } from '../domain/time.ts';
import { type ActivityWatchRow, type LedgerBeside, type Store, type SyncReadRow } from '../store/store.ts';
import { absentFrom, countAbsence, oppositeSign } from './mergeActivities.ts';
import { type ReadDepth } from './schedule.ts';

/** Everything a run was told, kept for the record whether it was believed or not. */
export interface Dossier {
  readonly reads: SyncReadRow[];
  readonly payloads: Payload[];
  readonly quarantined: QuarantinedRow[];
}

export function emptyDossier(): Dossier {
  return { reads: [], payloads: [], quarantined: [] };
}

/** One believed look at the broker: all three answers complete and for this account. */
export interface Look {
  readonly kind: 'look';
  readonly balances: CompleteRead<BalancesAnswer>;
  readonly positions: CompleteRead<readonly SnapshotPosition[]>;
  readonly activities: CompleteRead<readonly Activity[]>;
  /** What the ledger held of these activities when they were read. */
  readonly ledger: LedgerBeside;
  readonly depth: ReadDepth;
  readonly windowAfter: Instant;
}

export interface Refusal {
  readonly kind: 'refusal';
  readonly resource: string;
  readonly reason: string;
  readonly error: TruebookError;
  /** Absences to count although the run believes nothing. */
  readonly watch: readonly ActivityWatchRow[];
  /** Identities that were absent once too often. */
  readonly withdrawn: readonly string[];
  /** Another account answered: its fingerprint. */
  readonly foreignFingerprint: string | null;
  /** How deep the activities were read, where they were read to their end before the refusal. */
  readonly depth?: ReadDepth;
  /** A list that does not add up: what to remember of it (`proof.ts`). */
  readonly suspicion?: string;
}

const DAY_MS = 86_400_000;

export interface LookRequest {
  readonly broker: Broker;
  readonly store: Store;
  readonly account: Account;
  readonly dossier: Dossier;
  readonly depth: ReadDepth;
  readonly windowAfter: Instant;
  /** Whether an absence in this look counts towards giving an identity up (`schedule.ts`). */
  readonly countsAbsence: boolean;
  readonly now: Instant;
  readonly signal: AbortSignal | undefined;
}

/**
 * Balances first (they name the account), then positions, then activities: a fill between the two shows up as an
 * activity without its position and is settled by a second look, never the other way round as a phantom.
 */
export async function lookAtBroker(request: LookRequest): Promise<Look | Refusal> {
  const { broker, account, dossier, signal } = request;
  const balances = record(dossier, 'account', await broker.readBalances(signal), () => 1);
  if (balances.kind === 'incomplete') return refuse('account', balances);
  const { accountFingerprint } = balances.rows;
  const foreign =
    refuseForeign(account, accountFingerprint) ?? (await refuseSecondPin(request, accountFingerprint));
  if (foreign !== null) return foreign;

  const positions = record(dossier, 'positions', await broker.readPositions(signal), (rows) => rows.length);
  if (positions.kind === 'incomplete') return refuse('positions', positions);

  const window = { kind: 'since', after: request.windowAfter } as const;
  const answer = record(
    dossier,
    'activities',
    await broker.readActivities(window, signal),
    (rows) => rows.activities.length,
  );
  if (answer.kind === 'incomplete') return refuse('activities', answer);
  const activities = { ...answer, rows: answer.rows.activities };
  const ledger = await ledgerOf(request, activities.rows);
  const short = refuseShort(request, activities.rows, ledger);
  if (short !== null) return short;
  return {
    kind: 'look',
    balances,
    positions,
    activities,
    ledger,
    depth: request.depth,
    windowAfter: request.windowAfter,
  };
}

/** What the ledger holds of these activities, their opposite signs included, and of the window they were read from. */
async function ledgerOf(request: LookRequest, activities: readonly Activity[]): Promise<LedgerBeside> {
  const { store, account, now, windowAfter } = request;
  const rootIds = activities.flatMap(({ rootId }) => {
    const opposite = oppositeSign(rootId);
    return opposite === null ? [rootId] : [rootId, opposite];
  });
  const window = { publishedAfter: windowAfter, publishedBefore: addMs(now, -DAY_MS) };
  return await store.ledgerBeside(account.id, account.epoch, window, rootIds);
}

/** Notes a read in the dossier and hands it back. */
export function record<Rows>(
  dossier: Dossier,
  resource: string,
  read: Read<Rows>,
  countRows: (rows: Rows) => number,
): Read<Rows> {
  const complete = read.kind === 'complete';
  dossier.reads.push({
    resource,
    kind: read.kind,
    reason: complete ? null : read.reason,
    rowCount: complete ? countRows(read.rows) : null,
    asOf: complete ? read.asOf : null,
    startedAt: read.startedAt,
  });
  dossier.payloads.push(...read.evidence.payloads);
  dossier.quarantined.push(...read.evidence.quarantined);
  return read;
}

export function refuse(resource: string, read: IncompleteRead<unknown>): Refusal {
  return {
    kind: 'refusal',
    resource,
    reason: read.reason,
    error: read.error,
    watch: [],
    withdrawn: [],
    foreignFingerprint: null,
  };
}

/** A reply for another account is refused whole: one wrong session once showed people a stranger's money. */
function refuseForeign(account: Account, fingerprint: string): Refusal | null {
  if (account.pinnedFingerprint === null || account.pinnedFingerprint === fingerprint) return null;
  return {
    kind: 'refusal',
    resource: 'account',
    reason: 'wrong_account',
    error: new TruebookError(
      'wrong_account',
      `The broker answered for another account than ${account.name}.`,
      {
        hint:
          'If the paper account was reset or recreated, start a new epoch with ' +
          `\`truebook accounts new-epoch ${account.name}\`; else check the API keys.`,
        retry: 'later',
      },
    ),
    watch: [],
    withdrawn: [],
    foreignFingerprint: fingerprint,
  };
}

/** Before an account is pinned: a broker account that stands under another name already must not stand twice. */
async function refuseSecondPin(
  { store, account }: LookRequest,
  fingerprint: string,
): Promise<Refusal | null> {
  if (account.pinnedFingerprint !== null) return null;
  const accounts = await store.accounts();
  const owner = accounts.find((row) => row.id !== account.id && row.pinnedFingerprint === fingerprint);
  if (owner === undefined) return null;
  return {
    kind: 'refusal',
    resource: 'account',
    reason: 'wrong_account',
    error: new TruebookError(
      'wrong_account',
      `The broker answered for ${owner.name}, which is in the book already, and not for ${account.name}.`,
      {
        hint: 'Start Truebook again: the account then gets its own name. If it stays, check the API keys.',
        retry: 'later',
      },
    ),
    watch: [],
    withdrawn: [],
    foreignFingerprint: null,
  };
}

/** Reason of a refusal because the known-id proof failed. */
export const KNOWN_ID_ABSENT = 'known_id_absent';

/** Known-id proof: what the ledger already holds of this window must be in the answer. */
function refuseShort(
  request: LookRequest,
  activities: readonly Activity[],
  ledger: LedgerBeside,
): Refusal | null {
  const absent = absentFrom(activities, ledger.expected, ledger.watched);
  const first = absent[0];
  if (first === undefined) return null;
  const watch = request.countsAbsence ? absent.map(({ rootId, watch }) => countAbsence(rootId, watch)) : [];
  return {
    kind: 'refusal',
    resource: 'activities',
    reason: KNOWN_ID_ABSENT,
    depth: request.depth,
    error: new TruebookError(
      'broker_bad_answer',
      `The list of activities lacks ${absent.length} known one(s), the first is ${first.rootId}.`,
      { hint: 'The answer was cut short; nothing was changed and the next run reads again.', retry: 'later' },
    ),
    watch,
    withdrawn: watch.filter((row) => row.withdrawn).map((row) => row.rootId),
    foreignFingerprint: null,
  };
}
