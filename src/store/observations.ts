/** What the broker said: kept as evidence for ever, and its newest word per instrument and currency for the next sync. */
import { type AccountId } from '../domain/account.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Quote } from '../domain/snapshot.ts';
import { instantFromKey, instantKey, type TradeDate } from '../domain/time.ts';
import { sql } from 'kysely';
import { evidenceHash } from './chain.ts';
import { type Queries } from './database.ts';
import { loadInstruments } from './instruments.ts';
import {
  decimalText,
  inParts,
  insertRows,
  isTrue,
  keyOrNull,
  readDecimalOrNull,
  readInstantOrNull,
  storableRow,
} from './rows.ts';
import { type BankrollTable, type PositionLatestTable } from './schema.ts';
import {
  type AccountFilter,
  type BalanceObservation,
  type MarkRow,
  type PositionObservation,
  type TimeTravel,
} from './store.ts';

/** Which run saw it, for the evidence rows. */
export interface Sight {
  readonly accountId: AccountId;
  readonly epoch: number;
  readonly runId: number;
}

type Content = Record<string, string | number | boolean | null>;

async function keepEvidence(
  queries: Queries,
  table: 'position_observation' | 'balance_observation' | 'greeks_observation',
  sight: Sight,
  contents: readonly Content[],
): Promise<void> {
  const rows = contents.map((content) => ({
    ...content,
    epoch: sight.epoch,
    run_id: sight.runId,
    row_hash: evidenceHash(table, { ...content, epoch: sight.epoch }),
  }));
  await insertRows(queries, table, rows);
}

// ---- positions ------------------------------------------------------------------------------------------------

export async function savePositionObservations(
  queries: Queries,
  sight: Sight,
  observations: readonly PositionObservation[],
): Promise<void> {
  const contents = observations.map((observation) => positionContent(sight.accountId, observation));
  await keepEvidence(queries, 'position_observation', sight, contents);
  await insertRows(
    queries,
    'position_latest',
    contents.filter((content) => content.quantity !== '0'),
    { keys: ['account_id', 'instrument'], then: 'update' },
  );
  const gone = contents.filter((content) => content.quantity === '0').map((content) => content.instrument);
  for (const part of inParts(gone)) {
    await queries
      .deleteFrom('position_latest')
      .where('account_id', '=', sight.accountId)
      .where('instrument', 'in', part)
      .execute();
  }
}

/** Evidence of an earlier run, told by a later one: the newest word per instrument stays as it is. */
export async function saveDayEnds(
  queries: Queries,
  { accountId, epoch }: Pick<Sight, 'accountId' | 'epoch'>,
  ends: { readonly runId: number; readonly observations: readonly PositionObservation[] } | null,
): Promise<void> {
  if (ends === null || ends.observations.length === 0) return;
  const contents = ends.observations.map((observation) => positionContent(accountId, observation));
  await keepEvidence(queries, 'position_observation', { accountId, epoch, runId: ends.runId }, contents);
}

function positionContent(accountId: AccountId, observation: PositionObservation) {
  return storableRow({
    account_id: accountId,
    instrument: observation.instrument as string,
    quantity: observation.quantity.toString(),
    average_cost: decimalText(observation.averageCost),
    mark: decimalText(observation.mark),
    mark_as_of: keyOrNull(observation.markAsOf),
    market_value: decimalText(observation.marketValue),
    unrealized_pnl: decimalText(observation.unrealizedPnl),
    as_of: instantKey(observation.asOf),
    trade_date: observation.tradeDate as string,
  });
}

export async function latestObservations(
  queries: Queries,
  accountId: AccountId,
): Promise<readonly PositionObservation[]> {
  const rows = await queries
    .selectFrom('position_latest')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('instrument')
    .execute();
  return rows.map(readObservation);
}

export function readObservation(row: Omit<PositionLatestTable, 'account_id'>): PositionObservation {
  return {
    instrument: row.instrument as InstrumentId,
    quantity: Decimal.parse(row.quantity),
    averageCost: readDecimalOrNull(row.average_cost),
    mark: readDecimalOrNull(row.mark),
    markAsOf: readInstantOrNull(row.mark_as_of),
    marketValue: readDecimalOrNull(row.market_value),
    unrealizedPnl: readDecimalOrNull(row.unrealized_pnl),
    asOf: instantFromKey(row.as_of),
    tradeDate: row.trade_date as TradeDate,
  };
}

/** Of every instrument what the newest run that wrote of it saw, by instrument. */
export async function lastStatements(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
): Promise<readonly PositionObservation[]> {
  const rows = await queries
    .selectFrom('position_observation as o')
    .innerJoin(
      (from) =>
        from
          .selectFrom('position_observation')
          .select((column) => ['instrument', column.fn.max('run_id').as('run_id')])
          .where('account_id', '=', accountId)
          .where('epoch', '=', epoch)
          .groupBy('instrument')
          .as('newest'),
      (join) => join.onRef('newest.run_id', '=', 'o.run_id').onRef('newest.instrument', '=', 'o.instrument'),
    )
    .selectAll('o')
    .orderBy('o.instrument')
    .execute();
  return rows.map(readObservation);
}

/** Sorted. Through the index of negative rows: few, whatever the number of observations. */
export async function shortsEverReported(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  { knownAt, basis }: TimeTravel = {},
): Promise<readonly InstrumentId[]> {
  let query = queries
    .selectFrom('position_observation as o')
    .select('o.instrument')
    .distinct()
    .where('o.account_id', '=', accountId)
    .where('o.epoch', '=', epoch)
    // Text on SQLite, a number on PostgreSQL: below zero in both; written out as the index has it.
    .where(sql<boolean>`o.quantity < '0'`);
  if (knownAt !== undefined) {
    query = query
      .innerJoin('sync_run as r', 'r.id', 'o.run_id')
      .where('r.started_at', '<=', instantKey(knownAt));
  }
  if (basis !== undefined) query = query.where('o.run_id', '<=', basis.runId);
  const rows = await query.execute();
  return rows.map((row) => row.instrument as InstrumentId).sort();
}

