/** `truebook import mirror DIR`: takes over what an older bot kept in files: its bankroll and its trades. */
import { resolve } from 'node:path';
import { type Truebook } from '../compose.ts';
import { type Account } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { newYorkDate, now } from '../domain/time.ts';
import { readImportFolder, type FoundFiles } from '../mirror/importFolder.ts';
import { isInLedger, ledgerIds } from '../mirror/tradesFile.ts';
import { processId, workingFolder } from '../platform.ts';
import { type AuditEntry, type Lease } from '../store/store.ts';
import { money, printJson, printLine, printProblem, shown } from './print.ts';
import { loadSettings, tellWarnings, withBook, type CommonOptions } from './session.ts';

export interface ImportOptions extends CommonOptions {
  /** Name or id; every Alpaca account without it. */
  readonly account?: string;
}

/** What became of one account's files. */
export interface ImportRecord {
  readonly account: string;
  readonly bankroll: {
    readonly file: string;
    readonly amount: string;
    readonly currency: string;
    /** `kept`: the account has a bankroll already, which stays. */
    readonly state: 'imported' | 'kept';
  } | null;
  readonly trades: {
    readonly files: readonly string[];
    /** Lines that are trades. */
    readonly read: number;
    readonly imported: number;
    readonly alreadyImported: number;
    /** The broker's own record has them, by order or trade id. */
    readonly inLedger: number;
    readonly bad: readonly { readonly file: string; readonly line: number; readonly reason: string }[];
  };
}

/** 0, or 3 where lines could not be understood; what cannot be read at all throws `usage` and nothing is written. */
export async function importMirror(folder: string, options: ImportOptions): Promise<number> {
  const config = loadSettings(options);
  tellWarnings(config);
  const place = resolve(workingFolder(), folder);
  const records = await withBook(
    { config, onWarning: (sentence) => printProblem(`warning: ${sentence}`) },
    (book) => importInto(book, place, options),
  );
  if (options.json === true) printJson(records);
  else for (const record of records) tell(record);
  return records.some((record) => record.trades.bad.length > 0) ? 3 : 0;
}

async function importInto(
  book: Truebook,
  folder: string,
  options: ImportOptions,
): Promise<readonly ImportRecord[]> {
  const accounts = await chooseAccounts(book, options);
  const found: { account: Account; files: FoundFiles }[] = [];
  for (const account of accounts)
    found.push({ account, files: await readImportFolder(folder, account, accounts.length === 1) });
  const holding = found.filter(({ files }) => files.bankroll !== null || files.trades.length > 0);
  if (holding.length === 0) {
    throw new TruebookError(
      'usage',
      `The folder ${folder} holds no files of ${accounts.map(({ name }) => name).join(' or ')}.`,
      {
        hint: 'Looked for: bankroll_alpaca_paper.json, logs/trade_history_alpaca_paper.csv (or _live), their copies, and with --account also bankroll.json and trade_history.csv.',
      },
    );
  }
  const records: ImportRecord[] = [];
  for (const { account, files } of holding) records.push(await importOne(book, account, files));
  return records;
}

/** Alpaca accounts only: older bots' files are theirs. Configured ones need not have been synced yet. */
async function chooseAccounts(book: Truebook, { account }: ImportOptions): Promise<readonly Account[]> {
  if (book.config.connections.length > 0) await book.agentAccounts();
  if (account !== undefined) {
    const chosen = await book.account(account);
    if (chosen.broker === 'alpaca') return [chosen];
    throw new TruebookError('usage', `${chosen.name} is no Alpaca account.`, {
      hint: 'Mirror files are those of Alpaca bots.',
    });
  }
  const all = (await book.store.accounts()).filter((one) => one.broker === 'alpaca');
  if (all.length > 0) return all;
  throw new TruebookError('usage', 'There is no Alpaca account to import for.', {
    hint: 'Set ALPACA_API_KEY and ALPACA_SECRET_KEY first; `truebook doctor` checks them.',
  });
}

