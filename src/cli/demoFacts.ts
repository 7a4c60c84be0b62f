/** What the demo shows, read from the book as every other reader reads it. */
import { type StreamStatus, type Watch } from '../brokers/broker.ts';
import { type Truebook } from '../compose.ts';
import { type AccountRun, type AgentSummary } from '../sync/agent.ts';
import {
  balanceRecords,
  eventRecords,
  positionRecords,
  statusRecord,
  type BalanceRecord,
  type EventRecord,
  type PositionRecord,
  type StatusRecord,
} from '../sync/records.ts';
import { money, moment, tableLines } from './print.ts';

export interface DemoFacts {
  readonly status: StatusRecord;
  readonly balances: readonly BalanceRecord[];
  readonly positions: readonly PositionRecord[];
  /** Newest first. */
  readonly events: readonly EventRecord[];
  /** By account, once the agent has opened it. */
  readonly streams: ReadonlyMap<string, StreamStatus>;
}

const EVENTS_SHOWN = 30;

export async function demoFacts(book: Truebook, streams: ReadonlyMap<string, Watch>): Promise<DemoFacts> {
  return {
    status: await statusRecord(book.records),
    balances: await balanceRecords(book.records),
    positions: await positionRecords(book.records),
    events: await eventRecords(book.records, { limit: EVENTS_SHOWN }),
    streams: new Map([...streams].map(([account, watch]) => [account, watch.status()])),
  };
}

export interface DemoSummary {
  readonly account: string;
  readonly complete: boolean;
  readonly positions: number;
  readonly equity: string | null;
  readonly cash: string | null;
  readonly currency: string | null;
  readonly fresh: boolean;
  readonly why: string | null;
  readonly findings: number;
}

/** One record per account after `demo --once`. */
export function demoSummary(facts: DemoFacts, runs: readonly AccountRun[]): readonly DemoSummary[] {
  return facts.status.accounts.map(({ account, fresh, why, openFindings }) => {
    const balance = facts.balances.find((row) => row.account === account);
    return {
      account,
      complete: runs.find((run) => run.account.name === account)?.run?.outcome === 'complete',
      positions: facts.positions.filter((row) => row.account === account).length,
      equity: balance?.equity ?? null,
      cash: balance?.cash ?? null,
      currency: balance?.currency ?? null,
      fresh,
      why,
      findings: openFindings,
    };
  });
}

export function summaryLines(summary: readonly DemoSummary[]): string[] {
  const failed = summary.filter(({ complete }) => !complete);
  return [
    ...tableLines(summary, [
      { title: 'ACCOUNT', cell: (row) => row.account },
      { title: 'POSITIONS', align: 'right', cell: (row) => String(row.positions) },
      { title: 'EQUITY', align: 'decimal', cell: (row) => money(row.equity) },
      { title: 'CASH', align: 'decimal', cell: (row) => money(row.cash) },
      { title: 'FRESH', cell: (row) => (row.fresh ? 'yes' : `NO: ${row.why ?? 'unknown'}`) },
      { title: 'FINDINGS', align: 'right', cell: (row) => String(row.findings) },
    ]),
    '',
    failed.length === 0
      ? `Demo complete: ${summary.length} simulated accounts mirrored over real HTTP.`
      : `Demo NOT complete: ${failed.map(({ account }) => account).join(', ')}.`,
  ];
}

/** As the agent's log has them (seeds/000). */
export function statisticsLines({ cycles, errors, lastSuccess }: AgentSummary): string[] {
  const rule = '='.repeat(60);
  return [
    rule,
    'Agent Statistics:',
    `  Total sync cycles: ${cycles}`,
    `  Total errors: ${errors}`,
    `  Last successful sync: ${moment(lastSuccess) ?? 'Never'}`,
    rule,
  ];
}
