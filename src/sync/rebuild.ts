/**
 * Rebuild: every view table of an account derived again from ledger and evidence, to the very rows the runs wrote
 * (design section 5). `verifyViews` compares and writes nothing; `rebuildViews` writes what differs.
 */
import { type Capabilities } from '../brokers/broker.ts';
import { type Account } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import {
  type AuditEntry,
  type EpochViews,
  type Lease,
  type Store,
  type ViewBasis,
  type ViewComparison,
} from '../store/store.ts';
import { epochViews } from './rebuild/epochViews.ts';

export interface RebuildReport {
  readonly account: string;
  /** Whether every stored row is the derived one. */
  readonly same: boolean;
  readonly tables: readonly ViewComparison[];
  /** Activities and elections in the ledger that the next run works out: they are in no view yet. */
  readonly pending: number;
}

/** Differing rows that are shown of each table. */
export const EXAMPLES = 3;

/** What an agent wrote meanwhile is compared anew, this often. */
const ATTEMPTS = 5;

/** Throws `storage_busy` when runs or people keep writing while it compares. */
export async function verifyViews(
  store: Store,
  account: Account,
  latePublishing: Capabilities['latePublishing'],
): Promise<RebuildReport> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const before = await stampOf(store, account);
    const derived = await deriveViews(store, before.account, latePublishing);
    const tables = await store.compareViews(account.id, derived.views, EXAMPLES);
    if ((await stampOf(store, account)).text === before.text) return report(account, tables, derived.pending);
  }
  throw keepsChanging(account);
}

/** The report says what differed before it was written. Throws `lease_lost`, and `storage_busy` as `verifyViews`. */
export async function rebuildViews(
  store: Store,
  account: Account,
  lease: Lease,
  audit: Pick<AuditEntry, 'at' | 'actor'>,
  latePublishing: Capabilities['latePublishing'],
): Promise<RebuildReport> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const before = await stampOf(store, account);
    const derived = await deriveViews(store, before.account, latePublishing);
    const entry = { ...audit, action: 'rebuild', object: account.name, facts: {} };
    const tables = await store.replaceViews(lease, derived.views, before.ledgerSeq, entry, EXAMPLES);
    if (tables !== null) return report(account, tables, derived.pending);
  }
  throw keepsChanging(account);
}

interface Derived {
  readonly views: readonly EpochViews[];
  readonly pending: number;
}

/** Every epoch of the account; those that no run ever wrote positions in have no more than days. */
export async function deriveViews(
  store: Store,
  account: Account,
  latePublishing: Capabilities['latePublishing'],
): Promise<Derived> {
  const bases = new Map((await store.viewBases(account.id)).map((basis) => [basis.epoch, basis]));
  const views: EpochViews[] = [];
  for (let epoch = 1; epoch <= account.epoch; epoch += 1)
    views.push(await epochViews(store, account, epoch, bases.get(epoch) ?? null, latePublishing));
  return { views, pending: await pendingCount(store, account, bases.get(account.epoch)) };
}

async function pendingCount(store: Store, account: Account, basis: ViewBasis | undefined): Promise<number> {
  return basis === undefined ? 0 : (await store.pendingEntries(account.id, basis)).length;
}

/** Changes with everything that changes a view. */
async function stampOf(
  store: Store,
  { id, name }: Account,
): Promise<{ readonly account: Account; readonly ledgerSeq: number; readonly text: string }> {
  const account = await store.findAccount(name);
  if (account === null) throw new TruebookError('unknown_account', `There is no account ${name}.`);
  const { ledgerSeq } = await store.bookMarks(id);
  const run = await store.lastRun(id);
  return { account, ledgerSeq, text: `${account.epoch} ${ledgerSeq} ${run?.id ?? 0}` };
}

function report(account: Account, tables: readonly ViewComparison[], pending: number): RebuildReport {
  return { account: account.name, same: tables.every((table) => table.differing === 0), tables, pending };
}

function keepsChanging(account: Account): TruebookError {
  return new TruebookError('storage_busy', `The book of ${account.name} keeps changing.`, {
    hint: 'Run this again when the running sync has ended.',
    retry: 'later',
  });
}
