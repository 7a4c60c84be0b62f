import { type Truebook } from '../compose.ts';
import { type Account } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { now as instantNow } from '../domain/time.ts';
import { type Lease, type ViewComparison, type ViewRow } from '../store/store.ts';
import { rebuildViews, verifyViews, type RebuildReport } from '../sync/rebuild.ts';
import { holderName, LEASE_TTL_MS } from '../sync/requestSync.ts';
import { printJson, printLine } from './print.ts';
import { loadSettings, readBook, tellWarnings, withBook, type CommonOptions } from './session.ts';

export interface RebuildOptions extends CommonOptions {
  readonly account?: string;
  readonly verify?: boolean;
}

/** Ends with it where a stored row is not the one that ledger and evidence give. */
const DIFFERENCE = 3;

/**
 * Works every view table out again from ledger and evidence and writes the rows that differ; with `--verify` it compares,
 * writes nothing and ends with 3 where one differs.
 */
export async function rebuild(options: RebuildOptions): Promise<number> {
  const reports = options.verify === true ? await verified(options) : await rebuilt(options);
  if (options.json === true) printJson(reports.map(recordOf));
  else printLine(reports.length === 0 ? NO_ACCOUNT : reports.map((one) => textOf(one, options)).join('\n\n'));
  return options.verify === true && reports.some((report) => !report.same) ? DIFFERENCE : 0;
}

const NO_ACCOUNT = 'No account was synced yet: there is nothing to rebuild.';

async function verified(options: RebuildOptions): Promise<readonly RebuildReport[]> {
  return readBook(options, async ({ store, records }, scope) => {
    const reports: RebuildReport[] = [];
    for (const account of scope.account === undefined ? await store.accounts() : [scope.account])
      reports.push(await verifyViews(store, account, records.latePublishing(account)));
    return reports;
  });
}

async function rebuilt(options: RebuildOptions): Promise<readonly RebuildReport[]> {
  const config = loadSettings(options);
  tellWarnings(config);
  return withBook({ config }, async (book) => {
    const { store, clock } = book;
    const accounts =
      options.account === undefined ? await store.accounts() : [await book.account(options.account)];
    const holder = book.holder('command');
    const leases: Lease[] = [];
    try {
      // All of them first: half a rebuild would leave the person with a mix.
      for (const account of accounts) leases.push(await leaseOf(book, account, holder));
      const reports: RebuildReport[] = [];
      for (const [index, account] of accounts.entries()) {
        const audit = { at: instantNow(clock), actor: `command:${holder.processId}@${holder.host}` };
        const late = book.records.latePublishing(account);
        reports.push(await rebuildViews(store, account, leases[index]!, audit, late));
      }
      return reports;
    } finally {
      for (const lease of leases) await store.releaseLease(lease);
    }
  });
}

async function leaseOf(
  book: Truebook,
  account: Account,
  holder: ReturnType<Truebook['holder']>,
): Promise<Lease> {
  const grant = await book.store.acquireLease(account.id, holder, LEASE_TTL_MS, book.isGone);
  if ('lease' in grant) return grant.lease;
  throw new TruebookError('lease_held', `${account.name} is held by ${holderName(grant.heldBy)}.`, {
    hint: 'Stop that process and run this command again. `truebook rebuild --verify` compares while an agent runs.',
    retry: 'later',
  });
}

// ---- what is said ---------------------------------------------------------------------------------------------------

function recordOf({ account, same, pending, tables }: RebuildReport) {
  return {
    account,
    same,
    pending,
    tables: tables.map(({ table, stored, derived, differing, examples }) => ({
      table,
      state: differing === 0 ? 'same' : 'differs',
      rows: stored.rows,
      hash: stored.hash,
      derivedRows: derived.rows,
      derivedHash: derived.hash,
      differing,
      examples,
    })),
  };
}

function textOf(report: RebuildReport, { verify }: RebuildOptions): string {
  const width = Math.max(...report.tables.map(({ table }) => table.length));
  const lines = report.tables.flatMap((table) => tableLines(table, width));
  const differing = report.tables.reduce((sum, table) => sum + table.differing, 0);
  return [
    report.account,
    ...lines,
    verify === true ? verdict(differing) : outcome(differing),
    ...(report.pending === 0 ? [] : [pendingWords(report.pending)]),
  ].join('\n');
}

function tableLines(table: ViewComparison, width: number): readonly string[] {
  const { stored, derived, differing, examples } = table;
  const name = `  ${table.table.padEnd(width)}`;
  if (differing === 0) return [`${name}  ${rowsWord(stored.rows)}  ${stored.hash.slice(0, 16)}  same`];
  const shown = examples.flatMap(({ key, stored: was, derived: is }) => [
    `    ${key}`,
    ...rowLines(was, is).map((line) => `      ${line}`),
  ]);
  const rest = differing - examples.length;
  return [
    `${name}  ${rowsWord(stored.rows)}  ${stored.hash.slice(0, 16)}  differs`,
    `  ${''.padEnd(width)}  ${rowsWord(derived.rows)}  ${derived.hash.slice(0, 16)}  from ledger and evidence`,
    ...shown,
    ...(rest > 0 ? [`    and ${rest} more`] : []),
  ];
}

/** Only the columns that differ, stored and derived. */
function rowLines(stored: ViewRow | null, derived: ViewRow | null): readonly string[] {
  if (stored === null) return ['is missing'];
  if (derived === null) return ['is in no ledger and no evidence'];
  return Object.keys({ ...stored, ...derived })
    .filter((column) => stored[column] !== derived[column])
    .map((column) => `${column}: ${cell(stored[column])}, should be ${cell(derived[column])}`);
}

/** Checkpoints are long texts. */
function cell(value: ViewRow[string] | undefined): string {
  const text = String(value ?? 'null');
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function rowsWord(rows: number): string {
  return `${String(rows).padStart(7)} ${rows === 1 ? 'row ' : 'rows'}`;
}

function verdict(differing: number): string {
  return differing === 0
    ? '  Every row is the one that ledger and evidence give.'
    : `  ${differing === 1 ? '1 row differs' : `${differing} rows differ`}: \`truebook rebuild\` writes them anew.`;
}

function outcome(differing: number): string {
  if (differing === 0) return '  Every row was right: nothing was written.';
  return differing === 1 ? '  1 row was written anew.' : `  ${differing} rows were written anew.`;
}

function pendingWords(count: number): string {
  return `  ${count === 1 ? '1 newer entry' : `${count} newer entries`} of the ledger ${count === 1 ? 'is' : 'are'} worked out by the next sync.`;
}
