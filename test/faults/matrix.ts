/** The matrix of faults: every row, in the order of the table in docs/reliability.md. */
import { Seeded } from '../../src/sandbox/seeded.ts';
import { type DatabaseKind } from '../world/world.ts';
import { AGENT_ROWS } from './rows/agents.ts';
import { ANNOUNCEMENT_ROWS } from './rows/announcements.ts';
import { ANSWER_ROWS } from './rows/answers.ts';
import { CREDENTIAL_ROWS } from './rows/credentials.ts';
import { FILL_ROWS } from './rows/fills.ts';
import { PART_ROWS } from './rows/parts.ts';
import { STORAGE_ROWS } from './rows/storage.ts';
import { STREAM_ROWS } from './rows/streams.ts';
import { TIME_ROWS } from './rows/time.ts';
import { type FaultRow } from './trial.ts';

export const MATRIX: readonly FaultRow[] = [
  ...CREDENTIAL_ROWS,
  ...ANSWER_ROWS,
  ...FILL_ROWS,
  ...PART_ROWS,
  ...STREAM_ROWS,
  ...STORAGE_ROWS,
  ...AGENT_ROWS,
  ...TIME_ROWS,
  ...ANNOUNCEMENT_ROWS,
];

export const DATABASES: readonly DatabaseKind[] = ['sqlite', 'postgres'];

/** One row on one database. */
export interface RowTrial {
  readonly row: FaultRow;
  readonly database: DatabaseKind;
  /** Each row is played with a lease that is kept on one database, and with one that is given back on the other. */
  readonly keepsLease: boolean;
}

/** Every row on every database it is for. */
export function allTrials(): readonly RowTrial[] {
  return MATRIX.flatMap((row, place) =>
    DATABASES.filter((database) => row.databases?.includes(database) ?? true).map((database) => ({
      row,
      database,
      keepsLease: row.turns !== true && DATABASES.indexOf(database) === place % 2,
    })),
  );
}

/** Draws the rows that PostgreSQL plays in every test run besides those where the database itself is the matter. */
const SLICE_SEED = 20251120;

/** What every test run plays: each row on SQLite, those about storage and writers on both, a tenth of the others too. */
export function sliceOfTrials(): readonly RowTrial[] {
  const chance = new Seeded(SLICE_SEED);
  const always = new Set([...STORAGE_ROWS, ...AGENT_ROWS].map((row) => row.id));
  return allTrials().filter(({ row, database }) => {
    const drawn = chance.integer(1, 10) === 1;
    return database === 'sqlite' || (always.has(row.id) && row.long !== true) || drawn;
  });
}
