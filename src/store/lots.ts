/** The view tables of lots: `lot`, `lot_closure`, `wash_adjustment`. Rows of one run are written in few statements. */
import { type AccountId } from '../domain/account.ts';
import { compareActivities } from '../domain/activity.ts';
import { sha256 } from '../domain/contentHash.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import {
  type ClosureKind,
  type CostSource,
  type HoldingTerm,
  type Lot,
  type LotClosure,
  type LotDirection,
  type RealizedBasis,
  type WashAdjustment,
} from '../domain/lot.ts';
import { instantFromKey, instantKey, type TradeDate } from '../domain/time.ts';
import { sql, type Selectable, type SelectQueryBuilder } from 'kysely';
import { checkpointActivity, newestAt } from './activities.ts';
import { type Queries } from './database.ts';
import { decimalText, inParts, insertRows, readDecimalOrNull, storableRow } from './rows.ts';
import { type LotClosureTable, type LotTable, type Schema, type WashAdjustmentTable } from './schema.ts';
import {
  type CheckpointPlace,
  type ClosureFilter,
  type LotChanges,
  type LotFilter,
  type StoredClosure,
  type StoredLot,
  type StoredWash,
  type WashFilter,
} from './store.ts';

// ---- writing --------------------------------------------------------------------------------------------------

const TABLES = {
  lot: 'lot_id',
  lot_closure: 'closure_id',
  wash_adjustment: 'adjustment_id',
} as const;
type LotsTable = keyof typeof TABLES;

/** Removes first: an id may come back in the same run. */
export async function saveLots(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  changes: LotChanges,
): Promise<void> {
  const { closures, wash } = changes;
  await removeRows(queries, 'wash_adjustment', accountId, epoch, wash.remove);
  await removeRows(queries, 'lot_closure', accountId, epoch, closures.remove);
  await removeRows(queries, 'lot', accountId, epoch, changes.remove);
  const owner = { account_id: accountId, epoch };
  await upsertRows(
    queries,
    'lot',
    changes.upsert.map((lot) => ({ ...owner, ...lotRow(lot) })),
  );
  await upsertRows(
    queries,
    'lot_closure',
    closures.upsert.map((closure) => ({ ...owner, ...numberedClosureRow(accountId, epoch, closure) })),
  );
  await upsertRows(
    queries,
    'wash_adjustment',
    wash.upsert.map((row) => ({ ...owner, ...washRow(row) })),
  );
}

async function upsertRows(
  queries: Queries,
  table: LotsTable,
  rows: Parameters<typeof insertRows>[2],
): Promise<void> {
  await insertRows(queries, table, rows, { keys: ['account_id', 'epoch', TABLES[table]], then: 'update' });
}

async function removeRows(
  queries: Queries,
  table: LotsTable,
  accountId: AccountId,
  epoch: number,
  ids: readonly string[],
): Promise<void> {
  for (const part of inParts(ids)) {
    await queries
      .deleteFrom<LotsTable>(table)
      .where('account_id', '=', accountId)
      .where('epoch', '=', epoch)
      .where(queries.dynamic.ref(TABLES[table]), 'in', part)
      .execute();
  }
}

export function lotRow(lot: Lot) {
  return storableRow({
    lot_id: lot.id,
    instrument: lot.instrument as string,
    opened_root_id: lot.openedRootId,
    activity_root_id: lot.activityRootId,
    direction: lot.direction as string,
    opened_at: instantKey(lot.openedAt),
    acquired_at: instantKey(lot.acquiredAt),
    acquired_date: lot.acquiredDate as string,
    holding_from: lot.holdingFrom as string,
    quantity: lot.quantity.toString(),
    open_quantity: lot.openQuantity.toString(),
    cost: decimalText(lot.cost),
    open_cost: decimalText(lot.openCost),
    rolled: lot.rolled.toString(),
    cost_source: lot.costSource as string,
    currency: lot.currency,
    open_cost_base: decimalText(lot.openCostBase),
  });
}

