/** Trades that `truebook import mirror` found in an older program's file; never counted as fills. */
import { table, type Migration } from './definition.ts';

export const importedTrades: Migration = {
  version: 5,
  name: 'imported_trades',
  statements: (dialect) =>
    table(dialect, 'imported_trade', {
      columns: [
        'id id',
        'account_id integer REFERENCES account (id)',
        // Over what the line says and which of several equal lines of its file it is: importing again adds nothing.
        'content_hash text',
        'file text',
        'line integer',
        'executed_at instant',
        'symbol text',
        'side text?',
        'quantity decimal',
        'price decimal?',
        'fees decimal?',
        'realized_pnl decimal?',
        'order_id text?',
        'trade_id text?',
        'status text?',
        'cells json',
        'imported_at instant',
      ],
      constraints: ['UNIQUE (account_id, content_hash)'],
    }),
};
