import { type Truebook } from '../compose.ts';
import { type Account } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { now } from '../domain/time.ts';
import { accountRecords, type AccountRecord } from '../sync/records.ts';
import { holderName, LEASE_TTL_MS } from '../sync/requestSync.ts';
import { moment, printJson, printLine, printListing, type Listing } from './print.ts';
import {
  loadSettings,
  readBook,
  tellWarnings,
  withBook,
  type CommonOptions,
  type ListingOptions,
} from './session.ts';

async function refuseSameAccount(book: Truebook, account: Account): Promise<void> {
  const seat = (await book.agentAccounts()).find((entry) => entry.account.id === account.id);
  const read = await seat?.broker.readBalances();
  const answered = read?.kind === 'complete' ? read.rows.accountFingerprint : null;
  const lastRun = await book.store.lastRun(account.id);
  const wasForeign = lastRun?.errorCode === 'wrong_account' || lastRun?.errorCode === 'account_changed';
  const isOther = answered === null ? wasForeign : answered !== account.pinnedFingerprint;
  if (isOther) return;
  throw new TruebookError('usage', `${account.name} was not reset as far as the broker tells.`, {
    hint:
      'A new epoch is for an account that was reset or recreated at its broker. ' +
      'To start one all the same, add --force: the history will be read and listed once more.',
  });
}

/** Accounts of the book. */
export async function listAccounts(options: ListingOptions): Promise<number> {
  const rows = await readBook(options, (book) => accountRecords(book.records));
  printListing(rows, ACCOUNTS, options);
  return 0;
}

export const ACCOUNTS: Listing<AccountRecord> = {
  nothing: 'No account was synced yet: run `truebook sync`.',
  columns: [
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'ID', align: 'right', cell: (row) => String(row.accountId) },
    { title: 'BROKER', cell: (row) => row.broker },
    { title: 'ENV', cell: (row) => row.env },
    { title: 'EPOCH', align: 'right', cell: (row) => String(row.epoch) },
    { title: 'CURRENCY', cell: (row) => row.currency },
    { title: 'TYPE', cell: (row) => row.type },
    { title: 'PINNED', cell: (row) => (row.pinned ? 'yes' : 'no') },
    { title: 'SINCE', cell: (row) => moment(row.createdAt) },
  ],
  fields: ['account', 'accountId', 'broker', 'env', 'epoch', 'currency', 'type', 'pinned', 'createdAt'],
};

/**
 * Starts a new epoch; refused while an agent or another command writes for the account, and where the broker still
 * answers for the very account of the book: a second epoch of it would hold everything twice.
 */
export async function newEpoch(
  nameOrId: string,
  options: CommonOptions & { force?: boolean },
): Promise<number> {
  const config = loadSettings(options);
  tellWarnings(config);
  const record = await withBook({ config }, async (book) => {
    const { store, clock } = book;
    const account = await book.account(nameOrId);
    const holder = book.holder('command');
    const grant = await store.acquireLease(account.id, holder, LEASE_TTL_MS, book.isGone);
    if ('heldBy' in grant) {
      throw new TruebookError('lease_held', `${account.name} is held by ${holderName(grant.heldBy)}.`, {
        hint: 'Stop that process, run this command again, then start it anew.',
        retry: 'later',
      });
    }
    try {
      if (options.force !== true) await refuseSameAccount(book, account);
      await store.newEpoch(grant.lease, now(clock), `command:${holder.processId}@${holder.host}`);
    } finally {
      await store.releaseLease(grant.lease);
    }
    return (await accountRecords(book.records)).find((row) => row.accountId === account.id);
  });
  if (options.json === true) printJson(record);
  else
    printLine(
      `${record?.account} is in epoch ${record?.epoch} now. Its old book is kept; the next sync starts afresh.`,
    );
  return 0;
}