// ---- balances -------------------------------------------------------------------------------------------------

export async function saveBalanceObservations(
  queries: Queries,
  sight: Sight,
  observations: readonly BalanceObservation[],
): Promise<void> {
  const contents = observations.map((observation) =>
    storableRow({
      account_id: sight.accountId,
      currency: observation.currency,
      equity: decimalText(observation.equity),
      cash: decimalText(observation.cash),
      buying_power: decimalText(observation.buyingPower),
      long_market_value: decimalText(observation.longMarketValue),
      short_market_value: decimalText(observation.shortMarketValue),
      as_of: instantKey(observation.asOf),
      fetched_at: instantKey(observation.fetchedAt),
      trade_date: observation.tradeDate as string,
    }),
  );
  await keepEvidence(queries, 'balance_observation', sight, contents);
  await insertRows(queries, 'bankroll', contents, { keys: ['account_id', 'currency'], then: 'update' });
}

export async function latestBalances(
  queries: Queries,
  filter: AccountFilter,
): Promise<readonly (BalanceObservation & { accountId: AccountId })[]> {
  let query = queries.selectFrom('bankroll').selectAll().orderBy('account_id').orderBy('currency');
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId);
  return (await query.execute()).map((row) => ({ accountId: row.account_id, ...readBalance(row) }));
}

export function readBalance(row: Omit<BankrollTable, 'account_id'>): BalanceObservation {
  return {
    currency: row.currency,
    equity: readDecimalOrNull(row.equity),
    cash: readDecimalOrNull(row.cash),
    buyingPower: readDecimalOrNull(row.buying_power),
    longMarketValue: readDecimalOrNull(row.long_market_value),
    shortMarketValue: readDecimalOrNull(row.short_market_value),
    asOf: instantFromKey(row.as_of),
    fetchedAt: instantFromKey(row.fetched_at),
    tradeDate: row.trade_date as TradeDate,
  };
}

// ---- marks and Greeks -----------------------------------------------------------------------------------------

export async function saveMarks(
  queries: Queries,
  accountId: AccountId,
  marks: readonly MarkRow[],
): Promise<void> {
  const rows = marks.map((row) =>
    storableRow({
      account_id: accountId,
      instrument: row.instrument as string,
      mark: row.mark.toString(),
      mark_as_of: keyOrNull(row.markAsOf),
      fetched_at: instantKey(row.fetchedAt),
      source: row.source,
    }),
  );
  await insertRows(queries, 'mark', rows, { keys: ['account_id', 'instrument'], then: 'update' });
}

export async function latestMarks(
  queries: Queries,
  filter: AccountFilter,
): Promise<readonly (MarkRow & { accountId: AccountId })[]> {
  let query = queries.selectFrom('mark').selectAll().orderBy('account_id').orderBy('instrument');
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId);
  return (await query.execute()).map((row) => ({
    accountId: row.account_id,
    instrument: row.instrument as InstrumentId,
    mark: Decimal.parse(row.mark),
    markAsOf: readInstantOrNull(row.mark_as_of),
    fetchedAt: instantFromKey(row.fetched_at),
    source: row.source,
  }));
}

export async function saveGreeks(
  queries: Queries,
  sight: Sight,
  quotes: readonly Quote[],
  observedAt: string,
): Promise<void> {
  const contents = quotes.map((quote) =>
    storableRow({
      account_id: sight.accountId,
      instrument: quote.instrument.id as string,
      mark: decimalText(quote.mark),
      mark_as_of: keyOrNull(quote.markAsOf),
      has_greeks: quote.greeks !== null,
      delta: decimalText(quote.greeks?.delta ?? null),
      gamma: decimalText(quote.greeks?.gamma ?? null),
      theta: decimalText(quote.greeks?.theta ?? null),
      vega: decimalText(quote.greeks?.vega ?? null),
      rho: decimalText(quote.greeks?.rho ?? null),
      iv: decimalText(quote.greeks?.iv ?? null),
      greeks_as_of: keyOrNull(quote.greeksAsOf),
      observed_at: observedAt,
    }),
  );
  await keepEvidence(queries, 'greeks_observation', sight, contents);
  await insertRows(queries, 'greeks_latest', contents, {
    keys: ['account_id', 'instrument'],
    then: 'update',
  });
}

export async function latestGreeks(
  queries: Queries,
  filter: AccountFilter,
): Promise<readonly (Quote & { accountId: AccountId })[]> {
  let query = queries.selectFrom('greeks_latest').selectAll().orderBy('account_id').orderBy('instrument');
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId);
  const rows = await query.execute();
  const instruments = await loadInstruments(
    queries,
    rows.map((row) => row.instrument),
  );
  return rows.map((row) => ({
    accountId: row.account_id,
    instrument: instruments.get(row.instrument as InstrumentId)!,
    mark: readDecimalOrNull(row.mark),
    markAsOf: readInstantOrNull(row.mark_as_of),
    greeks: isTrue(row.has_greeks)
      ? {
          delta: readDecimalOrNull(row.delta),
          gamma: readDecimalOrNull(row.gamma),
          theta: readDecimalOrNull(row.theta),
          vega: readDecimalOrNull(row.vega),
          rho: readDecimalOrNull(row.rho),
          iv: readDecimalOrNull(row.iv),
        }
      : null,
    greeksAsOf: readInstantOrNull(row.greeks_as_of),
  }));
}
