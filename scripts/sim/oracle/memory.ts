/** What the oracles remember of committed state of one account: read piece by piece, so that each look is cheap. */
import { Decimal } from '../../../src/domain/decimal.ts';
import { type Row, type Sql } from './sql.ts';

export interface LedgerEntry {
  readonly seq: number;
  readonly epoch: number;
  readonly rootId: string;
  readonly rev: number;
  readonly kind: string;
  readonly status: string;
  readonly instrument: string | null;
  readonly quantity: Decimal;
  readonly price: string | null;
  readonly amount: string | null;
  readonly fees: string | null;
  readonly currency: string;
  readonly externalId: string;
  readonly source: string;
  readonly runId: number | null;
  readonly hash: string;
}

export interface RunRow {
  readonly id: number;
  readonly type: string;
  readonly outcome: string;
  readonly reconciled: boolean;
  readonly errorCode: string | null;
  readonly epoch: number;
}

export interface Progress {
  readonly cursors: ReadonlyMap<string, string>;
  readonly freshness: ReadonlyMap<string, Row>;
}

export class AccountMemory {
  readonly id: number;
  readonly name: string;
  epoch = 1;
  lastSeq = 0;
  lastHash: string | null = null;
  /** Newest revision of each root of the current epoch. */
  readonly ledger = new Map<string, LedgerEntry>();
  lastRunId = 0;
  /** Runs since the look before this one. */
  newRuns: readonly RunRow[] = [];
  newEntries: readonly LedgerEntry[] = [];
  newest: RunRow | null = null;
  /** Activities are booked that no fold has seen. */
  unfolded = false;
  progress: Progress = { cursors: new Map(), freshness: new Map() };
  before: Progress = { cursors: new Map(), freshness: new Map() };
  /** An agent started and no run was complete since. */
  unverified = false;
  /** The last run of everything that was believed. */
  lastWhole: RunRow | null = null;
  heads: { readonly seq: number; readonly hash: string }[] = [];

  constructor(id: number, name: string) {
    this.id = id;
    this.name = name;
  }

  /** Reads what is new. The row that was the last must still be there, with the hash it had. */
  async refresh(sql: Sql): Promise<{ readonly lost: boolean }> {
    const [account] = await sql(`SELECT epoch FROM account WHERE id = ${this.id}`);
    const epoch = Number(account?.['epoch'] ?? 1);
    if (epoch !== this.epoch) this.ledger.clear();
    this.epoch = epoch;
    const rows = await sql(
      `SELECT seq, epoch, root_id, rev, kind, status, instrument, quantity, price, amount, fees, currency,
        external_id, source, run_id, hash FROM activity WHERE account_id = ? AND seq >= ? ORDER BY seq`,
      this.id,
      this.lastSeq,
    );
    let lost = false;
    let fresh = rows;
    if (this.lastHash !== null) {
      const [first] = rows;
      lost = first === undefined || first['seq'] !== this.lastSeq || first['hash'] !== this.lastHash;
      fresh = rows.slice(1);
    }
    this.newEntries = fresh.map(entryOf);
    await this.#readRuns(sql);
    await this.#readProgress(sql);
    return { lost };
  }

  /** Takes the new entries into the ledger, after they were judged. */
  take(): void {
    for (const entry of this.newEntries) {
      this.lastSeq = entry.seq;
      this.lastHash = entry.hash;
      if (entry.epoch === this.epoch) this.ledger.set(entry.rootId, entry);
      // Written beside the runs: the next one folds it.
      if (entry.runId === null) this.unfolded = true;
    }
  }

  async #readRuns(sql: Sql): Promise<void> {
    const rows = await sql(
      `SELECT id, type, outcome, reconciled, error_code, epoch FROM sync_run
       WHERE account_id = ? AND id > ? ORDER BY id`,
      this.id,
      this.lastRunId,
    );
    this.newRuns = rows.map((row) => ({
      id: Number(row['id']),
      type: String(row['type']),
      outcome: String(row['outcome']),
      reconciled: Number(row['reconciled']) === 1,
      errorCode: row['error_code'] as string | null,
      epoch: Number(row['epoch']),
    }));
    for (const run of this.newRuns) {
      this.lastRunId = run.id;
      this.newest = run;
      if (run.outcome === 'progress' || (run.outcome === 'complete' && run.type === 'transactions'))
        this.unfolded = true;
      if (run.outcome === 'complete' && (run.type === 'all' || run.type === 'positions'))
        this.unfolded = false;
      if (run.outcome === 'complete' && run.type === 'all') {
        this.lastWhole = run;
        this.unverified = false;
      }
    }
  }

  async #readProgress(sql: Sql): Promise<void> {
    this.before = this.progress;
    const cursors = await sql(`SELECT name, place FROM cursor WHERE account_id = ${this.id}`);
    const freshness = await sql(
      `SELECT data_class, as_of, fetched_at, run_id, reconciled, verified FROM freshness WHERE account_id = ${this.id}`,
    );
    this.progress = {
      cursors: new Map(cursors.map((row) => [String(row['name']), String(row['place'])])),
      freshness: new Map(freshness.map((row) => [String(row['data_class']), row])),
    };
  }
}

function entryOf(row: Row): LedgerEntry {
  return {
    seq: Number(row['seq']),
    epoch: Number(row['epoch']),
    rootId: String(row['root_id']),
    rev: Number(row['rev']),
    kind: String(row['kind']),
    status: String(row['status']),
    instrument: row['instrument'] as string | null,
    quantity: Decimal.parse(String(row['quantity'])),
    price: row['price'] as string | null,
    amount: row['amount'] as string | null,
    fees: row['fees'] as string | null,
    currency: String(row['currency']),
    externalId: String(row['external_id']),
    source: String(row['source']),
    runId: row['run_id'] === null ? null : Number(row['run_id']),
    hash: String(row['hash']),
  };
}
