/** The invariants that are judged, by the numbers of the reliability catalogue. */

export const INVARIANTS = {
  I01: 'Complete: when all is quiet, the stored fills are the broker’s',
  I02: 'No double count: every stored identity is one of the broker’s, each once per revision',
  I03: 'No false close: what is closed was closed by an activity of the broker or a person, never by absence',
  I04: 'Fresh means true: what is shown as fresh was the broker’s at some instant of the allowed window',
  I05: 'Corrections and busts are applied: the newest revision is what the broker says last',
  I06: 'Accounts are apart: no row of one account stands under another',
  I07: 'Positions and cash are the sums of the ledger; reconciled ones are the broker’s',
  I08: 'It heals: some cycles after the faults stop, everything is fresh, reconciled and answered',
  I09: 'A list of positions never replaces a newer one',
  I10: 'The ledger is append-only',
  I11: 'The chains verify, and every head ever seen is still in them',
  I12: 'Nothing is told that was never committed',
  I14: 'A revision never goes backwards',
  I15: 'No cursor stands beyond rows that were received and not stored',
  I16: 'Cursors and freshness move only with a complete run',
  I17: 'A freshness stamp and the data it speaks of are of the same run',
  I18: 'Data is not stamped later than the broker made it',
  I19: 'From the start of an agent to its first complete run nothing is fresh',
  I20: 'A rebuild from the ledger gives the stored views, row for row',
  I21: 'The open lots of an instrument add up to its position',
  I22: 'The gate is open only over data that was true in the allowed window',
  I23: 'A run is committed only by the holder of the lease',
  I24: 'Requests stay within the budget of the key, whoever sends them',
  I25: 'The stream is dialled at a measured pace, by one at a time',
  I26: 'Only reads of the table go out',
  I27: 'No secret and no account number in any line, error or row',
  I28: 'The same run once more changes nothing',
  I29: 'Unknown is never zero',
  I30: 'Every run that failed says why',
  I31: 'Files, handles and waiting work stay small',
  I32: 'Sums of money are exact, whatever their order',
  I33: 'After a restore the book comes back to the truth',
  I34: 'A jump of the wall clock changes no decision about freshness',
  I36: 'No secret stands in the bytes of the database',
  X01: 'The program breaks on nothing: every error is one of its own kinds',
} as const;

export type InvariantId = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: InvariantId;
  /** Simulated milliseconds since the world began. */
  readonly atMs: number;
  readonly says: string;
}
