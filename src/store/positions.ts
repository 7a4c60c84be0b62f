/** The view table `position`: one row per episode of an instrument. */
import { type AccountId } from '../domain/account.ts';
import { sha256 } from '../domain/contentHash.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Queries } from './database.ts';
import {
  decimalText,
  insertRows,
  isTrue,
  keyOrNull,
  readDecimalOrNull,
  readInstantOrNull,
  storableRow,
} from './rows.ts';
import { type PositionTable } from './schema.ts';
import {
  type AccountFilter,
  type PositionKey,
  type PositionRow,
  type PositionState,
  type RealizedBasis,
} from './store.ts';
import { type Selectable } from 'kysely';

const KEYS = ['account_id', 'epoch', 'instrument', 'opened_root_id'];

export async function savePositions(
  queries: Queries,
  upsert: readonly PositionRow[],
  remove: readonly PositionKey[],
  accountId: AccountId,
): Promise<void> {
  for (const key of remove) {
    await queries
      .deleteFrom('position')
      .where('account_id', '=', accountId)
      .where('epoch', '=', key.epoch)
      .where('instrument', '=', key.instrument)
      .where('opened_root_id', '=', key.openedRootId)
      .execute();
  }
  await insertRows(queries, 'position', upsert.map(positionRow), { keys: KEYS, then: 'update' });
}

export function positionRow(row: PositionRow) {
  return storableRow({
    account_id: row.accountId,
    epoch: row.epoch,
    instrument: row.instrument as string,
    opened_root_id: row.openedRootId,
    number: positionNumber(row),
    state: row.state as string,
    quantity: row.quantity.toString(),
    broker_quantity: decimalText(row.brokerQuantity),
    book_quantity: row.bookQuantity.toString(),
    explained: row.explained,
    average_cost: decimalText(row.averageCost),
    average_cost_source: row.averageCostSource as string | null,
    realized_pnl: decimalText(row.realizedPnl),
    realized_basis: row.realizedBasis as string,
    opened_at: keyOrNull(row.openedAt),
    closed_at: keyOrNull(row.closedAt),
    closed_root_id: row.closedRootId,
    missing_since: keyOrNull(row.missingSince),
    source: row.source,
  });
}

/**
 * A number for programs that know positions by an integer id (old view `positions`): 48 bits of a hash of the row's
 * key, so a rebuild gives the same and no counter has to be remembered.
 */
function positionNumber(row: PositionRow): number {
  const key = `${row.accountId}|${row.epoch}|${row.instrument}|${row.openedRootId}`;
  return Number.parseInt(sha256(key).slice(0, 12), 16);
}

function readPosition(row: Selectable<PositionTable>): PositionRow {
  return {
    accountId: row.account_id,
    epoch: row.epoch,
    instrument: row.instrument as InstrumentId,
    openedRootId: row.opened_root_id,
    state: row.state as PositionState,
    quantity: Decimal.parse(row.quantity),
    brokerQuantity: readDecimalOrNull(row.broker_quantity),
    bookQuantity: Decimal.parse(row.book_quantity),
    explained: isTrue(row.explained),
    averageCost: readDecimalOrNull(row.average_cost),
    averageCostSource: row.average_cost_source as PositionRow['averageCostSource'],
    realizedPnl: readDecimalOrNull(row.realized_pnl),
    realizedBasis: row.realized_basis as RealizedBasis,
    openedAt: readInstantOrNull(row.opened_at),
    closedAt: readInstantOrNull(row.closed_at),
    closedRootId: row.closed_root_id,
    missingSince: readInstantOrNull(row.missing_since),
    source: row.source,
  };
}

/** Rows of all epochs in a stable order: account, epoch, instrument, time of opening. */
export async function listPositions(
  queries: Queries,
  filter: AccountFilter & { states?: readonly PositionState[]; epoch?: number },
): Promise<readonly PositionRow[]> {
  let query = queries
    .selectFrom('position')
    .selectAll()
    .orderBy('account_id')
    .orderBy('epoch')
    .orderBy('instrument')
    .orderBy('opened_at')
    .orderBy('opened_root_id');
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId);
  if (filter.epoch !== undefined) query = query.where('epoch', '=', filter.epoch);
  if (filter.states !== undefined) query = query.where('state', 'in', [...filter.states, '']);
  return (await query.execute()).map(readPosition);
}
