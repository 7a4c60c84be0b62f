/** Days before Truebook watched, and days it was off, are filled from what the broker says of them afterwards. */
import { columns, type Migration } from './definition.ts';

export const equityHistory: Migration = {
  version: 4,
  name: 'equity_history',
  statements: (dialect) =>
    columns(dialect, 'balance_day', [
      // `recorded`: by a run of that day; `broker`: the broker's own statement of a past day.
      "source text DEFAULT 'recorded'",
      'profit_loss decimal?',
    ]),
};
