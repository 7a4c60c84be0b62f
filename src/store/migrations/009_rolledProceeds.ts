/**
 * Where the premium inside `rolled` stands, so that cost and proceeds of a stored close can be told for tax. The fold
 * knows; what an earlier release stored does not say it, and is null until the row is derived again.
 */
import { columns, type Migration } from './definition.ts';

export const rolledProceeds: Migration = {
  version: 9,
  name: 'rolled_proceeds',
  statements: (dialect) => [
    ...columns(dialect, 'lot_closure', ['rolled_proceeds decimal?']),
    // Only what an option delivers closes with a premium of its own: there, one premium in the cost and one in the
    // proceeds may come to zero. Of all other closes that roll nothing, nothing stands in the proceeds.
    `UPDATE lot_closure SET rolled_proceeds = '0' WHERE rolled = '0' AND NOT EXISTS (
  SELECT 1 FROM activity a WHERE a.account_id = lot_closure.account_id AND a.epoch = lot_closure.epoch
  AND a.root_id = lot_closure.activity_root_id AND a.kind = 'option_delivery')`,
    // Without a checkpoint the next run folds the whole epoch and writes the others.
    ...['lot_closure', 'lot'].map(
      (table) => `DELETE FROM book_checkpoint WHERE EXISTS (
  SELECT 1 FROM ${table} r WHERE r.account_id = book_checkpoint.account_id AND r.epoch = book_checkpoint.epoch
  AND r.rolled <> '0')`,
    ),
  ],
};