export function closureRow(closure: LotClosure) {
  return storableRow({
    closure_id: closure.id,
    lot_id: closure.lotId,
    instrument: closure.instrument as string,
    opened_root_id: closure.openedRootId,
    activity_root_id: closure.activityRootId,
    kind: closure.kind as string,
    direction: closure.direction as string,
    acquired_date: closure.acquiredDate as string,
    closed_at: instantKey(closure.closedAt),
    closed_date: closure.closedDate as string,
    quantity: closure.quantity.toString(),
    cost: decimalText(closure.cost),
    proceeds: decimalText(closure.proceeds),
    fees: closure.fees.toString(),
    realized: decimalText(closure.realized),
    rolled: closure.rolled.toString(),
    rolled_proceeds: decimalText(closure.rolledProceeds ?? null),
    realized_basis: closure.realizedBasis as string,
    term: closure.term as string | null,
    holding_days: closure.holdingDays,
    currency: closure.currency,
    realized_base_close_rate: decimalText(closure.realizedBaseCloseRate),
    realized_base_historical: decimalText(closure.realizedBaseHistorical),
  });
}

/** With the id of the old view `trade_history`. */
export function numberedClosureRow(accountId: AccountId, epoch: number, closure: LotClosure) {
  return { number: closureNumber(accountId, epoch, closure), ...closureRow(closure) };
}

export function washRow(row: WashAdjustment) {
  return storableRow({
    adjustment_id: row.id,
    scope: row.scope as string,
    closure_id: row.closureId,
    replacement_account_id: row.replacementAccountId,
    replacement_lot_id: row.replacementLotId,
    quantity: row.quantity.toString(),
    disallowed: row.disallowed.toString(),
    permanently_lost: row.permanentlyLost.toString(),
    holding_from: row.holdingFrom as string,
    currency: row.currency,
  });
}

/** As the number of a position: 48 bits of a hash of the key. */
function closureNumber(accountId: AccountId, epoch: number, closure: LotClosure): number {
  return Number.parseInt(sha256(`${accountId}|${epoch}|${closure.id}`).slice(0, 12), 16);
}

// ---- reading --------------------------------------------------------------------------------------------------

function readLot(row: Selectable<LotTable>): StoredLot {
  return {
    accountId: row.account_id,
    epoch: row.epoch,
    id: row.lot_id,
    instrument: row.instrument as InstrumentId,
    openedRootId: row.opened_root_id,
    activityRootId: row.activity_root_id,
    direction: row.direction as LotDirection,
    openedAt: instantFromKey(row.opened_at),
    acquiredAt: instantFromKey(row.acquired_at),
    acquiredDate: row.acquired_date as TradeDate,
    holdingFrom: row.holding_from as TradeDate,
    quantity: Decimal.parse(row.quantity),
    openQuantity: Decimal.parse(row.open_quantity),
    cost: readDecimalOrNull(row.cost),
    openCost: readDecimalOrNull(row.open_cost),
    rolled: Decimal.parse(row.rolled),
    costSource: row.cost_source as CostSource,
    currency: row.currency,
    openCostBase: readDecimalOrNull(row.open_cost_base),
  };
}

function readClosure(row: Selectable<LotClosureTable>): StoredClosure {
  return {
    accountId: row.account_id,
    epoch: row.epoch,
    id: row.closure_id,
    lotId: row.lot_id,
    instrument: row.instrument as InstrumentId,
    openedRootId: row.opened_root_id,
    activityRootId: row.activity_root_id,
    kind: row.kind as ClosureKind,
    direction: row.direction as LotDirection,
    acquiredDate: row.acquired_date as TradeDate,
    closedAt: instantFromKey(row.closed_at),
    closedDate: row.closed_date as TradeDate,
    quantity: Decimal.parse(row.quantity),
    cost: readDecimalOrNull(row.cost),
    proceeds: readDecimalOrNull(row.proceeds),
    fees: Decimal.parse(row.fees),
    realized: readDecimalOrNull(row.realized),
    rolled: Decimal.parse(row.rolled),
    ...(row.rolled_proceeds === null ? {} : { rolledProceeds: Decimal.parse(row.rolled_proceeds) }),
    realizedBasis: row.realized_basis as RealizedBasis,
    term: row.term as HoldingTerm | null,
    holdingDays: row.holding_days,
    currency: row.currency,
    realizedBaseCloseRate: readDecimalOrNull(row.realized_base_close_rate),
    realizedBaseHistorical: readDecimalOrNull(row.realized_base_historical),
  };
}

