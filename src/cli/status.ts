import { statusRecord, type AccountStatusRecord, type StatusRecord } from '../sync/records.ts';
import { ageText, moment, printJson, printLine, tableLines, type Column } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';

/** How fresh every account is, and the agent. `--json` is the status document. */
export async function status(options: ListingOptions): Promise<number> {
  const record = await readBook(options, (book, scope) => statusRecord(book.records, scope));
  if (options.json === true) printJson(record);
  else printLine(statusLines(record).join('\n'));
  return 0;
}

const COLUMNS: readonly Column<AccountStatusRecord>[] = [
  { title: 'ACCOUNT', cell: (row) => row.account },
  { title: 'FRESH', cell: (row) => (row.fresh ? 'yes' : 'NO') },
  { title: 'AGE', align: 'right', cell: (row) => ageText(row.age) },
  { title: 'LAST SUCCESS', cell: (row) => moment(row.lastSuccess) ?? 'never' },
  { title: 'NEXT RUN', cell: (row) => moment(row.nextRun) ?? '-' },
  { title: 'LOGIN', cell: (row) => row.auth },
  { title: 'FINDINGS', align: 'right', cell: (row) => String(row.openFindings) },
  { title: 'WHY NOT FRESH', cell: (row) => row.why },
];

/** The status for people. */
export function statusLines(record: StatusRecord): string[] {
  const accounts =
    record.accounts.length === 0
      ? ['No account was synced yet: run `truebook sync` or `truebook agent`.']
      : tableLines(record.accounts, COLUMNS);
  const errors = record.accounts.flatMap(({ account, lastError, fresh }) =>
    lastError === null || fresh ? [] : [`${account}: ${lastError}`],
  );
  return [...accounts, ...errors, '', agentLine(record.agent)];
}

function agentLine({
  running,
  pid,
  startedAt,
  syncCount,
  errorCount,
  lastCycleMs,
}: StatusRecord['agent']): string {
  if (!running) return 'agent: not running';
  const took = lastCycleMs === null ? '' : `, last run took ${lastCycleMs} ms`;
  return `agent: running as process ${pid} since ${moment(startedAt)}, ${syncCount} syncs, ${errorCount} errors${took}`;
}
