/**
 * What a rebuild needs to stand in ledger and evidence: the place of the ledger a run worked from, and what a broker
 * states of past days. What a view held that nothing derives goes.
 */
import { type Kysely } from 'kysely';
import { evidenceHash } from '../chain.ts';
import { type Schema } from '../schema.ts';
import { appendOnly, columns, table, type Migration } from './definition.ts';

export const rebuild: Migration = {
  version: 7,
  name: 'rebuild',
  statements: (dialect) => [
    // Confirmations are counted from the runs where somebody asks for them; nobody read the other one.
    'ALTER TABLE position DROP COLUMN missing_confirmations',
    'ALTER TABLE position DROP COLUMN agreed_quantity',
    // Null: a run of an earlier release, which saw the whole ledger.
    ...columns(dialect, 'sync_run', ['ledger_seq integer?']),
    ...table(dialect, 'day_observation', {
      columns: [
        'id id',
        'account_id integer REFERENCES account (id)',
        'epoch integer',
        // Null: kept from an earlier release, which had it in the view alone.
        'run_id integer? REFERENCES sync_run (id)',
        'trade_date date',
        'currency text',
        'equity decimal?',
        'profit_loss decimal?',
        'row_hash text',
      ],
      indexes: ['account_id, epoch, trade_date'],
    }),
    ...appendOnly(dialect, 'day_observation', 'prune'),
  ],
  fill: keepStatedDays,
};

/** Days that brokers stated afterwards stood in `balance_day` alone until now. */
async function keepStatedDays(transaction: Kysely<Schema>): Promise<void> {
  const days = await transaction
    .selectFrom('balance_day')
    .select(['account_id', 'epoch', 'trade_date', 'currency', 'end_equity', 'profit_loss'])
    .where('source', '=', 'broker')
    .orderBy('account_id')
    .orderBy('epoch')
    .orderBy('trade_date')
    .execute();
  for (const { end_equity: equity, ...day } of days) {
    const content = { ...day, equity };
    await transaction
      .insertInto('day_observation')
      .values({ ...content, run_id: null, row_hash: evidenceHash('day_observation', content) })
      .execute();
  }
}
