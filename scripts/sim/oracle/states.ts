/**
 * States that a full run must reach at least once: where one is never reached, the simulator has gone blind there. Seen
 * in committed state and in what is shown, never told by the code under test.
 */
import { type LedgerEntry, type RunRow } from './memory.ts';
import { type Shown } from './judge.ts';
import { type Row } from './sql.ts';

export class States {
  readonly reached = new Map<string, number>();

  reach(name: string): void {
    this.reached.set(name, (this.reached.get(name) ?? 0) + 1);
  }

  seeEntry(entry: LedgerEntry, known: LedgerEntry | undefined): void {
    if (known !== undefined && entry.status === 'bust') this.reach('a fill was busted');
    else if (known !== undefined) this.reach('an activity was corrected');
    if (entry.kind === 'opening') this.reach('an opening was booked');
    if (entry.source === 'user') this.reach('a person adjusted the book');
    if (entry.kind === 'split') this.reach('a split was booked');
    if (entry.kind.startsWith('transfer')) this.reach('a transfer was booked');
  }

  seeRun(run: RunRow): void {
    this.reach(`a run of type ${run.type} ended ${run.outcome}`);
    if (run.errorCode !== null) this.reach(`a run failed with ${run.errorCode}`);
    if (run.outcome === 'complete' && !run.reconciled) this.reach('a complete run found a difference');
  }

  seeRows(rows: readonly Row[]): void {
    for (const row of rows) {
      if (row['state'] === 'missing') this.reach('a position is missing');
      if (row['state'] === 'closed') this.reach('a position was closed');
      if (row['state'] === 'open' && Number(row['explained']) === 0)
        this.reach('a position is not explained');
      if (String(row['quantity']).startsWith('-')) this.reach('a short position');
      if (String(row['instrument']).startsWith('option:')) this.reach('an option position');
      if (String(row['instrument']).startsWith('crypto:')) this.reach('a coin position');
    }
  }

  seeShown({ positions, gate }: Shown): void {
    if (gate?.ok === true) this.reach('the gate is open');
    for (const reason of gate?.reasons ?? []) this.reach(`the gate is closed: ${reason}`);
    for (const row of positions)
      if (row.why !== null) this.reach(`a row is not fresh: ${row.why.split(/[:(]/)[0]!.trim()}`);
  }
}
