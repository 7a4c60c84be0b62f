import { type Truebook } from '../compose.ts';
import { type Account } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { now as instantNow } from '../domain/time.ts';
import { VIEW_TABLES, type Lease, type ViewDifference, type ViewRow } from '../store/store.ts';
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
  return readBook(options, async ({ store }, scope) => {
    const reports: RebuildReport[] = [];
    for (const account of scope.account === undefined ? await store.accounts() : [scope.account])
      reports.push(await verifyViews(store, account));
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
        const actor = `command:${holder.processId}@${holder.host}`;
        reports.push(await rebuildViews(store, account, leases[index]!, { at: instantNow(clock), actor }));
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

function recordOf({ account, same, pending, epochs }: RebuildReport) {
  return {
    account,
    same,
    pending,
    tables: epochs.flatMap(({ epoch, tables }) =>
      tables.map(({ table, stored, rebuilt, differing, first }) => ({
        epoch,
        table,
        state: differing === 0 ? 'same' : 'differs',
        rows: stored.rows,
        hash: stored.digest,
        rebuiltRows: rebuilt.rows,
        rebuiltHash: rebuilt.digest,
        differing,
        first,
      })),
    ),
  };
}

function textOf({ account, epochs, pending }: RebuildReport, { verify }: RebuildOptions): string {
  const differing = epochs
    .flatMap(({ tables }) => tables)
    .reduce((sum, { differing: count }) => sum + count, 0);
  return [
    ...epochs.flatMap(({ epoch, tables }) => [
      epochs.length === 1 ? account : `${account}, epoch ${epoch}`,
      ...tables.flatMap(tableLines),
    ]),
    verify === true ? verdict(differing) : outcome(differing),
    ...(pending === 0 ? [] : [pendingWords(pending)]),
  ].join('\n');
}

/** Differing rows that a person is shown of each table; programs get more of them. */
const SHOWN = 3;

function tableLines({ table, stored, rebuilt, differing, first }: ViewDifference): readonly string[] {
  const line = (name: string, { rows, digest }: ViewDifference['stored'], words: string): string =>
    `  ${name.padEnd(TABLE_WIDTH)}  ${rowsWord(rows)}  ${digest.slice(0, 16)}  ${words}`;
  if (differing === 0) return [line(table, stored, 'same')];
  const rest = differing - Math.min(differing, SHOWN);
  return [
    line(table, stored, 'differs'),
    line('', rebuilt, 'by ledger and evidence'),
    ...first
      .slice(0, SHOWN)
      .flatMap((row) => [
        `    ${row.key}`,
        ...rowLines(row.stored, row.rebuilt).map((one) => `      ${one}`),
      ]),
    ...(rest > 0 ? [`    and ${rest} more`] : []),
  ];
}

const TABLE_WIDTH = Math.max(...VIEW_TABLES.map((table) => table.length));

/** Only the columns that differ. */
function rowLines(stored: ViewRow | null, rebuilt: ViewRow | null): readonly string[] {
  if (stored === null) return ['is missing'];
  if (rebuilt === null) return ['is in neither ledger nor evidence'];
  return Object.keys({ ...stored, ...rebuilt })
    .filter((column) => stored[column] !== rebuilt[column])
    .map((column) => `${column}: ${cell(stored[column])}, should be ${cell(rebuilt[column])}`);
}

/** Checkpoints are long texts. */
function cell(value: ViewRow[string] | undefined): string {
  const text = String(value ?? 'null');
  return text.length > CELL_MAX ? `${text.slice(0, CELL_MAX)}...` : text;
}

const CELL_MAX = 60;

function rowsWord(rows: number): string {
  return `${String(rows).padStart(7)} ${rows === 1 ? 'row ' : 'rows'}`;
}

function verdict(differing: number): string {
  return differing === 0
    ? '  Every row is the one that ledger and evidence give.'
    : `  ${differing === 1 ? '1 row differs' : `${differing} rows differ`}: \`truebook rebuild\` writes what is right.`;
}

function outcome(differing: number): string {
  if (differing === 0) return '  Every row was right: nothing was written.';
  return differing === 1 ? '  1 row was mended.' : `  ${differing} rows were mended.`;
}

function pendingWords(count: number): string {
  const words = count === 1 ? '1 newer entry of the ledger is' : `${count} newer entries of the ledger are`;
  return `  ${words} in no view yet: the next sync works them out.`;
}