function readWash(row: Selectable<WashAdjustmentTable>): StoredWash {
  return {
    accountId: row.account_id,
    epoch: row.epoch,
    id: row.adjustment_id,
    scope: row.scope as WashAdjustment['scope'],
    closureId: row.closure_id,
    replacementAccountId: row.replacement_account_id,
    replacementLotId: row.replacement_lot_id,
    quantity: Decimal.parse(row.quantity),
    disallowed: Decimal.parse(row.disallowed),
    permanentlyLost: Decimal.parse(row.permanently_lost),
    holdingFrom: row.holding_from as TradeDate,
    currency: row.currency,
  };
}

/** Without ids one list of all; ids are asked for in parts. */
async function ofIds<Row>(
  ids: readonly string[] | undefined,
  ask: (part: readonly string[] | null) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  if (ids === undefined) return await ask(null);
  const rows: Row[] = [];
  for (const part of inParts([...new Set(ids)].sort())) rows.push(...(await ask(part)));
  return rows;
}

/** By account, epoch, instrument, acquisition; by id first where more than 500 ids are asked for. */
export async function listLots(queries: Queries, filter: LotFilter): Promise<readonly StoredLot[]> {
  const rows = await ofIds(filter.ids, async (ids) => {
    let query = ofEpoch(queries.selectFrom('lot as t').selectAll('t'), filter);
    if (filter.instrument !== undefined) query = query.where('t.instrument', '=', filter.instrument);
    if (filter.open === true) query = query.where(sql<boolean>`t.open_quantity <> '0'`);
    if (filter.open === false) query = query.where(sql<boolean>`t.open_quantity = '0'`);
    if (ids !== null) query = query.where('t.lot_id', 'in', ids);
    return await query.orderBy('t.instrument').orderBy('t.acquired_at').orderBy('t.lot_id').execute();
  });
  return rows.map(readLot);
}

/** By account, epoch, time of closing. */
export async function listClosures(
  queries: Queries,
  filter: ClosureFilter,
): Promise<readonly StoredClosure[]> {
  const rows = await ofIds(filter.lotIds, async (ids) => {
    let query = ofEpoch(queries.selectFrom('lot_closure as t').selectAll('t'), filter);
    if (filter.instrument !== undefined) query = query.where('t.instrument', '=', filter.instrument);
    if (filter.from !== undefined) query = query.where('t.closed_date', '>=', filter.from as string);
    if (filter.to !== undefined) query = query.where('t.closed_date', '<=', filter.to as string);
    if (filter.closedAfter !== undefined)
      query = query.where('t.closed_at', '>', instantKey(filter.closedAfter));
    if (ids !== null) query = query.where('t.lot_id', 'in', ids);
    return await query.orderBy('t.closed_at').orderBy('t.closure_id').execute();
  });
  return rows.map(readClosure);
}

/** By account, epoch, id. */
export async function listWash(queries: Queries, filter: WashFilter): Promise<readonly StoredWash[]> {
  const rows = await ofIds(filter.closureIds, async (ids) => {
    let query = ofEpoch(queries.selectFrom('wash_adjustment as t').selectAll('t'), filter);
    if (ids !== null) query = query.where('t.closure_id', 'in', ids);
    if (filter.from !== undefined || filter.to !== undefined) {
      query = query.where((where) => {
        let losses = where
          .selectFrom('lot_closure as c')
          .select('c.closure_id')
          .whereRef('c.account_id', '=', 't.account_id')
          .whereRef('c.epoch', '=', 't.epoch')
          .whereRef('c.closure_id', '=', 't.closure_id');
        if (filter.from !== undefined) losses = losses.where('c.closed_date', '>=', filter.from as string);
        if (filter.to !== undefined) losses = losses.where('c.closed_date', '<=', filter.to as string);
        return where.exists(losses);
      });
    }
    return await query.orderBy('t.adjustment_id').execute();
  });
  return rows.map(readWash);
}

