/** Orders the broker does not know are remembered with the instant to ask again, so that no run asks for all of them. */
import { columns, type Migration } from './definition.ts';

export const orderLookups: Migration = {
  version: 2,
  name: 'order_lookups',
  // Null: the order is known.
  statements: (dialect) => columns(dialect, 'order_reference', ['next_lookup_at instant?']),
};
