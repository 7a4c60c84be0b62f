/**
 * Rebuild: every view table of an account derived again from ledger and evidence, to the very rows the runs wrote
 * (design section 5). `verifyViews` compares and writes nothing; `rebuildViews` writes what differs.
 */
import { type Account } from '../domain/account.ts';
import { isTruebookError, TruebookError } from '../domain/errors.ts';
import {
  VIEW_TABLES,
  type AuditEntry,
  type BookViews,
  type Lease,
  type Store,
  type ViewBasis,
  type ViewDifference,
} from '../store/store.ts';
import { epochViews } from './rebuild/epochViews.ts';

export interface RebuildReport {
  readonly account: string;
  /** Whether every stored row is the derived one. */
  readonly same: boolean;
  /** Oldest first. */
  readonly epochs: readonly { readonly epoch: number; readonly tables: readonly ViewDifference[] }[];
  /** Activities and elections in the ledger that the next run works out: they are in no view yet. */
  readonly pending: number;
}

/** What is written meanwhile is compared anew, this often. */
const ATTEMPTS = 5;

/** Throws `storage_busy` when runs or people keep writing while it compares. */
export async function verifyViews(store: Store, account: Account): Promise<RebuildReport> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const before = await stampOf(store, account);
    const derived = await deriveViews(store, before.account);
    const epochs = await compared(store, account, derived.epochs);
    if ((await stampOf(store, account)).text === before.text) return report(account, epochs, derived.pending);
  }
  throw keepsChanging(account);
}

/** The report says what differed before it was written. Throws `lease_lost`, and `storage_busy` as `verifyViews`. */
export async function rebuildViews(
  store: Store,
  account: Account,
  lease: Lease,
  audit: Pick<AuditEntry, 'at' | 'actor'>,
): Promise<RebuildReport> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const { account: current, ledgerSeq } = await stampOf(store, account);
    const derived = await deriveViews(store, current);
    const epochs = await compared(store, account, derived.epochs);
    try {
      for (const [index, { epoch, tables }] of epochs.entries()) {
        const { views, facts } = differing(derived.epochs[index]!.views, tables);
        const entry = { ...audit, action: 'rebuild', object: account.name, facts: { epoch, ...facts } };
        await store.replaceViews({ lease, epoch, ledgerSeq, views, audit: entry });
      }
      return report(account, epochs, derived.pending);
    } catch (error) {
      // A person wrote into the ledger meanwhile: its views are others now.
      if (!isTruebookError(error, 'storage_busy')) throw error;
    }
  }
  throw keepsChanging(account);
}

export interface DerivedViews {
  readonly epochs: readonly { readonly epoch: number; readonly views: BookViews }[];
  readonly pending: number;
}

/** Every epoch of the account; those that no run ever wrote positions in have no more than days. */
export async function deriveViews(store: Store, account: Account): Promise<DerivedViews> {
  const bases = new Map((await store.viewBases(account.id)).map((basis) => [basis.epoch, basis]));
  const epochs: { epoch: number; views: BookViews }[] = [];
  for (let epoch = 1; epoch <= account.epoch; epoch += 1)
    epochs.push({ epoch, views: await epochViews(store, account, epoch, bases.get(epoch) ?? null) });
  return { epochs, pending: await pendingCount(store, account, bases.get(account.epoch)) };
}

async function pendingCount(store: Store, account: Account, basis: ViewBasis | undefined): Promise<number> {
  return basis === undefined ? 0 : (await store.pendingEntries(account.id, basis)).length;
}

async function compared(
  store: Store,
  account: Account,
  derived: DerivedViews['epochs'],
): Promise<RebuildReport['epochs']> {
  const epochs: { epoch: number; tables: readonly ViewDifference[] }[] = [];
  for (const { epoch, views } of derived)
    epochs.push({ epoch, tables: await store.compareViews(account.id, epoch, views) });
  return epochs;
}

/** The tables to write, and how many rows of each were wrong. */
function differing(
  views: BookViews,
  tables: readonly ViewDifference[],
): { readonly views: Partial<BookViews>; readonly facts: Readonly<Record<string, number>> } {
  const wrong = new Map(tables.map(({ table, differing: count }) => [table, count]));
  const names = VIEW_TABLES.filter((table) => (wrong.get(table) ?? 0) > 0);
  return {
    views: Object.fromEntries(names.map((table) => [table, views[table]])),
    facts: Object.fromEntries(names.map((table) => [table, wrong.get(table)!])),
  };
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

function report(account: Account, epochs: RebuildReport['epochs'], pending: number): RebuildReport {
  const same = epochs.every(({ tables }) => tables.every((table) => table.differing === 0));
  return { account: account.name, same, epochs, pending };
}

function keepsChanging(account: Account): TruebookError {
  return new TruebookError('storage_busy', `The book of ${account.name} keeps changing.`, {
    hint: 'Run this again when the running sync has ended.',
    retry: 'later',
  });
}