async function importOne(book: Truebook, account: Account, files: FoundFiles): Promise<ImportRecord> {
  const { store } = book;
  const hasBankroll = (await store.bankroll({ accountId: account.id })).some(
    (entry) => entry.epoch === account.epoch,
  );
  const needsLease = files.bankroll !== null && !hasBankroll;
  const lease = await takeLease(book, account);
  if (needsLease && lease === null) {
    throw new TruebookError(
      'lease_held',
      `Another process is just making the first run of ${account.name}.`,
      {
        hint: 'Nothing was imported. Try again when `truebook status` shows the account as synced.',
        retry: 'later',
      },
    );
  }
  try {
    const bankroll = await importBankroll(book, account, files, hasBankroll ? null : lease);
    const trades = await importTrades(book, account, files);
    // Without the lease the files are written by whoever holds it, after its next run.
    const written = lease === null ? null : await book.mirror?.write(account, null);
    for (const warning of written?.warnings ?? []) printProblem(`warning: ${warning}`);
    return { account: account.name, bankroll, trades };
  } finally {
    if (lease !== null) await store.releaseLease(lease);
  }
}

const LEASE_MS = 30_000;

async function takeLease(book: Truebook, account: Account): Promise<Lease | null> {
  const answer = await book.store.acquireLease(account.id, book.holder('command'), LEASE_MS, book.isGone);
  return 'lease' in answer ? answer.lease : null;
}

async function importBankroll(
  book: Truebook,
  account: Account,
  { bankroll }: FoundFiles,
  lease: Lease | null,
): Promise<ImportRecord['bankroll']> {
  if (bankroll === null) return null;
  const { file, amount } = bankroll;
  const at = now(book.clock);
  const isImported =
    lease !== null &&
    (await book.store.importBankroll(
      lease,
      {
        kind: 'imported',
        before: null,
        after: amount,
        currency: account.baseCurrency,
        at,
        tradeDate: newYorkDate(at),
        source: file,
        causes: ['mirror_file'],
        env: account.env,
      },
      audit(book, account, 'import_bankroll', { file, amount: amount.toString() }),
    ));
  return {
    file,
    amount: amount.toString(),
    currency: account.baseCurrency,
    state: isImported ? 'imported' : 'kept',
  };
}

async function importTrades(
  book: Truebook,
  account: Account,
  { trades: files }: FoundFiles,
): Promise<ImportRecord['trades']> {
  const known = ledgerIds(await book.store.ledger({ accountId: account.id, kinds: ['fill'] }));
  const read = files.flatMap(({ trades }) => trades);
  const others = read.filter((trade) => !isInLedger(trade, known));
  const imported =
    others.length === 0
      ? 0
      : await book.store.importTrades(
          account.id,
          others,
          audit(book, account, 'import_trades', {
            files: files.map(({ file }) => file).join(' '),
            read: read.length,
          }),
        );
  return {
    files: files.map(({ file }) => file),
    read: read.length,
    imported,
    alreadyImported: others.length - imported,
    inLedger: read.length - others.length,
    bad: files.flatMap(({ file, bad }) => bad.map((line) => ({ file, ...line }))),
  };
}

function audit(book: Truebook, account: Account, action: string, facts: AuditEntry['facts']): AuditEntry {
  return { at: now(book.clock), actor: `command:${processId()}`, action, object: account.name, facts };
}

function tell({ account, bankroll, trades }: ImportRecord): void {
  if (bankroll !== null) {
    const amount = `${money(bankroll.amount)} ${bankroll.currency}`;
    printLine(
      bankroll.state === 'imported'
        ? `${account}: bankroll ${amount} taken over from ${shown(bankroll.file)}.`
        : `${account}: the bankroll of ${shown(bankroll.file)} (${amount}) is not taken over, because the account has one already.`,
    );
  }
  if (trades.files.length > 0) {
    printLine(
      `${account}: ${trades.imported} of ${trades.read + trades.bad.length} trades imported from ${trades.files.map(shown).join(', ')}; ` +
        `${trades.inLedger} are the broker's own, ${trades.alreadyImported} were imported before` +
        (trades.bad.length > 0 ? `, ${trades.bad.length} could not be read.` : '.'),
    );
  }
  for (const { file, line, reason } of trades.bad)
    printProblem(`warning: ${shown(file)}:${line}: ${shown(reason)}; left out`);
}
