/** What later corrections of the ledger take out of a day's stated equity has a line of its own in the proof. */
import { columns, type Migration } from './definition.ts';

export const corrections: Migration = {
  version: 8,
  name: 'corrections',
  statements: (dialect) => columns(dialect, 'balance_day', ['corrections decimal?']),
};