type OfTable<Row> = Schema & { t: Row };
interface EpochRow {
  account_id: number;
  epoch: number;
}

/** Rows of one account or all, of one epoch or each account's current one, ordered so. */
function ofEpoch<Row extends EpochRow, Output>(
  given: SelectQueryBuilder<OfTable<Row>, 't', Output>,
  filter: { readonly accountId?: AccountId; readonly epoch?: number },
): SelectQueryBuilder<OfTable<Row>, 't', Output> {
  // What holds for every table with these columns: Kysely cannot see it through a type parameter.
  let query = given as unknown as SelectQueryBuilder<OfTable<EpochRow>, 't', Output>;
  const { accountId, epoch } = filter;
  if (accountId !== undefined) query = query.where('t.account_id', '=', accountId);
  query =
    epoch !== undefined
      ? query.where('t.epoch', '=', epoch)
      : query.where('t.epoch', '=', (where) =>
          where.selectFrom('account').select('account.epoch').whereRef('account.id', '=', 't.account_id'),
        );
  return query.orderBy('t.account_id').orderBy('t.epoch') as unknown as SelectQueryBuilder<
    OfTable<Row>,
    't',
    Output
  >;
}

// ---- a fold from a checkpoint on ------------------------------------------------------------------------------

export async function lotsSince(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  after: CheckpointPlace | null,
): Promise<{ readonly lots: readonly StoredLot[]; readonly closures: readonly StoredClosure[] }> {
  if (after === null) {
    const filter = { accountId, epoch };
    return { lots: await listLots(queries, filter), closures: await listClosures(queries, filter) };
  }
  const before = await standingBefore(queries, accountId, after);
  const at = instantKey(after.lastExecutedAt);
  const closed = await queries
    .selectFrom('lot_closure')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    .where('closed_at', '>=', at)
    .orderBy('closed_at')
    .orderBy('closure_id')
    .execute();
  const closures = closed.filter((row) => row.closed_at > at || !before.has(row.activity_root_id));
  const opened = await queries
    .selectFrom('lot')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    // Written out: an index of some rows serves no parameter.
    .where((where) => where.or([sql<boolean>`open_quantity <> '0'`, where('opened_at', '>=', at)]))
    .execute();
  const found = opened.filter(
    (row) => row.open_quantity !== '0' || row.opened_at > at || !before.has(row.activity_root_id),
  );
  const known = new Set(found.map((row) => row.lot_id));
  const touched = [...new Set(closures.map((row) => row.lot_id))].filter((id) => !known.has(id));
  for (const part of inParts(touched)) {
    found.push(
      ...(await queries
        .selectFrom('lot')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('epoch', '=', epoch)
        .where('lot_id', 'in', part)
        .execute()),
    );
  }
  const lots = found.sort((left, right) => (left.lot_id < right.lot_id ? -1 : 1)).map(readLot);
  return { lots, closures: closures.map(readClosure) };
}

/** Root ids of the activities of the checkpoint's very instant that it already holds. */
async function standingBefore(
  queries: Queries,
  accountId: AccountId,
  place: CheckpointPlace,
): Promise<ReadonlySet<string>> {
  const last = await checkpointActivity(queries, accountId, place);
  const same = await newestAt(queries, accountId, place.epoch, place.lastExecutedAt);
  return new Set(
    same.filter((activity) => compareActivities(activity, last) <= 0).map((activity) => activity.rootId),
  );
}
