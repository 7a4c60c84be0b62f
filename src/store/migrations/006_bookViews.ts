/**
 * The book's views as `domain/lot.ts` has them, several checkpoints per epoch, how an account is taxed, and what a
 * signature of a chain covers.
 */
import { columns, table, type DialectName, type Migration } from './definition.ts';

export const bookViews: Migration = {
  version: 6,
  name: 'book_views',
  statements: (dialect) => [
    // Views hold nothing that cannot be derived again: the next run folds from the beginning and fills them.
    ...['lot', 'lot_closure', 'wash_adjustment', 'book_checkpoint'].map(
      (name) => `DROP TABLE IF EXISTS ${name}`,
    ),
    ...lots(dialect),
    ...table(dialect, 'book_checkpoint', {
      columns: [
        ...OF_EPOCH,
        'last_executed_at instant',
        'last_root_id text',
        'activity_count integer',
        // A checkpoint made under other elections is of no use.
        'rules_hash text',
        'state text',
        'lots text',
      ],
      constraints: ['PRIMARY KEY (account_id, epoch, last_executed_at, last_root_id)'],
    }),
    // Null: nobody said.
    ...columns(dialect, 'account', ['type text?']),
    ...columns(dialect, 'chain_head', ['signed_seq integer?', 'signed_hash text?', 'signed_key text?']),
    // Few rows of many: instruments the broker ever reported short, and what people wrote beside the runs.
    `CREATE INDEX IF NOT EXISTS position_observation_short ON position_observation (account_id, epoch, instrument) WHERE quantity < '0'`,
    'CREATE INDEX IF NOT EXISTS activity_beside_runs ON activity (account_id, seq) WHERE run_id IS NULL',
  ],
};

const OF_EPOCH = ['account_id integer REFERENCES account (id)', 'epoch integer'];

function lots(dialect: DialectName): string[] {
  return [
    ...table(dialect, 'lot', {
      columns: [
        ...OF_EPOCH,
        'lot_id text',
        'instrument text REFERENCES instrument (id)',
        'opened_root_id text',
        'activity_root_id text',
        "direction text CHECK (direction IN ('long', 'short'))",
        'opened_at instant',
        'acquired_at instant',
        'acquired_date date',
        'holding_from date',
        'quantity decimal',
        'open_quantity decimal',
        'cost decimal?',
        'open_cost decimal?',
        'rolled decimal',
        'cost_source text',
        'currency text',
        'open_cost_base decimal?',
      ],
      constraints: ['PRIMARY KEY (account_id, epoch, lot_id)'],
      indexes: ['account_id, epoch, instrument', 'account_id, epoch, opened_at'],
    }),
    `CREATE INDEX lot_open ON lot (account_id, epoch) WHERE open_quantity <> '0'`,
    ...table(dialect, 'lot_closure', {
      columns: [
        ...OF_EPOCH,
        'closure_id text',
        'number integer',
        'lot_id text',
        'instrument text REFERENCES instrument (id)',
        'opened_root_id text',
        'activity_root_id text',
        'kind text',
        "direction text CHECK (direction IN ('long', 'short'))",
        'acquired_date date',
        'closed_at instant',
        'closed_date date',
        'quantity decimal',
        'cost decimal?',
        'proceeds decimal?',
        'fees decimal',
        'realized decimal?',
        'rolled decimal',
        'realized_basis text',
        'term text?',
        'holding_days integer?',
        'currency text',
        'realized_base_close_rate decimal?',
        'realized_base_historical decimal?',
      ],
      constraints: ['PRIMARY KEY (account_id, epoch, closure_id)'],
      indexes: [
        'account_id, epoch, closed_at',
        'account_id, epoch, lot_id',
        'account_id, epoch, instrument',
        'account_id, closed_date',
      ],
    }),
    ...table(dialect, 'wash_adjustment', {
      columns: [
        ...OF_EPOCH,
        'adjustment_id text',
        'scope text',
        'closure_id text',
        'replacement_account_id integer?',
        'replacement_lot_id text?',
        'quantity decimal',
        'disallowed decimal',
        'permanently_lost decimal',
        'holding_from date',
        'currency text',
      ],
      constraints: ['PRIMARY KEY (account_id, epoch, adjustment_id)'],
      indexes: ['account_id, epoch, closure_id', 'replacement_account_id, replacement_lot_id'],
    }),
  ];
}
